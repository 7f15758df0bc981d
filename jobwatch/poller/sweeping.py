"""The two sweeps: a hot one reads the lists of unfinished statuses, a full one reads every job.

Law: a sweep is finished only when every walk of it was complete and every absence was asked about. An exception
leaves it at any point, and nothing is judged.
"""

from collections.abc import AsyncGenerator
from datetime import timedelta

import structlog

from jobwatch.client.failures import failed_call
from jobwatch.core.codec import Walk
from jobwatch.core.errors import BrokenScopes, BrokenWalk, Denied, JobwatchError, StatusRejected
from jobwatch.core.first_sight import Watch
from jobwatch.core.model import JobPage
from jobwatch.core.overview import SourceState
from jobwatch.core.paging import Cursor
from jobwatch.core.plan import (
    Plan,
    PlanReason,
    SweepKind,
    hot_calls,
    hot_sweep,
    needs_proof,
    trusted,
)
from jobwatch.poller.failing import broke
from jobwatch.poller.finishing import Tally, finish
from jobwatch.poller.following import Followed, follow
from jobwatch.poller.judging import judge
from jobwatch.poller.sound import Sound
from jobwatch.poller.source import FullWalk, Source, facts_for, mark_of, named_sweep, watch_for

RESUMABLE = timedelta(days=1)
"""A walk older than that begins anew: jobs it read first may be a day past."""

REFUSED_FOR = timedelta(hours=1)
"""A status is tried as a filter again after so long: one answer gone wrong must not cost full sweeps for months."""

MISSING_SHOWN = 100
"""Of so many missing scopes the names are kept."""

log = structlog.get_logger()


class ProofNeeded(JobwatchError):
    """So many jobs left the hot lists that one full sweep is cheaper than to ask about each."""


async def sweep_hot(source: Source, planned: Plan) -> None:
    """Walk the list of each unfinished status; then follow the unfinished jobs that no list showed.

    Raises `ProofNeeded` where too many are missing for that, `BrokenScopes` at the end where some scopes of several
    could not be read: their jobs are left alone.
    """
    store, lease, index = source.store, source.lease, source.index
    state = await store.begin_sweep(lease, source.clock())
    tally = _tally(source, planned, state)

    index.begin_hot()
    sound = await _walk_statuses(source, planned, tally)
    absent = index.unseen_of(await store.unfinished_rows(lease))
    snapshots = [each for each in await store.known_rows(lease, absent) if each.key.scope in sound]
    to_ask = sum(each.missing_proved_at is None for each in snapshots)
    facts = facts_for(source, state, source.clock())
    if source.full is None and needs_proof(facts, absent=to_ask):
        raise ProofNeeded
    followed = await follow(source, snapshots, tally.watch, state, proven_too=False)
    index.end_hot()
    sound.prove(followed.suspect_since)
    await finish(source, tally, followed)


async def _walk_statuses(source: Source, planned: Plan, tally: Tally) -> Sound:
    """Make the walks of a hot sweep. Returns the scopes of which every list was read to its end."""
    sound = Sound(walk.scope for walk in planned.walks)
    for walk in planned.walks:
        if walk.status in source.refused:
            continue  # another scope was told so a moment ago
        with sound.trying(walk.scope):
            await _walk_status(source, walk, tally, sound)
        if walk.scope not in sound:
            source.alive()
    return sound


async def _walk_status(source: Source, walk: Walk, tally: Tally, sound: Sound) -> None:
    try:
        async for page in source.client.pages(walk, source.index.known):
            sound.answered()
            await tally.take(page)
    except StatusRejected as error:
        source.refused.add(walk.status or "")
        source.refused_until = source.seconds() + REFUSED_FOR.total_seconds()
        log.warning(
            "status.refused",
            source=source.name,
            scope=walk.scope,
            status=walk.status,
            **failed_call(error),
        )


async def sweep_full(source: Source, planned: Plan) -> None:
    """Walk every page of every scope once, recording each before asking for the next; then follow what none showed.

    1. Members whose bytes are known count as seen. The others are compared with their snapshots; the changes,
       their events and deliveries are recorded in one transaction a page.
    2. Between two pages a hot sweep goes first when it is due. A walk that broke, or that a restart cut short, goes on
       where it stood.
    3. Known unfinished jobs that no page showed are asked for with DescribeJob; ended ones have left the list. A scope
       that is missing or broken proves nothing about its jobs.
    """
    state = await source.store.begin_sweep(source.lease, source.clock())
    tally = _tally(source, planned, state)
    walk = await _resumed(source, state, tally)
    source.hot_due_at = tally.began_at + source.pace.every

    while walk.at < len(walk.scopes):
        await _walk_scope(source, tally, walk)
        if walk.at + 1 == len(walk.scopes):
            break
        walk.next_scope()
        await _give_way(source, walk)
    followed = await _absences(source, walk, tally)
    source.full = None
    walk.sound.prove(followed.suspect_since)
    await finish(source, tally, followed, walk)


