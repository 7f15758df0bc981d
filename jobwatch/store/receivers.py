"""What is remembered of receivers: their breakers, the windows of their digests, and the rate gates of their URLs.

Law: who decides by a row holds it until the decision is written. Two processes never both find room for one message.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
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

from jobwatch.core.breaker import Breaker, ReceiverState, Recent
from jobwatch.core.digest import Group, Window
from jobwatch.core.rate_gate import Place, RateGate
from jobwatch.store.bulk import Prepared, prepare, run, upserting
from jobwatch.store.columns import EPOCH, MICROSECOND, to_json, to_micros
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

_receiver = select(receivers).where(receivers.c.name == bindparam("of")).with_for_update()
_gate = select(gates).where(gates.c.key == bindparam("of")).with_for_update()

UNKNOWN = Stand(Breaker(), {}, None, None, known=False)


def stand(connection: Connection, name: str) -> Stand:
    """Where a receiver stands, held until this transaction ends. One that is not known is active."""
    row = _held(connection, _receiver, name)
    if row is None:
        return UNKNOWN
    return Stand(breaker(row), _windows(row.windows), row.gate, row.config_hash, known=True)


def keep(connection: Connection, name: str, stand: Stand, now: datetime) -> None:
    """Write down where a receiver stands."""
    kept = stand.breaker
    values = {
        "name": name,
        "state": kept.state.value,
        "reason": kept.reason,
        "consecutive_failures": kept.failures,
        "failing_since": to_micros(kept.failing_since),
        "open_until": to_micros(kept.open_until),
        "open_count": kept.openings,
        "trust": kept.trust,
        "probe": kept.probe,
        "probe_until": to_micros(kept.probe_until),
        "recent": to_json(_recent_document(kept.recent)) if kept.recent else None,
        "windows": to_json(
            [
                [*group, to_micros(window.until), window.alone]
                for group, window in stand.windows.items()
            ]
        ),
        "gate": stand.gate,
        "config_hash": stand.fingerprint,
        "paused_at": to_micros(kept.paused_at),
        "last_success_at": to_micros(kept.last_success_at),
        "updated_at": to_micros(now),
    }
    _write(connection, receivers, values)


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
    row = _held(connection, _gate, key)
    if row is None:
        return RateGate()
    places = tuple(
        Place(delivery, _moment(micros), answered) for delivery, micros, answered in row.places
    )
    return RateGate(places=places, held_until=row.held_until)


def keep_gate(connection: Connection, key: str, gate: RateGate, now: datetime) -> None:
    """Write down what is remembered of a URL."""
    values = {
        "key": key,
        "places": to_json(
            [[each.delivery, to_micros(each.arrived_by), each.answered] for each in gate.places]
        ),
        "held_until": to_micros(gate.held_until),
        "updated_at": to_micros(now),
    }
    _write(connection, gates, values)


def _held(
    connection: Connection, wanted: Select[*tuple[Any, ...]], name: str
) -> Row[*tuple[Any, ...]] | None:
    """The row, locked. Where there is none, its name is: else two who find nothing would both write."""
    row = connection.execute(wanted, {"of": name}).one_or_none()
    if row is None and connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
        row = connection.execute(wanted, {"of": name}).one_or_none()
    return row


def _write(connection: Connection, table: Table, values: Mapping[str, object]) -> None:
    """Write a whole row, new or known, from values as the database keeps them."""
    prepared = _upsert(table, connection.dialect, tuple(values))
    run(connection, prepared, [tuple(values.values())])


@cache
def _upsert(table: Table, dialect: Dialect, columns: tuple[str, ...]) -> Prepared:
    statement = upserting(table, dialect)
    key = list(table.primary_key.columns)
    new = {name: statement.excluded[name] for name in columns if name not in table.primary_key}
    upsert = statement.on_conflict_do_update(index_elements=key, set_=new)
    return prepare(upsert, dialect, columns, columns)


def _recent_document(recent: Recent) -> list[int | None]:
    return [to_micros(recent.began_at), recent.tried, recent.failed]


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


def _moment(micros: int) -> datetime:
    return EPOCH + micros * MICROSECOND


def take_own_numbers(connection: Connection, events: int) -> int:
    """Take so many sequence numbers for what jobwatch says of itself: the number below the first."""
    taken = connection.execute(_take_own, {"events": events}).scalar_one()
    return int(taken) - events
