"""Contract of the overview's weight: what it has many of, a full collection of garbage does not walk through."""

import gc

from jobwatch.core.overview import CensusRow, ConditionCount, Rows, SeriesValue
from jobwatch.store import Store
from tests.contract.databases import Stores
from tests.contract.watcher import Clock, Watcher
from tests.factories import NOW, job, progress

OPERATIONS = ("Copy", "Restore", "Tag")


async def lived(stores: Stores, clock: Clock) -> Store:
    """A store that counted jobs of several kinds, some of them unfinished, one of them stalled."""
    store = await stores.open()
    prod = await Watcher.start(store, clock)
    for operation in OPERATIONS:
        await prod.sees(job(id=operation, operation=operation, progress=progress(2, 1, 10)))
        await prod.sees(job("Failed", id=f"{operation}-gone", operation=operation, ended_at=NOW))
    await prod.opens(job_id="Copy")
    return store


async def test_no_row_of_an_overview_stays_in_sight_of_the_collector(
    stores: Stores, clock: Clock
) -> None:
    found = await (await lived(stores, clock)).overview()
    gc.collect()
    for rows in (found.series, found.census, found.conditions):
        assert isinstance(rows, Rows)
        assert len(rows) > 0
        assert [each for each in rows.rows if gc.is_tracked(each)] == []


async def test_each_look_at_an_overview_sees_the_same_values(stores: Stores, clock: Clock) -> None:
    found = await (await lived(stores, clock)).overview()
    looks = [(*found.series, *found.census, *found.conditions) for _ in range(2)]
    assert looks[0] == looks[1]
    assert {type(each) for each in looks[0]} == {SeriesValue, CensusRow, ConditionCount}
    assert ConditionCount("prod", "Copy", "stalled", 1) in found.conditions
    assert ConditionCount("prod", "Tag", "stalled", 1) not in found.conditions
