"""What the pages are made of, before and after the store is open."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from jobwatch.app.clock import utc_now
from jobwatch.app.exposure import live_tokens
from jobwatch.app.parts import Parts
from jobwatch.app.reloading import Reloader, Trigger
from jobwatch.app.service import summary
from jobwatch.app.shapes import shapes
from jobwatch.core.errors import StoreError
from jobwatch.loop import Pulse
from jobwatch.metrics import Metrics
from jobwatch.settings import Settings, give_up_after
from jobwatch.settings.terms import gathering, terms_of
from jobwatch.store import Store
from jobwatch.store.place import IF_HELD
from jobwatch.web.configured import Configured
from jobwatch.web.serving.certificates import ServerTls
from jobwatch.web.view import Reloaded, WebView


@dataclass(slots=True)
class Readiness:
    """What a daemon still waits for: the store, then the first attempt at every source.

    It is ready once and for all: a source that is added later is no reason to take the daemon out of service.
    """

    settings: Settings
    parts: Parts | None = None
    reloader: Reloader | None = None
    holder: str | None = None
    trouble: str | None = None
    ready: bool = False
    tls: ServerTls | None = None
    _shown: tuple[Settings, Configured] | None = None

    def waiting_for(self, holder: str) -> None:
        """Note who holds the store."""
        self.holder, self.trouble = holder, None

    def waiting_until(self, trouble: str) -> None:
        """Note what keeps the store from being opened for now, in a sentence."""
        self.holder, self.trouble = None, trouble

    def opened(self, parts: Parts, reloader: Reloader | None) -> None:
        """Note that everything was built, and who takes up newer configurations."""
        self.parts, self.reloader, self.holder = parts, reloader, None

    def missing(self) -> Sequence[str]:
        """What readiness waits for, in words."""
        if self.parts is None:
            held = f"the store is held by {self.holder}; {IF_HELD}" if self.holder else None
            return [held or self.trouble or "the store is being opened"]
        if self.ready:
            return []
        missing = [
            f"source {name} was not attempted yet"
            for name, each in self.parts.watched.items()
            if not each.source.attempted
        ]
        self.ready = not missing
        return missing

    def summary(self) -> str:
        """How things go, in one line for people."""
        return summary(self.missing(), len(self.parts.watched) if self.parts is not None else 0)

    def open_parts(self) -> Parts:
        """Everything, once it was built. Raises `StoreError` before."""
        if self.parts is None:
            raise StoreError("; ".join(self.missing()))
        return self.parts

    def configured(self) -> Configured:
        """What the configuration of now says."""
        settings = self.current()
        if self._shown is None or self._shown[0] is not settings:
            # Once for each configuration: two hundred sources take 2 ms, which no request should cost the loop.
            self._shown = settings, _configured(settings)
        return self._shown[1]

    def current(self) -> Settings:
        """The settings of now."""
        return self.parts.settings if self.parts is not None else self.settings

    async def reload(self) -> Reloaded:
        """Read the configuration anew. Raises `StoreError` while the store cannot be used."""
        self.open_parts()
        if self.reloader is None:
            return Reloaded(problems=("this daemon was not started from a configuration file",))
        return await self.reloader.reload(Trigger.REQUEST)


def _configured(settings: Settings) -> Configured:
    formats = {name: each.format for name, each in settings.receivers.items()}
    return Configured(
        instance=settings.instance,
        sources=tuple(shapes(settings)),
        receivers=formats,
        gathering=gathering(settings),
        give_up_after={name: give_up_after(each) for name, each in settings.receivers.items()},
        terms=partial(terms_of, settings),
        events_kept=settings.retention.events,
    )


def web_view(readiness: Readiness, metrics: Metrics, pulse: Pulse) -> WebView:
    """Everything the HTTP server shows."""

    def store() -> Store:
        return readiness.open_parts().store

    def wake() -> None:
        readiness.open_parts().wake_notifiers()

    return WebView(
        configured=readiness.configured,
        store=store,
        render_metrics=metrics.render,
        stalled=lambda: pulse.stalled(time.monotonic()),
        missing=readiness.missing,
        ailing=lambda: pulse.ailing,
        refused=lambda: metrics.refused,
        wake=wake,
        reload=readiness.reload,
        clock=utc_now,
        tokens=live_tokens(readiness.current),
    )
