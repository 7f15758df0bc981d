"""Everything /metrics shows, on a registry of its own.

Law of this package: a scrape never asks the store. Store series come from the last overview shown,
process series from instruments; `table` lists them all. Label values are bounded, and no job id is
ever one but in the few series of single jobs, which a person has to ask for.
"""

import platform
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import prometheus_client
from prometheus_client import CollectorRegistry

from jobwatch import __version__
from jobwatch.core.overview import Overview
from jobwatch.metrics import exposition
from jobwatch.metrics.exposition import Rendered
from jobwatch.metrics.freshness import Scope, SourceShape, is_up, overdue
from jobwatch.metrics.process import DropReason, Instruments, SourceMetrics
from jobwatch.metrics.stored import StoredCollector

__all__ = ["Metrics", "Rendered", "Scope", "SourceMetrics", "SourceShape", "is_up", "overdue"]


class Metrics:
    """What the shell tells about its work, and how a scrape reads it."""

    def __init__(
        self,
        sources: Sequence[SourceShape],
        receivers: Sequence[str],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        # The library's only switch for them is a global one.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=False)
        self.refused = False
        self._stored = StoredCollector(sources, receivers, monotonic)
        self.registry.register(self._stored)
        self._instruments = Instruments(self.registry)
        self._sources = {shape.name: SourceMetrics(self._instruments, shape) for shape in sources}
        self._receivers = frozenset(receivers)
        self._instruments.build_info.labels(__version__, platform.python_version()).set(1)

    def bound(self, sources: Sequence[SourceShape], receivers: Sequence[str]) -> None:
        """Show these sources and receivers from now on: series of others are gone, those of new ones begin at 0."""
        wanted = {shape.name: shape for shape in sources}
        for name in self._sources.keys() - wanted.keys():
            del self._sources[name]
            self._instruments.forget_source(name)
        for name in self._receivers - set(receivers):
            self._instruments.forget_receiver(name)
        for name in wanted.keys() - self._sources.keys():
            self._sources[name] = SourceMetrics(self._instruments, wanted[name])
        self._receivers = frozenset(receivers)
        self._stored.bound(sources, receivers)

    def for_source(self, name: str) -> SourceMetrics:
        """Give what one configured source's tasks tell their work to."""
        return self._sources[name]

    def show(self, overview: Overview) -> None:
        """Show the store series as they are now; scrapes use the last overview shown."""
        self._stored.show(overview)
        dropped = self._instruments.series_dropped.labels(DropReason.PER_JOB_LIMIT.value)
        dropped.inc(overview.jobs_left_out)

    def last_shown(self, within: timedelta) -> Overview | None:
        """The overview shown last; None where it is older than that: nothing may be said of now by it."""
        return self._stored.last(within)

    def attempted(self, receiver: str, took: float) -> None:
        """Observe one attempt at a delivery; `took` in seconds."""
        if receiver not in self._receivers:  # an attempt that outlived its receiver
            return
        self._instruments.delivery_duration.labels(receiver).observe(took)

    def store_failed(self) -> None:
        """Count one use of the store that failed."""
        self._instruments.store_errors.inc()

    def loop_lagged(self, seconds: float) -> None:
        """Observe how much later than asked the event loop came back."""
        self._instruments.loop_lag.observe(seconds)

    def configured(self, at: datetime) -> None:
        """Show that the configuration that was read at this time holds."""
        self.refused = False
        self._instruments.reload_successful.set(1)
        self._instruments.reload_success_at.learn(at.timestamp())

    def reload_refused(self) -> None:
        """Show that another configuration was refused, and the one before it holds."""
        self.refused = True
        self._instruments.reload_successful.set(0)

    def lease(self, source: str, held: bool) -> None:  # noqa: FBT001  # the value of a gauge
        """Show whether this process holds the lease of a source."""
        self._sources[source].held(held)

    def render(self, accept: str, accept_encoding: str) -> Rendered:
        """Write every series as a scrape's headers ask for it, in any thread.

        Whatever goes wrong is raised: half a scrape would look like a healthy one.
        """
        return exposition.render(self.registry.collect(), accept, accept_encoding)
