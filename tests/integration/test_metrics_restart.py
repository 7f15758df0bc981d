"""After random lives, faults and restarts at any point, /metrics says what the store's own history says.

`COUNTED_WORLDS=50` plays so many worlds. Give pytest `--timeout=0` with it.
"""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.metrics import Metrics
from jobwatch.simulator.script import STATUSES
from jobwatch.store import Store
from jobwatch.store.settings import SqliteSettings
from tests.history import READ, History, OfFile
from tests.overviews import shape
from tests.pages import Page, differences
from tests.recount import Words, recount
from tests.truth.play import Log, play
from tests.truth.trouble import Plan, plan_for

ASKED = os.environ.get("COUNTED_WORLDS")
SEEDS = range(int(ASKED)) if ASKED else (2,)
LIVES = 200 if ASKED else 25
WORDS = Words(
    statuses=frozenset(STATUSES),
    works=frozenset({"Active"}),
    ends=frozenset({"Complete", "Cancelled", "Failed"}),
    operations=frozenset(
        {
            "COSPutObjectCopy",
            "COSInitiateRestoreObject",
            "COSPutObjectTagging",
            "COSDeleteObject",
        }
    ),
)
SHAPE = shape(
    operations=tuple(sorted(WORDS.operations)),
    statuses=STATUSES,
    unfinished=tuple(word for word in STATUSES if word not in WORDS.ends),
)
ROUNDING = timedelta(seconds=2)
"""The cloud tells its time by the second."""


def wrong_by(plan: Plan) -> float:
    """By how many seconds our clock may have been wrong at any time."""
    steps = sum((abs(step) for _, step in plan.steps), timedelta())
    return (abs(plan.wrong) + steps + ROUNDING).total_seconds()


async def page_of(path: Path, log: Log) -> Page:
    """What a process shows that only reads this store."""
    store = await Store.open(
        SqliteSettings(path=path), owner="reader", clock=lambda: log.closed_at, exclusive=False
    )
    try:
        metrics = Metrics((SHAPE,), ("all", "ops"), monotonic=lambda: 0.0)
        metrics.show(await store.overview())
        return Page.read(metrics.render("text/plain", "").body.decode())
    finally:
        await store.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
async def test_after_any_restarts_every_series_is_what_the_history_says(
    seed: int, tmp_path: Path
) -> None:
    path = tmp_path / "jobwatch.db"
    plan = plan_for(seed, lives=LIVES, calm_minutes=1)
    log, _ = await play(plan, path)
    history = History(tables=await OfFile(path).read(*READ))
    page = await page_of(path, log)
    found = differences(page, recount(history, WORDS, log.closed_at), clocks=wrong_by(plan))
    assert not found, "\n".join(found)
    # Without these, the numbers would be right for nothing.
    assert log.restarts
    assert page.moved(["jobwatch_jobs_finished_total"])
    assert any(row["history"] for row in history["jobs"])
