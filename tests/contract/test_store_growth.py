"""Retention keeps the file bounded: an account that turns over is played for some weeks."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.store import engine
from jobwatch.store.values import Pruned, Retention
from tests.contract.databases import Stores
from tests.contract.watcher import Clock, Watcher
from tests.factories import job
from tests.year import account
from tests.year.account import Account
from tests.year.sizes import size_of

DAY = timedelta(days=1)


async def test_the_file_stops_growing_while_jobs_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs are listed for two days and kept for two more, events for two: from the fifth day on the same pages serve."""
    monkeypatch.setattr(account, "LISTED", 2 * DAY)
    monkeypatch.setattr(account, "ROUNDS", 6)
    keep = Retention(jobs=2 * DAY, events=2 * DAY, dead_deliveries=DAY)
    played = await Account.open(tmp_path / "year.db", 36, keep)
    sizes, pruned = [], []
    for _ in range(14):
        pruned.append(await played.day())
        sizes.append(size_of(tmp_path / "year.db").file)
    await played.store.close()
    assert pruned[0] == Pruned()
    assert pruned[-1].jobs == 36
    assert pruned[-1].events == 36 * 4
    assert sizes[-1] <= 1.1 * sizes[6]
    assert sizes[6] > 1.5 * sizes[0]


async def test_the_log_grows_while_somebody_reads_and_is_cut_back_afterwards(
    file_stores: Stores, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As beside a long backup: what the reader may still need is kept."""
    monkeypatch.setattr(engine, "CHECKPOINT_PAGES", 40)
    monkeypatch.setattr(engine, "LOG_LIMIT_BYTES", 200_000)
    prod = await Watcher.start(await file_stores.open(), clock)
    numbers = iter(range(1000))

    async def log_after_writing() -> int:
        for _ in range(30):
            await prod.sees(job(id=f"job-{next(numbers)}"))
        return size_of(file_stores.path).log

    usual = await log_after_writing()
    with closing(sqlite3.connect(file_stores.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM jobs").fetchone() == (30,)
        assert await log_after_writing() > 2 * max(usual, 200_000)
    assert await log_after_writing() <= 300_000
