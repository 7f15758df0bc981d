"""What `--output json` prints: the words of the events and of the glossary, times in RFC 3339."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from jobwatch.core.documents import Document, error_document, instant, job_document
from jobwatch.core.forecast import Forecast
from jobwatch.core.muting import Mute
from jobwatch.core.overview import LastSweep, SourceKeys, SourceState, Spending, WalkState
from jobwatch.store.glance_values import WholeStory
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.values import (
    AttemptRow,
    ChangeRow,
    ConditionRow,
    DeliveryRow,
    EventRow,
    JobRow,
    ToldRow,
)


def source_document(state: SourceState) -> Document:
    """One source, as far as the store knows it. `error` is the last one, `recovered` that it is over."""
    error = state.last_error
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
        "error": {"at": instant(error.at), **(error_document(error) or {})} if error else None,
        "recovered": error is not None and not state.failures,
        "watched_until": instant(state.watched_until),
        "next_full_at": instant(state.next_full_at),
        "asked_at": instant(state.asked_at),
        "suspect_since": instant(state.suspect_since),
        "last_sweep": sweep_document(state.last_sweep),
        "full_sweep": _walk(state.walk),
        "calls": _spending(state.spending),
        "clock_offset_seconds": seconds(state.clock_offset),
        "credentials": keys_document(state.keys),
        "gaps": [
            {"began_at": instant(gap.began_at), "ended_at": instant(gap.ended_at)}
            for gap in state.gaps.spans
        ],
    }


def sweep_document(sweep: LastSweep | None) -> Document | None:
    """The last complete sweep."""
    if sweep is None:
        return None
    return {
        "kind": sweep.kind,
        "reason": sweep.reason,
        "started_at": instant(sweep.started_at),
        "took_seconds": seconds(sweep.took),
        "pages": sweep.pages,
        "followed": sweep.followed,
        "calls": sweep.calls,
        "refused": list(sweep.refused),
        "scopes": sweep.scopes,
        "missing": list(sweep.missing),
    }


def _walk(walk: WalkState | None) -> Document | None:
    """A full sweep under way; its token means nothing to anybody but the cloud."""
    if walk is None:
        return None
    return {
        "started_at": instant(walk.started_at),
        "scope": walk.scope or None,
        "pages": walk.pages,
        "listed": walk.listed,
    }


def _spending(spending: Spending | None) -> Document | None:
    if spending is None:
        return None
    return {
        "rate": spending.rate,
        "limit": spending.limit,
        "last_hour": spending.hour,
        "throttled": spending.throttled,
        "withheld_until": instant(spending.withheld_until),
        "withheld_reason": spending.withheld_reason or None,
    }


def keys_document(keys: SourceKeys | None) -> Document | None:
    """What may be said of keys."""
    return None if keys is None else {"kind": keys.kind, "expires_at": instant(keys.expires_at)}


def seconds(duration: timedelta | None) -> float | None:
    """A length of time as JSON says it, to the millisecond."""
    return None if duration is None else round(duration.total_seconds(), 3)


def condition_row(row: ConditionRow) -> Document:
    """One condition, open while `closed_at` is null."""
    return {
        "id": row.id,
        "name": row.name,
        "since": instant(row.since),
        "opened_at": instant(row.opened_at),
        "reminded_at": instant(row.reminded_at),
        "reminders": row.reminders,
        "closed_at": instant(row.closed_at),
    }


def forecast_document(forecast: Forecast) -> Document:
    """How fast a job works, in tasks a second, and when it will be done at this pace."""
    rate = forecast.rate
    return {
        "rate": None if rate is None else round(rate, 6),
        "done_at": instant(forecast.done_at),
    }


def job_row(row: JobRow) -> Document:
    """One job as last recorded."""
    snapshot = row.snapshot
    return {
        "source": row.source,
        **job_document(snapshot),
        "first_seen_at": instant(snapshot.first_seen_at),
        "observed_at": instant(snapshot.observed_at),
        "status_since": instant(snapshot.status_since),
        "progressed_at": instant(snapshot.progressed_at),
        "missing_since": instant(snapshot.missing_since),
        "expiry_told_at": instant(row.expiry_told_at),
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


def whole_document(whole: WholeStory, forecast: Forecast) -> Document:
    """Everything known of one job; of each list the latest, `cut` says whether there was more."""
    return {
        "job": job_row(whole.row),
        "detail": whole.row.detail,
        "forecast": forecast_document(forecast),
        "conditions": [condition_row(row) for row in whole.conditions],
        "changes": [change_row(change) for change in whole.changes],
        "events": [told_document(each) for each in whole.told],
        "deliveries": [delivery_row(row, attempts) for row, attempts in whole.deliveries],
        "cut": whole.cut,
    }


def told_document(told: ToldRow) -> Document:
    """One event of a job, with the reason why each receiver was told or was not."""
    return {**event_row(told.event), "routes": told.routes}


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
        "sweep": row.sweep,
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
        "digest_id": row.digest_id,
        "manual": row.manual,
    }
    if attempts is not None:
        document["tries"] = [_attempt(attempt) for attempt in attempts]
    return document


def _attempt(row: AttemptRow) -> Document:
    return {
        "number": row.number,
        "trigger": row.trigger,
        "started_at": instant(row.started_at),
        "took_seconds": seconds(row.took),
        "result": row.result.value,
        "status": row.status,
        "answer": row.answer,
    }


def mute_document(mute: Mute, now: datetime) -> Document:
    """One mute. A part that is null fits everything; `holds` says whether it silences anything now."""
    silence = mute.silence
    return {
        "id": mute.id,
        "source": silence.source,
        "job": silence.job,
        "description": silence.description,
        "reason": silence.reason,
        "created_at": instant(mute.created_at),
        "expires_at": instant(mute.expires_at),
        "ended_at": instant(mute.ended_at),
        "holds": mute.holds(now),
    }


def receiver_row(row: ReceiverRow) -> Document:
    """One receiver, and what waits for it. Its URL is a secret."""
    return {
        "name": row.name,
        "state": row.state.value,
        "reason": row.reason,
        "failures": row.failures,
        "failing_since": instant(row.failing_since),
        "open_until": instant(row.open_until),
        "held_until": instant(row.held_until),
        "paused_at": instant(row.paused_at),
        "last_success_at": instant(row.last_success_at),
        "pending": row.pending,
        "dead": row.dead,
        "oldest_at": instant(row.oldest_at),
        "last_error": row.last_error or None,
    }
