"""Samples of what is told of jobs: their ends, their changes, and what holds of them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from jobwatch.core.conditions import ConditionName, ConditionState
from jobwatch.core.detail import DetailError
from jobwatch.core.diff import Change, ChangeKind
from jobwatch.core.documents import detail_document
from jobwatch.core.events import JobEvent
from jobwatch.core.lifecycle import Lifecycle, StatusRow
from jobwatch.core.model import (
    FailureReason,
    Job,
    JobDetail,
    Origin,
    Outcome,
    Phase,
    Progress,
    Snapshot,
)
from jobwatch.core.news import condition_event, event_for
from jobwatch.core.samples.draft import HOUR, MINUTE, NOW, SECOND, Draft, note

_COPY = "COSPutObjectCopy"
_RESTORE = "COSInitiateRestoreObject"
_ENDS = ("Complete", "Failed", "Cancelled")
_PHASES = {
    "Preparing": Phase.PENDING,
    "Ready": Phase.PENDING,
    "Suspended": Phase.WAITING,
    "Active": Phase.RUNNING,
    "Complete": Phase.SUCCEEDED,
    "Failed": Phase.FAILED,
    "Cancelled": Phase.CANCELLED,
}
_ASKED_FOR = frozenset({"Suspended", *_ENDS})
_LIFECYCLE = Lifecycle(
    rows=tuple(
        StatusRow(status=status, phase=phase, needs_detail=status in _ASKED_FOR)
        for status, phase in _PHASES.items()
    )
)
"""As much of a cloud's table as the samples show."""

_NOTHING = Progress(total=0, succeeded=0, failed=0)
_REASONS = (
    FailureReason(code="AccessDenied", message="Access Denied: the role may not read the object"),
    FailureReason(code="NoSuchKey", message="The specified key does not exist"),
)


class _Open(NamedTuple):
    """A condition of a job: what the job looks like, and for how long it holds already."""

    name: ConditionName
    status: str
    progress: Progress
    lasted: timedelta


_CONDITIONS = (
    _Open(ConditionName.STALLED, "Active", Progress(total=1000, succeeded=312, failed=0), HOUR),
    _Open(ConditionName.STUCK, "Preparing", _NOTHING, 3 * HOUR),
    _Open(ConditionName.WAITING, "Suspended", _NOTHING, 20 * MINUTE),
    _Open(ConditionName.OVERDUE, "Active", Progress(total=800, succeeded=90, failed=0), 25 * HOUR),
    _Open(ConditionName.FAILING, "Active", Progress(total=900, succeeded=90, failed=60), MINUTE),
)


def of_jobs(origin: Origin) -> Iterator[Draft]:
    """Every sample that is about a job."""
    yield from _endings(origin)
    yield from _changes(origin)
    for number, each in enumerate(_CONDITIONS, start=100):
        yield from _condition(origin, each, number)


def failed(origin: Origin) -> Draft:
    """The failed job of the documentation."""
    job = _job(1, "Failed", Progress(total=10, succeeded=4, failed=6), description="example-job")
    return Draft("job.failed", _ended(origin, job), _detail(job, *_REASONS))


def partly_failed(origin: Origin) -> Draft:
    """A job that came to its end, with most of its tasks failed."""
    job = _job(2, "Complete", Progress(total=10, succeeded=4, failed=6))
    draft = _detail(job, *_REASONS)
    return Draft("job.completed_with_failures", _ended(origin, job), draft)


def _endings(origin: Origin) -> Iterator[Draft]:
    yield failed(origin)
    job = _job(3, "Failed", _NOTHING)
    missing = DetailError.TIMEOUT.value
    yield Draft("job.failed.without_detail", _ended(origin, job), detail_error=missing)
    job = _job(4, "Failed", Progress(total=10, succeeded=0, failed=10))
    yield Draft("job.failed.late", _ended(origin, job, late=True), _detail(job, *_REASONS))
    yield partly_failed(origin)
    job = _job(5, "Complete", Progress(total=250, succeeded=0, failed=250))
    draft = _detail(job, *_REASONS)
    yield Draft("job.completed_with_failures.nothing_worked", _ended(origin, job), draft)
    job = _job(6, "Complete", Progress(total=1_234_567, succeeded=1_234_567, failed=0))
    yield Draft("job.succeeded", _ended(origin, job), _detail(job))
    job = _job(7, "Complete", Progress(total=48, succeeded=48, failed=0), operation=_RESTORE)
    yield Draft("job.succeeded.restore", _ended(origin, job), _detail(job))
    job = _job(8, "Cancelled", Progress(total=1000, succeeded=250, failed=0))
    yield Draft("job.cancelled", _ended(origin, job), _detail(job))
    job = _job(9, "Active", Progress(total=1000, succeeded=250, failed=3))
    yield Draft("job.vanished", _vanished(origin, job))


