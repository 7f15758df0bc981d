"""What is worth telling, and the document that tells it.

An event is a CloudEvents 1.0 JSON document with Standard Webhooks' `timestamp` (contract section 5). Its id is
computed from what it tells, its sequence number is given by the store; its body never changes once released.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias, assert_never
from urllib.parse import quote

from jobwatch.core.diff import TOLD_KINDS, Change, ChangeKind
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import Job, JobDetail, Origin, Outcome, Progress, Snapshot

BODY_LIMIT = 20_000
DETAIL_PATIENCE = timedelta(minutes=2)
FAILURES_TOLD = 10
SCHEMA = "urn:jobwatch:schema:job:1.0"

Document: TypeAlias = dict[str, object]


class EventType(StrEnum):
    """The types this version tells."""

    SUCCEEDED = "job.succeeded"
    COMPLETED_WITH_FAILURES = "job.completed_with_failures"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"
    DISCOVERED = "job.discovered"
    STATUS_CHANGED = "job.status_changed"


class Severity(StrEnum):
    """How urgent an event is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


ENDINGS = frozenset(
    {EventType.SUCCEEDED, EventType.COMPLETED_WITH_FAILURES, EventType.FAILED, EventType.CANCELLED}
)
PROBLEMS = frozenset({EventType.COMPLETED_WITH_FAILURES, EventType.FAILED})
GROUPS = {"endings": ENDINGS, "problems": PROBLEMS}
"""The words that `wants.types` accepts for several types at once."""

_OUTCOMES = {
    Outcome.SUCCEEDED: EventType.SUCCEEDED,
    Outcome.COMPLETED_WITH_FAILURES: EventType.COMPLETED_WITH_FAILURES,
    Outcome.FAILED: EventType.FAILED,
    Outcome.CANCELLED: EventType.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """Something worth telling about one job, before the store gave it its sequence number.

    `needs_detail`: it is told once DescribeJob answered, or when patience ends.
    """

    type: EventType
    severity: Severity
    origin: Origin
    snapshot: Snapshot
    previous_status: str | None
    observed_at: datetime
    late: bool
    needs_detail: bool

    @property
    def ending(self) -> bool:
        """Whether the event tells the end of its job."""
        return self.type in ENDINGS


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
        needs_detail=lifecycle.needs_detail(job.status),
    )


def _type(change: Change) -> EventType:
    outcome = change.after.outcome
    if change.kind in (ChangeKind.ENDED, ChangeKind.OUTCOME_CHANGED) and outcome in _OUTCOMES:
        return _OUTCOMES[outcome]
    return (
        EventType.DISCOVERED if change.kind is ChangeKind.DISCOVERED else EventType.STATUS_CHANGED
    )


def _severity(event_type: EventType, job: Job) -> Severity:
    match event_type:
        case EventType.FAILED:
            return Severity.CRITICAL
        case EventType.COMPLETED_WITH_FAILURES:
            nothing_worked = job.progress is not None and job.progress.succeeded == 0
            return Severity.CRITICAL if nothing_worked else Severity.WARNING
        case (
            EventType.SUCCEEDED
            | EventType.CANCELLED
            | EventType.DISCOVERED
            | EventType.STATUS_CHANGED
        ):
            return Severity.INFO
        case _:
            assert_never(event_type)


def event_id(event: JobEvent, sequence: int) -> str:
    """The id of an event: a hash of what it tells, the same whoever computes it."""
    job = event.snapshot.job
    parts = (
        event.origin.instance,
        event.origin.source,
        job.scope,
        job.id,
        str(sequence),
        event.type.value,
        job.status,
        instant(job.ended_at) or "",
    )
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()
    return "evt_" + base64.b32encode(digest).decode().lower()[:26]


