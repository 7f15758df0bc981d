"""What is worth telling, to whom it matters how much.

An event is about one job, one source or one receiver, or it tells many others at once. The document that tells it is
made in `core.documents`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from jobwatch.core.conditions import ConditionName, ConditionNote
from jobwatch.core.model import Origin, Snapshot
from jobwatch.core.overview import LastError

DETAIL_PATIENCE = timedelta(minutes=2)


class EventType(StrEnum):
    """The types this version tells."""

    SUCCEEDED = "job.succeeded"
    COMPLETED_WITH_FAILURES = "job.completed_with_failures"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"
    VANISHED = "job.vanished"
    DISCOVERED = "job.discovered"
    STATUS_CHANGED = "job.status_changed"
    STALLED = "job.stalled"
    STUCK = "job.stuck"
    WAITING = "job.waiting"
    OVERDUE = "job.overdue"
    FAILING = "job.failing"
    OUTPUT_EXPIRING = "job.output_expiring"
    UNREACHABLE = "source.unreachable"
    SUSPECT = "source.suspect"
    BASELINED = "source.baselined"
    PAUSED = "receiver.paused"
    TEST = "receiver.test"
    DIGEST = "digest"


class Severity(StrEnum):
    """How urgent an event is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


ENDINGS = frozenset(
    {
        EventType.SUCCEEDED,
        EventType.COMPLETED_WITH_FAILURES,
        EventType.FAILED,
        EventType.CANCELLED,
        EventType.VANISHED,
    }
)
CONDITIONS = {
    ConditionName.STALLED: EventType.STALLED,
    ConditionName.STUCK: EventType.STUCK,
    ConditionName.WAITING: EventType.WAITING,
    ConditionName.OVERDUE: EventType.OVERDUE,
    ConditionName.FAILING: EventType.FAILING,
    ConditionName.UNREACHABLE: EventType.UNREACHABLE,
    ConditionName.SUSPECT: EventType.SUSPECT,
    ConditionName.PAUSED: EventType.PAUSED,
}
"""The type that tells each condition: its opening, its reminders and its closing."""

PROBLEMS = frozenset(
    {
        EventType.COMPLETED_WITH_FAILURES,
        EventType.FAILED,
        EventType.VANISHED,
        EventType.OUTPUT_EXPIRING,
        *CONDITIONS.values(),
    }
)
OF_JOBWATCH = frozenset({EventType.PAUSED, EventType.TEST, EventType.DIGEST})
"""Types that are about no source and no job: words on those neither hide nor except them."""

UNASKED = frozenset({EventType.TEST, EventType.DIGEST})
"""Types that nobody subscribes to: a test is sent by command, a digest tells what was wanted."""

GROUPS = {"endings": ENDINGS, "problems": PROBLEMS}
"""The words that `wants.types` accepts for several types at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """Something worth telling about one job, before the store gave it its sequence number.

    `needs_detail`: it is told once DescribeJob answered, or when patience ends. `condition` is set where the event
    tells of one; `detail` is then what DescribeJob last said, as it was told.
    """

    type: EventType
    severity: Severity
    origin: Origin
    snapshot: Snapshot
    previous_status: str | None
    observed_at: datetime
    late: bool
    needs_detail: bool
    condition: ConditionNote | None = None
    detail: Mapping[str, object] | None = None

    @property
    def scope(self) -> str:
        """The scope of the job."""
        return self.snapshot.job.scope

    @property
    def job_id(self) -> str:
        """The id of the job within its scope."""
        return self.snapshot.job.id

    @property
    def ending(self) -> bool:
        """Whether the event tells the end of its job."""
        return self.type in ENDINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvent:
    """Something worth telling about one source. `counts` are numbers by name, as the document shows them."""

    type: EventType
    severity: Severity
    origin: Origin
    observed_at: datetime
    condition: ConditionNote | None = None
    error: LastError | None = None
    since: datetime | None = None
    last_sweep_at: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    scope: str = field(default="", init=False)
    job_id: str = field(default="", init=False)
    late: bool = field(default=False, init=False)
    ending: bool = field(default=False, init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverEvent:
    """Something worth telling about one receiver: that it is paused, or that this is a test.

    `reason` is why it is paused, as one word. `error` is what its last attempt met, `pending` what waits for it.
    """

    type: EventType
    severity: Severity
    origin: Origin
    receiver: str
    observed_at: datetime
    condition: ConditionNote | None = None
    reason: str = ""
    error: str = ""
    pending: int = 0
    scope: str = field(default="", init=False)
    late: bool = field(default=False, init=False)
    ending: bool = field(default=False, init=False)

    @property
    def job_id(self) -> str:
        """What orders its deliveries: news of one receiver is told in order."""
        return self.receiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many of one kind a digest tells. Tasks are those of the jobs among them that ended."""

    source: str
    type: EventType
    severity: Severity
    count: int
    tasks: int = 0
    tasks_failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestEvent:
    """Many events in one: how many of which kind, and some of them in full, the most severe first.

    `samples` are documents of events. `began_at` and `ended_at` are when the first and the last of them were recorded.
    """

    origin: Origin
    severity: Severity
    receiver: str
    observed_at: datetime
    began_at: datetime
    ended_at: datetime
    counts: tuple[Count, ...] = ()
    samples: tuple[Mapping[str, object], ...] = ()
    type: EventType = field(default=EventType.DIGEST, init=False)
    condition: ConditionNote | None = field(default=None, init=False)
    scope: str = field(default="", init=False)
    job_id: str = field(default="", init=False)
    late: bool = field(default=False, init=False)
    ending: bool = field(default=False, init=False)

    @property
    def total(self) -> int:
        """How many events it tells."""
        return sum(each.count for each in self.counts)


Event: TypeAlias = JobEvent | SourceEvent | ReceiverEvent | DigestEvent
