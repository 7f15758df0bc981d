"""Retention keeps the file bounded: an account that turns over is played for some weeks."""

from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.store.values import Pruned, Retention
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
