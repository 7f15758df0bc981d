"""Every performance bar in one table.

    python -m tests.benchmarks [--pages 100] [--only NAME]

A page has a thousand jobs. Each part is measured in a process of its own, its peers in turn with it. Times are
processor time of the measured process unless the line says otherwise.
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests.benchmarks import bench_reading, bench_scrape
from tests.benchmarks.bench_deliveries import delivery_rows
from tests.benchmarks.bench_process import bomb_rows, process_rows
from tests.benchmarks.bench_sweeps import sweep_rows
from tests.benchmarks.rows import Row, print_head, print_rows

READING_ROUNDS = 3
MOST_READ = 100
"""Pages for the peers of pure reading: the slowest takes 60 us a job."""

DELIVERIES = 1000
SCRAPES = 30


def hostile_rows() -> list[Row]:
    return _adopted(bench_reading.hostile_bars())


def reading_rows(pages: int) -> list[Row]:
    costs = bench_reading.measure(min(pages, MOST_READ), READING_ROUNDS)
    return _adopted(bench_reading.reading_bars(costs))


def scrape_rows() -> list[Row]:
    return _adopted([*bench_scrape.render_bars(9), *bench_scrape.lag_bars(SCRAPES)])


def _adopted(bars: "list[bench_reading.Bar] | list[bench_scrape.Bar]") -> list[Row]:
    rows = []
    for each in bars:
        bar, _, what = each.name.partition(" ")
        least = getattr(each, "least", False)
        rows.append(Row(bar, what.strip(), each.measured, each.limit, each.unit, least))
    return rows


def parts(pages: int) -> dict[str, Callable[[], list[Row]]]:
    """What `--only` takes."""
    return {
        "hostile": hostile_rows,
        "bomb": bomb_rows,
        "reading": partial(reading_rows, pages),
        "sweeps": partial(sweep_rows, pages),
        "deliveries": partial(delivery_rows, DELIVERIES),
        "process": process_rows,
        "scrape": scrape_rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--pages", type=int, default=100, help="of a thousand jobs each")
    parser.add_argument("--only", choices=parts(1), help="one part of the table")
    options = parser.parse_args()
    began = time.monotonic()
    print_head()
    rows: list[Row] = []
    for name, measure in parts(options.pages).items():
        if options.only in (None, name):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
                found = child.submit(measure).result()
            print_rows(found)
            rows += found
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    missed = sum(not row.ok for row in rows)
    print(f"{len(rows)} lines, {missed} missed, {time.monotonic() - began:.0f} s, load {load}")


if __name__ == "__main__":
    main()
