"""What people do to receivers, and what is told of those that are paused.

What jobwatch says of itself belongs to the source 0, takes its numbers from `meta`, and enters no counter of a source.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, desc, or_, select, update

from jobwatch.core import breaker, rate_gate
from jobwatch.core.breaker import Breaker, PauseReason, ReceiverState
from jobwatch.core.census import DELIVERIES, Series
from jobwatch.core.conditions import Condition, ConditionState
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.core.overview import OutboxDepth
from jobwatch.core.rate_gate import Rate
from jobwatch.core.recording import Notice
from jobwatch.store import judging, muting, noticing, receivers, renewing, series
from jobwatch.store.noticing import Moment, Noticed
from jobwatch.store.outbox_tables import attempts, conditions, deliveries, gates, state_is
from jobwatch.store.outbox_tables import receivers as table
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.overviewing import outbox
from jobwatch.store.receivers import OWN_SOURCE
from jobwatch.store.values import Lease

TAKEN_OUT = "the receiver was taken out of the configuration"
ERROR_LIMIT = 300
"""Characters of what a receiver last answered that are told."""


def rows(connection: Connection, names: Collection[str], now: datetime) -> list[ReceiverRow]:
    """These receivers as people look at them, by name."""
    found = connection.execute(
        select(table, gates.c.held_until)
        .join_from(table, gates, gates.c.key == table.c.gate, isouter=True)
        .where(table.c.name.in_(names))
    )
    known = {row.name: row for row in found}
    depths = {each.receiver: each for each in outbox(connection)}
    return [
        _receiver(
            known.get(name),
            depths.get(name, OutboxDepth(name, 0, 0, None)),
            _last_error(connection, name),
            now,
        )
        for name in sorted(names)
    ]


def _receiver(
    row: Row[*tuple[Any, ...]] | None, depth: OutboxDepth, error: str, now: datetime
) -> ReceiverRow:
    kept = Breaker() if row is None else receivers.breaker(row)
    held_until = None if row is None else row.held_until
    return ReceiverRow(
        name=depth.receiver,
        state=kept.state,
        reason=kept.reason,
        failures=kept.failures,
        failing_since=kept.failing_since,
        open_until=kept.open_until,
        held_until=held_until if held_until is not None and held_until > now else None,
        paused_at=kept.paused_at,
        last_success_at=kept.last_success_at,
        pending=depth.pending,
        dead=depth.dead,
        oldest_at=depth.oldest_at,
        last_error=error,
    )


def _last_error(connection: Connection, name: str) -> str:
    """What the last attempt met at what still waits, or was given up; "" if nothing of it was ever tried."""
    found = connection.execute(
        select(attempts.c.result, attempts.c.status, attempts.c.answer)
        .join_from(deliveries, attempts, attempts.c.delivery_id == deliveries.c.id)
        .where(
            deliveries.c.receiver == name,
            or_(state_is("pending", "claimed"), state_is("dead")),
            attempts.c.result != Result.OK.value,
        )
        .order_by(desc(attempts.c.id))
        .limit(1)
    ).one_or_none()
    if found is None:
        return ""
    head = found.result if found.status is None else f"{found.result} ({found.status})"
    return f"{head}: {found.answer}"[:ERROR_LIMIT] if found.answer else head


def pause(connection: Connection, name: str, now: datetime) -> bool:
    """Send a receiver nothing until a person resumes it.

    False if it is paused already: it stays so since then, but on a person's word from now on.
    """
    stand = receivers.stand(connection, name)
    already = stand.breaker.state is ReceiverState.PAUSED
    since = stand.breaker.paused_at if already else None
    resting = breaker.paused(stand.breaker, PauseReason.COMMAND, since or now)
    receivers.keep(connection, name, stand._replace(breaker=resting), now)
    return not already


def resume(
    connection: Connection, name: str, give_up_after: timedelta | None, now: datetime
) -> bool:
    """Try a receiver again that is paused or left alone: what waits for it is due, with a new budget.

    False if it is neither: nothing changes then.
    """
    stand = receivers.stand(connection, name)
    if stand.breaker.state not in (ReceiverState.PAUSED, ReceiverState.FAILING):
        return False
    resumed = stand._replace(breaker=breaker.resumed(stand.breaker))
    receivers.keep(connection, name, resumed, now)
    renewing.renew_budgets(connection, renewing.pending_of(name), give_up_after, now)
    return True


def retire(
    connection: Connection, configured: Collection[str], limit: int, now: datetime
) -> dict[str, int]:
    """Give up what waits for receivers that are not configured any more, `limit` at most; it can be redelivered.

    Returns how much of each. What another process is sending right now is left to it.
    """
    idle = or_(state_is("pending"), and_(state_is("claimed"), deliveries.c.claimed_until < now))
    some = (
        select(deliveries.c.id)
        .where(state_is("pending", "claimed"), deliveries.c.receiver.not_in(configured), idle)
        .limit(limit)
    )
    dropped = connection.scalars(
        update(deliveries)
        .where(deliveries.c.id.in_(some))
        .values(
            state=DeliveryState.DEAD,
            settled_at=now,
            due_at=None,
            claimed_until=None,
            owner=None,
            last_result=None,
            last_status=None,
            last_answer=TAKEN_OUT,
        )
        .returning(deliveries.c.receiver)
    ).all()
    label = Series(DELIVERIES, (DeliveryState.DEAD.value,))
    counts = Counter(dropped)
    series.add(connection, {("receiver", name, label): count for name, count in counts.items()})
    return dict(counts)


def paused(connection: Connection) -> dict[str, datetime | None]:
    """Receivers that are paused, and since when."""
    asked = select(table.c.name, table.c.paused_at)
    found = connection.execute(asked.where(table.c.state == ReceiverState.PAUSED.value))
    return {row.name: row.paused_at for row in found}


def open_conditions(connection: Connection) -> list[Condition]:
    """What is open of receivers, the oldest first."""
    return [each.condition for each in judging.open_conditions(connection, OWN_SOURCE)]


def tell(connection: Connection, owner: str, notices: Sequence[Notice], moment: Moment) -> Noticed:
    """Write what jobwatch says of itself. Raises `StaleWrite`."""
    lease = Lease(source_id=OWN_SOURCE, source="", owner=owner, fence=0)
    start = receivers.take_own_numbers(connection, len(notices))
    mutes = muting.active(connection, moment.now)
    written = noticing.write(connection, lease, notices, start, moment, mutes)
    opened = [
        each.move.condition.id
        for each in notices
        if each.move is not None and each.move.state is ConditionState.OPENED
    ]
    if opened:
        connection.execute(
            update(conditions)
            .where(conditions.c.id.in_(opened))
            .values(receiver=conditions.c.job_id)
        )
    return written


def take_place(
    connection: Connection,
    key: str,
    rates: Sequence[Rate],
    message: tuple[int, timedelta],
    now: datetime,
) -> datetime | None:
    """Take a place in the rate of a URL for a message: its number, and how long it may be under way.

    Returns None once it is taken, else when there may be room.
    """
    number, flight = message
    remembered = receivers.gate(connection, key)
    gate = rate_gate.pruned(remembered, rates, now)
    if rate_gate.free(gate, rates, now) == 0:
        if gate != remembered:  # what a step of the clock mended, once and for all
            receivers.keep_gate(connection, key, gate, now)
        return rate_gate.again_at(gate, rates, now)
    receivers.keep_gate(connection, key, rate_gate.taken(gate, [number], now + flight), now)
    return None


def free_place(connection: Connection, key: str, number: int, now: datetime) -> None:
    """Note that a message arrived."""
    gate = rate_gate.arrived(receivers.gate(connection, key), number, now)
    receivers.keep_gate(connection, key, gate, now)
