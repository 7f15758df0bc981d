"""What is remembered of receivers: their breakers, the windows of their digests, and the rate gates of their URLs.

Law: who decides by a row holds it until the decision is written. Two processes never both find room for one message.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from jobwatch.core.breaker import Breaker, ReceiverState, Recent
from jobwatch.core.digest import Group, Window
from jobwatch.core.rate_gate import Place, RateGate
from jobwatch.store.columns import EPOCH, MICROSECOND
from jobwatch.store.outbox_tables import gates, receivers
from jobwatch.store.tables import meta


class Stand(NamedTuple):
    """Where a receiver stands: its breaker, the windows of its digests, the key of its gate, its configuration's hash.

    `known` is False where nothing was ever written of it.
    """

    breaker: Breaker
    windows: Mapping[Group, Window]
    gate: str | None
    fingerprint: str | None
    known: bool


OWN_SOURCE = 0
"""The source of what jobwatch says of itself: no source has this number."""

_take_own = (
    update(meta)
    .where(meta.c.key == "sequence")
    .values(
        value=cast(cast(meta.c.value, BigInteger) + bindparam("events", type_=BigInteger), Text)
    )
    .returning(meta.c.value)
)

UNKNOWN = Stand(Breaker(), {}, None, None, known=False)


def stand(connection: Connection, name: str) -> Stand:
    """Where a receiver stands, held until this transaction ends. One that is not known is active."""
    row = _held(connection, select(receivers).where(receivers.c.name == name), name)
    if row is None:
        return UNKNOWN
    return Stand(breaker(row), _windows(row.windows), row.gate, row.config_hash, known=True)


def keep(connection: Connection, name: str, stand: Stand, now: datetime) -> None:
    """Write down where a receiver stands."""
    kept = stand.breaker
    values = {
        "state": kept.state.value,
        "reason": kept.reason,
        "consecutive_failures": kept.failures,
        "failing_since": kept.failing_since,
        "open_until": kept.open_until,
        "open_count": kept.openings,
        "trust": kept.trust,
        "probe": kept.probe,
        "probe_until": kept.probe_until,
        "recent": _recent_document(kept.recent),
        "windows": [
            [*group, _micros(window.until), window.alone] for group, window in stand.windows.items()
        ],
        "gate": stand.gate,
        "config_hash": stand.fingerprint,
        "paused_at": kept.paused_at,
        "last_success_at": kept.last_success_at,
        "updated_at": now,
    }
    _upsert(connection, receivers, {"name": name}, values)


def breaker(row: Row[*tuple[Any, ...]]) -> Breaker:
    """The breaker in a row of `receivers`."""
    return Breaker(
        state=ReceiverState(row.state),
        reason=row.reason,
        failures=row.consecutive_failures,
        failing_since=row.failing_since,
        open_until=row.open_until,
        openings=row.open_count,
        trust=row.trust,
        probe=row.probe,
        probe_until=row.probe_until,
        recent=_recent(row.recent),
        last_success_at=row.last_success_at,
        paused_at=row.paused_at,
    )


def gate(connection: Connection, key: str) -> RateGate:
    """What is remembered of a URL, held until this transaction ends."""
    row = _held(connection, select(gates).where(gates.c.key == key), key)
    if row is None:
        return RateGate()
    places = tuple(Place(delivery, _moment(micros)) for delivery, micros in row.places)
    return RateGate(places=places, held_until=row.held_until)


def keep_gate(connection: Connection, key: str, gate: RateGate, now: datetime) -> None:
    """Write down what is remembered of a URL."""
    values = {
        "places": [[each.delivery, _micros(each.arrived_by)] for each in gate.places],
        "held_until": gate.held_until,
        "updated_at": now,
    }
    _upsert(connection, gates, {"key": key}, values)


def _held(
    connection: Connection, wanted: Select[*tuple[Any, ...]], name: str
) -> Row[*tuple[Any, ...]] | None:
    """The row, locked. Where there is none, its name is: else two who find nothing would both write."""
    held = wanted.with_for_update()
    row = connection.execute(held).one_or_none()
    if row is None and connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        row = connection.execute(held).one_or_none()
    return row


def _upsert(
    connection: Connection, table: Table, key: Mapping[str, object], values: Mapping[str, object]
) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


def _recent_document(recent: Recent | None) -> list[int] | None:
    if recent is None:
        return None
    return [_micros(recent.began_at), recent.tried, recent.failed]


def _recent(document: list[int] | None) -> Recent | None:
    if document is None:
        return None
    began_at, tried, failed = document
    return Recent(began_at=_moment(began_at), tried=tried, failed=failed)


def _windows(document: list[Any] | None) -> dict[Group, Window]:
    return {
        Group(source_id, type_): Window(_moment(until), alone)
        for source_id, type_, until, alone in document or ()
    }


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _moment(micros: int) -> datetime:
    return EPOCH + micros * MICROSECOND


def take_own_numbers(connection: Connection, events: int) -> int:
    """Take so many sequence numbers for what jobwatch says of itself: the number below the first."""
    taken = connection.execute(_take_own, {"events": events}).scalar_one()
    return int(taken) - events
