"""The order in which one receiver is told about one job.

- A delivery waits while an earlier one of its (receiver, job) is open.
- An ending makes earlier news of its job pointless: what is still pending of it is superseded, never sent. That a
  condition closed is told all the same: somebody may wait for it.
- Fresh news of a chat may be told in a digest. What was tried already, or is sent again because a person asked for it,
  goes out by itself.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    bindparam,
    exists,
    func,
    select,
    update,
)

from jobwatch.core.census import DELIVERIES, Series
from jobwatch.core.outbox import DeliveryState
from jobwatch.core.routing import RouteReason
from jobwatch.store import series
from jobwatch.store.bulk import ask
from jobwatch.store.outbox_tables import deliveries, events, state_is

CHUNK = 5000
"""Values in one IN (…): below every engine's limit on parameters."""


_earlier, _ending = deliveries.alias("earlier"), deliveries.alias("ending")


def _same_job(other: FromClause) -> ColumnElement[bool]:
    names = ("receiver", "source_id", "scope", "job_id")
    return and_(*(other.c[name] == deliveries.c[name] for name in names))


# The second condition on the state says nothing more; it is the one that the index of open deliveries has.
_droppable = and_(
    ~deliveries.c.ending,
    ~deliveries.c.closing,
    state_is("pending"),
    state_is("pending", "claimed"),
)

earlier_is_open: ColumnElement[bool] = exists().where(
    _same_job(_earlier),
    _earlier.c.sequence < deliveries.c.sequence,
    state_is("pending", "claimed", of=_earlier),
)
"""Whether a delivery has to wait for an earlier one."""

sendable: ColumnElement[bool] = and_(
    deliveries.c.receiver == bindparam("to"),
    state_is("pending"),
    events.c.detail_until.is_(None),
    ~earlier_is_open,
)
"""Released, and first of its job. Needs a join with `events`."""

fresh: ColumnElement[bool] = and_(
    deliveries.c.attempts == 0,
    ~deliveries.c.manual,
    deliveries.c.reason != RouteReason.DIGEST.value,
)
"""What a digest may tell. By columns of the delivery alone: a flood is looked through without its events."""

fresh_since: ColumnElement[datetime] = func.coalesce(
    deliveries.c.renewed_at, deliveries.c.created_at, type_=deliveries.c.created_at.type
)
"""Since when a delivery is news: since it was recorded, or since a person asked for it anew."""

_older_news = select(deliveries.c.id).where(
    _ending.c.event_id.in_(bindparam("endings", expanding=True)),
    _ending.c.ending,
    _same_job(_ending),
    deliveries.c.sequence < _ending.c.sequence,
    _droppable,
)

# The ending still waits for what it made pointless, so it is among the open deliveries.
_pointless = select(deliveries.c.id).where(
    deliveries.c.id.in_(bindparam("ids", expanding=True)),
    _droppable,
    exists().where(
        _same_job(_ending),
        _ending.c.sequence > deliveries.c.sequence,
        _ending.c.ending,
        state_is("pending", "claimed", of=_ending),
    ),
)

_pending = state_is("pending")


def older_news(connection: Connection, event_ids: Sequence[str]) -> list[int]:
    """The pending deliveries that these events, if they are endings, make pointless."""
    found = ask(connection, _older_news, {"endings": event_ids}, among="endings")
    return [id_ for (id_,) in found]


def pointless(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Those of these deliveries that are pending again after an ending of their job was recorded."""
    return list(connection.scalars(_pointless, {"ids": ids}))


class Untold(NamedTuple):
    """What becomes of deliveries without an attempt. `answer` says why, where there is more to say."""

    state: DeliveryState
    now: datetime
    answer: str | None = None
    digest_id: str | None = None


def supersede(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Drop these pending deliveries, however many, and count them."""
    settle_untold(connection, ids, Untold(DeliveryState.SUPERSEDED, now), _droppable)


def settle_untold(
    connection: Connection,
    ids: Sequence[int],
    untold: Untold,
    which: ColumnElement[bool] = _pending,
) -> None:
    """Settle pending deliveries without an attempt, however many, and count them."""
    values: dict[str, object] = {
        "state": untold.state,
        "settled_at": untold.now,
        "due_at": None,
        "digest_id": untold.digest_id,
    }
    if untold.answer is not None:
        values["last_answer"] = untold.answer
    settled: Counter[str] = Counter()
    for first in range(0, len(ids), CHUNK):
        chunk = deliveries.c.id.in_(ids[first : first + CHUNK])
        statement = update(deliveries).where(chunk, which).values(**values)
        settled.update(connection.scalars(statement.returning(deliveries.c.receiver)))
    label = Series(DELIVERIES, (untold.state.value,))
    series.add(connection, {("receiver", name, label): count for name, count in settled.items()})
