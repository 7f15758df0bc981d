"""Reads what the status page tells, seldom enough that any number of viewers costs the same."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from jobwatch import __version__
from jobwatch.core.conditions import OF_THE_SOURCE, ConditionName, Subject
from jobwatch.core.overview import OutboxDepth, Overview, SourceState
from jobwatch.core.rules import JOB_CONDITIONS, Rules, Standing, judge_source
from jobwatch.metrics import Scope, SourceShape, is_up, overdue
from jobwatch.store.values import JobRow
from jobwatch.web.configured import Configured
from jobwatch.web.status_page import Status, render
from jobwatch.web.status_source import SourceView

ReadOverview: TypeAlias = Callable[[], Awaitable[Overview]]
ReadJobs: TypeAlias = Callable[[int], Awaitable[Sequence[JobRow]]]
"""Gives at most so many jobs, the newest observation first."""

JOBS_SHOWN = 50
ENDINGS_SHOWN = 20
KEPT_FOR = timedelta(seconds=2)
PATIENCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReader:
    """Where the page's words come from: the configuration, and three reading verbs of the store."""

    configured: Callable[[], Configured]
    overview: ReadOverview
    unfinished: ReadJobs
    endings: ReadJobs

    async def read(self) -> Status:
        """Read the store once."""
        overview, configured = await self.overview(), self.configured()
        return Status(
            instance=configured.instance,
            version=__version__,
            now=overview.now,
            sources=_sources(configured, overview),
            unfinished=await self.unfinished(JOBS_SHOWN),
            unfinished_total=sum(row.jobs for row in overview.census),
            endings=await self.endings(ENDINGS_SHOWN),
            receivers=_receivers(configured, overview),
        )


def _sources(configured: Configured, overview: Overview) -> tuple[SourceView, ...]:
    states = {state.identity.name: state for state in overview.sources}
    return tuple(_view(shape, states.get(shape.name), overview) for shape in configured.sources)


def _receivers(configured: Configured, overview: Overview) -> tuple[OutboxDepth, ...]:
    depths = {depth.receiver: depth for depth in overview.outbox}
    return tuple(depths.get(name, OutboxDepth(name, 0, 0, None)) for name in configured.receivers)


def _view(shape: SourceShape, state: SourceState | None, overview: Overview) -> SourceView:
    late = overdue(state, shape, overview.now) if state is not None else ()
    return SourceView(
        name=shape.name,
        provider=shape.provider,
        region=shape.region,
        up=is_up(state, shape, overview.now),
        state=state,
        every=shape.interval(Scope.UNFINISHED),
        full_every=shape.interval(Scope.ALL),
        overdue=tuple(scope.value for scope in late),
        unreachable=state is not None and _unreachable(shape, state, overview.now),
        conditions=_conditions(shape.name, overview),
    )


def _unreachable(shape: SourceShape, state: SourceState, now: datetime) -> bool:
    """Whether the rule of that name holds, which is when its event is told."""
    fares = Standing(failures=state.failures, failing_since=state.failing_since)
    judged = judge_source(fares, Rules(unreachable_after=shape.unreachable_after), now)
    return Subject(OF_THE_SOURCE, ConditionName.UNREACHABLE) in judged.holding


def _conditions(source: str, overview: Overview) -> tuple[tuple[str, int], ...]:
    """How many jobs of a source are in which condition, those that there are."""
    jobs = Counter[str]()
    for each in overview.conditions:
        if each.source == source:
            jobs[each.condition] += each.jobs
    return tuple((name.value, jobs[name.value]) for name in JOB_CONDITIONS if jobs[name.value])


@dataclass(slots=True, kw_only=True)
class StatusBoard:
    """The page as it was last written; viewers at the same time share one reading."""

    reader: StatusReader
    monotonic: Callable[[], float]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _page: str = ""
    _stale_at: float = 0.0

    async def page(self) -> str:
        """Give the page, at most two seconds old. Raises what the store does, or `TimeoutError`."""
        async with asyncio.timeout(PATIENCE.total_seconds()), self._lock:
            if not self._page or self.monotonic() >= self._stale_at:
                # In a thread: the first page imports Jinja2, which would stall the loop for a tenth of a second.
                self._page = await asyncio.to_thread(render, await self.reader.read())
                self._stale_at = self.monotonic() + KEPT_FOR.total_seconds()
            return self._page
