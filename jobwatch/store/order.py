"""The order in which one receiver is told about one job.

- A delivery waits while an earlier one of its (receiver, job) is open.
- An ending makes earlier news of its job pointless: what is still pending of it is superseded, never sent. That a
  condition closed is told all the same: somebody may wait for it.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    bindparam,
    exists,
    select,
    update,
)

from jobwatch.core.census import DELIVERIES, Series
from jobwatch.core.outbox import DeliveryState
from jobwatch.store import series
from jobwatch.store.outbox_tables import deliveries, state_is

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

_supersede = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("ids", expanding=True)), _droppable)
    .values(state=DeliveryState.SUPERSEDED, settled_at=bindparam("now"), due_at=None)
    .returning(deliveries.c.receiver)
)


def older_news(connection: Connection, event_ids: Sequence[str]) -> list[int]:
    """The pending deliveries that these events, if they are endings, make pointless."""
    return list(connection.scalars(_older_news, {"endings": event_ids}))


def pointless(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Those of these deliveries that are pending again after an ending of their job was recorded."""
    return list(connection.scalars(_pointless, {"ids": ids}))


def supersede(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Drop these pending deliveries, however many, and count them."""
    if not ids:
        return
    dropped: Counter[str] = Counter()
    for first in range(0, len(ids), CHUNK):
        asked = {"ids": ids[first : first + CHUNK], "now": now}
        dropped.update(connection.scalars(_supersede, asked))
    label = Series(DELIVERIES, (DeliveryState.SUPERSEDED.value,))
    series.add(connection, {("receiver", name, label): count for name, count in dropped.items()})
