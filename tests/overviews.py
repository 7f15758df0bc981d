"""What a store knows at one moment, for tests of those who show it."""

from datetime import timedelta
from typing import Any

from jobwatch.core.overview import CensusRow, Identity, LastError, Overview, SourceState
from jobwatch.metrics import SourceShape
from tests.factories import MINUTE, NOW, OPERATIONS, SECOND, TABLE


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
    """A source whose last sweep succeeded twelve seconds ago."""
    defaults: dict[str, Any] = {
        "unfinished_data_at": NOW - 12 * SECOND,
        "all_data_at": NOW - 5 * MINUTE,
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
