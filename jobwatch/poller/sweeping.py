"""The two sweeps: a hot one reads the lists of unfinished statuses, a full one reads every job.

Law: a sweep is finished only when every walk of it was complete and every absence was asked about. An exception
leaves it at any point, and nothing is judged.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from jobwatch.core.codec import Walk
from jobwatch.core.errors import BrokenWalk, JobwatchError, StatusRejected
from jobwatch.core.events import EventType, Severity, SourceEvent
from jobwatch.core.first_sight import Watch
from jobwatch.core.model import JobPage
from jobwatch.core.overview import LastSweep, SourceState
from jobwatch.core.paging import Cursor
from jobwatch.core.plan import (
    Plan,
    PlanReason,
    SweepKind,
    hot_calls,
    hot_sweep,
    jittered,
    needs_proof,
    trusted,
)
from jobwatch.core.recording import Notice, notice_for
from jobwatch.poller.failing import broke
from jobwatch.poller.following import Followed, follow
from jobwatch.poller.judging import judge
from jobwatch.poller.observing import observe
from jobwatch.poller.source import FullWalk, Source, facts_for, learnt, walk_state, watch_for
from jobwatch.store.values import SweepReport

RESUMABLE = timedelta(days=1)
"""A walk older than that begins anew: jobs it read first may be a day past."""

log = structlog.get_logger()


class ProofNeeded(JobwatchError):
    """So many jobs left the hot lists that one full sweep is cheaper than to ask about each."""


class _Tally:
    """What one sweep covers and costs: it begins with what the client had counted before."""

    def __init__(self, source: Source, planned: Plan, watch: Watch) -> None:
        self.planned, self.watch, self.pages = planned, watch, 0
        self.began_at = watch.observed_at
        self._source, self._calls = source, source.client.calls

    async def take(self, page: JobPage) -> None:
        """Count a page, mark what it shows, and record what changed."""
        self.pages += 1
        self._source.metrics.paged(self.planned.kind)
        self._source.alive()
        self._source.index.see_slots(page.unchanged)
        await observe(self._source, page.jobs, self.watch)

    def sum(self, now: datetime, *, followed: int) -> LastSweep:
        """The whole sweep."""
        return LastSweep(
            kind=self.planned.kind.value,
            reason=self.planned.reason.value,
            started_at=self.began_at,
            took=max(timedelta(), now - self.began_at),
            pages=self.pages,
            followed=followed,
            calls=self._source.client.calls - self._calls,
            refused=tuple(sorted(self._source.refused)),
        )


async def sweep_hot(source: Source, planned: Plan) -> None:
    """Walk the list of each unfinished status; then follow the unfinished jobs that no list showed.

    Raises `ProofNeeded` where too many are missing for that.
    """
    store, lease, index = source.store, source.lease, source.index
    state = await store.begin_sweep(lease, source.clock())
    tally = _tally(source, planned, state)

    index.begin_hot()
    for walk in planned.walks:
        await _walk_status(source, walk, tally)
    absent = index.unseen_of(await store.unfinished_rows(lease))
    snapshots = await store.known_rows(lease, absent)
    to_ask = sum(each.missing_proved_at is None for each in snapshots)
    facts = facts_for(source, state, source.clock())
    if source.full is None and needs_proof(facts, absent=to_ask):
        raise ProofNeeded
    followed = await follow(source, snapshots, tally.watch, state, proven_too=False)
    index.end_hot()
    await _finish(source, tally, followed)


async def _walk_status(source: Source, walk: Walk, tally: _Tally) -> None:
    try:
        async for page in source.client.pages(walk, source.index.known):
            await tally.take(page)
    except StatusRejected as error:
        source.refused.add(walk.status or "")
        log.warning(
            "status.refused",
            source=source.name,
            status=walk.status,
            code=error.code,
            request_id=error.request_id,
        )


async def sweep_full(source: Source, planned: Plan) -> None:
    """Walk every page once, recording each before asking for the next; then follow what no page showed.

    1. Members whose bytes are known count as seen. The others are compared with their snapshots; the changes,
       their events and deliveries are recorded in one transaction a page.
    2. Between two pages a hot sweep goes first when it is due. A walk that broke, or that a restart cut short, goes on
       where it stood.
    3. Known unfinished jobs that no page showed are asked for with DescribeJob; ended ones have left the list.
    """
    state = await source.store.begin_sweep(source.lease, source.clock())
    tally = _tally(source, planned, state)
    walk = _resumed(source, state, tally)
    source.hot_due_at = tally.began_at + source.pace.every

    async for page in source.client.pages(Walk(), source.index.known, cursor=walk.cursor):
        if walk.cursor.restarted and not walk.restarted:
            walk.restarted, walk.whole, walk.listed = True, True, 0
            source.index.begin()
        await _take_whole(source, tally, page)
        walk.count(page)
        await _give_way(source, walk)
    followed = await _absences(source, walk, tally)
    source.full = None
    await _finish(source, tally, followed, walk)


async def _take_whole(source: Source, tally: _Tally, page: JobPage) -> None:
    """Take a page of a full walk. The walk stands behind it already: if it cannot be taken, the walk is spoilt."""
    try:
        await tally.take(page)
    except BaseException:
        source.full = None
        raise


def _tally(source: Source, planned: Plan, state: SourceState) -> _Tally:
    return _Tally(source, planned, watch_for(source, state, source.clock()))


def _resumed(source: Source, state: SourceState, tally: _Tally) -> FullWalk:
    """The walk under way, the one that an earlier process had begun, or a new one."""
    anew = tally.planned.reason in (PlanReason.ASKED, PlanReason.AFTER_GAP, PlanReason.PROOF)
    walk = source.full
    if walk is None and state.walk is not None:
        # What that process had seen is not known: its pages prove nothing about what they did not show.
        walk = FullWalk(
            started_at=state.walk.started_at,
            cursor=Cursor.resumed(state.walk.token, pages=state.walk.pages),
            listed=state.walk.listed,
            whole=False,
        )
    if walk is None or anew or _is_outdated(walk, tally.watch):
        source.index.begin()
        walk = FullWalk(started_at=tally.began_at, cursor=Cursor())
    source.full = walk
    return walk


def _is_outdated(walk: FullWalk, watch: Watch) -> bool:
    """Whether a walk is not worth taking up: it read nothing yet, long ago, or before a time when nobody watched."""
    if walk.cursor.asked is None:
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
    if now < due_at or walk.cursor.asked is None:
        return
    facts = facts_for(source, await source.store.source(source.lease), now)
    if not facts.statuses or walk.cursor.pages < hot_calls(facts):
        return
    # Doubts that the full walk could not settle are none of the hot sweep's.
    doubts, source.unsettled = source.unsettled, []
    try:
        await sweep_hot(source, hot_sweep(facts, PlanReason.HOT_DUE))
    except BrokenWalk as error:
        # The full walk reads the same jobs: it is worth going on with.
        source.hot_due_at = now + source.pace.every
        await broke(source, (SweepKind.HOT,), error)
        return
    finally:
        source.unsettled = doubts
        source.index.end_hot()
    await judge(source, fresh=True)


async def _absences(source: Source, walk: FullWalk, tally: _Tally) -> Followed:
    """Judge what no page showed. A walk of which pages are missing leaves that to the next hot sweep."""
    store, lease, index = source.store, source.lease, source.index
    state = await store.source(lease)
    if not walk.whole:
        return Followed(suspect_since=state.suspect_since)
    unseen = list(index.unseen_rows())
    absent = await store.absent(lease, unseen)
    followed = await follow(source, absent, tally.watch, state, proven_too=True)
    rows = {snapshot.row for snapshot in absent}
    left = [row for row in unseen if row not in rows]
    await store.mark_left(lease, left, source.clock())
    index.leave(left)
    return followed


async def _finish(
    source: Source, tally: _Tally, followed: Followed, walk: FullWalk | None = None
) -> None:
    """Write down a complete sweep, and when the next ones are due."""
    state, now = await source.store.source(source.lease), source.clock()
    # A clock that stepped back meanwhile left a start in the future, by which everything would seem to last longer.
    started_at = min(walk.started_at if walk else tally.began_at, now)
    next_at, next_full_at = _due_times(source, tally, walk, now)
    report = SweepReport(
        kind=tally.planned.kind,
        started_at=started_at,
        finished_at=now,
        listed=walk.listed + walk.last if walk else state.listed,
        unfinished=await source.store.count_unfinished(source.lease),
        next_sweep_at=next_at,
        next_full_at=next_full_at,
        gaps=state.gaps.merged(tally.watch.gaps),
        walk=walk_state(source.full),
        suspect_since=followed.suspect_since,
        last_sweep=tally.sum(now, followed=followed.asked),
        learnt=learnt(source, now),
    )
    if walk and state.baselined_at is None:
        report = replace(report, notices=(await _baselined(source, report),))
    await source.store.finish_sweep(source.lease, report)
    if walk:
        source.full_broke = False
    if report.notices:
        source.recorded()
    source.metrics.swept(report.kind, (now - started_at).total_seconds())
    _log(source, report)


def _due_times(
    source: Source, tally: _Tally, walk: FullWalk | None, now: datetime
) -> tuple[datetime, datetime | None]:
    """When the next sweep and, after a full one, the next full sweep are due."""
    pace = source.pace
    usual = now + jittered(pace.every, source.chance())
    if walk is None:
        source.hot_due_at = usual
        return usual, None
    interrupted = source.hot_due_at is not None and source.hot_due_at > tally.began_at + pace.every
    next_at = source.hot_due_at if interrupted and source.hot_due_at else usual
    # However long the walk took, the next one does not follow on its heels.
    next_full_at = walk.started_at + jittered(pace.full_every, source.chance())
    return next_at, max(next_full_at, usual)


async def _baselined(source: Source, report: SweepReport) -> Notice:
    """What is told when a source was read for the first time."""
    waiting = await source.store.count_waiting(source.lease)
    event = SourceEvent(
        type=EventType.BASELINED,
        severity=Severity.INFO,
        origin=source.desk.origin,
        observed_at=report.finished_at,
        last_sweep_at=report.started_at,
        counts={"listed": report.listed, "unfinished": report.unfinished, "waiting": waiting},
    )
    return notice_for(event, source.desk)


def _log(source: Source, report: SweepReport) -> None:
    last = report.last_sweep
    log.info(
        "sweep.finished",
        source=source.name,
        kind=report.kind.value,
        reason=last.reason if last else "",
        listed=report.listed,
        unfinished=report.unfinished,
        calls=last.calls if last else 0,
        followed=last.followed if last else 0,
    )
