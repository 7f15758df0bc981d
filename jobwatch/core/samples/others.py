"""Samples of what is told of sources, of receivers, and of many events at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from jobwatch.core.breaker import PauseReason
from jobwatch.core.conditions import ConditionName, ConditionState
from jobwatch.core.documents import Document
from jobwatch.core.events import (
    Count,
    DigestEvent,
    EventType,
    ReceiverEvent,
    Severity,
    SourceEvent,
)
from jobwatch.core.model import Origin
from jobwatch.core.news import condition_severity
from jobwatch.core.overview import LastError
from jobwatch.core.samples.draft import HOUR, MINUTE, NOW, SECOND, Draft, note

_ERROR = LastError(
    at=NOW - 10 * SECOND,
    error_class="denied",
    code="AccessDenied",
    message="Access Denied.",
    request_id="NTk0NTRjZjZfNTViMjM1XzlkMV9hZTZh",
)


def of_sources(origin: Origin) -> Iterator[Draft]:
    """Every sample that is about a source."""
    for state in ConditionState:
        error = None if state is ConditionState.CLOSED else _ERROR
        yield _source(origin, ConditionName.UNREACHABLE, state, error, {})
    for state in ConditionState:
        yield _source(origin, ConditionName.SUSPECT, state, None, {"missing": 37, "unfinished": 50})
    event = SourceEvent(
        type=EventType.BASELINED,
        severity=Severity.INFO,
        origin=origin,
        observed_at=NOW,
        last_sweep_at=NOW - 4 * SECOND,
        counts={"listed": 12_345, "unfinished": 17, "waiting": 2},
    )
    yield Draft("source.baselined", event)


def _source(
    origin: Origin,
    name: ConditionName,
    state: ConditionState,
    error: LastError | None,
    counts: Mapping[str, int],
) -> Draft:
    told = note(name, state, HOUR, place=f"{origin.instance}/{origin.source}")
    event = SourceEvent(
        type=EventType.UNREACHABLE if name is ConditionName.UNREACHABLE else EventType.SUSPECT,
        severity=condition_severity(told, Severity.CRITICAL),
        origin=origin,
        observed_at=NOW,
        condition=told,
        error=error,
        since=told.since,
        last_sweep_at=NOW - HOUR - 30 * SECOND,
        counts=counts,
    )
    return Draft(f"{event.type.value}.{state.value}", event)


def of_receivers(origin: Origin) -> Iterator[Draft]:
    """Every sample that is about a receiver; `origin` is the source of the jobs, not theirs."""
    home = at_home(origin)
    for state in ConditionState:
        told = note(ConditionName.PAUSED, state, HOUR, place=f"{origin.instance}/ops")
        over = state is ConditionState.CLOSED
        event = ReceiverEvent(
            type=EventType.PAUSED,
            severity=condition_severity(told, Severity.CRITICAL),
            origin=home,
            receiver="ops",
            observed_at=NOW,
            condition=told,
            reason="" if over else PauseReason.GONE.value,
            error="" if over else "gone (HTTP 410)",
            pending=42,
        )
        yield Draft(f"receiver.paused.{state.value}", event)
    test = ReceiverEvent(
        type=EventType.TEST,
        severity=Severity.INFO,
        origin=home,
        receiver="ops",
        observed_at=NOW,
    )
    yield Draft("receiver.test", test)


def digest(origin: Origin, told: Sequence[Document]) -> Draft:
    """37 events of a minute in one, with the documents of some of them."""
    failed, partly = EventType.FAILED, EventType.COMPLETED_WITH_FAILURES
    event = DigestEvent(
        origin=at_home(origin),
        severity=Severity.CRITICAL,
        receiver="chat",
        observed_at=NOW,
        began_at=NOW - MINUTE,
        ended_at=NOW - SECOND,
        counts=(
            _count(origin, failed, Severity.CRITICAL, 35, tasks=3500),
            _count(origin, partly, Severity.WARNING, 2, tasks=20),
        ),
        samples=tuple(told),
    )
    return Draft("digest", event)


def _count(origin: Origin, kind: EventType, severity: Severity, count: int, *, tasks: int) -> Count:
    return Count(
        source=origin.source,
        type=kind,
        severity=severity,
        count=count,
        tasks=tasks,
        tasks_failed=tasks * 6 // 10,
    )


def at_home(origin: Origin) -> Origin:
    """Where jobwatch speaks of itself: no source."""
    return replace(origin, source="", provider="", region="", account="", labels={})
