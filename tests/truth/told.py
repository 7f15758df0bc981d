"""What was told, read from the store's file without jobwatch's own reading code."""

import json
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jobwatch.core.model import JobKey
from tests.truth.play import Log

OF_THE_SOURCE = JobKey("", "")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENDINGS = frozenset(
    {
        "job.succeeded",
        "job.completed_with_failures",
        "job.failed",
        "job.cancelled",
        "job.vanished",
    }
)
CHANGES = ENDINGS | {"job.discovered", "job.status_changed"}
OUTCOMES = {kind.removeprefix("job.") for kind in ENDINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event. `since` and `until` are the turn that recorded it, by the cloud's clock.

    `scope` is the vault that it names, and `expires_at` when it says that output expires.
    """

    position: int
    type: str
    key: JobKey
    status: str
    scope: str | None
    expires_at: str | None
    previous: str | None
    late: bool
    condition: str | None
    state: str | None
    since: datetime
    until: datetime

    @property
    def ending(self) -> bool:
        return self.type in ENDINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A job as the store has it at the end."""

    status: str
    outcome: str | None


class Book:
    """Everything that the store's file says at the end of a world."""

    def __init__(self, path: Path, log: Log) -> None:
        database = sqlite3.connect(path)
        self.by_job: dict[JobKey, list[Told]] = defaultdict(list)
        for told in _events(database, log):
            self.by_job[told.key].append(told)
        self.rows = {
            JobKey(scope, job_id): Row(status=status, outcome=outcome)
            for scope, job_id, status, outcome in database.execute(
                "SELECT scope, job_id, status, outcome FROM jobs"
            )
        }
        self.finished = _series(database, "jobwatch_jobs_finished_total", last=1)
        self.events = _series(database, "jobwatch_events_total", last=0)
        self.held = _count(database, "SELECT count(*) FROM events WHERE detail_until IS NOT NULL")
        self.astray = list(database.execute(_ASTRAY))
        (self.baseline,) = database.execute("SELECT baseline_started_at FROM sources").fetchone()
        database.close()

    @property
    def baseline_at(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.baseline)

    @property
    def suspected(self) -> bool:
        return any(each.type == "source.suspect" for each in self.by_job[OF_THE_SOURCE])


# Closings are left out: who could not hear of an opening hears of no closing.
_ASTRAY = """
SELECT events.id, events.type, receiver.name, count(deliveries.id)
FROM events
JOIN (SELECT 'all' AS name UNION SELECT 'ops') AS receiver
LEFT JOIN deliveries ON deliveries.event_id = events.id AND deliveries.receiver = receiver.name
WHERE coalesce(json_extract(events.body, '$.data.condition.state'), '') <> 'closed'
GROUP BY events.id, receiver.name
HAVING count(deliveries.id) <> (
  receiver.name = 'all'
  OR events.type NOT IN ('job.discovered', 'job.status_changed', 'source.baselined')
)
"""


def _events(database: sqlite3.Connection, log: Log) -> list[Told]:
    turns = iter(log.told)
    first, since, until = next(turns, (0, log.began_at, log.closed_at))
    following = next(turns, None)
    found = []
    for position, kind, scope, job_id, body, late in database.execute(
        "SELECT position, type, scope, job_id, body, late FROM events ORDER BY position"
    ):
        while following is not None and position > following[0]:
            (first, since, until), following = following, next(turns, None)
        assert position > first
        data: dict[str, Any] = json.loads(body)["data"]
        condition, job = data.get("condition") or {}, data.get("job") or {}
        found.append(
            Told(
                position=position,
                type=kind,
                key=JobKey(scope, job_id),
                status=job["status"] if job else "",
                scope=job.get("scope"),
                expires_at=job.get("output_expires_at"),
                previous=data.get("previous_status"),
                late=bool(late),
                condition=condition.get("name"),
                state=condition.get("state"),
                since=since,
                until=until,
            )
        )
    return found


def _series(database: sqlite3.Connection, name: str, *, last: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for labels, value in database.execute(
        "SELECT labels, value FROM series WHERE name = ?", (name,)
    ):
        found[json.loads(labels)[last]] += int(value)
    return found


def _count(database: sqlite3.Connection, sql: str) -> int:
    (number,) = database.execute(sql).fetchone()
    return int(number)
