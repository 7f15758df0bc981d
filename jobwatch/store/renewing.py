"""Giving deliveries a new budget, and letting go of probes."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, update

from jobwatch.core.outbox import DeliveryState
from jobwatch.store.outbox_tables import deliveries, receivers, state_is


def renew_budgets(
    connection: Connection,
    which: ColumnElement[bool],
    give_up_after: timedelta | None,
    now: datetime,
) -> int:
    """Make these deliveries due now, with all their tries before them. Returns how many. What is being sent is left."""
    renewed = connection.execute(
        update(deliveries)
        .where(which, deliveries.c.state != DeliveryState.CLAIMED)
        .values(
            state=DeliveryState.PENDING,
            due_at=now,
            settled_at=None,
            renewed_at=now,
            spent=deliveries.c.attempts,
            deadline=None if give_up_after is None else now + give_up_after,
            digest_id=None,
        )
    )
    return renewed.rowcount


def pending_of(receiver: str) -> ColumnElement[bool]:
    """What waits for a receiver."""
    return (deliveries.c.receiver == receiver) & state_is("pending")


def forget_probes(connection: Connection, ids: Sequence[int] | None = None) -> None:
    """Nobody probes these any more (None: no receiver at all): their claims ended without an answer."""
    probing = receivers.c.probe.is_not(None) if ids is None else receivers.c.probe.in_(ids)
    connection.execute(update(receivers).where(probing).values(probe=None, probe_until=None))
