"""The document that tells an event: CloudEvents 1.0 with Standard Webhooks' `timestamp` (contract section 5).

Its id is computed from what it tells, its sequence number is given by the store; its body never changes once released.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TypeAlias, assert_never

from jobwatch.core.conditions import ConditionNote
from jobwatch.core.events import Count, DigestEvent, Event, JobEvent, ReceiverEvent, SourceEvent
from jobwatch.core.links import home_link, job_link
from jobwatch.core.model import TEXT_LIMIT, Job, JobDetail, Origin, Progress, Snapshot
from jobwatch.core.overview import LastError

FAILURES_TOLD = 10
FIELDS_TOLD = 30
JOB_SCHEMA = "urn:jobwatch:schema:job:1.0"
SOURCE_SCHEMA = "urn:jobwatch:schema:source:1.0"
RECEIVER_SCHEMA = "urn:jobwatch:schema:receiver:1.0"
DIGEST_SCHEMA = "urn:jobwatch:schema:digest.data:1.0"

_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_LARGEST = 2**63 - 1
_ENOUGH = 20
"""Bytes of a hash that 26 characters are made of, and no padding."""

_OFFSET = len("+00:00")

Document: TypeAlias = dict[str, object]


def event_id(event: Event, sequence: int) -> str:
    """The id of an event: a hash of what it tells, the same whoever computes it."""
    status, ended_at = "", ""
    if isinstance(event, JobEvent):
        job = event.snapshot.job
        status, ended_at = job.status, instant(job.ended_at) or ""
    parts = (
        event.origin.instance,
        event.origin.source,
        event.scope,
        event.job_id if not isinstance(event, DigestEvent) else event.receiver,
        str(sequence),
        event.type.value,
        status,
        ended_at,
    )
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()
    return "evt_" + base64.b32encode(digest[:_ENOUGH]).decode().lower()[:26]


def instant(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC; whole seconds without a fraction, else milliseconds."""
    if moment is None:
        return None
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat("T", spec)[:-_OFFSET] + "Z"


def document(event: Event, sequence: int) -> Document:
    """The event as a CloudEvents document; the detail of a job is still null where DescribeJob is yet to be asked."""
    origin = event.origin
    observed_at = instant(event.observed_at)
    match event:
        case JobEvent():
            about, schema, told = subject(event.snapshot.job), JOB_SCHEMA, _job_data(event)
        case SourceEvent():
            about, schema, told = origin.source, SOURCE_SCHEMA, _source_data(event)
        case ReceiverEvent():
            about, schema, told = event.receiver, RECEIVER_SCHEMA, _receiver_data(event)
        case DigestEvent():
            about, schema, told = event.receiver, DIGEST_SCHEMA, _digest_data(event)
        case _:
            assert_never(event)
    return {
        "specversion": "1.0",
        "id": event_id(event, sequence),
        "source": f"/jobwatch/{origin.instance}/{origin.source}".rstrip("/"),
        "type": event.type.value,
        "subject": about,
        "sequence": f"{sequence:020d}",
        "time": observed_at,
        "timestamp": observed_at,
        "datacontenttype": "application/json",
        "dataschema": schema,
        "data": {
            **_origin_data(origin),
            "severity": event.severity.value,
            "observed_at": observed_at,
            **told,
        },
    }


def _origin_data(origin: Origin) -> Document:
    """Which source it is about; nothing where jobwatch speaks of itself."""
    if not origin.source:
        return {}
    return {
        "source": origin.source,
        "provider": origin.provider,
        "region": origin.region,
        "labels": dict(origin.labels),
    }


def _job_data(event: JobEvent) -> Document:
    return {
        "previous_status": event.previous_status,
        "late": event.late,
        "condition": condition_document(event.condition),
        "job": job_document(event.snapshot),
        "detail": event.detail,
        "links": job_link(event.origin, event.snapshot.key),
    }


def _source_data(event: SourceEvent) -> Document:
    return {
        "condition": condition_document(event.condition),
        "error": error_document(event.error),
        "since": instant(event.since),
        "last_sweep_at": instant(event.last_sweep_at),
        **event.counts,
        "links": {"source": event.origin.public_url} if event.origin.public_url else {},
    }


def _receiver_data(event: ReceiverEvent) -> Document:
    return {
        "receiver": event.receiver,
        "condition": condition_document(event.condition),
        "reason": event.reason or None,
        "error": event.error or None,
        "pending": event.pending,
        "links": home_link(event.origin),
    }


def _digest_data(event: DigestEvent) -> Document:
    return {
        "receiver": event.receiver,
        "total": event.total,
        "began_at": instant(event.began_at),
        "ended_at": instant(event.ended_at),
        "counts": [_count_document(each) for each in event.counts],
        "samples": [dict(each) for each in event.samples],
        "omitted": event.total - len(event.samples),
        "links": home_link(event.origin),
    }


def _count_document(each: Count) -> Document:
    return {
        "source": each.source or None,
        "type": each.type.value,
        "severity": each.severity.value,
        "count": each.count,
        "tasks": each.tasks,
        "tasks_failed": each.tasks_failed,
    }


def condition_document(note: ConditionNote | None) -> Document | None:
    """The `data.condition` part. `reminder` counts the reminders told so far."""
    if note is None:
        return None
    return {
        "name": note.name.value,
        "state": note.state.value,
        "id": note.id,
        "since": instant(note.since),
        "reminder": note.reminder,
    }


def error_document(error: LastError | None) -> Document | None:
    """The `data.error` part of what is told of a source."""
    if error is None:
        return None
    return {
        "class": error.error_class,
        "code": error.code,
        "message": error.message,
        "request_id": error.request_id,
    }


def subject(job: Job) -> str:
    """The job's name within its source: its id, with the scope before it where there is one."""
    return f"{job.scope}/{job.id}" if job.scope else job.id


def job_document(snapshot: Snapshot) -> Document:
    """The `data.job` part: the job as last recorded. Durations are seconds from creation to end."""
    job = snapshot.job
    took = job.ended_at - job.created_at if job.ended_at and job.created_at else None
    return {
        "id": job.id,
        "scope": job.scope or None,
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
        "output_expires_at": instant(job.output_expires_at),
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
        "fields": fields_document(detail.fields) if detail.fields is not None else None,
    }


def fields_document(fields: Mapping[str, object], most: int = FIELDS_TOLD) -> Document:
    """The `data.detail.fields` part: what only one kind of API says, `most` of it, and a fifth of that in an object within.

    Left out is what says nothing or would break a reader or the bound of a body: nulls, numbers of more than 64 bits,
    odd names.
    """
    told = {name: _told(value, most) for name, value in fields.items() if _FIELD.fullmatch(name)}
    return dict(islice(((name, each) for name, each in told.items() if each is not None), most))


def _told(value: object, most: int) -> object:
    match value:
        case bool():
            return value
        case int():
            return value if abs(value) <= _LARGEST else None
        case str():
            return value[:TEXT_LIMIT]
        case Mapping() if most > 1:
            return fields_document(value, most // 5) or None
        case _:
            return None


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
