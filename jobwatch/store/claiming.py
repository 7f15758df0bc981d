"""Taking deliveries to be sent: leased, fenced, in order."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, Row, and_, bindparam, or_, select, update

from jobwatch.core.outbox import LONGEST_WAIT, Delivery, DeliveryState
from jobwatch.store import order
from jobwatch.store.outbox_tables import deliveries, events, state_is


class Claimant(NamedTuple):
    """Who claims for which receiver, and for how long. `held` are claims of its own that are still being sent."""

    owner: str
    receiver: str
    lease: timedelta
    held: Collection[int] = ()


_sendable = and_(
    deliveries.c.receiver == bindparam("to"),
    state_is("pending"),
    events.c.detail_until.is_(None),
    ~order.earlier_is_open,
)
"""Released, and first of its job. Needs a join with `events`."""

_claimable = (
    select(
        deliveries.c.id,
        deliveries.c.claim,
        deliveries.c.attempts,
        deliveries.c.deadline,
        deliveries.c.created_at,
        deliveries.c.event_id,
        events.c.type,
        events.c.body,
    )
    .join(events, events.c.id == deliveries.c.event_id)
    .where(_sendable, deliveries.c.due_at <= bindparam("now"))
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(of=deliveries, skip_locked=True)
)

_next_due = (
    select(deliveries.c.due_at)
    .join(events, events.c.id == deliveries.c.event_id)
    .where(_sendable)
    .order_by(deliveries.c.due_at)
    .limit(1)
)


def claim_due(
    connection: Connection, claimant: Claimant, limit: int, now: datetime
) -> list[Delivery]:
    """Claim what is due: released, in its job's order, by due time.

    1. A due time that comes from a clock that stepped becomes now.
    2. Claims whose lease ran out are pending again, unless an ending made them pointless meanwhile.
    3. What is then due is claimed. An attempt counts from here, so that a delivery that kills its sender still ends.
    """
    _mend_due_times(connection, claimant.receiver, now)
    _take_back_expired(connection, claimant, now)
    asked = {"to": claimant.receiver, "now": now, "limit": limit}
    found = connection.execute(_claimable, asked).all()
    if found:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_([row.id for row in found]))
            .values(
                state=DeliveryState.CLAIMED,
                attempts=deliveries.c.attempts + 1,
                claim=deliveries.c.claim + 1,
                claimed_until=now + claimant.lease,
                owner=claimant.owner,
            )
        )
    return [_delivery(row, claimant.receiver) for row in found]


def _mend_due_times(connection: Connection, receiver: str, now: datetime) -> None:
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.receiver == receiver,
            deliveries.c.due_at > now,
            # What was never tried was due when it was written.
            or_(deliveries.c.attempts == 0, deliveries.c.due_at > now + LONGEST_WAIT),
            state_is("pending"),
        )
        .values(due_at=now)
    )


def _take_back_expired(connection: Connection, claimant: Claimant, now: datetime) -> None:
    """Let go of claims whose lease ran out; a clock that stepped does not end those that are still being sent."""
    until = deliveries.c.claimed_until
    expired = connection.scalars(
        update(deliveries)
        .where(
            deliveries.c.receiver == claimant.receiver,
            or_(until < now, until > now + LONGEST_WAIT),
            state_is("claimed"),
            deliveries.c.id.not_in(claimant.held),
        )
        .values(state=DeliveryState.PENDING, due_at=now, claimed_until=None, owner=None)
        .returning(deliveries.c.id)
    ).all()
    if expired:
        order.supersede(connection, order.pointless(connection, expired), now)


def _delivery(row: Row[*tuple[Any, ...]], receiver: str) -> Delivery:
    return Delivery(
        id=row.id,
        claim=row.claim + 1,
        receiver=receiver,
        event_id=row.event_id,
        event_type=row.type,
        body=bytes(row.body),
        attempt=row.attempts + 1,
        recorded_at=row.created_at,
        deadline=row.deadline,
    )


def next_due(connection: Connection, receiver: str, now: datetime) -> datetime | None:
    """When `claim_due` will find something again: a due time, or the end of a claim's lease."""
    due_at = connection.scalar(_next_due, {"to": receiver})
    until = connection.scalar(
        select(deliveries.c.claimed_until)
        .where(deliveries.c.receiver == receiver, state_is("claimed"))
        .order_by(deliveries.c.claimed_until)
        .limit(1)
    )
    times = [
        time if time <= now + LONGEST_WAIT else now for time in (due_at, until) if time is not None
    ]
    return min(times, default=None)


def take_back_all(connection: Connection, now: datetime) -> None:
    """Every claim ends: the process that held them is gone. Their attempts stay counted."""
    ids = connection.scalars(
        update(deliveries)
        .where(state_is("claimed"))
        .values(state=DeliveryState.PENDING, due_at=now, claimed_until=None, owner=None)
        .returning(deliveries.c.id)
    ).all()
    for first in range(0, len(ids), order.CHUNK):
        order.supersede(
            connection, order.pointless(connection, ids[first : first + order.CHUNK]), now
        )


def give_back(connection: Connection, owner: str, now: datetime) -> int:
    """Return what an owner claimed and will not send: those attempts were never made and do not count."""
    ids = connection.scalars(
        update(deliveries)
        .where(deliveries.c.owner == owner, state_is("claimed"))
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
        order.supersede(connection, order.pointless(connection, ids), now)
    return len(ids)
