"""Writes docs/metrics.md from the table of metrics and the words that labels may have.

.venv/bin/python -m tests.documents.metrics_page > docs/metrics.md
"""

import math
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple, get_args

from jobwatch.core import census
from jobwatch.core.breaker import ReceiverState
from jobwatch.core.codec import CallName
from jobwatch.core.errors import CallResult
from jobwatch.core.model import Outcome
from jobwatch.core.outbox import SETTLED, Result
from jobwatch.core.plan import SweepKind
from jobwatch.metrics import table
from jobwatch.metrics.freshness import Scope
from jobwatch.metrics.process import DropReason
from jobwatch.metrics.stored import CONDITIONS, OF_SOURCES, TASK_STATES
from jobwatch.metrics.table import ROWS, Row
from jobwatch.providers.cos_batch import CALLS, LIFECYCLE, OPERATIONS

SOURCES, RECEIVERS, LIMIT = 10, 5, 1000
"""The example's sources of COS Batch jobs, its receivers, and its `per_job.limit`."""

MANY = 200
"""Sources that one installation may have."""

HEAD = """\
<!-- Made from the table of metrics: `.venv/bin/python -m tests.documents.metrics_page > docs/metrics.md`. A test compares. -->

# Metrics

`/metrics` answers in Prometheus' text format or OpenMetrics, as `Accept` asks, and compressed if `Accept-Encoding` allows.
A scrape only reads memory: the figures of the store are read every five seconds, once for all scrapes.

There are two kinds of series, marked S and P below:

- **S**, store series, are kept in the [store](store.md) with what they count. They survive restarts exactly and are the same
  on every replica: aggregate with `max without (instance, pod)`. Jobs that were already there when a source was first seen
  enter no counter and no histogram.
- **P**, process series, say what one process did since it started: aggregate with `sum without (instance, pod)`.

Counters start at 0 for every value that their labels can have, so `increase()` sees the first failure. Store series appear
once the store was read, and those of unfinished jobs after the first complete sweep, because nothing is known before.
Histograms appear with their first observation. There are no `_created` series.

## Rules and dashboards

[alerts.md](alerts.md) has the alert rules, [dashboards.md](dashboards.md) the dashboards. For your own queries, each metric
below comes with one to start from. Three things to know:

- When jobwatch is restarted under another address, its S counters continue as another series. To count over such a restart,
  merge first and count then: `increase((max without (instance, pod) (jobwatch_jobs_finished_total))[1d:])`.
- Gauges of jobs are as old as `time() - jobwatch_source_data_timestamp_seconds`: show that beside them.
- Timestamps are Unix times: `time() - …` is how long ago that was, and 0 means never.
"""

SINGLE = """\
## Single jobs

`metrics.per_job.enabled: true` adds series for single jobs, for at most `limit` jobs over all sources. Unfinished jobs come
first, the latest activity first; the remaining room goes to jobs that ended in the last 15 minutes, so that a scrape or two
see the end. Each job brings up to five series, and Prometheus keeps those of ended jobs for as long as it keeps any: switch
this on where jobs are few. Jobs left out are counted in `jobwatch_series_dropped_total`. Only the latest endings are looked
at, so for a while after a large source was first seen, an ending may be missing here, and only here.

Ids and scopes are cut to 256 characters, and unprintable characters in them are replaced. `scope` tells apart the jobs of
two vaults, and is empty if there are none. This query shows the operation of a job beside its progress:

```promql
max without (instance, pod) (jobwatch_job_progress_ratio)
  * on (source, scope, job_id) group_left (operation, status)
max without (instance, pod) (jobwatch_job_info)
```
"""


class Label(NamedTuple):
    """The values of a label, the factor it brings to the number of series, and that factor in the example."""

    values: str
    factor: str = ""
    example: int = 1


def listed(words: Iterable[str | Enum]) -> str:
    return " ".join(f"`{each.value if isinstance(each, Enum) else each}`" for each in words)


def bounded(words: Iterable[str | Enum], *more: str) -> Label:
    """A label whose values are known to the code."""
    found = [*words, *more]
    return Label(listed(found), str(len(found)), len(found))


STATUS = Label(
    "a status of the provider's lifecycle, else `unknown`",
    "(statuses + 1)",
    len(LIFECYCLE.statuses) + 1,
)
UNFINISHED = Label(
    "an unfinished status of the provider's lifecycle, else `unknown`",
    "(unfinished statuses + 1)",
    len(LIFECYCLE.unfinished) + 1,
)
OPERATION = Label(
    "an operation of the provider's table, else `other`", "(operations + 1)", len(OPERATIONS) + 1
)
LABELS = {
    "source": Label("a name of `sources`", "sources", SOURCES),
    "receiver": Label("a name of `receivers`", "receivers", RECEIVERS),
    "operation": OPERATION,
    "status": STATUS,
    "outcome": bounded(Outcome),
    "condition": bounded(CONDITIONS),
    "type": bounded(OF_SOURCES),
    "provider": Label("a kind of provider"),
    "region": Label("the source's region"),
    "kind": bounded(SweepKind),
    "call": Label(f"a call of the provider's: {listed(get_args(CallName))}", "calls", len(CALLS)),
    "reason": bounded(DropReason),
    "version": Label("jobwatch's version"),
    "python": Label("Python's version"),
}
OF_METRICS = {
    (table.JOBS, "status"): UNFINISHED,
    (table.OLDEST_STATUS, "status"): UNFINISHED,
    (table.TASKS, "state"): bounded(TASK_STATES),
    (census.TASKS_FINISHED, "result"): bounded(TASK_STATES[:2]),
    (table.SOURCE_DATA, "scope"): bounded(Scope),
    (table.SOURCE_INTERVAL, "scope"): bounded(Scope),
    (table.API_REQUESTS, "result"): bounded(CallResult),
    (census.DELIVERIES, "state"): bounded(sorted(SETTLED)),
    (census.ATTEMPTS, "result"): bounded(Result),
    (table.RECEIVER_STATE, "state"): bounded(ReceiverState),
}
SINGLE_JOBS = {
    "source": LABELS["source"]._replace(factor="", example=1),
    "scope": Label("a vault, empty where the provider has none"),
    "job_id": Label("a job's id", "limit", LIMIT),
    "operation": OPERATION._replace(factor="", example=1),
    "status": STATUS._replace(factor="", example=1),
    "outcome": Label(f"empty, or {listed(Outcome)}"),
    "state": bounded(TASK_STATES),
}
"""Labels of the series of single jobs: the limit bounds them, whatever their values are."""

