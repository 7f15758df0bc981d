"""What stands in the outbox at one moment, read in one transaction: what the laws are held against."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, Select, select

from jobwatch.core.breaker import Breaker
from jobwatch.core.outbox import LONGEST_WAIT, OPEN
from jobwatch.store import Store, receivers
from jobwatch.store.outbox_tables import attempts, conditions, deliveries, events, gates
from jobwatch.store.outbox_tables import receivers as receiver_table
from jobwatch.store.tables import series

Line: TypeAlias = Row[*tuple[Any, ...]]
"""A delivery with what its event has to say."""

LINES = (
    select(deliveries, events.c.type, events.c.condition_id, events.c.detail_until)
    .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
    .order_by(deliveries.c.id)
)
ATTEMPTS = select(attempts).order_by(attempts.c.id)
BODIES = select(events.c.id, events.c.body).where(events.c.detail_until.is_(None))
COUNTERS = (
    select(series.c.subject_id, series.c.name, series.c.labels, series.c.value)
    .where(series.c.subject_kind == "receiver")
    .order_by(series.c.subject_id, series.c.name, series.c.labels)
)
OPENED = select(conditions.c.id, conditions.c.job_id).where(conditions.c.closed_at.is_(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Two of them are equal where nothing changed in between."""

    lines: Mapping[int, Line] = field(default_factory=dict)
    attempts: tuple[Line, ...] = ()
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    gates: tuple[Line, ...] = ()
    counters: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    bodies: Mapping[str, bytes] = field(default_factory=dict)
    opened: Mapping[str, str] = field(default_factory=dict)

    def of_job(self, line: Line) -> Iterator[Line]:
        """What tells the same receiver of the same job, this one included."""
        place = (line.receiver, line.source_id, line.scope, line.job_id)
        for each in self.lines.values():
            if (each.receiver, each.source_id, each.scope, each.job_id) == place:
                yield each

    def breaker(self, receiver: str) -> Breaker:
        return self.breakers.get(receiver, Breaker())

    def told(self, event_id: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.bodies[event_id])["data"]
        return data


def is_open(line: Line) -> bool:
    return line.state in OPEN


def lease_is_over(line: Line, now: datetime) -> bool:
    until = line.claimed_until
    return until is not None and not now <= until <= now + LONGEST_WAIT


async def look(store: Store) -> Sight:
    return await store._database.read(_look)


def _look(connection: Connection) -> Sight:
    def rows(asked: Select[*tuple[Any, ...]]) -> tuple[Line, ...]:
        return tuple(connection.execute(asked).all())

    return Sight(
        lines={each.id: each for each in rows(LINES)},
        attempts=rows(ATTEMPTS),
        breakers={each.name: receivers.breaker(each) for each in rows(select(receiver_table))},
        gates=rows(select(gates).order_by(gates.c.key)),
        counters={(each[0], each[1], each[2]): each.value for each in rows(COUNTERS)},
        bodies={each.id: bytes(each.body) for each in rows(BODIES)},
        opened={each.id: each.job_id for each in rows(OPENED)},
    )
