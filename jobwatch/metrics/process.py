"""The process series: instruments that this process moves as it works."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from jobwatch.core.errors import CallResult
from jobwatch.metrics import table

CALLS = ("ListJobs", "DescribeJob")
"""The calls counted at 0 from the start."""

SWEEP_KINDS = ("hot", "full")


class Instruments:
    """One instrument for every process row, registered in the registry given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.sweep_duration = self._histogram(table.SWEEP_DURATION)
        self.sweep_pages = self._counter(table.SWEEP_PAGES)
        self.api_requests = self._counter(table.API_REQUESTS)
        self.api_duration = self._histogram(table.API_DURATION)
        self.api_wait = self._counter(table.API_WAIT)
        self.lease_held = self._gauge(table.LEASE_HELD)
        self.delivery_duration = self._histogram(table.DELIVERY_DURATION)
        self.store_errors = self._counter(table.STORE_ERRORS)
        self.loop_lag = self._histogram(table.LOOP_LAG)
        self.build_info = self._gauge(table.BUILD_INFO)

    def _counter(self, name: str) -> Counter:
        row = table.BY_NAME[name]
        return Counter(row.name, row.help, row.labels, registry=self._registry)

    def _gauge(self, name: str) -> Gauge:
        row = table.BY_NAME[name]
        return Gauge(row.name, row.help, row.labels, registry=self._registry)

    def _histogram(self, name: str) -> Histogram:
        row = table.BY_NAME[name]
        return Histogram(
            row.name, row.help, row.labels, registry=self._registry, buckets=row.buckets
        )


class SourceMetrics:
    """What one source's tasks tell metrics. Durations are seconds."""

    def __init__(self, instruments: Instruments, source: str) -> None:
        self._instruments = instruments
        self._source = source
        self._held = instruments.lease_held.labels(source)
        self._waited = instruments.api_wait.labels(source)
        for kind in SWEEP_KINDS:
            instruments.sweep_pages.labels(source, kind)
        for call in CALLS:
            for result in CallResult:
                instruments.api_requests.labels(source, call, result.value)

    def called(self, call: str, result: CallResult, took: float) -> None:
        """Count one call to the cloud."""
        self._instruments.api_requests.labels(self._source, call, result.value).inc()
        self._instruments.api_duration.labels(self._source, call).observe(took)

    def waited(self, seconds: float) -> None:
        """Add time that a call waited for our own rate limit."""
        self._waited.inc(max(0.0, seconds))

    def paged(self, kind: str) -> None:
        """Count one page of a hot or full sweep."""
        self._instruments.sweep_pages.labels(self._source, kind).inc()

    def swept(self, kind: str, took: float) -> None:
        """Observe one complete hot or full sweep."""
        self._instruments.sweep_duration.labels(self._source, kind).observe(took)

    def held(self, held: bool) -> None:  # noqa: FBT001  # the value of a gauge
        """Show whether this process holds the source's lease."""
        self._held.set(held)


def instruments(
    registry: CollectorRegistry, sources: Sequence[str]
) -> tuple[Instruments, dict[str, SourceMetrics]]:
    """Build every instrument, with the counters of each source at 0."""
    built = Instruments(registry)
    return built, {name: SourceMetrics(built, name) for name in sources}