async def _walk_scope(source: Source, tally: Tally, walk: FullWalk) -> None:
    async for page in _readable(source, walk):
        if walk.cursor.restarted and not walk.restarted:
            walk.count_anew()
            if walk.at == 0:
                walk.whole = True
                source.index.begin()
        await _take_whole(source, tally, page)
        walk.count(page)
        await _give_way(source, walk)


async def _readable(source: Source, walk: FullWalk) -> AsyncGenerator[JobPage, None]:
    """The pages of the present scope, as far as it can be read. What their taker raises is no trouble of the scope."""
    scope = walk.scopes[walk.at]
    with walk.sound.trying(scope):
        async for page in source.client.pages(Walk(scope), source.index.known, cursor=walk.cursor):
            walk.sound.answered()
            yield page
    if scope not in walk.sound:
        source.alive()


async def _take_whole(source: Source, tally: Tally, page: JobPage) -> None:
    """Take a page of a full walk. The walk stands behind it already: if it cannot be taken, the walk is spoilt."""
    try:
        await tally.take(page)
    except BaseException:
        source.full = None
        raise


def _tally(source: Source, planned: Plan, state: SourceState) -> Tally:
    return Tally(source, planned, watch_for(source, state, source.clock()))


async def _resumed(source: Source, state: SourceState, tally: Tally) -> FullWalk:
    """The walk under way, the one that an earlier process had begun, or a new one."""
    anew = tally.planned.reason in (PlanReason.ASKED, PlanReason.AFTER_GAP, PlanReason.PROOF)
    walk = source.full
    if walk and not anew and not _is_outdated(walk, tally.watch):
        return walk
    source.scopes = scopes = await source.client.scopes()
    walk = None if walk or anew else _of_earlier_process(scopes, state)
    if walk is None or _is_outdated(walk, tally.watch):
        source.index.begin()
        walk = FullWalk(started_at=tally.began_at, cursor=Cursor(), scopes=scopes)
    source.full = walk
    return walk


def _of_earlier_process(scopes: tuple[str, ...], state: SourceState) -> FullWalk | None:
    """The walk that an earlier process had begun: its scopes before the present one are done.

    What that process had seen is not known: its pages prove nothing about what they did not show.
    """
    kept = state.walk
    if kept is None or kept.scope not in scopes:
        return None
    if kept.scope != scopes[0] and kept.among != mark_of(scopes):
        return None  # a scope that stands before it now may not have been read
    return FullWalk(
        started_at=kept.started_at,
        scopes=scopes,
        at=scopes.index(kept.scope),
        cursor=Cursor.resumed(kept.token, pages=kept.pages),
        listed=kept.listed,
        whole=False,
    )


def _is_outdated(walk: FullWalk, watch: Watch) -> bool:
    """Whether a walk is not worth taking up: it read nothing yet, long ago, or before a time when nobody watched."""
    if not walk.begun:
        return True
    # Before the first complete sweep all time is a gap, and a long first walk goes on nevertheless.
    gaps = watch.gaps.spans if watch.baselined else ()
    if any(gap.ended_at > walk.started_at for gap in gaps):
        return True
    return not timedelta() <= watch.observed_at - walk.started_at <= RESUMABLE


async def _give_way(source: Source, walk: FullWalk) -> None:
    """Let a hot sweep that is due go first, where the full one is long enough for that to be worth its calls."""
    now = source.clock()
    due_at = trusted(source.hot_due_at, now, source.pace.every) or now
    if now < due_at or not walk.begun:
        return
    facts = facts_for(source, await source.store.source(source.lease), now)
    if not 0 < hot_calls(facts) <= walk.pages:
        return
    # Doubts that the full walk could not settle are none of the hot sweep's.
    doubts, source.unsettled = source.unsettled, []
    with named_sweep(source):
        try:
            await sweep_hot(source, hot_sweep(facts, PlanReason.HOT_DUE))
        except (BrokenWalk, BrokenScopes, Denied) as error:
            # The full walk reads the same jobs: it is worth going on with.
            source.hot_due_at = now + source.pace.every
            await broke(source, (SweepKind.HOT,), error)
            return
        finally:
            source.unsettled = doubts
            source.index.end_hot()
        await judge(source, fresh=True)


async def _absences(source: Source, walk: FullWalk, tally: Tally) -> Followed:
    """Judge what no page showed. A walk of which pages are missing leaves that to the next hot sweep."""
    store, lease, index = source.store, source.lease, source.index
    state = await store.source(lease)
    if not walk.whole:
        return Followed(suspect_since=state.suspect_since)
    unseen = list(index.unseen_rows())
    absent = await store.absent(lease, unseen)
    missing = {each.key.scope for each in absent}.difference(walk.scopes)
    tally.missing = tuple(sorted(missing)[:MISSING_SHOWN])
    sound = [each for each in absent if each.key.scope in walk.sound]
    followed = await follow(source, sound, tally.watch, state, proven_too=True)
    if walk.sound.broken:
        # Which of the rows are in a broken scope is not worth asking: the next whole sweep marks them.
        return followed
    rows = {snapshot.row for snapshot in absent}
    left = [row for row in unseen if row not in rows]
    await store.mark_left(lease, left, source.clock())
    index.leave(left)
    return followed
