"""One source's only writer: it sweeps the listing, follows what the listing does not show, and records changes.

Law: a sweep that broke proves nothing. It leaves absence unjudged and the data's age as it was, and says so.
"""

from datetime import datetime, timedelta

import structlog

from jobwatch.core.codec import Walk
from jobwatch.core.diff import Authority
from jobwatch.core.errors import ApiError, BrokenWalk, NoCredentials, TransportError
from jobwatch.core.overview import LastError
from jobwatch.poller.observing import follow, observe
from jobwatch.poller.source import Pace, Source, load_index, watch_for
from jobwatch.store.values import SweepFailure, SweepReport

__all__ = ["Pace", "Source", "load_index", "sweep", "sweep_safely", "take_inbox", "turn"]

JITTER = 0.1

BROKEN = (ApiError, TransportError, BrokenWalk, NoCredentials)
"""What breaks a sweep without being a fault of this program; NoCredentials: no credentials to sign with."""

log = structlog.get_logger()


async def turn(source: Source) -> timedelta:
    """One turn of the source's loop: take in what the detailer found, sweep if one is due, say when to come back."""
    if source.inbox:
        await take_inbox(source)
    state = await source.store.source(source.lease)
    source.attempted = source.attempted or state.attempted_at is not None
    now = source.clock()
    longest = source.pace.every * (1 + JITTER)
    due_at = state.next_sweep_at
    # A due time further ahead than could have been written comes from a clock that stepped: it counts as due.
    if due_at is not None and now < due_at <= now + longest:
        return due_at - now
    return await sweep_safely(source)


async def sweep_safely(source: Source) -> timedelta:
    """Sweep; if the sweep breaks, remember why. Returns the pause until the next one."""
    if not source.index_sure:
        source.index, source.index_sure = await load_index(source.store, source.lease), True
    try:
        await sweep(source)
    except BROKEN as error:
        await _broke(source, error)
    finally:
        source.attempted = True
        source.unsettled.clear()
    state = await source.store.source(source.lease)
    next_at = state.next_sweep_at or source.clock()
    return max(timedelta(), next_at - source.clock())


async def sweep(source: Source) -> None:
    """Walk every page once, recording each before asking for the next; then follow what no page showed.

    1. Members whose bytes are known count as seen. The others are compared with their snapshots; the changes,
       their events and deliveries are recorded in one transaction a page.
    2. Known unfinished jobs that no page showed are asked for with DescribeJob.
    3. Only then is the sweep finished. An exception leaves at any point and nothing is judged.
    """
    store, lease, index = source.store, source.lease, source.index
    started_at = source.clock()
    await store.begin_sweep(lease, started_at)
    watch = watch_for(source, await store.source(lease), started_at)
    listed = 0

    index.begin()
    async for page in source.client.pages(Walk(), index.known):
        source.metrics.paged("full")
        source.alive()
        index.see_slots(page.unchanged)
        await observe(source, page.jobs, watch)
        listed += page.listed
    unseen = list(index.unseen_rows())
    absent = await store.absent(lease, unseen)
    unfinished = await store.count_unfinished(lease)
    await follow(source, absent, watch)

    followed = {snapshot.row for snapshot in absent}
    left = [row for row in unseen if row not in followed]
    await store.mark_left(lease, left, source.clock())
    index.leave(left)
    report = _report(source, started_at, listed, unfinished)
    await store.finish_sweep(lease, report)
    source.metrics.swept("full", (report.finished_at - started_at).total_seconds())
    log.info(
        "sweep.finished",
        source=source.name,
        listed=listed,
        unfinished=report.unfinished,
        absent=len(absent),
    )


async def take_inbox(source: Source) -> None:
    """Record what the detailer's DescribeJob answers showed beyond the snapshots.

    An answer to a snapshot that changed meanwhile may be older than the change: it is dropped, and asked for again.
    """
    inbox = dict(source.inbox)
    source.inbox.clear()
    known = await source.store.known(source.lease, list(inbox))
    found = [
        job
        for key, (job, version) in inbox.items()
        if key in known and known[key].version == version
    ]
    state = await source.store.source(source.lease)
    await observe(source, found, watch_for(source, state, source.clock()), Authority.DESCRIBE)


def _next_at(source: Source, now: datetime) -> datetime:
    return now + source.pace.every * (1 + JITTER * (2 * source.chance() - 1))


def _report(source: Source, started_at: datetime, listed: int, unfinished: int) -> SweepReport:
    now = source.clock()
    return SweepReport(
        kind="full",
        started_at=started_at,
        finished_at=now,
        listed=listed,
        unfinished=unfinished,
        next_sweep_at=_next_at(source, now),
    )


async def _broke(
    source: Source, error: ApiError | TransportError | BrokenWalk | NoCredentials
) -> None:
    now = source.clock()
    last = describe_error(error, now)
    failure = SweepFailure(at=now, error=last, next_sweep_at=_next_at(source, now))
    await source.store.break_sweep(source.lease, failure)
    log.warning(
        "sweep.failed",
        source=source.name,
        error_class=last.error_class,
        code=last.code,
        error=last.message,
        request_id=last.request_id,
    )


def describe_error(
    error: ApiError | TransportError | BrokenWalk | NoCredentials, at: datetime
) -> LastError:
    """A failure in the words that log, store, API and events share."""
    match error:
        case ApiError():
            return LastError(
                at=at,
                error_class=error.result.value,
                code=error.code,
                message=error.message,
                request_id=error.request_id,
            )
        case TransportError():
            return LastError(
                at=at, error_class="network", code=error.kind.value, message=str(error)
            )
        case BrokenWalk():
            return LastError(
                at=at, error_class="broken", code=error.reason.value, message=str(error)
            )
        case NoCredentials():
            return LastError(at=at, error_class="credentials", code="missing", message=str(error))
