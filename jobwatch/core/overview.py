"""What the store knows at one moment, as people and metrics look at it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import starmap
from typing import Any, Generic, NamedTuple, TypeVar

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.census import Series
from jobwatch.core.model import Progress
from jobwatch.core.watched import NO_GAPS, Gaps

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Rows(Generic[T_co]):
    """Values that are made while somebody looks at them: until then a plain tuple each, of texts, numbers and times.

    Such tuples the garbage collector forgets at first sight. Named ones it would walk through at every full collection,
    which stops every thread, and two hundred sources have ten thousand of them, new ones every few seconds.
    """

    rows: tuple[tuple[Any, ...], ...]
    make: Callable[..., T_co]

    def __iter__(self) -> Iterator[T_co]:
        return starmap(self.make, self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, value: object) -> bool:
        return any(value == each for each in self)


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
class LastSweep:
    """The last complete sweep: what was planned and why, and what it cost.

    `pages` are calls of ListJobs that gave a page, `followed` jobs that DescribeJob was asked about because no page
    showed them, `calls` every try of any call. `refused` are statuses that the cloud did not accept as a filter.
    `scopes` is how many there were, `missing` those that were not listed and hold unfinished jobs: nobody knows of them.
    """

    kind: str
    reason: str
    started_at: datetime
    took: timedelta
    pages: int = 0
    followed: int = 0
    calls: int = 0
    refused: tuple[str, ...] = ()
    scopes: int = 1
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkState:
    """Where a full sweep stands that was not finished: enough to go on after a restart.

    It stands before the page behind `token` ("" is the first one) of `scope`, with those before that one done. `among`
    tells its scopes from others, so that nobody takes one for done that was not there.
    """

    started_at: datetime
    token: str
    pages: int
    listed: int
    scope: str = ""
    among: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What calls cost lately. `rate` is how many a second are allowed now, `limit` the configured ceiling.

    `hour` are the calls of the last hour, `throttled` those of them that the cloud refused for their number.
    `withheld_until`: no call goes out before, because of `withheld_reason`.
    """

    rate: float
    limit: float
    hour: int = 0
    throttled: int = 0
    withheld_until: datetime | None = None
    withheld_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKeys:
    """What kind of keys a source signs with, and when they expire; nothing of the keys themselves."""

    kind: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What is remembered of a source between two sweeps.

    `baseline_started_at` is the start of the first sweep ever tried, `baselined_at` the end of the first that was
    complete. `unfinished_data_at` and `all_data_at` are the starts of the last complete sweeps that cover
    unfinished jobs, and all jobs; `watched_until` is the end of the former. `failures` counts failed sweeps in
    a row, `failing_since` is the first of them. `unfinished` and `listed` are the counts of the last complete sweep.

    `gaps` are the times in which nobody watched. `walk` is a full sweep under way. `asked_at` is when a person asked
    for a full sweep that did not begin yet. `suspect_since`: most unfinished jobs are gone, and held back. `manners`
    is the client's own document.
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
    next_full_at: datetime | None = None
    asked_at: datetime | None = None
    gaps: Gaps = NO_GAPS
    walk: WalkState | None = None
    suspect_since: datetime | None = None
    clock_offset: timedelta | None = None
    manners: Mapping[str, Any] = field(default_factory=dict)
    spending: Spending | None = None
    keys: SourceKeys | None = None
    last_sweep: LastSweep | None = None
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


class ConditionCount(NamedTuple):
    """Jobs of one source and operation that are in one condition."""

    source: str
    operation: str
    condition: str
    jobs: int


class SingleJobs(NamedTuple):
    """How many jobs to read one by one, and of which sources."""

    limit: int = 0
    sources: tuple[str, ...] = ()


NO_SINGLE_JOBS = SingleJobs()
"""None of them."""


class SingleJob(NamedTuple):
    """A job that is shown by itself: unfinished, or just ended (`outcome`)."""

    source: str
    scope: str
    id: str
    operation: str
    status: str
    outcome: str | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything the store series of /metrics are made of, read in one go.

    `receivers` are those of which anything is known; any other one is active. `jobs` are no more than were asked for,
    the unfinished ones first; `jobs_left_out` is how many there was no room for.
    """

    sources: tuple[SourceState, ...]
    series: Collection[SeriesValue]
    census: Collection[CensusRow]
    outbox: tuple[OutboxDepth, ...]
    conditions: Collection[ConditionCount] = ()
    receivers: Mapping[str, ReceiverState] = field(default_factory=dict)
    jobs: tuple[SingleJob, ...] = ()
    jobs_left_out: int = 0
    created_at: datetime
    size_bytes: int
    now: datetime
