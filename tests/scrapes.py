"""Scrapes, read back, for tests of what /metrics says."""

from collections.abc import Callable, Iterable

from prometheus_client.parser import text_string_to_metric_families

from jobwatch.core.overview import Overview
from jobwatch.metrics import Metrics, SourceShape
from tests.overviews import overview, shape

TEXT = "text/plain"


def metrics(
    sources: Iterable[SourceShape] = (shape(),),
    receivers: Iterable[str] = ("ops",),
    monotonic: Callable[[], float] = lambda: 0.0,
) -> Metrics:
    """Metrics of one source and one receiver that were shown nothing yet."""
    return Metrics(tuple(sources), tuple(receivers), monotonic=monotonic)


def shown(given: Overview | None = None) -> Metrics:
    """The same after it was shown an overview."""
    made = metrics()
    made.show(given if given is not None else overview())
    return made


def lines(made: Metrics, *names: str) -> list[str]:
    """The lines of these metrics, comments and all."""
    text = made.render(TEXT, "").body.decode()
    return [line for line in text.splitlines() if _name(line) in names]


def _name(line: str) -> str:
    if line.startswith("#"):
        return line.split(" ")[2] if line.count(" ") > 1 else ""
    name = line.partition("{")[0].partition(" ")[0]
    for suffix in ("_bucket", "_count", "_sum"):
        name = name.removesuffix(suffix)
    return name


def sample(made: Metrics, name: str, **labels: str) -> float | None:
    """One value, by name and all labels, read by the library's own parser."""
    text = made.render(TEXT, "").body.decode()
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            if each.name == name and each.labels == labels:
                return each.value
    return None
