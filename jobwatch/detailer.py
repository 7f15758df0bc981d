"""Asks DescribeJob for events that wait for it, and lets them be delivered.

Law: it writes no snapshot. What an answer shows beyond the snapshot goes to the source's own task.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from structlog.contextvars import bind_contextvars

from jobwatch.client import ApiClient
from jobwatch.core.detail import Answer, Told, Wait, decide
from jobwatch.core.errors import (
    ApiError,
    CallWithheld,
    NoCredentials,
    TransportError,
    TransportKind,
)
from jobwatch.core.events import DETAIL_PATIENCE
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import Job, JobKey
from jobwatch.store import Store
from jobwatch.store.values import AwaitingDetail, Lease, Release

AT_ONCE = 8
"""DescribeJob calls in flight; the bucket orders them behind ListJobs."""

ASKED = 64
"""Jobs asked about in one pass, so that early answers are told while late ones are still fetched."""

BATCH = 1000
"""Events looked at in one pass: those that are overdue are told, asked about or not."""

LINES = 50
"""Of so many events that are released at once each has a line in the log."""

AGAIN = timedelta(seconds=2)
IDLE = timedelta(seconds=30)
LAST_CHANCE = timedelta(seconds=10)
"""How long an event that is overdue already, after downtime, may still wait for its one answer."""

LONGEST_PASS = timedelta(seconds=30)
"""How long calls that hang may hold back the other events of their pass."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detailer:
    """What the detailer of one source works with.

    `hand_over` takes news to the source's task, with the version of the snapshot that it goes beyond.
    """

    source: str
    client: ApiClient
    store: Store
    lease: Lease
    lifecycle: Lifecycle
    clock: Callable[[], datetime]
    hand_over: Callable[[Job, int], None]
    released: Callable[[], None]


async def release_details(detailer: Detailer) -> timedelta:
    """One pass over the events of one source that wait for detail. Returns the pause until the next pass.

    1. Ask DescribeJob about the most urgent jobs, each once, until the first of the events must be told.
    2. Release those whose answer agrees, that need not hope for one, or that are due: with detail or a reason.
    3. Hand over what is newer than the snapshot; those events wait for the source to record it.
    """
    waiting = await detailer.store.awaiting_detail(detailer.lease, limit=BATCH)
    if not waiting:
        return IDLE
    answers = await _ask(detailer, waiting[:ASKED])
    now = detailer.clock()
    releases: list[Release] = []
    for event in waiting:
        answer = answers.get(event.key, NO_ANSWER)
        until = _until(event, now)
        match decide(event.snapshot, answer, detailer.lifecycle, now=now, until=until):
            case Told(detail=detail, error=error):
                releases.append(Release(event_id=event.event_id, detail=detail, error=error))
            case Wait(news=Job() as job):
                detailer.hand_over(job, event.snapshot.version)
            case Wait():
                pass
    released = await detailer.store.release(detailer.lease, releases)
    if released:
        detailer.released()
    _report(detailer, waiting, releases)
    return timedelta() if len(waiting) > ASKED and releases else AGAIN


NO_ANSWER = TransportError(TransportKind.TIMEOUT, "no answer before the event had to be told")


def _until(event: AwaitingDetail, now: datetime) -> datetime:
    """When the event is told at the latest; a time that could not have been written counts as now."""
    return event.detail_until if event.detail_until <= now + DETAIL_PATIENCE else now


async def _ask(detailer: Detailer, waiting: Sequence[AwaitingDetail]) -> dict[JobKey, Answer]:
    """The answers that come before the first event must be told."""
    now = detailer.clock()
    left = min(_until(event, now) for event in waiting) - now
    slots = asyncio.Semaphore(AT_ONCE)
    sweeps = {event.key: event.sweep for event in waiting}
    answers: dict[JobKey, Answer] = {}

    async def ask(key: JobKey) -> None:
        bind_contextvars(scope=key.scope, job=key.id, sweep=sweeps[key])  # of this task alone
        async with slots:
            try:
                answers[key] = await detailer.client.describe(key)
            except (ApiError, TransportError, NoCredentials, CallWithheld) as error:
                answers[key] = error
            except Exception:  # one poison answer must not hold back every event of the source
                log.exception("call.broken", source=detailer.source, scope=key.scope, job=key.id)

    try:
        async with (
            asyncio.timeout(min(max(left, LAST_CHANCE), LONGEST_PASS).total_seconds()),
            asyncio.TaskGroup() as group,
        ):
            for key in sweeps:
                group.create_task(ask(key))
    except TimeoutError:
        log.warning(
            "details.timed_out", source=detailer.source, asked=len(waiting), answered=len(answers)
        )
    return answers


def _report(
    detailer: Detailer, waiting: Sequence[AwaitingDetail], releases: Sequence[Release]
) -> None:
    """Say which events may be delivered now: a line for each, or one for a crowd."""
    missed = [each for each in releases if each.error is not None]
    if missed:
        reason, jobs = missed[0].error, len(missed)
        log.warning("details.missed", source=detailer.source, events=jobs, reason=reason)
    left = len(waiting) - len(releases)
    if len(releases) > LINES:
        log.info("events.released", source=detailer.source, events=len(releases), waiting=left)
        return
    events = {each.event_id: each for each in waiting}
    for each in releases:
        event = events[each.event_id]
        log.info(
            "event.released",
            source=detailer.source,
            event_id=each.event_id,
            type=event.event_type,
            scope=event.key.scope,
            job=event.key.id,
            sweep=event.sweep,
            detail_error=each.error,
        )
