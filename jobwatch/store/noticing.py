"""Events that no change of a job brought, with what they tell: steps of conditions, output that expires."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from jobwatch.core.conditions import Condition, ConditionState
from jobwatch.core.errors import StaleWrite
from jobwatch.core.muting import Mute, muted_by
from jobwatch.core.outbox import DeliveryState
from jobwatch.core.recording import Notice
from jobwatch.store import muting, order, series
from jobwatch.store.closings import Closing, Telling, decide
from jobwatch.store.fencing import take_numbers
from jobwatch.store.outbox_tables import conditions, deliveries, events, is_open
from jobwatch.store.tables import expires_untold, jobs
from jobwatch.store.telling import Told, counted, numbered, write_deliveries, write_events
from jobwatch.store.values import Lease

V = TypeVar("V")

ASKED_AT_ONCE = 500
"""Conditions whose tellings are read at once: asked about many more, SQLite reads every delivery there is."""

_open_ids = (
    select(conditions.c.id)
    .where(
        conditions.c.id.in_(bindparam("ids", expanding=True)),
        conditions.c.source_id == bindparam("of_source"),
        is_open,
    )
    .with_for_update()
)
# In the order in which deliveries are settled, so that nobody waits for each other.
_tellings = (
    select(
        events.c.condition_id,
        deliveries.c.id,
        deliveries.c.receiver,
        deliveries.c.state,
        deliveries.c.claim,
        deliveries.c.manual,
    )
    .join_from(events, deliveries, deliveries.c.event_id == events.c.id)
    .where(events.c.condition_id.in_(bindparam("ids", expanding=True)))
    .order_by(deliveries.c.id)
    .with_for_update(of=deliveries)
)
_remind = (
    update(conditions)
    .where(conditions.c.id == bindparam("at_id"))
    .values(
        reminded_at=bindparam("to_reminded_at"),
        reminders=bindparam("to_reminders"),
        told=bindparam("to_told"),
    )
)


_untold = (
    select(jobs.c.row)
    .where(
        jobs.c.source_id == bindparam("of_source"),
        jobs.c.row.in_(bindparam("rows", expanding=True)),
        expires_untold,
    )
    .with_for_update()
)


class Moment(NamedTuple):
    """When something is written: by the writer's clock, and by that of due times; and which sweep brought it."""

    at: datetime
    now: datetime
    sweep: str | None = None


class Noticed(NamedTuple):
    """What was written."""

    told: list[Told]
    deliveries: int


def tell(
    connection: Connection, lease: Lease, notices: Sequence[Notice], moment: Moment
) -> Noticed:
    """Write notices by themselves, and count them. Raises `FenceLost`, `StaleWrite`."""
    start = take_numbers(connection, lease, events=len(notices), rows=0)
    mutes = muting.active(connection, moment.now)
    written = write(connection, lease, notices, start.sequence, moment, mutes)
    subject = str(lease.source_id)
    amounts: dict[series.Key, float] = {
        ("source", subject, each): value for each, value in counted(written.told).items()
    }
    series.add(connection, amounts)
    return written


def write(
    connection: Connection,
    lease: Lease,
    notices: Sequence[Notice],
    sequence: int,
    moment: Moment,
    mutes: Sequence[Mute] = (),
) -> Noticed:
    """Write the steps of conditions, the marks of output, the events that tell them, and their deliveries.

    Raises `StaleWrite` where a condition is not as it was read, and where a job's output was told to expire before.

    Who could not hear that a condition opened does not hear that it closed. `mutes` are those that hold now.
    """
    if not notices:
        return Noticed([], 0)
    steps = _Steps(notices)
    _take(connection, lease, steps, moment.at)
    _mark(connection, lease, notices, moment.at)
    closings = _closings(connection, steps.closed)
    pointless = [each for closing in closings.values() for each in closing.pointless]
    order.supersede(connection, pointless, moment.now)
    told = [
        _told(each, number, _closing_of(each, closings), mutes)
        for number, each in enumerate(notices, sequence + 1)
    ]
    write_events(connection, lease, told, moment.at, moment.sweep)
    return Noticed(told, write_deliveries(connection, lease, told, moment.at, moment.now))


