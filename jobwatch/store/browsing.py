"""Lists for readers whom nobody knows: a page costs a bounded reading, whatever is asked for and however much there is.

1. Rows come newest first, and a place in their order is the last row of a page: what is added meanwhile neither repeats
   nor hides a row. A job that changes meanwhile moves to the front, where the next walk finds it.
2. What no index finds is looked for among `LOOKED_AT` rows: such a page may hold fewer rows than asked for, even none,
   and go on all the same.
3. What is unfinished, waits or was given up has an index of its own, and costs as much as there is of it.

An order by `column + 0` keeps the planner from walking through the order's index to find the few rows of another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    select,
    tuple_,
    type_coerce,
)

from jobwatch.core.outbox import DeliveryState
from jobwatch.store import reading
from jobwatch.store.columns import LARGEST, clean, to_micros
from jobwatch.store.outbox_tables import deliveries, events, state_is
from jobwatch.store.tables import jobs, sources, unfinished
from jobwatch.store.values import (
    DeliveryFilter,
    DeliveryRow,
    EventFilter,
    EventRow,
    JobFilter,
    JobRow,
    Page,
)

LOOKED_AT = 10_000
"""Rows among which a page is looked for."""

BODIES = 2_000_000
"""Bytes of events' documents in one page."""

INDEXED = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.DEAD)
"""States of deliveries that have an index of their own."""

Key: TypeAlias = tuple[ColumnElement[int], ...]
Found: TypeAlias = Row[*tuple[Any, ...]]


class Span(NamedTuple):
    """From `since` on, before `until`; None does not restrict."""

    since: datetime | None = None
    until: datetime | None = None

    def of(self, column: ColumnElement[datetime]) -> list[ColumnElement[bool]]:
        """The condition on a column."""
        found = [] if self.since is None else [column >= self.since]
        return found if self.until is None else [*found, column < self.until]


