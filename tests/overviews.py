"""What a store knows at one moment, for tests of those who show it."""

from datetime import timedelta
from typing import Any

from jobwatch.core.outbox import DeliveryState
from jobwatch.core.overview import (
    CensusRow,
    Identity,
    LastError,
    LastSweep,
    Overview,
    SourceState,
    Spending,
)
from jobwatch.metrics import SourceShape
from jobwatch.store.values import ConditionRow, DeliveryRow
from jobwatch.web.pages.status_source import SourceView
from tests.factories import HOUR, MINUTE, NOW, OPERATIONS, SECOND, TABLE


def shape(name: str = "prod", **fields: Any) -> SourceShape:
    """The source `prod` as the configuration has it."""
    defaults: dict[str, Any] = {
        "provider": "cos-batch",
        "region": "ap-chengdu",
        "operations": OPERATIONS,
        "statuses": TABLE.statuses,
        "unfinished": TABLE.unfinished,
        "every": 30 * SECOND,
        "full_every": 10 * MINUTE,
    }
    return SourceShape(name=name, **(defaults | fields))


def state(name: str = "prod", **fields: Any) -> SourceState:
    """A source whose last sweep began twelve seconds ago, took two seconds and succeeded."""
    defaults: dict[str, Any] = {
        "unfinished_data_at": NOW - 12 * SECOND,
        "all_data_at": NOW - 5 * MINUTE,
        "watched_until": NOW - 10 * SECOND,
        "attempted_at": NOW - 12 * SECOND,
    }
    identity = Identity(name=name, kind="cos-batch", region="ap-chengdu", account="1")
    return SourceState(source_id=1, identity=identity, **(defaults | fields))


def overview(**fields: Any) -> Overview:
    """One healthy source and nothing else."""
    defaults: dict[str, Any] = {
        "sources": (state(),),
        "series": (),
        "census": (),
        "outbox": (),
        "created_at": NOW - timedelta(days=3),
        "size_bytes": 4096,
        "now": NOW,
    }
    return Overview(**(defaults | fields))


def census_row(**fields: Any) -> CensusRow:
    """Two active jobs, four of their tasks failed."""
    defaults: dict[str, Any] = {
        "source": "prod",
        "operation": "Copy",
        "status": "Active",
        "jobs": 2,
        "succeeded": 30,
        "failed": 4,
        "remaining": 66,
        "oldest_status_since": NOW - MINUTE,
    }
    return CensusRow(**(defaults | fields))


def last_error(**fields: Any) -> LastError:
    """A call that was refused a minute ago."""
    defaults: dict[str, Any] = {
        "at": NOW - MINUTE,
        "error_class": "Denied",
        "code": "AccessDenied",
        "message": "no right to list",
        "request_id": "req-1",
    }
    return LastError(**(defaults | fields))


def last_sweep(**fields: Any) -> LastSweep:
    """A hot sweep of ten lists, because its time had come."""
    defaults: dict[str, Any] = {
        "kind": "hot",
        "reason": "hot_due",
        "started_at": NOW - 12 * SECOND,
        "took": 2 * SECOND,
        "pages": 10,
        "followed": 1,
        "calls": 11,
    }
    return LastSweep(**(defaults | fields))


def spending(**fields: Any) -> Spending:
    """1,320 calls in the last hour, none of them refused."""
    defaults: dict[str, Any] = {"rate": 10.0, "limit": 10.0, "hour": 1320}
    return Spending(**(defaults | fields))


def delivery_row(**fields: Any) -> DeliveryRow:
    """The failure of `job-1`, which waits to be told to `chat`."""
    defaults: dict[str, Any] = {
        "id": 1,
        "event_id": "evt_0",
        "event_type": "job.failed",
        "source": "prod",
        "scope": "",
        "job_id": "job-1",
        "receiver": "chat",
        "state": DeliveryState.PENDING,
        "reason": "wanted",
        "attempts": 0,
        "created_at": NOW,
        "due_at": NOW,
        "settled_at": None,
        "last_result": None,
        "last_status": None,
        "last_answer": "",
    }
    return DeliveryRow(**(defaults | fields))


def condition_row(**fields: Any) -> ConditionRow:
    """A job that stalled two hours ago, which was told an hour ago."""
    defaults: dict[str, Any] = {
        "id": "cnd_1",
        "name": "stalled",
        "since": NOW - 2 * HOUR,
        "opened_at": NOW - HOUR,
        "reminded_at": None,
        "reminders": 0,
        "closed_at": None,
    }
    return ConditionRow(**(defaults | fields))


def source_view(**fields: Any) -> SourceView:
    """The source `prod` as the page shows it, up to date."""
    defaults: dict[str, Any] = {
        "name": "prod",
        "provider": "cos-batch",
        "region": "ap-chengdu",
        "up": True,
        "state": state(),
        "every": 30 * SECOND,
        "full_every": 10 * MINUTE,
    }
    return SourceView(**(defaults | fields))
