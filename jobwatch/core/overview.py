"""What the store knows at one moment, as people and metrics look at it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from jobwatch.core.census import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a source name is bound to, once and for all."""

    name: str
    kind: str
    region: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LastError:
    """The latest failure of a source, in words that may be shown to anybody."""

    at: datetime
    error_class: str
    code: str
    message: str
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What is remembered of a source between two sweeps.

    `baseline_started_at` is the start of the first sweep ever tried, `baselined_at` the end of the first that was
    complete. `unfinished_data_at` and `all_data_at` are the starts of the last complete sweeps that cover
    unfinished jobs, and all jobs; `watched_until` is the end of the former. `failures` counts failed sweeps in
    a row, `failing_since` is the first of them. `unfinished` and `listed` are the counts of the last complete sweep.
    """

    source_id: int
    identity: Identity
    baseline_started_at: datetime | None = None
    baselined_at: datetime | None = None
    unfinished_data_at: datetime | None = None
    all_data_at: datetime | None = None
    watched_until: datetime | None = None
    attempted_at: datetime | None = None
    next_sweep_at: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    last_error: LastError | None = None
    listed: int = 0
    unfinished: int = 0
    sequence: int = 0
    lease_owner: str | None = None
    lease_until: datetime | None = None


class SeriesValue(NamedTuple):
    """One stored series: `subject` is the source's or the receiver's name."""

    subject: str
    series: Series
    value: float


class CensusRow(NamedTuple):
    """Unfinished jobs of one source, operation and status."""

    source: str
    operation: str
    status: str
    jobs: int
    succeeded: int
    failed: int
    remaining: int
    oldest_status_since: datetime | None


class OutboxDepth(NamedTuple):
    """What waits for one receiver. `oldest_at` is when the oldest pending delivery was recorded."""

    receiver: str
    pending: int
    dead: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything the store series of /metrics are made of, read in one go."""

    sources: tuple[SourceState, ...]
    series: tuple[SeriesValue, ...]
    census: tuple[CensusRow, ...]
    outbox: tuple[OutboxDepth, ...]
    created_at: datetime
    size_bytes: int
    now: datetime
