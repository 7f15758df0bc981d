"""What `--output json` prints: the words of the events and of the glossary, times in RFC 3339."""

import json
from collections.abc import Iterable

from jobwatch.core.documents import Document, instant, job_document
from jobwatch.core.overview import LastError, SourceState
from jobwatch.store.values import AttemptRow, ChangeRow, DeliveryRow, EventRow, JobRow


def source_document(state: SourceState) -> Document:
    """One source, as far as the store knows it."""
    return {
        "name": state.identity.name,
        "provider": state.identity.kind,
        "region": state.identity.region,
        "account": state.identity.account,
        "baselined_at": instant(state.baselined_at),
        "unfinished_data_at": instant(state.unfinished_data_at),
        "all_data_at": instant(state.all_data_at),
        "attempted_at": instant(state.attempted_at),
        "next_sweep_at": instant(state.next_sweep_at),
        "listed": state.listed,
        "unfinished": state.unfinished,
        "failures": state.failures,
        "failing_since": instant(state.failing_since),
        "error": _error(state.last_error),
    }


def _error(error: LastError | None) -> Document | None:
    if error is None:
        return None
    return {
        "at": instant(error.at),
        "class": error.error_class,
        "code": error.code,
        "message": error.message,
        "request_id": error.request_id,
    }


def job_row(row: JobRow) -> Document:
    """One job as last recorded."""
    snapshot = row.snapshot
    return {
        "source": row.source,
        "scope": snapshot.job.scope,
        **job_document(snapshot),
        "first_seen_at": instant(snapshot.first_seen_at),
        "observed_at": instant(snapshot.observed_at),
        "status_since": instant(snapshot.status_since),
        "progressed_at": instant(snapshot.progressed_at),
        "missing_since": instant(snapshot.missing_since),
    }


def change_row(row: ChangeRow) -> Document:
    """One change of a job, with the reason why each receiver was told or was not."""
    return {
        "version": row.version,
        "kind": row.kind,
        "previous_status": row.status_before,
        "status": row.status_after,
        "outcome": row.outcome,
        "observed_at": instant(row.observed_at),
        "authority": row.authority,
        "history": row.history,
        "late": row.late,
        "event_id": row.event_id,
        "routes": row.routes,
    }


def event_row(row: EventRow) -> Document:
    """One event: what the store knows of it, and the document that receivers are sent."""
    return {
        "id": row.id,
        "position": row.position,
        "source": row.source,
        "type": row.type,
        "severity": row.severity,
        "scope": row.scope,
        "job_id": row.job_id,
        "recorded_at": instant(row.recorded_at),
        "released": row.released,
        "event": body_of(row),
    }


def body_of(row: EventRow) -> Document:
    """The event's document; empty where it cannot be read."""
    try:
        body = json.loads(row.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def delivery_row(row: DeliveryRow, attempts: Iterable[AttemptRow] | None = None) -> Document:
    """One delivery, with its attempts where they were read."""
    document: Document = {
        "id": row.id,
        "event_id": row.event_id,
        "type": row.event_type,
        "source": row.source,
        "scope": row.scope,
        "job_id": row.job_id,
        "receiver": row.receiver,
        "state": row.state.value,
        "reason": row.reason,
        "attempts": row.attempts,
        "created_at": instant(row.created_at),
        "due_at": instant(row.due_at),
        "settled_at": instant(row.settled_at),
        "last_result": row.last_result.value if row.last_result else None,
        "last_status": row.last_status,
        "last_answer": row.last_answer,
    }
    if attempts is not None:
        document["tries"] = [_attempt(attempt) for attempt in attempts]
    return document


def _attempt(row: AttemptRow) -> Document:
    return {
        "number": row.number,
        "trigger": row.trigger,
        "started_at": instant(row.started_at),
        "took_seconds": round(row.took.total_seconds(), 3),
        "result": row.result.value,
        "status": row.status,
        "answer": row.answer,
    }
