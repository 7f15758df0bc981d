"""From a change, a step of a condition, or output about to expire, to the event it deserves."""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

from jobwatch.core.conditions import ConditionNote, ConditionState
from jobwatch.core.diff import TOLD_KINDS, Change, ChangeKind
from jobwatch.core.events import CONDITIONS, EventType, JobEvent, Severity
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import Job, Origin, Outcome, Snapshot

_OUTCOMES = {
    Outcome.SUCCEEDED: EventType.SUCCEEDED,
    Outcome.COMPLETED_WITH_FAILURES: EventType.COMPLETED_WITH_FAILURES,
    Outcome.FAILED: EventType.FAILED,
    Outcome.CANCELLED: EventType.CANCELLED,
    Outcome.VANISHED: EventType.VANISHED,
}
_END_KINDS = frozenset({ChangeKind.ENDED, ChangeKind.OUTCOME_CHANGED, ChangeKind.VANISHED})


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


def expiring_event(
    snapshot: Snapshot,
    origin: Origin,
    observed_at: datetime,
    detail: Mapping[str, object] | None = None,
) -> JobEvent:
    """What is told once before the cloud deletes what a job gave. It is no condition: nothing closes it.

    `detail` is what DescribeJob last said of the job, as it was told.
    """
    return JobEvent(
        type=EventType.OUTPUT_EXPIRING,
        severity=_severity(EventType.OUTPUT_EXPIRING, snapshot.job),
        origin=origin,
        snapshot=snapshot,
        previous_status=None,
        observed_at=observed_at,
        late=False,
        needs_detail=False,
        detail=detail,
    )


def condition_severity(note: ConditionNote, severity: Severity) -> Severity:
    """How urgent it is to hear of a condition: that it closed is no more than good to know."""
    return Severity.INFO if note.state is ConditionState.CLOSED else severity


def _severity(event_type: EventType, job: Job) -> Severity:
    match event_type:
        case (
            EventType.FAILED
            | EventType.VANISHED
            | EventType.UNREACHABLE
            | EventType.SUSPECT
            | EventType.PAUSED
        ):
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
            | EventType.OUTPUT_EXPIRING
        ):
            return Severity.WARNING
        case (
            EventType.SUCCEEDED
            | EventType.CANCELLED
            | EventType.DISCOVERED
            | EventType.STATUS_CHANGED
            | EventType.BASELINED
            | EventType.TEST
            | EventType.DIGEST
        ):
            return Severity.INFO
        case _:
            assert_never(event_type)
