"""Letting go of deliveries: claims that ended without an answer, due times that no clock meant, news that is too old."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select, update

from jobwatch.core.outbox import LONGEST_WAIT, DeliveryState
from jobwatch.store import order, renewing
from jobwatch.store.columns import Instant
from jobwatch.store.order import Untold
from jobwatch.store.outbox_tables import deliveries, state_is
from jobwatch.store.outbox_values import Claim, Manner

_now, _furthest = bindparam("now", type_=Instant), bindparam("furthest", type_=Instant)
_mend = (
    update(deliveries)
    .where(
        deliveries.c.receiver == bindparam("to"),
        deliveries.c.due_at > _now,
        # What was never tried was due when it was written: what delays it is a breaker, a rate or a window.
        or_(deliveries.c.attempts == 0, deliveries.c.due_at > _furthest),
        state_is("pending"),
    )
    .values(due_at=_now)
)
_take_back = (
    update(deliveries)
    .where(
        deliveries.c.receiver == bindparam("to"),
        or_(deliveries.c.claimed_until < _now, deliveries.c.claimed_until > _furthest),
        state_is("claimed"),
        deliveries.c.id.not_in(bindparam("held", expanding=True)),
    )
    .values(state=DeliveryState.PENDING, due_at=_now, claimed_until=None, owner=None)
    .returning(deliveries.c.id)
)


def tidy(connection: Connection, claim: Claim, now: datetime) -> None:
    """Everything that is let go before something is claimed."""
    mend_due_times(connection, claim.manner.receiver, now)
    take_back_expired(connection, claim, now)
    expire(connection, claim.manner, now)


def mend_due_times(connection: Connection, receiver: str, now: datetime) -> None:
    """A due time that comes from a clock that stepped becomes now."""
    connection.execute(_mend, {"to": receiver, "now": now, "furthest": now + LONGEST_WAIT})


def take_back_expired(connection: Connection, claim: Claim, now: datetime) -> None:
    """Let go of claims whose lease ran out; a clock that stepped does not end those that are still being sent."""
    receiver, held = claim.manner.receiver, list(claim.held)
    asked = {"to": receiver, "now": now, "furthest": now + LONGEST_WAIT, "held": held}
    expired = connection.scalars(_take_back, asked).all()
    if expired:
        order.supersede(connection, order.pointless(connection, expired), now)


def expire(connection: Connection, manner: Manner, now: datetime) -> None:
    """Drop news that nobody wants to hear any more. That a condition closed is never too old: an incident may be open."""
    if manner.max_age is None:
        return
    old: ColumnElement[bool] = and_(
        deliveries.c.receiver == manner.receiver,
        state_is("pending"),
        ~deliveries.c.closing,
        order.fresh_since < now - manner.max_age,
    )
    part = select(deliveries.c.id).where(old).limit(order.CHUNK)
    while ids := connection.scalars(part).all():
        order.settle_untold(connection, ids, Untold(DeliveryState.EXPIRED, now))


def take_back_all(connection: Connection, now: datetime) -> None:
    """Every claim ends: the process that held them is gone. Their attempts stay counted."""
    ids = connection.scalars(
        update(deliveries)
        .where(state_is("claimed"))
        .values(state=DeliveryState.PENDING, due_at=now, claimed_until=None, owner=None)
        .returning(deliveries.c.id)
    ).all()
    renewing.forget_probes(connection)
    for first in range(0, len(ids), order.CHUNK):
        order.supersede(
            connection, order.pointless(connection, ids[first : first + order.CHUNK]), now
        )


def give_back(connection: Connection, owner: str, now: datetime, receiver: str | None) -> int:
    """Return what an owner claimed and will not send: those attempts were never made and do not count."""
    for_it = [] if receiver is None else [deliveries.c.receiver == receiver]
    ids = connection.scalars(
        update(deliveries)
        .where(deliveries.c.owner == owner, state_is("claimed"), *for_it)
        .values(
            state=DeliveryState.PENDING,
            attempts=deliveries.c.attempts - 1,
            due_at=now,
            claimed_until=None,
            owner=None,
        )
        .returning(deliveries.c.id)
    ).all()
    if ids:
        renewing.forget_probes(connection, ids)
        order.supersede(connection, order.pointless(connection, ids), now)
    return len(ids)
