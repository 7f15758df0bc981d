"""A busy account, played through the real store: how large its file becomes, and whom it keeps waiting.

    python -m tests.year [--days 365] [--jobs-per-day 3000] [--folder FOLDER]

A row is a month of thirty days. The second part goes on with the same file and shorter retention.
"""

import argparse
import asyncio
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from jobwatch.store import backup
from jobwatch.store.values import Pruned, Retention
from tests.year.account import Account
from tests.year.sizes import MEGABYTE, size_of, tables_of

MONTH = 30
DEFAULT = Retention(
    jobs=timedelta(days=400), events=timedelta(days=90), dead_deliveries=timedelta(days=30)
)
SHORT = Retention(
    jobs=timedelta(days=30), events=timedelta(days=30), dead_deliveries=timedelta(days=30)
)


async def play(path: Path, days: int, per_day: int) -> None:
    account = await Account.open(path, per_day, DEFAULT)
    for keep in (DEFAULT, SHORT):
        account.keep = keep
        account.times.longest.clear()
        print(f"\n{per_day:,} jobs a day; jobs {keep.jobs.days}d, events {keep.events.days}d")
        print(
            "  day   file MB   free MB   log MB   pruned jobs    events   longest prune / record ms"
        )
        await _months(account, path, days)
        _print_tables(path)
    _print_times(account)
    _print_backup(path)
    await account.store.close()


async def _months(account: Account, path: Path, days: int) -> None:
    jobs = events = 0
    for day in range(1, days + 1):
        pruned: Pruned = await account.day()
        jobs, events = jobs + pruned.jobs, events + pruned.events
        if day % MONTH == 0 or day == days:
            size, longest = size_of(path), account.times.longest
            print(
                f"{day:5} {size.file / MEGABYTE:9,.1f} {size.free / MEGABYTE:9,.1f} {size.log / MEGABYTE:8,.1f}"
                f" {jobs:13,} {events:9,} {longest['prune'] * 1000:11,.0f} / {longest['record'] * 1000:,.0f}",
                flush=True,
            )


def _print_tables(path: Path) -> None:
    print("\n  table                  rows        MB")
    for name, (rows, taken) in tables_of(path).items():
        if taken > MEGABYTE:
            print(f"  {name:16} {rows:10,} {taken / MEGABYTE:9,.1f}")


def _print_times(account: Account) -> None:
    print("\n  verb        calls   mean ms   longest ms (second part)")
    times = account.times
    for verb, calls in times.calls.items():
        mean, longest = times.spent[verb] / calls, times.longest[verb]
        print(f"  {verb:8} {calls:8,} {mean * 1000:9.1f} {longest * 1000:12,.0f}")


def _print_backup(path: Path) -> None:
    began = time.perf_counter()
    target = path.with_name("backup.db")
    found = backup.write_backup(path, target)
    took = time.perf_counter() - began
    print(f"\n  backup, verified: {found.size / MEGABYTE:,.1f} MB in {took:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.year", description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--jobs-per-day", type=int, default=3000)
    parser.add_argument(
        "--folder", type=Path, help="where the store is kept; else it is thrown away"
    )
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = (options.folder or Path(folder)) / "year.db"
        asyncio.run(play(path, options.days, options.jobs_per_day))
    print(f"\n{time.monotonic() - began:,.0f} s")


if __name__ == "__main__":
    main()
