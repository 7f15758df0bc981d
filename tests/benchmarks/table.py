"""The parts of the table, each a function that measures in a process of its own."""

from collections.abc import Callable
from functools import partial

from tests.benchmarks import bench_reading, bench_scrape
from tests.benchmarks.bench_deliveries import delivery_rows
from tests.benchmarks.bench_detection import detection_rows
from tests.benchmarks.bench_pages import page_rows
from tests.benchmarks.bench_process import bomb_rows, process_rows
from tests.benchmarks.bench_sources import source_rows
from tests.benchmarks.bench_sweeps import sweep_rows
from tests.benchmarks.bench_vaults import vault_rows
from tests.benchmarks.rows import Row

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
        "vaults": vault_rows,
        "sweeps": partial(sweep_rows, pages),
        "detection": detection_rows,
        "sources": source_rows,
        "deliveries": partial(delivery_rows, DELIVERIES),
        "process": process_rows,
        "scrape": scrape_rows,
        "pages": partial(page_rows, pages),
    }
