"""What goes into the store's verbs and comes out of them. What metrics show of it stands in `core.overview`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from jobwatch.core.conditions import Condition
from jobwatch.core.model import JobDetail, JobKey, Snapshot
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.core.overview import LastError, LastSweep, SourceKeys, Spending, WalkState
from jobwatch.core.plan import SweepKind
from jobwatch.core.recording import Notice
from jobwatch.core.watched import NO_GAPS, Gaps
from jobwatch.store.outbox_values import Telling

RowT_co = TypeVar("RowT_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write one source. `fence` grows with every holder; an older one writes nothing."""

    source_id: int
    source: str
    owner: str
    fence: int


class IndexRow(NamedTuple):
    """One known job as the in-memory index needs it: its row, the hash of its bytes (0 = none), whether it left."""

    row: int
    fingerprint: int
    left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What every sweep, complete or broken, leaves for the next process: what was learnt of the API on the way.

    `clock_offset` None leaves what is kept.
    """

    manners: Mapping[str, Any] = field(default_factory=dict)
    spending: Spending | None = None
    keys: SourceKeys | None = None
    clock_offset: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """A sweep that was complete. `kind` says what it covers: hot = unfinished jobs, full = all.

    `next_full_at` None leaves the stored time. `walk` is the full sweep that a hot one interrupted, None where there
    is none. `gaps` are all that are known now. `notices` are told in the transaction that ends the sweep.
    """

    kind: SweepKind
    started_at: datetime
    finished_at: datetime
    listed: int
    unfinished: int
    next_sweep_at: datetime
    next_full_at: datetime | None = None
    gaps: Gaps = NO_GAPS
    walk: WalkState | None = None
    suspect_since: datetime | None = None
    last_sweep: LastSweep | None = None
    learnt: Learnt = field(default_factory=Learnt)
    notices: tuple[Notice, ...] = ()
    sweep: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFailure:
    """A sweep that broke. It proves nothing and leaves the data's age as it was.

    `failing_since` is the first failure of the present row. A next time of None leaves the stored one, and so does
    `suspect_since`: that jobs are there again takes a sweep that was complete.
    """

    at: datetime
    error: LastError
    failures: int = 1
    failing_since: datetime | None = None
    next_sweep_at: datetime | None = None
    next_full_at: datetime | None = None
    walk: WalkState | None = None
    suspect_since: datetime | None = None
    learnt: Learnt = field(default_factory=Learnt)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCondition:
    """An open condition with the snapshot of its job; None for a condition of the source, or a forgotten job."""

    condition: Condition
    snapshot: Snapshot | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a `record` wrote: the row of every job, how many events and deliveries, and who is told what."""

    rows: dict[JobKey, int] = field(default_factory=dict)
    events: int = 0
    deliveries: int = 0
    tellings: list[Telling] = field(default_factory=list, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitingDetail:
    """An event that waits for DescribeJob, with the job's snapshot as it is now."""

    event_id: str
    event_type: str
    key: JobKey
    snapshot: Snapshot
    observed_at: datetime
    detail_until: datetime
    sweep: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Let an event that waited be delivered: with its detail, or with the reason why there is none."""

    event_id: str
    detail: JobDetail | None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One recorded change of status or outcome of a job, as `explain` tells it."""

    version: int
    kind: str
    status_before: str | None
    status_after: str
    outcome: str | None
    observed_at: datetime
    authority: str
    history: bool
    late: bool
    event_id: str | None
    routes: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One event: `body` is the document, final once `released`.

    `position` counts recorded events over all sources. `source` is "" and `sweep` None where there was none.
    """

    id: str
    position: int
    source: str
    sequence: int
    type: str
    severity: str
    job_id: str
    scope: str
    recorded_at: datetime
    released: bool
    body: bytes
    sweep: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRow:
    """An event of a job as `explain` tells it: why each receiver was told of it, or was not."""

    event: EventRow
    condition_id: str | None
    routes: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionRow:
    """A condition of a job or of a source, open while `closed_at` is None."""

    id: str
    name: str
    since: datetime
    opened_at: datetime
    reminded_at: datetime | None
    reminders: int
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One delivery as people look at it."""

    id: int
    event_id: str
    event_type: str
    source: str
    scope: str
    job_id: str
    receiver: str
    state: DeliveryState
    reason: str
    attempts: int
    created_at: datetime
    due_at: datetime | None
    settled_at: datetime | None
    last_result: Result | None
    last_status: int | None
    last_answer: str
    digest_id: str | None = None
    manual: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job in a list; `detail` is DescribeJob's last word, `expiry_told_at` when people were told that output expires."""

    source: str
    snapshot: Snapshot
    detail: dict[str, object] | None = None
    expiry_told_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list; None does not restrict. Newest observation first."""

    source: str | None = None
    status: str | None = None
    phase: str | None = None
    operation: str | None = None
    outcome: str | None = None
    unfinished: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events to list; None does not restrict."""

    source: str | None = None
    type: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries to list; None does not restrict. Newest first."""

    receiver: str | None = None
    state: DeliveryState | None = None
    source: str | None = None
    type: str | None = None
    job_id: str | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One attempt of a delivery, ended. `number` counts from 1; `trigger` is "auto" or "manual"."""

    number: int
    trigger: str
    started_at: datetime
    took: timedelta
    result: Result
    status: int | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[RowT_co]):
    """A part of a list. `cursor` asks for the next part; None at the end."""

    rows: tuple[RowT_co, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long ended jobs (from leaving the list), events and dead deliveries are kept."""

    jobs: timedelta
    events: timedelta
    dead_deliveries: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What `prune` removed."""

    jobs: int = 0
    events: int = 0
    deliveries: int = 0
    conditions: int = 0