ANY_TIME = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """`within` is found by the order's index, `among` by looking at rows. `few`: another index finds all of it."""

    rows: Select[*tuple[Any, ...]]
    key: Key
    within: Sequence[ColumnElement[bool]] = ()
    among: Sequence[ColumnElement[bool]] = ()
    few: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of a list: so many rows after a place, which a page gave as its cursor, among `looked_at` at most."""

    limit: int
    after: str | None = None
    looked_at: int = LOOKED_AT


def browse_jobs(connection: Connection, wanted: JobFilter, span: Span, part: Part) -> Page[JobRow]:
    """Jobs by their latest observation. `ValueError` for a place that no page gave."""
    among = _equal(
        {
            jobs.c.status: wanted.status,
            jobs.c.phase: wanted.phase,
            jobs.c.operation: wanted.operation,
            jobs.c.outcome: wanted.outcome,
        }
    )
    if wanted.source is not None:
        among.append(jobs.c.source_id + 0 == _source_id(connection, wanted.source))
    if wanted.unfinished is not None:
        among.append(unfinished if wanted.unfinished else jobs.c.outcome.is_not(None))
    asked = _Asked(
        rows=reading.select_jobs,
        key=(type_coerce(jobs.c.observed_at, BigInteger), jobs.c.source_id, jobs.c.row),
        within=span.of(jobs.c.observed_at),
        among=among,
        few=wanted.unfinished is True,
    )
    found, cursor = _read(connection, asked, part)
    return Page(rows=tuple(map(reading.job_row, found)), cursor=cursor)


def browse_events(
    connection: Connection, wanted: EventFilter, span: Span, part: Part
) -> Page[EventRow]:
    """Events by the time of their recording; a page ends early where its documents are long."""
    among = _equal({events.c.type: wanted.type, events.c.job_id: wanted.job_id})
    if wanted.source is not None:
        among.append(events.c.source_id + 0 == _source_id(connection, wanted.source))
    asked = _Asked(
        rows=reading.select_events,
        key=(type_coerce(events.c.recorded_at, BigInteger), events.c.position),
        within=span.of(events.c.recorded_at),
        among=among,
    )
    found, cursor = _read(connection, asked, part)
    rows = [reading.event_row(row) for row in found]
    fitting = _fitting(rows)
    if fitting < len(rows):
        last = rows[fitting - 1]
        cursor = f"{to_micros(last.recorded_at)}.{last.position}"
    return Page(rows=tuple(rows[:fitting]), cursor=cursor)


def follow_events(connection: Connection, wanted: EventFilter, part: Part) -> Page[EventRow]:
    """Events after a position, oldest first: as they are recorded. The cursor is the position to go on after."""
    (after,) = _place(part.after or "0", 1)
    limit = part.limit
    order = events.c.position
    looked_at = (
        select(order).where(order > after).order_by(order).offset(part.looked_at - 1).limit(1)
    )
    until = connection.scalar(looked_at)
    among = _equal({events.c.type: wanted.type, events.c.job_id: wanted.job_id})
    if wanted.source is not None:
        among.append(events.c.source_id + 0 == _source_id(connection, wanted.source))
    if until is not None:
        among.append(order <= until)
    statement = reading.select_events.where(order > after, *among).order_by(order).limit(limit + 1)
    rows = [reading.event_row(row) for row in connection.execute(statement)]
    fitting = min(_fitting(rows), limit)
    if fitting < len(rows):
        return Page(rows=tuple(rows[:fitting]), cursor=str(rows[fitting - 1].position))
    return Page(rows=tuple(rows), cursor=None if until is None else str(until))


def browse_deliveries(
    connection: Connection, wanted: DeliveryFilter, part: Part
) -> Page[DeliveryRow]:
    """Deliveries, the latest recorded first."""
    # Asked of each delivery, so that no planner begins with all events of a type.
    type_ = select(events.c.type).where(events.c.id == deliveries.c.event_id)
    among = _equal(
        {
            deliveries.c.receiver: wanted.receiver,
            type_.correlate(deliveries).scalar_subquery(): wanted.type,
        }
    )
    few = wanted.state in INDEXED
    if wanted.state is not None:
        state = wanted.state.value
        among.append(state_is(state) if few else deliveries.c.state == state)
    if wanted.source is not None:
        among.append(deliveries.c.source_id + 0 == _source_id(connection, wanted.source))
    asked = _Asked(rows=reading.select_deliveries, key=(deliveries.c.id,), among=among, few=few)
    found, cursor = _read(connection, asked, part)
    return Page(rows=tuple(map(reading.delivery_row, found)), cursor=cursor)


def _read(connection: Connection, asked: _Asked, part: Part) -> tuple[list[Found], str | None]:
    """The rows of a page, and the place at which the next one begins; None at the end."""
    key = tuple(each + 0 for each in asked.key) if asked.few else asked.key
    within = list(asked.within)
    if part.after is not None:
        within += _before(key, _place(part.after, len(key)))
    descending = [each.desc() for each in key]
    end: tuple[int, ...] | None = None
    if asked.among and not asked.few:
        walk = select(*key).where(*within).order_by(*descending)
        last = connection.execute(walk.offset(part.looked_at - 1).limit(1)).first()
        if last is not None:
            end = tuple(last)
            within += [key[0] >= end[0], tuple_(*key) >= end]
    labelled = [each.label(f"place_{index}") for index, each in enumerate(key)]
    statement = asked.rows.add_columns(*labelled).where(*within, *asked.among)
    found = connection.execute(statement.order_by(*descending).limit(part.limit + 1)).all()
    if len(found) > part.limit:
        end = tuple(found[part.limit - 1][-len(key) :])
    return list(found[: part.limit]), None if end is None else ".".join(map(str, end))


def _before(key: Key, place: tuple[int, ...]) -> list[ColumnElement[bool]]:
    """What comes after a place; the first column by itself as well, because every planner finds that by an index."""
    return [key[0] <= place[0], tuple_(*key) < place]


def _place(text: str, length: int) -> tuple[int, ...]:
    """Read a place. Raises `ValueError`."""
    numbers = tuple(int(part) for part in text.split("."))
    if len(numbers) != length or any(abs(number) > LARGEST for number in numbers):
        raise ValueError("no page gave this place")
    return numbers


def _equal(wanted: dict[Any, str | None]) -> list[ColumnElement[bool]]:
    return [column == clean(value) for column, value in wanted.items() if value is not None]


def _source_id(connection: Connection, name: str) -> int:
    """The number of a source; one that no row has where there is none of this name."""
    found = connection.scalar(select(sources.c.id).where(sources.c.name == clean(name)))
    return -1 if found is None else found


def _fitting(rows: Sequence[EventRow]) -> int:
    """How many of these events fit into a page; at least one."""
    size = 0
    for index, row in enumerate(rows):
        size += len(row.body)
        if size > BODIES and index:
            return index
    return len(rows)
