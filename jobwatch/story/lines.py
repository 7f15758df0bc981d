"""The story of a job in order of time, from what the store kept of it. Pure.

Law: nothing is guessed. Every line is a row of the store, in words; who was not told is named with the reason.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from jobwatch.core.conditions import ConditionState
from jobwatch.core.events import DETAIL_PATIENCE, EventType
from jobwatch.core.outbox import OPEN, DeliveryState, Result
from jobwatch.core.overview import SourceState
from jobwatch.core.routing import RouteReason
from jobwatch.store.documents import body_of
from jobwatch.store.values import (
    AttemptRow,
    ChangeRow,
    ConditionRow,
    DeliveryRow,
    EventRow,
    JobRow,
    ToldRow,
)
from jobwatch.story.deliveries import answer_of
from jobwatch.story.event_words import condition_words, failure_reasons, part
from jobwatch.story.phrases import NOTHING, instant
from jobwatch.story.words import (
    AUTHORITIES,
    CHANGES,
    DELIVERIES,
    DETAIL_ERRORS,
    ROUTES,
    said,
)


class Kind(StrEnum):
    """What a line of the story is about. Lines of one moment come in this order."""

    CLOUD = "cloud"
    CHANGE = "change"
    MISSING = "missing"
    CONDITION = "condition"
    EVENT = "event"
    ATTEMPT = "attempt"
    DELIVERY = "delivery"


HISTORY = "told nobody: it is history from before jobwatch watched (`first_sight`)"
_EXPLAINED = (DeliveryState.DEAD, DeliveryState.MUTED, DeliveryState.EXPIRED)
_DIGESTS = {
    DeliveryState.PENDING: "that waits",
    DeliveryState.CLAIMED: "that is being sent",
    DeliveryState.DELIVERED: "that is delivered",
    DeliveryState.DEAD: "that was given up",
}
_ORDER = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What happened at some time, and what belongs to it. `bad`: an attempt that failed, a delivery that was given up."""

    at: datetime
    kind: Kind
    words: str
    notes: tuple[str, ...] = ()
    event_id: str | None = None
    bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything that the store kept of one job.

    `state` is its source's, None where that is unknown. What was told before `kept_since` is forgotten. `digests` says
    how those fare that tell its events, by id. Nothing is sent to `paused` receivers, nor
    to those that are left alone (`rests`, until when). Those that `gather` tell a flood in digests, each within a time.
    """

    row: JobRow
    changes: Sequence[ChangeRow]
    told: Sequence[ToldRow]
    conditions: Sequence[ConditionRow]
    deliveries: Sequence[tuple[DeliveryRow, Sequence[AttemptRow]]]
    kept_since: datetime
    state: SourceState | None = None
    digests: Mapping[str, DeliveryState] = field(default_factory=dict)
    paused: frozenset[str] = frozenset()
    rests: Mapping[str, datetime] = field(default_factory=dict)
    gather: Mapping[str, timedelta] = field(default_factory=dict)


def story(known: Known) -> list[Line]:
    """What happened, in order of time."""
    lines = [
        *_by_the_cloud(known),
        *_changes(known),
        *_missing(known),
        *_events(known),
        *_conditions(known),
        *_deliveries(known),
    ]
    return sorted(lines, key=lambda line: (line.at, _ORDER[line.kind]))


def _by_the_cloud(known: Known) -> Iterator[Line]:
    job = known.row.snapshot.job
    if job.created_at:
        yield Line(at=job.created_at, kind=Kind.CLOUD, words="created, by the cloud's clock")
    if job.ended_at:
        yield Line(at=job.ended_at, kind=Kind.CLOUD, words="ended, by the cloud's clock")


def _changes(known: Known) -> Iterator[Line]:
    told = {each.event.id: each for each in known.told}
    snapshot = known.row.snapshot
    if not known.changes:
        forgotten = snapshot.first_seen_at < known.kept_since
        why = "what was told then is forgotten (`retention`)" if forgotten else HISTORY
        yield Line(at=snapshot.first_seen_at, kind=Kind.CHANGE, words="first seen", notes=(why,))
    for change in known.changes:
        event = told.get(change.event_id or "")
        yield Line(
            at=change.observed_at,
            kind=Kind.CHANGE,
            words=f"{said(CHANGES, change.kind)}: {_step(change)}",
            notes=(said(AUTHORITIES, change.authority), *_why_told(change, event)),
            event_id=change.event_id,
        )


def _step(change: ChangeRow) -> str:
    before, after = change.status_before, change.status_after
    outcome = f" ({change.outcome.replace('_', ' ')})" if change.outcome else ""
    return f"{after if before in (None, after) else f'{before} → {after}'}{outcome}"


def _why_told(change: ChangeRow, event: ToldRow | None) -> Iterator[str]:
    if change.history:
        yield HISTORY
        return
    if change.event_id is None:
        yield "told nobody: this is no news"
        return
    if change.late:
        yield "late: it happened while nobody watched"
    kind = event.event.type if event else "event"
    yield f"{kind} {change.event_id}: {routes_in_words(change.routes)}"
    if event is not None:
        yield from _brought(event.event)
        yield from _detail(event.event)


def _brought(row: EventRow) -> Iterator[str]:
    """Which sweep brought it: the word to look for in the log."""
    if row.sweep is not None:
        yield f"recorded by sweep {row.sweep}"


def routes_in_words(routes: Mapping[str, str]) -> str:
    """Who was told, and who was not and why."""
    if not routes:
        return "nobody hears of it, there is no receiver"
    return "; ".join(f"{name} {said(ROUTES, reason)}" for name, reason in routes.items())


def _detail(row: EventRow) -> Iterator[str]:
    """Whether the event waited for DescribeJob, and how that ended."""
    if not row.released:
        yield f"waits for DescribeJob until {instant(row.recorded_at + DETAIL_PATIENCE)} at the latest"
        return
    data = part(body_of(row), "data")
    if data.get("detail_error"):
        yield f"without detail: {said(DETAIL_ERRORS, str(data['detail_error']))}"
    elif data.get("detail"):
        reasons = failure_reasons(part(data, "detail"))
        yield f"with detail{': ' + '; '.join(reasons) if reasons else ''}"


def _missing(known: Known) -> Iterator[Line]:
    snapshot = known.row.snapshot
    if snapshot.missing_since is not None:
        yield Line(
            at=snapshot.missing_since,
            kind=Kind.MISSING,
            words="the cloud says that it knows no such job",
        )
    if snapshot.missing_proved_at is not None:
        yield Line(
            at=snapshot.missing_proved_at,
            kind=Kind.MISSING,
            words="the cloud says so again, and said nothing else in between: the job is gone",
        )
    if snapshot.left_at is not None:
        yield Line(at=snapshot.left_at, kind=Kind.CLOUD, words="listed no more")


def _events(known: Known) -> Iterator[Line]:
    """Events that no change brought: those of conditions, and those whose change is forgotten."""
    of_changes = {change.event_id for change in known.changes}
    for each in known.told:
        if each.event.id in of_changes:
            continue
        condition = part(part(body_of(each.event), "data"), "condition")
        words = condition_words(condition) if condition else _told(each.event)
        yield Line(
            at=each.event.recorded_at,
            kind=Kind.CONDITION if condition else Kind.EVENT,
            words=words,
            notes=(
                f"{each.event.type} {each.event.id}: {routes_in_words(each.routes)}",
                *_brought(each.event),
                *(_detail(each.event) if not condition else ()),
            ),
            event_id=each.event.id,
        )


def _told(row: EventRow) -> str:
    if row.type != EventType.OUTPUT_EXPIRING:
        return f"told: {row.type}"
    expires_at = part(part(body_of(row), "data"), "job").get("output_expires_at")
    with suppress(ValueError):  # else it is shown as it was written
        expires_at = instant(datetime.fromisoformat(str(expires_at)))
    return f"told: its output expires {expires_at}"


def _conditions(known: Known) -> Iterator[Line]:
    """Conditions whose events are forgotten, or that an ending closed without one."""
    told = {
        (str(note.get("id")), str(note.get("state")))
        for each in known.told
        if (note := part(part(body_of(each.event), "data"), "condition"))
    }
    for row in known.conditions:
        if (row.id, ConditionState.OPENED) not in told:
            words = f"{row.name}: opened, it holds since {instant(row.since)}"
            yield Line(at=row.opened_at, kind=Kind.CONDITION, words=words)
        if row.closed_at is not None and (row.id, ConditionState.CLOSED) not in told:
            yield Line(at=row.closed_at, kind=Kind.CONDITION, words=f"{row.name}: closed")


def _deliveries(known: Known) -> Iterator[Line]:
    for row, attempts in known.deliveries:
        for attempt in attempts:
            yield Line(
                at=attempt.started_at,
                kind=Kind.ATTEMPT,
                words=_attempt(row, attempt),
                event_id=row.event_id,
                bad=attempt.result is not Result.OK,
            )
        unsent = row.state not in (*OPEN, DeliveryState.DELIVERED)
        if unsent and row.settled_at is not None:
            yield Line(
                at=row.settled_at,
                kind=Kind.DELIVERY,
                words=f"{row.receiver}, {row.event_type}: {said(DELIVERIES, row.state)}{_why(row, known)}",
                event_id=row.event_id,
                bad=row.state is DeliveryState.DEAD,
            )


def _why(row: DeliveryRow, known: Known) -> str:
    """Why it was not sent by itself, where more is known: which digest, which mute, the last answer."""
    if row.digest_id is not None:
        stand = known.digests.get(row.digest_id)
        return f" {row.digest_id}" + (f", {_DIGESTS.get(stand, stand.value)}" if stand else "")
    if row.state in _EXPLAINED and (answer := answer_of(row)) != NOTHING:
        return f" ({answer})"
    routed = row.reason in set(RouteReason)  # why it was to be sent, not why it was not
    return "" if routed or not row.reason else f" ({row.reason.replace('_', ' ')})"


def _attempt(row: DeliveryRow, attempt: AttemptRow) -> str:
    ok = attempt.result is Result.OK
    status = f"HTTP {attempt.status}, " if attempt.status else ""
    by_hand = ", by hand" if attempt.trigger != "auto" else ""
    took = f"{attempt.took.total_seconds():.2f} s"
    result = "accepted" if ok else attempt.result.value
    answer = f": {attempt.answer}" if attempt.answer and not ok else ""
    return (
        f"{row.receiver}, {row.event_type}: {result} "
        f"({status}{took}, try {attempt.number}{by_hand}){answer}"
    )
