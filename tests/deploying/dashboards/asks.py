"""PromQL as the kinds of series want it: replicas are put together first, and everything else is asked of the result.

Law: a metric is named here through its row in the table of metrics, which knows its labels and how it is kept, and
is narrowed down by every variable of the dashboard that names a label of its.
"""

import re
from collections.abc import Iterator

from jobwatch.metrics.table import BY_NAME, Kept, Row
from tests.documents import metrics_page

VARIABLES = ("source", "receiver")
"""Variables of the dashboards that are labels of metrics; `job` and `instance` are Prometheus' own."""


def row(metric: str) -> Row:
    """The row of a metric, or of the histogram that a part of one belongs to."""
    return BY_NAME.get(metric) or BY_NAME[re.sub(r"_(bucket|sum|count)$", "", metric)]


def merging(metric: str) -> str:
    """How values of several replicas are put together: as the page on metrics says."""
    found = re.search(r"(max|min|sum) without", metrics_page.promql(row(metric)))
    return found[1] if found else row(metric).aggregation


def chosen(metric: str, more: str = "") -> str:
    """A metric, of what the variables of the dashboard choose; `more` narrows it down further."""
    return f"{metric}{{{', '.join(_matchers(row(metric), more))}}}"


def _matchers(of: Row, more: str) -> Iterator[str]:
    yield 'job=~"$job"'
    if of.kept is Kept.PROCESS:
        yield 'instance=~"$instance"'
    yield from (f'{name}=~"${name}"' for name in VARIABLES if name in of.labels)
    if more:
        yield more


def everywhere(metric: str) -> str:
    """Its value over all replicas, whichever are chosen: what no single one can say."""
    return merged(metric).replace('instance=~"$instance", ', "")


def only(label: str, value: str) -> str:
    """A label of this value."""
    return f'{label}="{value}"'


def other(label: str, value: str) -> str:
    """A label of any value but this."""
    return f'{label}!="{value}"'


def merged(metric: str, more: str = "") -> str:
    """Its value, whatever replica says it."""
    return _merged(metric, chosen(metric, more))


def _merged(metric: str, inner: str) -> str:
    return f"{merging(metric)} without (instance, pod) ({inner})"


def rate(
    metric: str, more: str = "", *, window: str = "$__rate_interval", how: str = "rate"
) -> str:
    """How fast it grows each second; how much it grew where `how` is `increase`."""
    return _merged(metric, f"{how}({chosen(metric, more)}[{window}])")


def before(metric: str, more: str = "", *, by: str = "$__interval") -> str:
    """What it was one step, or another while, before."""
    return _merged(metric, f"{chosen(metric, more)} offset {by}")


def steps(metric: str, labels: str, more: str = "") -> str:
    """How much a store counter grew since the step before: whole numbers, a restart between them or not."""
    grown = f"{merged(metric, more)} - {before(metric, more)}"
    return f"sum by ({labels}) (clamp_min({grown}, 0))"


def counted(metric: str, labels: str = "", more: str = "") -> str:
    """How much a store counter grew in the time range, over restarts under other addresses."""
    whole = f"increase(({merged(metric, more)})[$__range:$__interval])"
    return f"sum by ({labels}) ({whole})" if labels else f"sum({whole})"


def quantile_of_range(share: float, metric: str, labels: str) -> str:
    """A quantile of what a store histogram observed in the time range, its very first observation included.

    Such a histogram appears with that observation, so what it was before it was there is truly 0.
    """
    now = merged(f"{metric}_bucket")
    then = before(f"{metric}_bucket", by="$__range")
    seen = f"clamp_min({now} - ({then} or 0 * {now}), 0)"
    return f"histogram_quantile({share}, sum by ({labels}, le) ({seen}))"


def quantile(share: float, metric: str, labels: str, *, window: str = "$__rate_interval") -> str:
    """A quantile of what a histogram observed lately."""
    return f"histogram_quantile({share}, sum by ({labels}, le) ({rate(f'{metric}_bucket', window=window)}))"


def buckets(metric: str) -> str:
    """What a histogram observed lately, by bucket, for a heatmap."""
    return f"sum by (le) ({rate(f'{metric}_bucket', how='increase')})"


def by(labels: str, expression: str, how: str = "sum") -> str:
    """What is merged, put together by these labels."""
    return f"{how} by ({labels}) ({expression})"
