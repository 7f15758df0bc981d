"""Reads what the status page tells: the configuration as it is now, and the store once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobwatch.core.conditions import OF_THE_SOURCE, ConditionName, Subject
from jobwatch.core.overview import SourceState
from jobwatch.core.rules import JOB_CONDITIONS, Rules, Standing, judge_source
from jobwatch.metrics import Scope, SourceShape, is_up, overdue
from jobwatch.store import Store
from jobwatch.store.glance_values import Glance, Wanted
from jobwatch.web.configured import Configured
from jobwatch.web.pages.frame import Frame
from jobwatch.web.pages.status_page import Status
from jobwatch.web.pages.status_receiver import ReceiverView
from jobwatch.web.pages.status_source import SourceView


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReader:
    """Where the page's words come from.

    `loops` are those that hang, `ailing` those that fail and why, `missing` is what readiness waits for,
    `refused` whether the last change of the configuration was.
    """

    configured: Callable[[], Configured]
    store: Callable[[], Store]
    loops: Callable[[], Sequence[str]]
    missing: Callable[[], Sequence[str]]
    ailing: Callable[[], Mapping[str, str]]
    refused: Callable[[], bool]

    async def read(self, only: str | None, frame: Callable[[datetime], Frame]) -> Status:
        """Read the store once; `only` is the source that the page is about. Raises `StoreError`."""
        configured = self.configured()
        wanted = Wanted(receivers=tuple(configured.receivers), source=only)
        found = await self.store().glance(wanted)
        return Status(
            frame=frame(found.now),
            glance=found,
            sources=source_views(configured.sources, found, only),
            receivers=_receivers(configured, found),
            loops=tuple(self.loops()),
            missing=tuple(self.missing()),
            ailing=self.ailing(),
            refused=self.refused(),
            only=only,
        )


def _receivers(configured: Configured, found: Glance) -> tuple[ReceiverView, ...]:
    """In the order of the configuration."""
    rows = {row.name: row for row in found.receivers}
    return tuple(
        ReceiverView(format=kind, row=rows[name]) for name, kind in configured.receivers.items()
    )


def source_views(
    shapes: Sequence[SourceShape], found: Glance, only: str | None = None
) -> tuple[SourceView, ...]:
    """The configured sources, or one of them, each as it fares now."""
    states = {state.identity.name: state for state in found.sources}
    return tuple(
        _view(shape, states.get(shape.name), found)
        for shape in shapes
        if only in (None, shape.name)
    )


def _view(shape: SourceShape, state: SourceState | None, found: Glance) -> SourceView:
    late = overdue(state, shape, found.now) if state is not None else ()
    return SourceView(
        name=shape.name,
        provider=shape.provider,
        region=shape.region,
        up=is_up(state, shape, found.now),
        state=state,
        every=shape.interval(Scope.UNFINISHED),
        full_every=shape.interval(Scope.ALL),
        overdue=tuple(scope.value for scope in late),
        unreachable=state is not None and _unreachable(shape, state, found.now),
        conditions=_conditions(shape.name, found),
    )


def _unreachable(shape: SourceShape, state: SourceState, now: datetime) -> bool:
    """Whether the rule of that name holds, which is when its event is told."""
    fares = Standing(failures=state.failures, failing_since=state.failing_since)
    judged = judge_source(fares, Rules(unreachable_after=shape.unreachable_after), now)
    return Subject(OF_THE_SOURCE, ConditionName.UNREACHABLE) in judged.holding


def _conditions(source: str, found: Glance) -> tuple[tuple[str, int], ...]:
    """How many jobs of a source are in which condition, those that there are."""
    jobs = {name: number for (of, name), number in found.troubled_of.items() if of == source}
    return tuple((name.value, jobs[name.value]) for name in JOB_CONDITIONS if jobs.get(name.value))
