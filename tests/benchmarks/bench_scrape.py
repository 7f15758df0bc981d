"""Scrapes against the bar G9: the time of a rendering, and what the event loop feels of it.

    python -m tests.benchmarks.bench_scrape [--rounds 9]

The series are those of as many sources as it takes, without those of single jobs and with them. The peer is the client library's own writer on the
same registry. The lag is measured while a child process scrapes a real server, one request after another.
"""

import argparse
import asyncio
import gc
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

import prometheus_client
from prometheus_client.openmetrics import exposition as openmetrics_writer

from jobwatch.core import census
from jobwatch.core.census import Series
from jobwatch.core.model import Outcome, Progress
from jobwatch.core.overview import (
    CensusRow,
    Identity,
    Overview,
    SeriesValue,
    SingleJob,
    SourceState,
)
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.web import WebView, build_app, serve
from tests.benchmarks.daemon_parts import Taken, machine_speed, measured
from tests.benchmarks.page_server import pin
from tests.benchmarks.rows import percentile
from tests.web_rig import bare_view

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
OPERATIONS = ("COSPutObjectCopy", "COSInitiateRestoreObject")
SINGLE = 1000
"""Jobs shown one by one: the default of `metrics.per_job.limit`."""

STATUSES = (
    *("New", "Preparing", "Suspended", "Ready", "Active", "Pausing", "Paused", "Completing"),
    *("Cancelling", "Failing", "Complete", "Cancelled", "Failed"),
)
UNFINISHED = STATUSES[:10]
PROMETHEUS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"
SCRAPER = """
import os, sys, urllib.request
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {os.cpu_count() - 1})
for _ in range(int(sys.argv[2])):
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers={
        "Accept": sys.argv[3], "Accept-Encoding": "gzip"})).read()
"""


class Bar(NamedTuple):
    """One line of the table: `measured` should not be above the limit."""

    name: str
    measured: float
    limit: float
    unit: str = "ms"

    @property
    def ok(self) -> bool:
        return self.measured <= self.limit


def sized(series: int, jobs: int = 0) -> tuple[Metrics, int]:
    """Metrics with at least so many series, every stored one of them in use; `jobs` are shown one by one."""
    for sources in itertools.count(1):
        made = filled([shape(f"source_{number}") for number in range(sources)], jobs)
        found = count_series(made)
        if found >= series:
            return made, found
    raise AssertionError


def count_series(made: Metrics) -> int:
    return sum(1 for family in made.registry.collect() for _ in family.samples)


def shape(name: str) -> SourceShape:
    return SourceShape(
        name=name,
        provider="cos-batch",
        region="ap-chengdu",
        operations=OPERATIONS,
        statuses=STATUSES,
        unfinished=UNFINISHED,
        every=timedelta(seconds=30),
        full_every=timedelta(minutes=10),
    )


def filled(shapes: list[SourceShape], jobs: int = 0) -> Metrics:
    made = Metrics(shapes, ["ops", "people"])
    made.show(
        Overview(
            sources=tuple(state(each.name) for each in shapes),
            series=tuple(stored(shapes)),
            census=tuple(
                CensusRow(each.name, operation, status, 3, 4, 5, 6, NOW)
                for each in shapes
                for operation in OPERATIONS
                for status in UNFINISHED
            ),
            outbox=(),
            jobs=tuple(map(single, range(jobs))),
            created_at=NOW,
            size_bytes=1 << 20,
            now=NOW,
        )
    )
    return made


def single(number: int) -> SingleJob:
    return SingleJob(
        source="source_0",
        scope="",
        id=f"021140d8-67ca-4e89-8089-{number:012}",
        operation=OPERATIONS[number % 2],
        status="Active",
        progress=Progress(total=1_000_000, succeeded=400_000 + number, failed=number),
    )


def state(name: str) -> SourceState:
    identity = Identity(name=name, kind="cos-batch", region="ap-chengdu", account="1")
    return SourceState(
        source_id=1, identity=identity, unfinished_data_at=NOW, all_data_at=NOW, attempted_at=NOW
    )


def stored(shapes: list[SourceShape]) -> Iterator[SeriesValue]:
    for each in shapes:
        for operation in OPERATIONS:
            for status in STATUSES:
                yield SeriesValue(
                    each.name, Series(census.TRANSITIONS, (operation, status)), 12345.0
                )
        for bound in (*map(str, census.DURATIONS), "+Inf", "sum"):
            for outcome in Outcome:
                yield SeriesValue(each.name, Series(census.DURATION, (outcome, bound)), 17.0)
            yield SeriesValue(each.name, Series(census.WAIT, (bound,)), 17.5)


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """The median of the rounds, of processor."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append((time.process_time() - began) * 1000)
    return statistics.median(taken)


def render_bars(rounds: int) -> list[Bar]:
    pin()
    bars = []
    for series, jobs, limit in (
        (1_000, 0, 10),
        (1_000, SINGLE // 10, 10),
        (10_000, 0, 80),
        (10_000, SINGLE, 80),
    ):
        made, found = sized(series, jobs)
        shown = f"{found} series" + (f", {jobs} single jobs" if jobs else "")
        speed = machine_speed()
        for name, accept, encoding in (
            ("text", "", ""),
            ("OpenMetrics, gzip", PROMETHEUS, "gzip"),
        ):
            taken = milliseconds(partial(made.render, accept, encoding), rounds)
            what = f"G9 scrape of {shown}, {name} (x {speed:.2f})"
            bars.append(Bar(what, taken * speed, limit))
    return bars


def peers(rounds: int) -> dict[str, float]:
    made, found = sized(10_000)
    registry = made.registry
    return {
        f"the library's text writer, {found} series": milliseconds(
            partial(prometheus_client.generate_latest, registry), rounds
        ),
        f"the library's OpenMetrics writer, {found} series": milliseconds(
            partial(openmetrics_writer.generate_latest, registry), rounds
        ),
    }


async def scraped(made: Metrics, scrapes: int) -> Taken:
    """How late a loop comes back, that is asked for every millisecond, while a child process scrapes it."""

    async def scrape(url: str) -> None:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SCRAPER, f"{url}/metrics", str(scrapes), PROMETHEUS)
        )
        await child.wait()

    async with serve(build_app(view(made)), "127.0.0.1", 0) as url:
        return await measured(partial(scrape, url))


def view(made: Metrics) -> WebView:
    return bare_view(render_metrics=made.render, missing=lambda: ())


def lag_bars(scrapes: int) -> list[Bar]:
    made, found = sized(10_000, SINGLE)
    gc.collect()
    gc.freeze()  # as the daemon does once it has loaded
    taken = asyncio.run(scraped(made, scrapes))
    name = f"G9 loop lag, {scrapes} scrapes of {found} series"
    return [
        Bar(f"{name}, p99", percentile(taken.lags, 0.99), 15),
        Bar(f"{name}, max (busy for {taken.busiest:.0f} of it)", max(taken.lags), 15),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    for name, taken in peers(options.rounds).items():
        print(f"{name:<56}{taken:>8.1f} ms")
    print(f"{'bar':<56}{'measured':>11}{'limit':>9}")
    for bar in [*render_bars(options.rounds), *lag_bars(30)]:
        verdict = "ok" if bar.ok else "MISS"
        print(f"{bar.name:<56}{bar.measured:>8.1f} {bar.unit} <={bar.limit:>6} {verdict}")


if __name__ == "__main__":
    main()