class _Steps:
    """The conditions that the notices move, by how."""

    def __init__(self, notices: Iterable[Notice]) -> None:
        moved: dict[ConditionState, list[Condition]] = defaultdict(list)
        for each in notices:
            if each.move is not None:
                moved[each.move.state].append(each.move.condition)
        self.opened = moved[ConditionState.OPENED]
        self.reminded = moved[ConditionState.REMINDED]
        self.closed = moved[ConditionState.CLOSED]


def _take(connection: Connection, lease: Lease, steps: _Steps, at: datetime) -> None:
    if steps.opened:
        try:
            connection.execute(insert(conditions), [_row(lease, each) for each in steps.opened])
        except IntegrityError as error:
            raise StaleWrite(f"a condition of {lease.source} is open already") from error
    _check_open(connection, lease, [*steps.reminded, *steps.closed])
    if steps.reminded:
        connection.execute(_remind, [_reminder(each) for each in steps.reminded])
    for ids in _chunks([each.id for each in steps.closed]):
        closing = update(conditions).where(conditions.c.id.in_(ids)).values(closed_at=at)
        connection.execute(closing)


def _mark(connection: Connection, lease: Lease, notices: Iterable[Notice], at: datetime) -> None:
    """Note that people are told now that the output of these jobs expires."""
    expiring = [row for each in notices if (row := each.expiring) is not None]
    for rows in _chunks(expiring):
        asked = {"of_source": lease.source_id, "rows": rows}
        if len(connection.scalars(_untold, asked).all()) != len(rows):
            raise StaleWrite(f"output of {lease.source} was told to expire already")
        here = (jobs.c.source_id == lease.source_id, jobs.c.row.in_(rows))
        connection.execute(update(jobs).where(*here).values(expiry_told_at=at))


def _check_open(connection: Connection, lease: Lease, moved: Sequence[Condition]) -> None:
    for ids in _chunks([each.id for each in moved]):
        found = connection.scalars(_open_ids, {"ids": ids, "of_source": lease.source_id}).all()
        if len(found) != len(ids):
            raise StaleWrite(f"a condition of {lease.source} is not open any more")


def _row(lease: Lease, condition: Condition) -> dict[str, object]:
    return {
        "id": condition.id,
        "source_id": lease.source_id,
        "scope": condition.subject.key.scope,
        "job_id": condition.subject.key.id,
        "name": condition.subject.name.value,
        "since": condition.since,
        "opened_at": condition.opened_at,
        "told": condition.told,
    }


def _reminder(condition: Condition) -> dict[str, object]:
    return {
        "at_id": condition.id,
        "to_reminded_at": condition.reminded_at,
        "to_reminders": condition.reminders,
        "to_told": condition.told,
    }


def _closings(connection: Connection, closed: Sequence[Condition]) -> dict[str, Closing]:
    tellings: dict[str, list[Telling]] = defaultdict(list)
    for ids in _chunks([each.id for each in closed], ASKED_AT_ONCE):
        for condition_id, id_, receiver, state, claims, manual in connection.execute(
            _tellings, {"ids": ids}
        ):
            # What a person asked for is sent, and may have been told in a digest before.
            telling = Telling(id_, receiver, DeliveryState(state), claims + manual)
            tellings[condition_id].append(telling)
    return {each.id: decide(tellings[each.id]) for each in closed}


def _closing_of(notice: Notice, closings: dict[str, Closing]) -> Closing | None:
    """Who hears of it, where a notice tells that a condition closed."""
    move = notice.move
    if move is None or move.state is not ConditionState.CLOSED:
        return None
    return closings[move.condition.id]


def _told(notice: Notice, sequence: int, closing: Closing | None, mutes: Sequence[Mute]) -> Told:
    id_, body = numbered(notice.event, sequence)
    move = notice.move
    return Told(
        event=notice.event,
        routes=notice.routes,
        sequence=sequence,
        id=id_,
        body=body,
        with_change=False,
        condition_id=move.condition.id if move else None,
        closing=closing is not None,
        unaware=closing.unaware if closing else frozenset(),
        muted=muted_by(notice.event, mutes),
    )


def _chunks(values: Iterable[V], size: int = order.CHUNK) -> Iterable[list[V]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, size)):
        yield chunk
