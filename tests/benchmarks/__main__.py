"""Every performance bar in one table.

    python -m tests.benchmarks [--pages 100] [--only NAME ...]

A page has a thousand jobs. Each part is measured in a process of its own, its peers in turn with it. Times are
processor time of the measured process unless the line says otherwise; x 0.50 means that this machine was half as fast
in this run as the idle one that the bars were set on. A line without a bar value stands there for comparison.

A missed bar is no failure: the machine is whatever it is. A part that cannot run, or that measures no number, is one.
"""

import argparse
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.benchmarks.rows import Row, print_head, print_rows
from tests.benchmarks.table import parts


def _in_child(measure: Callable[[], list[Row]]) -> list[Row]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        return child.submit(measure).result()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--pages", type=int, default=100, help="of a thousand jobs each")
    parser.add_argument("--only", choices=parts(1), nargs="+", help="some parts of the table")
    options = parser.parse_args()
    began = time.monotonic()
    print_head()
    rows: list[Row] = []
    for name, measure in parts(options.pages).items():
        if name in (options.only or [name]):
            found = _in_child(measure)
            print_rows(found)
            rows += found
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    missed = sum(not row.ok for row in rows)
    print(f"{len(rows)} lines, {missed} missed, {time.monotonic() - began:.0f} s, load {load}")
    odd = [row.what for row in rows if not math.isfinite(row.measured)]
    if odd:
        raise SystemExit(f"no number: {'; '.join(odd)}")


if __name__ == "__main__":
    main()
