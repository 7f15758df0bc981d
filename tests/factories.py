"""Values of the core for tests: what a test does not care about has a plain default here."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jobwatch.core.diff import Authority, Change, ChangeKind, PageDiff, diff_page
from jobwatch.core.documents import document
from jobwatch.core.encoding import encode
from jobwatch.core.errors import ApiError
from jobwatch.core.events import EventType, JobEvent, Severity
from jobwatch.core.first_sight import Watch
from jobwatch.core.lifecycle import Lifecycle, StatusRow
from jobwatch.core.model import Job, JobDetail, JobKey, Origin, Outcome, Phase, Progress, Snapshot
from jobwatch.core.watched import Gaps, open_gap

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
"""The moment at which everything in a test happens, unless it says otherwise."""

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

EVERY = timedelta(seconds=30)

TABLE = Lifecycle(
    rows=(
        StatusRow(status="New", phase=Phase.PENDING, successors=("Held", "Active")),
        StatusRow(
            status="Held",
            phase=Phase.WAITING,
            successors=("Active", "Cancelled"),
            needs_detail=True,
        ),
        StatusRow(status="Active", phase=Phase.RUNNING, successors=("Paused", "Done", "Failed")),
        StatusRow(status="Paused", phase=Phase.PAUSED, successors=("Active", "Cancelled")),
        StatusRow(status="Done", phase=Phase.SUCCEEDED, needs_detail=True),
        StatusRow(status="Failed", phase=Phase.FAILED, needs_detail=True),
        StatusRow(status="Cancelled", phase=Phase.CANCELLED, needs_detail=True),
    ),
    spellings={"Canceled": "Cancelled"},
)
"""A small table with a circle, a status that waits for a person, and three ways to end."""

OPERATIONS = ("Copy", "Restore")


def progress(succeeded: int = 0, failed: int = 0, total: int = 10) -> Progress:
    """Counters of ten tasks."""
    return Progress(total=total, succeeded=succeeded, failed=failed)


def job(status: str = "Active", **fields: Any) -> Job:
    """A job whose status and phase are what the small table makes of the word."""
    word, phase = TABLE.read(status)
    defaults: dict[str, Any] = {
        "id": "job-1",
        "operation": "Copy",
        "description": "nightly copy",
        "priority": 10,
        "progress": progress(),
        "created_at": NOW - HOUR,
        "ended_at": NOW - MINUTE
        if phase in (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED)
        else None,
    }
    return Job(status=word, phase=phase, **(defaults | fields))


def snapshot(status: str = "Active", *, of: Job | None = None, **fields: Any) -> Snapshot:
    """A snapshot that was recorded ten minutes ago."""
    recorded = of if of is not None else job(status)
    defaults: dict[str, Any] = {
        "row": 7,
        "version": 1,
        "outcome": recorded.outcome,
        "first_seen_at": NOW - 10 * MINUTE,
        "observed_at": NOW - 10 * MINUTE,
        "status_since": NOW - 10 * MINUTE,
        "progressed_at": NOW - 10 * MINUTE,
        "counted": recorded.terminal,
    }
    return Snapshot(job=recorded, **(defaults | fields))


def watch(**fields: Any) -> Watch:
    """A sweep of a source that was baselined a day ago and swept every interval since.

    `watched_until`, `watched_from` and `sweep_started_at` are what the store and the sweep know; the gap comes of them.
    """
    defaults: dict[str, Any] = {
        "observed_at": NOW,
        "every": EVERY,
        "first_sight": HOUR,
        "baseline_started_at": NOW - DAY,
        "baselined": True,
        "watched_until": NOW - EVERY,
        "watched_from": None,
        "sweep_started_at": None,
    }
    known = defaults | fields
    gap = open_gap(
        watched_from=known.pop("watched_from"),
        watched_until=known.pop("watched_until"),
        now=known.pop("sweep_started_at") or known["observed_at"],
        every=known["every"],
    )
    known.setdefault("gaps", Gaps().added(gap))
    return Watch(**known)


def change(
    kind: ChangeKind = ChangeKind.ENDED, *, before: Snapshot | None = None, **fields: Any
) -> Change:
    """A change to the snapshot given as `after`."""
    defaults: dict[str, Any] = {"after": snapshot("Failed")}
    return Change(kind=kind, before=before, **(defaults | fields))


def origin(**fields: Any) -> Origin:
    """The source `prod`."""
    defaults: dict[str, Any] = {
        "instance": "jobwatch",
        "source": "prod",
        "provider": "cos-batch",
        "region": "ap-chengdu",
        "account": "100000000001",
        "labels": {},
    }
    return Origin(**(defaults | fields))


def event(of: Snapshot | None = None, **fields: Any) -> JobEvent:
    """The event of a failed job."""
    told = of if of is not None else snapshot("Failed")
    defaults: dict[str, Any] = {
        "type": EventType.FAILED,
        "severity": Severity.CRITICAL,
        "origin": origin(),
        "snapshot": told,
        "previous_status": "Active",
        "observed_at": NOW,
        "late": False,
        "needs_detail": True,
    }
    return JobEvent(**(defaults | fields))


def detail(of: Job | None = None, **fields: Any) -> JobDetail:
    """What DescribeJob says of a job."""
    return JobDetail(job=of if of is not None else job("Failed"), **fields)


def api_error(kind: type[ApiError], **fields: Any) -> ApiError:
    """An answer that is no result."""
    defaults: dict[str, Any] = {"code": kind.__name__, "message": "no", "status": 400}
    return kind(**(defaults | fields))


def diff(
    known: Iterable[Snapshot],
    jobs: Iterable[Job],
    now: Watch | None = None,
    authority: Authority = Authority.LISTING,
) -> PageDiff:
    """Diff a page against snapshots, by the small table."""
    known_by_key = {each.key: each for each in known}
    return diff_page(known_by_key, jobs, TABLE, now or watch(), authority=authority)


def applied(known: Mapping[JobKey, Snapshot], found: PageDiff) -> dict[JobKey, Snapshot]:
    """What the store and the index know after a diff was recorded."""
    after = dict(known)
    after |= {each.key: each for each in found.same}
    for each in found.changes:
        row = each.after.row or len(after) + 1
        after[each.after.key] = replace(each.after, row=row)
    return after


ENDED_JOBS = {
    Outcome.SUCCEEDED: job("Done", progress=progress(succeeded=10)),
    Outcome.COMPLETED_WITH_FAILURES: job("Done", progress=progress(succeeded=4, failed=6)),
    Outcome.FAILED: job("Failed", progress=progress(succeeded=4, failed=6)),
    Outcome.CANCELLED: job("Cancelled"),
}
"""One ended job for every outcome that a cloud can report."""


EXAMPLE_ID = "021140d8-67ca-4e89-8089-0de9a1e40943"


def example_event() -> JobEvent:
    """The event of the contract's example."""
    failed = job(
        "Failed",
        id=EXAMPLE_ID,
        operation="COSPutObjectCopy",
        description="example-job",
        progress=progress(succeeded=4, failed=6),
        created_at=NOW - 30 * SECOND,
        ended_at=NOW - 14 * SECOND,
    )
    return event(
        snapshot(of=failed, started_at=NOW - 20 * SECOND),
        origin=origin(public_url="https://jobwatch.example.com/"),
    )


def with_job(**fields: Any) -> JobEvent:
    """The same with other fields of its job."""
    base = example_event()
    return replace(base, snapshot=replace(base.snapshot, job=replace(base.snapshot.job, **fields)))


def data_of(told: JobEvent) -> dict[str, Any]:
    """The `data` of an event as a receiver reads it."""
    data = json.loads(encode(document(told, 1)))["data"]
    assert isinstance(data, dict)
    return data