def instant(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC; whole seconds without a fraction, else milliseconds."""
    if moment is None:
        return None
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def document(event: JobEvent, sequence: int) -> Document:
    """The event as a CloudEvents document, its detail still null."""
    origin, job = event.origin, event.snapshot.job
    observed_at = instant(event.observed_at)
    return {
        "specversion": "1.0",
        "id": event_id(event, sequence),
        "source": f"/jobwatch/{origin.instance}/{origin.source}",
        "type": event.type.value,
        "subject": subject(job),
        "sequence": f"{sequence:020d}",
        "time": observed_at,
        "timestamp": observed_at,
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
        "data": {
            "source": origin.source,
            "provider": origin.provider,
            "region": origin.region,
            "labels": dict(origin.labels),
            "severity": event.severity.value,
            "observed_at": observed_at,
            "previous_status": event.previous_status,
            "late": event.late,
            "condition": None,
            "job": job_document(event.snapshot),
            "detail": None,
            "links": _links(origin, job),
        },
    }


def subject(job: Job) -> str:
    """The job's name within its source: its id, with the scope before it where there is one."""
    return f"{job.scope}/{job.id}" if job.scope else job.id


def _links(origin: Origin, job: Job) -> dict[str, str]:
    if origin.public_url is None:
        return {}
    names = (origin.source, job.scope, job.id) if job.scope else (origin.source, job.id)
    path = "/".join(quote(name, safe="", errors="replace") for name in names)
    return {"job": f"{origin.public_url.rstrip('/')}/jobs/{path}"}


def job_document(snapshot: Snapshot) -> Document:
    """The `data.job` part: the job as last recorded. Durations are seconds from creation to end."""
    job = snapshot.job
    took = job.ended_at - job.created_at if job.ended_at and job.created_at else None
    return {
        "id": job.id,
        "status": job.status,
        "phase": job.phase.value,
        "outcome": snapshot.outcome.value if snapshot.outcome else None,
        "operation": job.operation,
        "description": job.description,
        "priority": job.priority,
        "created_at": instant(job.created_at),
        "started_at": instant(snapshot.started_at),
        "ended_at": instant(job.ended_at),
        "duration_seconds": took.total_seconds() if took is not None else None,
        "progress": progress_document(job.progress) if job.progress else None,
    }


def progress_document(progress: Progress) -> Document:
    """Counts and ratios; a ratio is null while nothing is finished."""
    return {
        "total": progress.total,
        "succeeded": progress.succeeded,
        "failed": progress.failed,
        "finished_ratio": _rounded(progress.finished_ratio),
        "failed_ratio": _rounded(progress.failed_ratio),
    }


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 6)


def detail_document(detail: JobDetail) -> Document:
    """The `data.detail` part."""
    return {
        "status_reason": detail.status_reason,
        "suspended_cause": detail.suspended_cause,
        "failures": [
            {"code": reason.code, "message": reason.message}
            for reason in detail.failures[:FAILURES_TOLD]
        ],
        "manifest": detail.manifest,
        "report": detail.report,
        "role": detail.role,
    }


def released(draft: Document, detail: JobDetail | None, error: str | None) -> Document:
    """The document with its detail, or with the reason why there is none."""
    data = draft["data"]
    if not isinstance(data, dict):  # a document this program wrote always has one
        msg = "an event document without data"
        raise TypeError(msg)
    data = dict(data)
    data["detail"] = detail_document(detail) if detail else None
    if detail is None and error is not None:
        data["detail_error"] = error
    return {**draft, "data": data}


def encode(doc: Document) -> bytes:
    """The document as UTF-8 JSON under 20 KB: long texts are cut, never the structure."""
    limit = 1024
    body = _dump(doc)
    while len(body) > BODY_LIMIT and limit >= 1:
        body = _dump(_cut(doc, limit))
        limit //= 2
    return body


def _dump(doc: object) -> bytes:
    return json.dumps(doc, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


_FREE = frozenset({"description", "operation", "status", "previous_status", "labels", "detail"})
"""Parts of a document that people or the cloud wrote; all others are names, times and numbers."""


def _cut(value: object, limit: int, *, free: bool = False) -> object:
    if isinstance(value, str):
        return value[: limit - 1] + "…" if free and len(value) > limit else value
    if isinstance(value, dict):
        return {key: _cut(item, limit, free=free or key in _FREE) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, limit, free=free) for item in value]
    return value
