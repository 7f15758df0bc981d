"""A sweep that broke: remember why, in words that may be shown to anybody, and when to try again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

import structlog

from jobwatch.client.failures import failed_call
from jobwatch.core.errors import (
    ApiError,
    BrokenScopes,
    BrokenWalk,
    CallWithheld,
    NoCredentials,
    TransportError,
    Unexpected,
)
from jobwatch.core.overview import LastError, SourceState
from jobwatch.core.plan import SweepKind, jittered
from jobwatch.poller.source import Source, learnt, walk_state
from jobwatch.store.values import SweepFailure

Breaking: TypeAlias = (
    ApiError
    | TransportError
    | BrokenWalk
    | BrokenScopes
    | NoCredentials
    | CallWithheld
    | Unexpected
)

SAME_STREAK = timedelta(minutes=10)
"""After a longer pause without any try, failures begin a new row: nobody knows what was in between."""

log = structlog.get_logger()


async def broke(source: Source, tried: Sequence[SweepKind], error: Breaking) -> None:
    """Keep what broke a sweep. The data's age stays as it was; a full sweep stays where it stood.

    `tried` is what was tried before there was no hope, the sweep that broke at the end. Each of it waits for an
    interval, a full one that broke before for twice as long as last time.
    """
    state, now = await source.store.source(source.lease), source.clock()
    pause = jittered(source.pace.every, source.chance())
    last = describe_error(error, now)
    if isinstance(error, CallWithheld) and state.last_error is not None:
        # That we do not call is our own doing; why is what the cloud said before.
        last = replace(state.last_error, at=now)
    failures, since = streak(state, now, source.pace.every)
    full = SweepKind.FULL in tried
    hot = SweepKind.HOT in tried or _makes_no_hot_sweeps(source)
    if full and isinstance(error, BrokenWalk):
        source.full = None
    source.full_breaks += full
    source.hot_broke = source.hot_broke or SweepKind.HOT in tried
    failure = SweepFailure(
        at=now,
        error=last,
        failures=failures,
        failing_since=since,
        next_sweep_at=now + pause if hot else None,
        next_full_at=now + _full_pause(source, pause) if full else None,
        walk=walk_state(source.full),
        suspect_since=error.suspect_since if isinstance(error, BrokenScopes) else None,
        learnt=learnt(source, now),
    )
    await source.store.break_sweep(source.lease, failure)
    _log(source, tried[-1], error, failure)


def _log(source: Source, kind: SweepKind, error: Breaking, failure: SweepFailure) -> None:
    """Say it, with what the vendor needs to find the call. Where none went out, that is the one that failed before."""
    last = failure.error
    called = failed_call(error.first if isinstance(error, BrokenScopes) else error)
    log.warning(
        "sweep.failed",
        source=source.name,
        sweep=source.sweep,
        kind=kind.value,
        error_class=last.error_class,
        error=last.message,
        failures=failure.failures,
        failing_since=failure.failing_since,
        call=called["call"],
        result=called["result"],
        http_status=called["http_status"],
        code=last.code,
        request_id=last.request_id,
    )


def _makes_no_hot_sweeps(source: Source) -> bool:
    """Whether no status can be asked for, or no scope is known: only a full sweep may be due next then."""
    return not source.scopes or source.refused.issuperset(source.desk.lifecycle.unfinished)


def _full_pause(source: Source, pause: timedelta) -> timedelta:
    """Until a full sweep is tried again: hot ones go on meanwhile, and a page that cannot be read stays so."""
    longest = max(pause, source.pace.full_every)
    return min(longest, pause * (1 << min(source.full_breaks - 1, 16)))


def streak(state: SourceState, now: datetime, every: timedelta) -> tuple[int, datetime]:
    """How many failures there are in a row with this one, and when the first of them was.

    The pause before a try counts, not how long it took: calls to a cloud that hangs take longer than any pause.
    """
    last_at = state.last_error.at if state.last_error and state.failures else None
    if last_at is None or state.failing_since is None:
        return 1, now
    tried_at = state.attempted_at
    began_at = tried_at if tried_at is not None and last_at < tried_at <= now else now
    if timedelta() <= began_at - last_at <= max(3 * every, SAME_STREAK):
        return state.failures + 1, min(state.failing_since, now)
    return 1, now


def describe_error(error: Breaking, at: datetime) -> LastError:
    """A failure in the words that log, store, API and events share."""
    if isinstance(error, BrokenScopes):
        first = describe_error(error.first, at)
        return replace(first, message=f"{error.where}: {first.message}")
    if isinstance(error, ApiError):
        return LastError(
            at=at,
            error_class=error.result.value,
            code=error.code,
            message=error.message,
            request_id=error.request_id,
        )
    error_class, code = _class_and_code(error)
    return LastError(at=at, error_class=error_class, code=code, message=str(error))


def _class_and_code(
    error: TransportError | BrokenWalk | NoCredentials | CallWithheld | Unexpected,
) -> tuple[str, str]:
    match error:
        case TransportError():
            return "network", error.kind.value
        case BrokenWalk():
            return "broken", error.reason.value
        case NoCredentials():
            return "credentials", "missing"
        case CallWithheld():
            return "withheld", error.reason.value
        case Unexpected():
            return "internal", error.name
        case _:
            assert_never(error)
