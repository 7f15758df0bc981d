"""One line of the table, and how it is printed."""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """`measured` should not be above, or with `least` not below, the limit; without one it is told alone."""

    bar: str
    what: str
    measured: float
    limit: float = math.nan
    unit: str = "x"
    least: bool = False

    @property
    def ok(self) -> bool:
        if math.isnan(self.limit):
            return True
        return self.measured >= self.limit if self.least else self.measured <= self.limit


def print_head() -> None:
    print(f"{'bar':<5}{'what':<72}{'measured':>9} {'':<3}{'bar value':>10}", flush=True)


def print_rows(rows: Iterable[Row]) -> None:
    """Lines of the one table."""
    for row in rows:
        limit, verdict = f"{'>=' if row.least else '<='} {row.limit:g}", "ok" if row.ok else "MISS"
        if math.isnan(row.limit):
            limit = verdict = "-"
        print(
            f"{row.bar:<5}{row.what:<72}{row.measured:>9.2f} {row.unit:<3}{limit:>10}  {verdict}",
            flush=True,
        )


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so many of the values do not exceed."""
    return sorted(values)[int(len(values) * share)] if values else 0.0
