"""Sending again what was settled, because a person asked for it: the same event with the same id, and a new budget.

Attempts go on being numbered, and those made before are not counted against the new budget. What is still open is left
as it is: it is sent anyway.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    null,
    or_,
    select,
    update,
)

from jobwatch.core.outbox import SETTLED, DeliveryState
from jobwatch.store.columns import LARGEST
from jobwatch.store.order import CHUNK
from jobwatch.store.outbox_tables import deliveries, state_is
from jobwatch.store.outbox_values import Redelivered, Redelivery
from jobwatch.store.reading import list_deliveries
from jobwatch.store.values import DeliveryFilter, DeliveryRow

MOST = 10_000
"""Deliveries that one call sends again."""

_untold = or_(deliveries.c.last_result.is_(None), state_is("muted", "expired"))
_again = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        state=DeliveryState.PENDING,
        manual=True,
        due_at=bindparam("now"),
        renewed_at=bindparam("now"),
        deadline=bindparam("until"),
        spent=deliveries.c.attempts,
        settled_at=None,
        digest_id=None,
        # Why it was not tried is no answer of the receiver's.
        last_answer=case((_untold, null()), else_=deliveries.c.last_answer),
    )
)


def redeliver(
    connection: Connection,
    what: Redelivery,
    give_up_after: Mapping[str, timedelta | None],
    now: datetime,
) -> Redelivered:
    """Let deliveries be sent again, from now. `give_up_after` names the receivers that are configured."""
    found = connection.execute(_wanted(what).with_for_update()).all()
    taken = [row for row in found if row.receiver in give_up_after]
    left = _left(connection, what, found)
    for receiver in sorted({row.receiver for row in taken}):
        budget = give_up_after[receiver]
        until = None if budget is None else now + budget
        ids = [row.id for row in taken if row.receiver == receiver]
        for first in range(0, len(ids), CHUNK):
            asked = {"ids": ids[first : first + CHUNK], "now": now, "until": until}
            connection.execute(_again, asked)
    return Redelivered(rows=tuple(row.id for row in taken), left=left)


def redeliverable(connection: Connection, what: Redelivery) -> Redelivered:
    """What would be sent again."""
    found = connection.execute(_wanted(what)).all()
    return Redelivered(rows=tuple(row.id for row in found), left=_left(connection, what, found))


def find(connection: Connection, id_: int) -> DeliveryRow | None:
    """One delivery."""
    if not 0 < id_ < LARGEST:
        return None
    found = list_deliveries(connection, DeliveryFilter(), 1, str(id_ + 1)).rows
    return next((row for row in found if row.id == id_), None)


def _which(what: Redelivery) -> ColumnElement[bool]:
    if what.delivery is not None:
        return and_(deliveries.c.id == what.delivery, state_is(*SETTLED))
    dead = and_(state_is("dead"), deliveries.c.receiver == what.receiver)
    return dead if what.since is None else and_(dead, deliveries.c.settled_at >= what.since)


def _wanted(what: Redelivery) -> Select[int, str]:
    """Oldest first. The order in which they are locked is that of the due ones among them."""
    return (
        select(deliveries.c.id, deliveries.c.receiver)
        .where(_which(what))
        .order_by(deliveries.c.settled_at, deliveries.c.id)
        .limit(min(what.limit, MOST))
    )


def _left(connection: Connection, what: Redelivery, found: Sequence[Row[int, str]]) -> int:
    """How many there are beyond the limit."""
    if len(found) < min(what.limit, MOST):
        return 0
    there_are = connection.scalar(select(func.count()).where(_which(what))) or 0
    return there_are - len(found)
