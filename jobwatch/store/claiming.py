"""Taking deliveries to be sent: leased, fenced, in order, as many as the receiver's breaker and its URL's rate admit."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    not_,
    select,
    update,
)

from jobwatch.core import breaker, rate_gate
from jobwatch.core.breaker import PauseReason, ReceiverState
from jobwatch.core.outbox import LONGEST_WAIT, Delivery, DeliveryState
from jobwatch.core.rate_gate import RateGate
from jobwatch.store import digesting, letting_go, order, receivers, renewing
from jobwatch.store.columns import Instant
from jobwatch.store.outbox_tables import deliveries, events, state_is
from jobwatch.store.outbox_values import Claim, Claimed, Manner
from jobwatch.store.receivers import Stand

_claimable = (
    select(deliveries, events.c.type, events.c.body, events.c.sweep)
    .join(events, events.c.id == deliveries.c.event_id)
    .where(order.sendable, deliveries.c.due_at <= bindparam("now"))
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(of=deliveries, skip_locked=True)
)
# What a person asked to have sent again may be a great deal: it goes after what is new.
_claimable_first = _claimable.where(~deliveries.c.manual)
_claimable_again = _claimable_first.where(not_(order.fresh))
_claimable_manual = _claimable.where(deliveries.c.manual)
_claimable_by_id = (
    select(deliveries, events.c.type, events.c.body, events.c.sweep)
    .join(events, events.c.id == deliveries.c.event_id)
    .where(deliveries.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(deliveries.c.due_at, deliveries.c.id)
)
_next_due = (
    select(deliveries.c.due_at)
    .join(events, events.c.id == deliveries.c.event_id)
    .where(order.sendable, deliveries.c.id.not_in(bindparam("taken", expanding=True)))
    .order_by(deliveries.c.due_at)
    .limit(1)
)
_next_due_again = _next_due.where(not_(order.fresh))
_next_lease_end = (
    select(deliveries.c.claimed_until)
    .where(
        deliveries.c.receiver == bindparam("to"),
        state_is("claimed"),
        deliveries.c.id.not_in(bindparam("held", expanding=True)),
    )
    .order_by(deliveries.c.claimed_until)
    .limit(1)
)
_claim = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        state=DeliveryState.CLAIMED,
        attempts=deliveries.c.attempts + 1,
        claim=deliveries.c.claim + 1,
        claimed_until=bindparam("until", type_=Instant),
        owner=bindparam("by", type_=Text),
    )
)


class _Found(NamedTuple):
    """What may be sent now, and when there will be more to send."""

    rows: Sequence[Row[*tuple[Any, ...]]]
    more_at: datetime | None


def claim_due(connection: Connection, owner: str, claim: Claim, now: datetime) -> Claimed:
    """Claim what is due: released, in its job's order, by due time.

    1. A due time that comes from a clock that stepped becomes now; claims whose lease ran out are pending again,
       unless an ending made them pointless meanwhile; news that is too old expires.
    2. The breaker of the receiver and the rate of its URL say how many may go out.
    3. So many of what is due are claimed, those of a digest in one delivery. An attempt counts from here, so that a
       delivery that kills its sender still ends.
    """
    manner = claim.manner
    letting_go.tidy(connection, claim, now)
    before = receivers.stand(connection, manner.receiver)
    stand = _as_configured(connection, before, manner, now)
    remembered = receivers.gate(connection, manner.gate)
    gate = rate_gate.pruned(remembered, manner.rates, now)
    admitted, allowed = breaker.admitted(stand.breaker, now)
    room = _room(claim, allowed, rate_gate.free(gate, manner.rates, now))
    stand = stand._replace(breaker=admitted)
    if room:
        found, stand = _find(connection, claim, stand, room, now)
    else:
        found = _Found((), _next(connection, _next_due, claim, now))
    until = now + claim.lease
    if found.rows:
        _take(connection, [row.id for row in found.rows], owner, until)
        stand = _with_probe(stand, found.rows[0].id, until)
        if manner.rates:
            gate = rate_gate.taken(gate, (row.id for row in found.rows), until)
    # Written without a claim, too: what a clock that stepped left is mended once, else it would stand in the way again.
    if gate != remembered:
        receivers.keep_gate(connection, manner.gate, gate, now)
    stand = stand._replace(gate=manner.gate, fingerprint=manner.fingerprint, known=True)
    if stand != before:
        receivers.keep(connection, manner.receiver, stand, now)
    return Claimed(
        deliveries=tuple(_delivery(row, manner) for row in found.rows),
        again_at=_again_at(found.more_at, stand, gate, claim, now),
        breaker=stand.breaker,
    )


def _as_configured(connection: Connection, stand: Stand, manner: Manner, now: datetime) -> Stand:
    """A change of its configuration may have mended a receiver: it is tried again.

    What a person paused stays paused until a person resumes it.
    """
    changed = stand.known and stand.fingerprint != manner.fingerprint
    by_command = stand.breaker.reason == PauseReason.COMMAND
    if not changed or stand.breaker.state is ReceiverState.ACTIVE or by_command:
        return stand
    waiting = renewing.pending_of(manner.receiver)
    renewing.renew_budgets(connection, waiting, manner.give_up_after, now)
    return stand._replace(breaker=breaker.resumed(stand.breaker))


def _room(claim: Claim, allowed: int | None, free: int | None) -> int:
    """How many may be claimed: the least of what the caller can send, the breaker admits, and the rate leaves."""
    rooms = [claim.limit]
    if allowed is not None:
        rooms.append(allowed - len(claim.held))
    if free is not None:
        rooms.append(free)
    return max(0, min(rooms))


def _find(
    connection: Connection, claim: Claim, stand: Stand, room: int, now: datetime
) -> tuple[_Found, Stand]:
    """What is to be sent now. Of fresh news for a chat, a digest decides."""
    manner = claim.manner
    asked = {"to": manner.receiver, "now": now}
    if manner.digest is None:
        rows = _claimables(connection, _claimable_first, asked, room)
        rows += _claimables(connection, _claimable_manual, asked, room - len(rows))
        more_at = now if len(rows) == room else _next(connection, _next_due, claim, now, rows)
        return _Found(rows, more_at), stand
    rows = _claimables(connection, _claimable_again, asked, room)
    if len(rows) == room:
        return _Found(rows, now), stand
    sifted = digesting.sift(connection, manner, stand.windows, room - len(rows), now)
    if sifted.ids:
        rows += connection.execute(_claimable_by_id, {"ids": sifted.ids}).all()
    rows += _claimables(connection, _claimable_manual, asked, room - len(rows))
    rest = _next(connection, _next_due_again, claim, now, rows)
    times = [time for time in (rest, sifted.again_at) if time is not None]
    if len(rows) == room:
        times.append(now)  # more may have found no room
    return _Found(rows, min(times, default=None)), stand._replace(windows=sifted.windows)


def _claimables(
    connection: Connection,
    which: Select[*tuple[Any, ...]],
    asked: Mapping[str, object],
    limit: int,
) -> list[Row[*tuple[Any, ...]]]:
    return list(connection.execute(which, {**asked, "limit": limit})) if limit else []


def _take(connection: Connection, ids: Sequence[int], owner: str, until: datetime) -> None:
    connection.execute(_claim, {"ids": ids, "until": until, "by": owner})


def _with_probe(stand: Stand, delivery: int, until: datetime) -> Stand:
    if stand.breaker.state is not ReceiverState.HALF_OPEN:
        return stand
    return stand._replace(breaker=breaker.probing(stand.breaker, delivery, until))


def _delivery(row: Row[*tuple[Any, ...]], manner: Manner) -> Delivery:
    return Delivery(
        id=row.id,
        claim=row.claim + 1,
        receiver=row.receiver,
        event_id=row.event_id,
        event_type=row.type,
        body=bytes(row.body),
        attempt=row.attempts + 1,
        recorded_at=row.created_at,
        deadline=row.deadline,
        spent=row.spent,
        manual=row.manual,
        gate=manner.gate,
        scope=row.scope,
        job=row.job_id,
        sweep=row.sweep,
    )


def _next(
    connection: Connection,
    statement: Select[datetime | None],
    claim: Claim,
    now: datetime,
    taken: Iterable[Row[*tuple[Any, ...]]] = (),
) -> datetime | None:
    """When something more is due: a due time, or the end of the lease of a claim that is not the caller's."""
    receiver = claim.manner.receiver
    due_at = connection.scalar(statement, {"to": receiver, "taken": [row.id for row in taken]})
    until = connection.scalar(_next_lease_end, {"to": receiver, "held": list(claim.held)})
    times = [
        time if time <= now + LONGEST_WAIT else now for time in (due_at, until) if time is not None
    ]
    return min(times, default=None)


def _again_at(
    more_at: datetime | None, stand: Stand, gate: RateGate, claim: Claim, now: datetime
) -> datetime | None:
    """When to claim again if no attempt ends before: something is due, the breaker admits, and the rate leaves room."""
    if more_at is None or stand.breaker.state is ReceiverState.PAUSED:
        return None
    times = [more_at]
    if (rest := breaker.again_at(stand.breaker)) is not None:
        times.append(rest)
    if rate_gate.free(gate, claim.manner.rates, now) == 0:
        times.append(rate_gate.again_at(gate, claim.manner.rates, now))
    _, allowed = breaker.admitted(stand.breaker, now)
    if allowed is not None and allowed <= len(claim.held) and claim.held:
        times.append(now + claim.lease)  # an answer comes before, and is followed by another claim
    return max(times)
