"""What the pages are made of, before and after the store is open."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from jobwatch.app.clock import utc_now
from jobwatch.app.parts import Parts
from jobwatch.core.errors import StoreError
from jobwatch.core.overview import Overview
from jobwatch.loop import Pulse
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.settings import Settings
from jobwatch.store import Store
from jobwatch.store.values import JobFilter, JobRow
from jobwatch.web.configured import Configured
from jobwatch.web.status import StatusReader
from jobwatch.web.view import Reloaded, WebView


@dataclass(slots=True)
class Readiness:
    """What a daemon still waits for: the store, then the first attempt at every source."""

    parts: Parts | None = None
    holder: str | None = None
    _opening: str = field(default="the store is being opened", repr=False)

    def waiting_for(self, holder: str) -> None:
        """Note who holds the store."""
        self.holder = holder

    def opened(self, parts: Parts) -> None:
        """Note that everything was built."""
        self.parts, self.holder = parts, None

    def missing(self) -> Sequence[str]:
        """What readiness waits for, in words."""
        if self.parts is not None:
            watched = self.parts.watched.values()
            return [
                f"source {each.source.name} was not attempted yet"
                for each in watched
                if not each.source.attempted
            ]
        return [f"the store is held by {self.holder}" if self.holder else self._opening]

    def open_parts(self) -> Parts:
        """Everything, once it was built. Raises `StoreError` before."""
        if self.parts is None:
            raise StoreError("; ".join(self.missing()))
        return self.parts


def web_view(
    settings: Settings,
    shapes: Sequence[SourceShape],
    metrics: Metrics,
    readiness: Readiness,
    pulse: Pulse,
) -> WebView:
    """Everything the HTTP server shows."""

    def store() -> Store:
        return readiness.open_parts().store

    def configured() -> Configured:
        formats = {name: each.format for name, each in settings.receivers.items()}
        return Configured(instance=settings.instance, sources=shapes, receivers=formats)

    def wake() -> None:
        readiness.open_parts().wake_notifiers()

    async def reload() -> Reloaded:
        return Reloaded()

    async def overview() -> Overview:
        return await store().overview()

    async def unfinished(limit: int) -> Sequence[JobRow]:
        return (await store().jobs(JobFilter(unfinished=True), limit=limit)).rows

    async def endings(limit: int) -> Sequence[JobRow]:
        return (await store().jobs(JobFilter(unfinished=False), limit=limit)).rows

    return WebView(
        configured=configured,
        store=store,
        render_metrics=metrics.render,
        stalled=lambda: pulse.stalled(time.monotonic()),
        missing=readiness.missing,
        status=StatusReader(
            configured=configured, overview=overview, unfinished=unfinished, endings=endings
        ),
        wake=wake,
        reload=reload,
        clock=utc_now,
    )