PROMQL = {
    table.CLOCK_OFFSET: "max without (instance, pod) ({0})",
    table.KEYS_EXPIRY: "min without (instance, pod) ({0}) - time()",
    table.BUILD_INFO: "count by (version) ({0})",
    table.SERIES_DROPPED: "sum without (instance, pod) (rate({0}[5m])) > 0",
    census.LAST_FINISHED: "time() - max without (instance, pod) ({0})",
    table.OLDEST_STATUS: "time() - max without (instance, pod) ({0})",
    table.SOURCE_DATA: "time() - max without (instance, pod) ({0})",
}
"""Where another question than the usual one is asked of a metric."""

SECTIONS = (
    ("Jobs", (table.JOBS, table.SOURCE_INFO)),
    ("Sources", (table.SOURCE_INFO, census.DELIVERIES)),
    ("Receivers", (census.DELIVERIES, table.STORE_CREATED)),
    ("The program", (table.STORE_CREATED, table.JOB_INFO)),
)
"""Where each section begins and ends in the table."""


def label(row: Row, name: str) -> Label:
    """What is known of a label of a metric."""
    if row.labels[1:3] == ("scope", "job_id"):
        return SINGLE_JOBS[name]
    return OF_METRICS.get((row.name, name)) or LABELS[name]


def series(row: Row) -> int:
    """How many series a metric has at most in the example."""
    own = len(row.buckets) + 3 if row.buckets else 1
    return own * math.prod(label(row, name).example for name in row.labels)


def formula(row: Row) -> str:
    """How many series a metric has at most."""
    factors = [label(row, name).factor for name in row.labels]
    own = [str(len(row.buckets) + 3)] if row.buckets else []
    return " × ".join(filter(None, [*factors, *own])) or "1"  # noqa: RUF001  # the sign of a formula


def promql(row: Row) -> str:
    """What to ask of a metric over all replicas."""
    if row.name in PROMQL:
        return PROMQL[row.name].format(row.name)
    merge = f"{row.aggregation} without (instance, pod)"
    if row.type == "gauge":
        return f"{merge} ({row.name})"
    if row.type == "counter":
        return f"{merge} (increase({row.name}[1h]))"
    summed = "histogram_quantile(0.95, {} (rate({}_bucket[1h])))"
    return summed.format(merge, row.name)


def entry(row: Row) -> Iterator[str]:
    """What the page says of one metric."""
    yield f"### `{row.name}`\n"
    unit = "" if row.unit == "count" else f", {row.unit}"
    yield f"{row.help} *{row.type}{unit}, {row.kept.value}*\n"
    for name in row.labels:
        yield f"- `{name}`: {label(row, name).values}"
    if row.labels:
        yield ""
    count = formula(row)
    in_example = "" if count == str(series(row)) else f" (example: {series(row):,})"
    yield f"Series: {count}{in_example}. Query: `{promql(row)}`\n"


def section(title: str, begin: str, end: str) -> Iterator[str]:
    names = [row.name for row in ROWS]
    yield f"## {title}\n"
    for row in ROWS[names.index(begin) : names.index(end)]:
        yield from entry(row)


def each(label_name: str) -> int:
    """How many series one more source or receiver brings at most."""
    rows = (row for row in ROWS if label_name in row.labels and "job_id" not in row.labels)
    return sum(map(series, rows)) // LABELS[label_name].example


def example() -> str:
    """How many series there are altogether."""
    always = sum(series(row) for row in ROWS if "job_id" not in row.labels)
    single = sum(series(row) for row in ROWS) - always
    many = MANY * each("source")
    return (
        f"A source of COS Batch jobs has at most {each('source'):,} series, a receiver {each('receiver'):,}. "
        f"The example on this page has {SOURCES}\nsources of COS Batch jobs and {RECEIVERS} receivers: at most {always:,} "
        f"series, and {single:,} more with {LIMIT:,} single jobs. A histogram is\ncounted with all its buckets, but "
        "appears only once something was observed; without any histogram, a source has a little over half as many.\n\n"
        f"{MANY} sources have up to {many:,} series: 8 MB, 0.4 MB compressed, and half a second of a processor for each "
        "scrape, in a\nseparate thread. Scrape that many every 30 seconds or less often, with a `sample_limit` and a "
        "`scrape_timeout` that allow it.\nMany scrapers at once cost as much as a few.\n"
    )


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## How many\n", example()]
    for title, (begin, end) in SECTIONS:
        parts += section(title, begin, end)
    parts.append(SINGLE)
    for row in ROWS:
        if "job_id" in row.labels:
            parts += entry(row)
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    print(page(), end="")
