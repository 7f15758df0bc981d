"""Jobs that stand still, and what is known when they are judged."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from jobwatch.core.conditions import ConditionName
from jobwatch.core.model import Job, Snapshot
from jobwatch.core.rules import (
    FailingRule,
    Rules,
    Sight,
)
from jobwatch.core.watched import NO_GAPS
from jobwatch.providers.cos_batch import LIFECYCLE as COS
from tests.factories import DAY, HOUR, MINUTE, NOW, job, snapshot

STALLED, STUCK, WAITING = ConditionName.STALLED, ConditionName.STUCK, ConditionName.WAITING
OVERDUE, FAILING = ConditionName.OVERDUE, ConditionName.FAILING

RULES = Rules(
    stalled_after=30 * MINUTE,
    stuck_after=2 * HOUR,
    waiting_after=15 * MINUTE,
    overdue_after=DAY,
    failing=FailingRule(ratio=0.05, min_finished=100),
    unreachable_after=5 * MINUTE,
    remind_every=12 * HOUR,
)
LONG = 400 * DAY


def sight(**fields: Any) -> Sight:
    """The last complete sweep began just now, and nobody ever looked away."""
    defaults: dict[str, Any] = {"data_at": NOW, "gaps": NO_GAPS, "lifecycle": COS}
    return Sight(**(defaults | fields))


def cos_job(status: str, **fields: Any) -> Job:
    word, phase = COS.read(status)
    return replace(job("Active", **fields), status=word, phase=phase)


def known(status: str = "Active", *, since: timedelta = LONG, **fields: Any) -> Snapshot:
    """A job that is in its status, and without progress, for so long."""
    of = {name: fields.pop(name) for name in ("progress", "created_at", "id") if name in fields}
    defaults: dict[str, Any] = {"status_since": NOW - since, "progressed_at": NOW - since}
    return snapshot(of=cos_job(status, **of), **(defaults | fields))
