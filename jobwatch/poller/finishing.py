"""The end of a complete sweep: what it covered and cost, what it leaves for the next one."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from jobwatch.core.events import EventType, Severity, SourceEvent
from jobwatch.core.first_sight import Watch
from jobwatch.core.model import JobPage
from jobwatch.core.overview import LastSweep, SourceState
from jobwatch.core.plan import Plan, jittered
from jobwatch.core.recording import Notice, notice_for
from jobwatch.core.watched import Gap
from jobwatch.poller.following import Followed
from jobwatch.poller.observing import observe
from jobwatch.poller.source import FullWalk, Source, learnt, walk_state
from jobwatch.store.values import SweepReport

CLOCK_STEP = timedelta(seconds=5)
"""By so much the time of day may run ahead of the time that passed before a step is seen in it."""

log = structlog.get_logger()


class Tally:
    """What one sweep covers and costs: it begins with what the client had counted before.

    `missing` are scopes that were not listed though unfinished jobs of theirs are known; None where nobody asked.
    """

    def __init__(self, source: Source, planned: Plan, watch: Watch) -> None:
        self.planned, self.watch, self.pages = planned, watch, 0
        self.missing: tuple[str, ...] | None = None
        self.began_at = watch.observed_at
        self._began = source.seconds()
        self._source, self._calls = source, source.client.calls

    async def take(self, page: JobPage) -> None:
        """Count a page, mark what it shows, and record what changed."""
        self.pages += 1
        self._source.metrics.paged(self.planned.kind)
        self._source.alive()
        self._source.index.see_slots(page.unchanged)
        # Reading a page and comparing it are two steps: together they would hold everything else up.
        await asyncio.sleep(0)
        await observe(self._source, page.jobs, self.watch)

    def sum(self, state: SourceState, now: datetime, *, followed: int) -> LastSweep:
        """The whole sweep, after what is known from before."""
        before = state.last_sweep.missing if state.last_sweep else ()
        if self.missing and self.missing != before:
            log.warning("vaults.missed", source=self._source.name, vaults=list(self.missing))
        return LastSweep(
            kind=self.planned.kind.value,
            reason=self.planned.reason.value,
            started_at=self.began_at,
            took=max(timedelta(), now - self.began_at),
            pages=self.pages,
            followed=followed,
            calls=self._source.client.calls - self._calls,
            refused=tuple(sorted(self._source.refused)),
            scopes=len(self._source.scopes or ()),
            missing=before if self.missing is None else self.missing,
        )

    def skipped(self, now: datetime) -> Gap | None:
        """The time that our clock skipped while the sweep ran: it passed for nobody."""
        passed = timedelta(seconds=self._source.seconds() - self._began)
        skipped = now - self.began_at - passed
        return Gap(now - skipped, now) if skipped > CLOCK_STEP else None


async def finish(
    source: Source, tally: Tally, followed: Followed, walk: FullWalk | None = None
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
        gaps=state.gaps.merged(tally.watch.gaps).added(tally.skipped(now)),
        walk=walk_state(source.full),
        suspect_since=followed.suspect_since,
        last_sweep=tally.sum(state, now, followed=followed.asked),
        learnt=learnt(source, now),
        sweep=source.sweep,
    )
    if walk and state.baselined_at is None:
        report = replace(report, notices=(await _baselined(source, report),))
    await source.store.finish_sweep(source.lease, report)
    if walk or source.hot_broke:
        # After trouble with everything the full sweep has a fresh start, too.
        source.full_breaks = 0 if walk else min(source.full_breaks, 1)
    source.hot_broke = False
    if source.seconds() >= source.refused_until:
        source.refused.clear()
    if report.notices:
        source.recorded()
    source.metrics.swept(report.kind, (now - started_at).total_seconds())
    _log(source, report)


def _due_times(
    source: Source, tally: Tally, walk: FullWalk | None, now: datetime
) -> tuple[datetime, datetime | None]:
    """When the next sweep and, after a full one, the next full sweep are due."""
    pace = source.pace
    usual = now + jittered(pace.every, source.chance())
    if walk is None:
        source.hot_due_at = usual
        # After trouble with everything, the full sweep that it cost is not put off any longer.
        full_at = now if source.hot_broke and source.full_breaks else None
        return usual, full_at
    interrupted = source.hot_due_at is not None and source.hot_due_at > tally.began_at + pace.every
    next_at = source.hot_due_at if interrupted and source.hot_due_at else usual
    if pace.full_every <= pace.every:
        return next_at, next_at
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
        sweep=source.sweep,
        kind=report.kind.value,
        reason=last.reason if last else "",
        listed=report.listed,
        unfinished=report.unfinished,
        calls=last.calls if last else 0,
        followed=last.followed if last else 0,
        pages=last.pages if last else 0,
        duration_seconds=last.took.total_seconds() if last else 0.0,
    )
