"""Contract of the questions that every page asks: they are compiled once, for a few lengths of their lists."""

import asyncio
from pathlib import Path

import pytest

from jobwatch.core.errors import StaleWrite
from jobwatch.core.model import JobKey
from jobwatch.store.bulk import PREPARED
from tests.contract.databases import Stores
from tests.contract.watcher import Clock, Watcher
from tests.factories import job

KNOWN = PREPARED + 6


def has_log(path: Path) -> bool:
    return Path(f"{path}-wal").exists()


@pytest.fixture
async def prod(stores: Stores, clock: Clock) -> Watcher:
    return await Watcher.start(await stores.open(), clock)


async def test_each_of_any_number_of_jobs_is_found_once_and_no_other(prod: Watcher) -> None:
    await prod.sees(*(job(id=f"j{number}") for number in range(KNOWN)))
    for count in (1, 2, 3, 4, 5, PREPARED - 1, PREPARED, PREPARED + 1, KNOWN):
        asked = [JobKey("", f"j{number}") for number in range(count)]
        found = await prod.store.known(prod.lease, [*asked, JobKey("", "nobody")])
        assert {key: each.key for key, each in found.items()} == {key: key for key in asked}


async def test_nobody_is_found_where_nobody_is_known(prod: Watcher) -> None:
    for count in (1, 3, PREPARED, PREPARED + 1):
        asked = [JobKey("", f"j{number}") for number in range(count)]
        assert await prod.store.known(prod.lease, asked) == {}


async def test_jobs_of_one_name_in_two_vaults_are_told_apart(prod: Watcher) -> None:
    await prod.sees(*(job(id="same", scope=scope, description=scope) for scope in ("a", "b")))
    keys = [JobKey("a", "same"), JobKey("b", "same"), JobKey("", "same")]
    found = await prod.store.known(prod.lease, keys)
    assert {key.scope: each.job.description for key, each in found.items()} == {"a": "a", "b": "b"}


async def test_few_and_many_snapshots_are_read_alike(prod: Watcher) -> None:
    seen = [job("Failed", id=f"j{number}") for number in range(KNOWN)]
    await prod.sees(*seen)
    many = await prod.store.known(prod.lease, [each.key for each in seen])
    few = await prod.store.known(prod.lease, [seen[0].key])
    assert repr(few[seen[0].key]) == repr(many[seen[0].key])
    assert few[seen[0].key].counted is True


@pytest.mark.parametrize("count", [1, 3, PREPARED, PREPARED + 1])
async def test_one_snapshot_that_changed_meanwhile_rolls_back_all(
    prod: Watcher, count: int
) -> None:
    await prod.sees(*(job(id=f"j{number}") for number in range(count)))
    stale = await prod.batch(*(job("Paused", id=f"j{number}") for number in range(count)))
    await prod.sees(job("Failed", id=f"j{count - 1}"))
    with pytest.raises(StaleWrite, match="changed since it was read"):
        await prod.store.record(prod.lease, stale)
    found = await prod.store.known(prod.lease, [JobKey("", f"j{n}") for n in range(count)])
    statuses = [found[JobKey("", f"j{number}")].job.status for number in range(count)]
    assert statuses == ["Active"] * (count - 1) + ["Failed"]


async def test_a_closed_file_has_no_log_beside_it_whoever_read_and_failed(
    file_stores: Stores, clock: Clock
) -> None:
    store = await file_stores.open()
    prod = await Watcher.start(store, clock)
    stale = await prod.batch(job())
    await prod.sees(job())
    with pytest.raises(StaleWrite):
        await store.record(prod.lease, stale)
    await asyncio.gather(*(store.overview() for _ in range(8)))
    assert has_log(file_stores.path)
    await store.close()
    assert not has_log(file_stores.path)
