"""From a row of the table and the values of its series to a family that prometheus_client knows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from jobwatch.metrics.exposition import number
from jobwatch.metrics.table import Row

Labels = tuple[str, ...]
"""Label values in the row's order; of a stored histogram's bucket the bound, or `sum`, comes last."""


def family(row: Row, series: Mapping[Labels, float]) -> Metric:
    """Build the family of one row."""
    built = Metric(row.family, row.help, row.type)
    built.samples = _Samples(row, series)  # type: ignore[assignment]  # iterated, as a list would be
    return built


@dataclass(frozen=True, slots=True)
class _Samples:
    """Samples that are made while they are written.

    Ten thousand of them alive at once would call for the garbage collector, and a full collection
    stops every thread: the event loop stood still for 60 ms.
    """

    row: Row
    series: Mapping[Labels, float]

    def __iter__(self) -> Iterator[Sample]:
        if self.row.type == "histogram":
            yield from _histograms(self.row, self.series)
        else:
            for values, value in self.series.items():
                labels = dict(zip(self.row.labels, values, strict=True))
                yield Sample(self.row.name, labels, value)


def _histograms(row: Row, series: Mapping[Labels, float]) -> Iterator[Sample]:
    stored: dict[Labels, dict[str, float]] = defaultdict(dict)
    for (*others, bound), value in series.items():
        stored[tuple(others)][bound] = value
    for values, buckets in stored.items():
        yield from _histogram(row, dict(zip(row.labels, values, strict=True)), buckets)


def _histogram(row: Row, labels: dict[str, str], stored: dict[str, float]) -> Iterator[Sample]:
    """Cumulate what is stored per bucket; a bound the table lost counts for the next one up."""
    total = stored.pop("sum", 0.0)
    hits = sorted((float(bound), value) for bound, value in stored.items())
    within = 0.0
    for limit in (*row.buckets, float("inf")):
        within = sum(value for bound, value in hits if bound <= limit)
        yield Sample(f"{row.name}_bucket", {**labels, "le": number(limit)}, within)
    yield Sample(f"{row.name}_count", labels, within)
    yield Sample(f"{row.name}_sum", labels, total)