def _changes(origin: Origin) -> Iterator[Draft]:
    job = _job(20, "Active", Progress(total=1000, succeeded=5, failed=0))
    after = _snapshot(job)
    change = Change(kind=ChangeKind.DISCOVERED, before=None, after=after)
    yield Draft("job.discovered", _told(origin, change))
    before = _snapshot(_job(20, "Ready", _NOTHING))
    change = Change(kind=ChangeKind.STATUS_CHANGED, before=before, after=after)
    yield Draft("job.status_changed", _told(origin, change))


def _condition(origin: Origin, each: _Open, number: int) -> Iterator[Draft]:
    job = _job(number, each.status, each.progress)
    waits = each.name is ConditionName.WAITING
    detail = JobDetail(job=job, suspended_cause="AwaitingConfirmation") if waits else None
    for state in ConditionState:
        event = condition_event(
            note(
                each.name,
                state,
                each.lasted,
                place=f"{origin.instance}/{origin.source}",
                key=job.key,
            ),
            _snapshot(job),
            origin,
            observed_at=NOW,
            detail=detail_document(detail) if detail else None,
        )
        yield Draft(f"{event.type.value}.{state.value}", event)


def _job(
    number: int,
    status: str,
    progress: Progress,
    *,
    operation: str = _COPY,
    description: str = "nightly copy of the archive",
) -> Job:
    return Job(
        id=f"021140d8-67ca-4e89-8089-0de9a1e{number:05d}",
        status=status,
        phase=_PHASES[status],
        operation=operation,
        description=description,
        priority=10,
        progress=progress,
        created_at=NOW - 26 * HOUR,
        ended_at=NOW - 12 * SECOND if status in _ENDS else None,
    )


def _snapshot(job: Job) -> Snapshot:
    ran = job.phase is not Phase.PENDING and job.phase is not Phase.WAITING
    return Snapshot(
        job=job,
        version=1,
        outcome=job.outcome,
        first_seen_at=NOW - 26 * HOUR,
        observed_at=NOW,
        status_since=NOW,
        started_at=NOW - 25 * HOUR if ran else None,
    )


def _ended(origin: Origin, job: Job, *, late: bool = False) -> JobEvent:
    before = _snapshot(_job(0, "Active", _NOTHING))
    change = Change(kind=ChangeKind.ENDED, before=before, after=_snapshot(job), late=late)
    return _told(origin, change)


def _vanished(origin: Origin, job: Job) -> JobEvent:
    before = _snapshot(job)
    after = Snapshot(
        job=job,
        version=2,
        outcome=Outcome.VANISHED,
        first_seen_at=before.first_seen_at,
        observed_at=NOW,
        status_since=NOW - HOUR,
        started_at=before.started_at,
        missing_since=NOW - 11 * MINUTE,
        missing_proved_at=NOW,
    )
    return _told(origin, Change(kind=ChangeKind.VANISHED, before=before, after=after))


def _told(origin: Origin, change: Change) -> JobEvent:
    event = event_for(change, _LIFECYCLE, origin)
    if event is None:
        msg = f"nothing is told of {change.kind}"
        raise ValueError(msg)
    return event


def _detail(job: Job, *failures: FailureReason) -> JobDetail:
    """What DescribeJob says of a job that ended."""
    stopped = job.phase is Phase.FAILED
    return JobDetail(
        job=job,
        status_reason="Too many tasks of the job failed" if stopped else None,
        failures=failures,
        manifest={
            "object": "qcs::cos:ap-chengdu:uid/1250000000:lists-1250000000/archive.csv",
            "format": "COSBatchOperations_CSV_V1",
        },
        report={
            "bucket": "qcs::cos:ap-chengdu:uid/1250000000:reports-1250000000",
            "prefix": "jobs",
            "scope": "AllTasks",
            "format": "Report_CSV_V1",
            "enabled": "true",
        },
        role="qcs::cam::uin/100000000001:roleName/COS_Batch_QcsRole",
    )
