"""Writing down what became of claimed deliveries. A stale claim changes nothing."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache, partial, reduce
from typing import Any

from sqlalchemy import Connection, Dialect, bindparam, literal_column, null, select, update

from jobwatch.core import rate_gate
from jobwatch.core.breaker import Breaker, Ended, ended, released
from jobwatch.core.census import ATTEMPTS, DELAYS, DELIVERIES, DELIVERY_LAG, Series, observe
from jobwatch.core.outbox import SETTLED, DeliveryState, Settlement
from jobwatch.core.rate_gate import RateGate
from jobwatch.store import order, receivers, series
from jobwatch.store.bulk import Prepared, RowTuple, insert_many, prepare, run
from jobwatch.store.columns import clamp, clean, to_micros
from jobwatch.store.outbox_tables import attempts, deliveries, state_is

ANSWER_LIMIT = 1024
"""Characters of a receiver's answer that are kept."""

_ATTEMPT = (
    "delivery_id",
    "number",
    "trigger",
    "started_at",
    "took_ms",
    "result",
    "status",
    "answer",
)
_OUTCOME = ("id", "state", "due_at", "settled_at")
_LAST = ("last_result", "last_status", "last_answer")

_held = (
    select(deliveries.c.id, deliveries.c.claim)
    .where(deliveries.c.id.in_(bindparam("ids", expanding=True)), state_is("claimed"))
    .order_by(deliveries.c.id)
    .with_for_update()
)
_settled = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("at_id"))
    .values(
        state=bindparam("at_state"),
        due_at=bindparam("at_due_at"),
        settled_at=bindparam("at_settled_at"),
        claimed_until=null(),
        owner=null(),
    )
)


def settle(connection: Connection, settlements: Sequence[Settlement], now: datetime) -> int:
    """Settle in one transaction. Returns how many took effect: those whose claim still holds."""
    valid = _valid(connection, settlements)
    if not valid:
        return 0
    _write_attempts(connection, [each for each in valid if not each.give_back])
    _write_deliveries(connection, valid, now)
    again = [each.delivery.id for each in valid if each.state is DeliveryState.PENDING]
    if again:
        order.supersede(connection, order.pointless(connection, again), now)
    _count(connection, valid, now)
    _judge_receivers(connection, valid, now)
    return len(valid)


def _valid(connection: Connection, settlements: Sequence[Settlement]) -> list[Settlement]:
    """Those whose claim still holds, locked; each delivery once."""
    claims: dict[int, int] = {}
    ids = sorted({each.delivery.id for each in settlements})
    for first in range(0, len(ids), order.CHUNK):
        asked = {"ids": ids[first : first + order.CHUNK]}
        claims.update((id_, claim) for id_, claim in connection.execute(_held, asked))
    valid: list[Settlement] = []
    for each in settlements:
        if claims.get(each.delivery.id) == each.delivery.claim:
            del claims[each.delivery.id]
            valid.append(each)
    return valid


def _write_attempts(connection: Connection, made: Sequence[Settlement]) -> None:
    rows = [
        (
            each.delivery.id,
            each.delivery.attempt,
            "manual" if each.delivery.manual else "auto",
            to_micros(each.attempt.started_at),
            round(each.attempt.took.total_seconds() * 1000),
            each.attempt.result.value,
            clamp(each.attempt.status),
            clean(each.attempt.answer[:ANSWER_LIMIT]),
        )
        for each in made
    ]
    if rows:
        insert_many(connection, attempts, _ATTEMPT, rows)


def _write_deliveries(connection: Connection, valid: Sequence[Settlement], now: datetime) -> None:
    tried = [(*_outcome(each, now), *_last(each)) for each in valid if not each.give_back]
    untried = [_outcome(each, now) for each in valid if each.give_back]
    if tried:
        run(connection, _update(connection.dialect), tried)
    if untried:
        run(connection, _update_untried(connection.dialect), untried)


@cache
def _update(dialect: Dialect) -> Prepared:
    last: dict[str, Any] = {name: bindparam(f"at_{name}") for name in _LAST}
    return prepare(_settled.values(**last), dialect, (), (*_OUTCOME, *_LAST))


@cache
def _update_untried(dialect: Dialect) -> Prepared:
    statement = _settled.values(attempts=deliveries.c.attempts - literal_column("1"))
    return prepare(statement, dialect, (), _OUTCOME)


def _outcome(each: Settlement, now: datetime) -> RowTuple:
    if each.state in SETTLED:
        return each.delivery.id, each.state.value, None, to_micros(now)
    return each.delivery.id, each.state.value, to_micros(each.due_at or now), None


def _last(each: Settlement) -> RowTuple:
    attempt = each.attempt
    return attempt.result.value, clamp(attempt.status), clean(attempt.answer[:ANSWER_LIMIT])


def _count(connection: Connection, valid: Sequence[Settlement], now: datetime) -> None:
    added: Counter[series.Key] = Counter()
    for each in valid:
        counted: Counter[Series] = Counter()
        if not each.give_back:
            counted[Series(ATTEMPTS, (each.attempt.result.value,))] += 1
        if each.state in SETTLED:
            counted[Series(DELIVERIES, (each.state.value,))] += 1
        if each.state is DeliveryState.DELIVERED:
            lag = (now - each.delivery.recorded_at).total_seconds()
            observe(counted, DELIVERY_LAG, (), lag, DELAYS)
        for name, amount in counted.items():
            added["receiver", each.delivery.receiver, name] += amount
    series.add(connection, added)


def _judge_receivers(connection: Connection, valid: Sequence[Settlement], now: datetime) -> None:
    """What these attempts say of their receivers and of the URLs that they went to."""
    by_receiver: dict[str, list[Settlement]] = defaultdict(list)
    by_gate: dict[str, list[Settlement]] = defaultdict(list)
    for each in valid:
        by_receiver[each.delivery.receiver].append(each)
        by_gate[each.delivery.gate].append(each)
    for name, settled in sorted(by_receiver.items()):
        stand = receivers.stand(connection, name)
        judged = reduce(partial(_judged, at=stand.gate, now=now), settled, stand.breaker)
        if judged != stand.breaker:
            receivers.keep(connection, name, stand._replace(breaker=judged), now)
    for key, settled in sorted(by_gate.items()):
        gate = receivers.gate(connection, key)
        passed = reduce(partial(_passed, now=now), settled, gate)
        if passed != gate:
            receivers.keep_gate(connection, key, passed, now)


def _judged(breaker: Breaker, each: Settlement, *, at: str | None, now: datetime) -> Breaker:
    """What was sent to a URL that is not the receiver's any more says nothing of it."""
    if each.give_back or each.delivery.gate != at:
        return released(breaker, each.delivery.id)
    result = each.attempt.result
    return ended(
        breaker, Ended(delivery=each.delivery.id, result=result, at=now, chance=each.chance)
    )


def _passed(gate: RateGate, each: Settlement, *, now: datetime) -> RateGate:
    """A message that was given back may have arrived all the same."""
    if gate.places:
        gate = rate_gate.arrived(gate, each.delivery.id, now)
    rest = each.attempt.retry_after
    return gate if rest is None else rate_gate.held(gate, now + rest)
