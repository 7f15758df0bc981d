"""One source's only writer: it sweeps the listing, follows what the listing does not show, and records changes.

Law: a sweep that broke proves nothing. It leaves absence unjudged and the data's age as it was, and says so.
"""

from datetime import timedelta

import structlog
from structlog.contextvars import bound_contextvars

from jobwatch.core.diff import Authority
from jobwatch.core.errors import (
    ApiError,
    BrokenReason,
    BrokenScopes,
    BrokenWalk,
    CallWithheld,
    Denied,
    NoCredentials,
    StoreError,
    TransportError,
    Unexpected,
)
from jobwatch.core.overview import SourceState
from jobwatch.core.plan import Plan, PlanReason, Rest, SweepKind, full_sweep, plan, trusted
from jobwatch.poller.failing import broke
from jobwatch.poller.judging import close_all, judge
from jobwatch.poller.observing import observe
from jobwatch.poller.source import Pace, Source, facts_for, load_index, named_sweep, watch_for
from jobwatch.poller.sweeping import ProofNeeded, sweep_full, sweep_hot

__all__ = ["Pace", "Source", "close_all", "load_index", "sweep_safely", "take_inbox", "turn"]

BROKEN = (ApiError, TransportError, BrokenWalk, BrokenScopes, NoCredentials, CallWithheld)
"""What breaks a sweep without being a fault of this program."""

ASKED = full_sweep(PlanReason.ASKED)

log = structlog.get_logger()


async def turn(source: Source) -> timedelta:
    """One turn of the source's loop: take in what the detailer found, sweep if one is due, say when to come back."""
    if source.inbox:
        with bound_contextvars(source=source.name):
            await take_inbox(source)
    state = await source.store.source(source.lease)
    source.attempted = source.attempted or state.attempted_at is not None
    now = source.clock()
    match plan(facts_for(source, state, now), now):
        case Rest(until=until):
            return until - now
        case Plan() as planned:
            await source.client.notice_keys()
            refusal = source.client.refusal()
            if refusal is not None:
                return await _miss(source, state, refusal)
            return await sweep_safely(source, planned)


async def _miss(source: Source, state: SourceState, refusal: CallWithheld) -> timedelta:
    """Miss a sweep that is due while no call goes out: that counts as a failure, once an interval, and costs none."""
    now, pause = source.clock(), min(refusal.remaining, source.pace.every)
    due_at = trusted(state.next_sweep_at, now, source.pace.every)
    if due_at is None or now >= due_at:
        with named_sweep(source):
            await broke(source, (SweepKind.HOT,), refusal)
            await judge(source, fresh=False)
    return pause


async def sweep_safely(source: Source, planned: Plan = ASKED) -> timedelta:
    """Sweep; if the sweep breaks, remember why. Judge conditions by what is known then.

    Returns the pause until the next turn, which says itself whether there is something to do.
    """
    with named_sweep(source):
        try:
            return await _sweep(source, planned)
        except StoreError as error:
            log.warning("sweep.abandoned", source=source.name, sweep=source.sweep, error=str(error))
            raise


async def _sweep(source: Source, planned: Plan) -> timedelta:
    kind, reason = planned.kind.value, planned.reason.value
    log.debug("sweep.begun", source=source.name, sweep=source.sweep, kind=kind, reason=reason)
    if not source.index_sure:
        await _reload(source)
    fresh, tried = False, [planned.kind]
    try:
        if planned.kind is SweepKind.HOT and not await _proves_enough(source, planned):
            planned = full_sweep(PlanReason.PROOF)
            tried.append(planned.kind)
            source.unsettled.clear()  # it lists everything from the start, and doubts anew what it has to
        if planned.kind is SweepKind.FULL:
            await sweep_full(source, planned)
        fresh = True
    except BROKEN as error:
        await broke(source, tried, error)
    except StoreError:
        raise
    except Exception as error:
        # A fault of ours: whoever runs us hears of it as of any other trouble, the log has the rest.
        source.index_sure, source.full = False, None
        await broke(source, tried, Unexpected(error))
        await judge(source, fresh=False)
        raise
    finally:
        source.attempted = True
        source.unsettled.clear()
        source.index.end_hot()
    await judge(source, fresh=fresh)
    return timedelta()


async def _proves_enough(source: Source, planned: Plan) -> bool:
    """Make a hot sweep; whether it was enough, or only a full one tells what became of the jobs."""
    try:
        await sweep_hot(source, planned)
    except ProofNeeded:
        return False
    except Denied:
        # Without the permission for DescribeJob, the whole list says what became of a job; without any, it says so.
        if source.full_breaks:
            raise
        return False
    except BrokenWalk as error:
        if error.reason is not BrokenReason.TOKEN_REJECTED:
            raise
        return False
    return True


async def _reload(source: Source) -> None:
    source.index, source.index_sure = await load_index(source.store, source.lease), True
    if source.full is not None:
        source.full.whole = False  # what it had seen is forgotten


async def take_inbox(source: Source) -> None:
    """Record what the detailer's DescribeJob answers showed beyond the snapshots.

    An answer to a snapshot that changed meanwhile may be older than the change: it is dropped, and asked for again.
    """
    if not source.index_sure:
        await _reload(source)
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
