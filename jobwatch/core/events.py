"""What is worth telling, to whom it matters how much.

An event is about one job or about one source. The document that tells it is made in `core.documents`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias, assert_never

from jobwatch.core.conditions import ConditionName, ConditionNote, ConditionState
from jobwatch.core.diff import TOLD_KINDS, Change, ChangeKind
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import Job, Origin, Outcome, Snapshot
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
    UNREACHABLE = "source.unreachable"
    SUSPECT = "source.suspect"
    BASELINED = "source.baselined"


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
}
"""The type that tells each condition: its opening, its reminders and its closing."""

PROBLEMS = frozenset(
    {
        EventType.COMPLETED_WITH_FAILURES,
        EventType.FAILED,
        EventType.VANISHED,
        *CONDITIONS.values(),
    }
)
GROUPS = {"endings": ENDINGS, "problems": PROBLEMS}
"""The words that `wants.types` accepts for several types at once."""

_OUTCOMES = {
    Outcome.SUCCEEDED: EventType.SUCCEEDED,
    Outcome.COMPLETED_WITH_FAILURES: EventType.COMPLETED_WITH_FAILURES,
    Outcome.FAILED: EventType.FAILED,
    Outcome.CANCELLED: EventType.CANCELLED,
    Outcome.VANISHED: EventType.VANISHED,
}
_END_KINDS = frozenset({ChangeKind.ENDED, ChangeKind.OUTCOME_CHANGED, ChangeKind.VANISHED})


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


Event: TypeAlias = JobEvent | SourceEvent


def event_for(change: Change, lifecycle: Lifecycle, origin: Origin) -> JobEvent | None:
    """The event that a change deserves; None for history and for what nobody needs to hear."""
    kind = change.kind
    if change.history or kind not in TOLD_KINDS:
        return None
    event_type = _type(change)
    job = change.after.job
    return JobEvent(
        type=event_type,
        severity=_severity(event_type, job),
        origin=origin,
        snapshot=change.after,
        previous_status=change.before.job.status if change.before else None,
        observed_at=change.after.observed_at,
        late=change.late,
        # Of a job that the cloud does not know any more, DescribeJob has nothing to say.
        needs_detail=kind is not ChangeKind.VANISHED and lifecycle.needs_detail(job.status),
    )


def _type(change: Change) -> EventType:
    outcome = change.after.outcome
    if change.kind in _END_KINDS and outcome in _OUTCOMES:
        return _OUTCOMES[outcome]
    return (
        EventType.DISCOVERED if change.kind is ChangeKind.DISCOVERED else EventType.STATUS_CHANGED
    )


def condition_event(
    note: ConditionNote,
    snapshot: Snapshot,
    origin: Origin,
    *,
    observed_at: datetime,
    detail: Mapping[str, object] | None = None,
) -> JobEvent:
    """What is told when a condition of a job opens, is reminded of, or closes."""
    event_type = CONDITIONS[note.name]
    return JobEvent(
        type=event_type,
        severity=condition_severity(note, _severity(event_type, snapshot.job)),
        origin=origin,
        snapshot=snapshot,
        previous_status=None,
        observed_at=observed_at,
        late=False,
        needs_detail=False,
        condition=note,
        detail=detail,
    )


def condition_severity(note: ConditionNote, severity: Severity) -> Severity:
    """How urgent it is to hear of a condition: that it closed is no more than good to know."""
    return Severity.INFO if note.state is ConditionState.CLOSED else severity


def _severity(event_type: EventType, job: Job) -> Severity:
    match event_type:
        case EventType.FAILED | EventType.VANISHED | EventType.UNREACHABLE | EventType.SUSPECT:
            return Severity.CRITICAL
        case EventType.COMPLETED_WITH_FAILURES:
            nothing_worked = job.progress is not None and job.progress.succeeded == 0
            return Severity.CRITICAL if nothing_worked else Severity.WARNING
        case (
            EventType.STALLED
            | EventType.STUCK
            | EventType.WAITING
            | EventType.OVERDUE
            | EventType.FAILING
        ):
            return Severity.WARNING
        case (
            EventType.SUCCEEDED
            | EventType.CANCELLED
            | EventType.DISCOVERED
            | EventType.STATUS_CHANGED
            | EventType.BASELINED
        ):
            return Severity.INFO
        case _:
            assert_never(event_type)
