"""The stored series are what the store's own history says, after random lives with restarts, on both databases.

`COUNTED_LIVES=200` lives so many on each database. Give pytest `--timeout=0` with it.
"""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random

import pytest

from jobwatch.metrics import Metrics
from jobwatch.store import PostgresSettings, Store
from jobwatch.store.values import Retention
from tests.contract.databases import Stores
from tests.contract.random_lives import MANNERS, Lives
from tests.factories import MINUTE, OPERATIONS, TABLE
from tests.history import READ, History, OfFile, OfServer
from tests.overviews import shape
from tests.pages import HISTOGRAMS, Page, differences
from tests.recount import Words, recount

ASKED = os.environ.get("COUNTED_LIVES")
SEEDS = range(int(ASKED)) if ASKED else range(2)
DEEDS, FEW = 120, 50
WORDS = Words(
    statuses=frozenset(TABLE.statuses),
    works=frozenset({"Active"}),
    ends=frozenset({"Done", "Failed", "Cancelled"}),
    operations=frozenset(OPERATIONS),
)
COUNTED = (
    "jobwatch_job_transitions_total",
    "jobwatch_jobs_finished_total",
    "jobwatch_last_finished_timestamp_seconds",
    "jobwatch_tasks_finished_total",
    "jobwatch_events_total",
    "jobwatch_unknown_status_total",
    "jobwatch_deliveries_total",
    "jobwatch_delivery_attempts_total",
    *(f"{name}_{part}" for name in HISTOGRAMS for part in ("bucket", "count", "sum")),
)
HISTOGRAM_COUNTS = [f"{name}_count" for name in HISTOGRAMS]


async def page_of(store: Store) -> Page:
    shapes = (shape("prod"), shape("vault_jobs", provider="cas"))
    metrics = Metrics(shapes, list(MANNERS), monotonic=lambda: 0.0)
    metrics.show(await store.overview())
    return Page.read(metrics.render("text/plain", "").body.decode())


@pytest.fixture
async def tables(stores: Stores) -> AsyncIterator[OfFile | OfServer]:
    settings = stores.settings
    if isinstance(settings, PostgresSettings):
        reader: OfFile | OfServer = OfServer(settings.dsn.get_secret_value())
    else:
        reader = OfFile(settings.path)
    yield reader
    await reader.close()


async def lived(stores: Stores, tables: OfFile | OfServer, seed: int, deeds: int) -> Lives:
    lives = Lives(stores, Random(f"counted:{seed}"), tables)
    await lives.start()
    await lives.live(deeds)
    return lives


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_stored_series_is_what_the_history_says_whoever_reads_it(
    stores: Stores, tables: OfFile | OfServer, seed: int
) -> None:
    lives = await lived(stores, tables, seed, DEEDS)
    history = History(tables=await tables.read(*READ), overwritten=lives.overwritten)
    page = await page_of(lives.store)
    found = differences(page, recount(history, WORDS, stores.clock()))
    assert not found, "\n".join(found)
    reader = await stores.open("another process", exclusive=False)
    assert (await page_of(reader)).samples == page.samples


async def test_what_was_counted_stays_counted_when_its_history_is_forgotten(
    stores: Stores, tables: OfFile | OfServer
) -> None:
    lives = await lived(stores, tables, 7, FEW)
    await lives.release()
    stores.clock.advance(MINUTE)
    await lives.store.retire_receivers([])
    before = (await page_of(lives.store)).moved(COUNTED)
    assert {name for name, _ in before} >= {"jobwatch_jobs_finished_total", *HISTOGRAM_COUNTS}
    nothing = Retention(jobs=MINUTE, events=MINUTE, dead_deliveries=MINUTE)
    pruned = await lives.store.prune(nothing, stores.clock() + timedelta(days=400))
    assert pruned.events
    assert pruned.deliveries
    await lives.crash()
    assert (await page_of(lives.store)).moved(COUNTED) == before
