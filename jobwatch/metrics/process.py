"""The process series: instruments that this process moves as it works."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jobwatch.core.errors import CallResult
from jobwatch.core.plan import SweepKind
from jobwatch.metrics import table
from jobwatch.metrics.families import Labels, family
from jobwatch.metrics.freshness import SourceShape
from jobwatch.metrics.table import Row


class DropReason(StrEnum):
    """Why something is shown without series of its own."""

    PER_JOB_LIMIT = "per_job_limit"


class LearntGauge(Collector):
    """A gauge whose series are absent while their value is not known: 0 would be a statement.

    The library's own gauge shows a new series at 0 until it is set, and a scrape in another thread may see that.
    """

    def __init__(self, row: Row) -> None:
        self._row = row
        self._values: dict[Labels, float] = {}

    def learn(self, value: float | None, *labels: str) -> None:
        """Show a value; None takes the series away."""
        if value is None:
            self._values.pop(labels, None)
        else:
            self._values[labels] = value

    def collect(self) -> Iterator[Metric]:
        """Give the family if it has any series."""
        values = dict(self._values)
        if values:
            yield family(self._row, values)


class Instruments:
    """One instrument for every process row, registered in the registry given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.sweep_duration = self._histogram(table.SWEEP_DURATION)
        self.sweep_pages = self._counter(table.SWEEP_PAGES)
        self.api_requests = self._counter(table.API_REQUESTS)
        self.api_duration = self._histogram(table.API_DURATION)
        self.api_wait = self._counter(table.API_WAIT)
        self.clock_offset = self._learnt(table.CLOCK_OFFSET)
        self.keys_expiry = self._learnt(table.KEYS_EXPIRY)
        self.lease_held = self._gauge(table.LEASE_HELD)
        self.delivery_duration = self._histogram(table.DELIVERY_DURATION)
        self.store_errors = self._counter(table.STORE_ERRORS)
        self.loop_lag = self._histogram(table.LOOP_LAG)
        self.build_info = self._gauge(table.BUILD_INFO)
        self.reload_successful = self._gauge(table.RELOAD_SUCCESSFUL)
        self.reload_success_at = self._learnt(table.RELOAD_SUCCESS_AT)
        self.series_dropped = self._counter(table.SERIES_DROPPED)
        for reason in DropReason:
            self.series_dropped.labels(reason.value)

    def forget_source(self, name: str) -> None:
        """Take away every series of a source."""
        for each in (
            self.sweep_duration,
            self.sweep_pages,
            self.api_requests,
            self.api_duration,
            self.api_wait,
            self.lease_held,
        ):
            each.remove_by_labels({"source": name})
        self.clock_offset.learn(None, name)
        self.keys_expiry.learn(None, name)

    def forget_receiver(self, name: str) -> None:
        """Take away every series of a receiver."""
        self.delivery_duration.remove_by_labels({"receiver": name})

    def _counter(self, name: str) -> Counter:
        row = table.BY_NAME[name]
        return Counter(row.name, row.help, row.labels, registry=self._registry)

    def _gauge(self, name: str) -> Gauge:
        row = table.BY_NAME[name]
        return Gauge(row.name, row.help, row.labels, registry=self._registry)

    def _learnt(self, name: str) -> LearntGauge:
        made = LearntGauge(table.BY_NAME[name])
        self._registry.register(made)
        return made

    def _histogram(self, name: str) -> Histogram:
        row = table.BY_NAME[name]
        return Histogram(
            row.name, row.help, row.labels, registry=self._registry, buckets=row.buckets
        )


class SourceMetrics:
    """What one source's tasks tell metrics. Durations are seconds."""

    def __init__(self, instruments: Instruments, shape: SourceShape) -> None:
        self._instruments = instruments
        self._source = source = shape.name
        self._held = instruments.lease_held.labels(source)
        self._waited = instruments.api_wait.labels(source)
        for kind in SweepKind:
            instruments.sweep_pages.labels(source, kind.value)
        for call in shape.calls:
            for result in CallResult:
                instruments.api_requests.labels(source, call, result.value)

    def called(self, call: str, result: CallResult, took: float) -> None:
        """Count one call to the cloud."""
        self._instruments.api_requests.labels(self._source, call, result.value).inc()
        self._instruments.api_duration.labels(self._source, call).observe(took)

    def waited(self, seconds: float) -> None:
        """Add time that a call waited for our own rate limit."""
        self._waited.inc(max(0.0, seconds))

    def paged(self, kind: SweepKind) -> None:
        """Count one page of a hot or full sweep."""
        self._instruments.sweep_pages.labels(self._source, kind).inc()

    def swept(self, kind: SweepKind, took: float) -> None:
        """Observe one complete hot or full sweep."""
        self._instruments.sweep_duration.labels(self._source, kind).observe(took)

    def clock(self, offset_seconds: float | None) -> None:
        """Show how far the cloud's clock is ahead of ours; None while nobody knows."""
        self._instruments.clock_offset.learn(offset_seconds, self._source)

    def keys(self, expires_at: datetime | None) -> None:
        """Show when the keys in use expire; None where they do not, or there are none."""
        stamp = expires_at.timestamp() if expires_at is not None else None
        self._instruments.keys_expiry.learn(stamp, self._source)

    def held(self, held: bool) -> None:  # noqa: FBT001  # the value of a gauge
        """Show whether this process holds the source's lease."""
        self._held.set(held)
