"""Contract of backup and restore: a copy of one moment beside a writer, and a store that is always one or the other."""

import io
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from jobwatch.core.errors import StoreError, StoreUnusable
from jobwatch.store import Store, backup, copying
from jobwatch.store.values import JobFilter
from tests.contract.databases import Stores
from tests.contract.watcher import Clock, Watcher
from tests.factories import NOW, job
from tests.new_store import new_store


@pytest.fixture
def stores(file_stores: Stores) -> Stores:
    new_store(file_stores.path, NOW)
    return file_stores


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


async def ids(store: Store) -> set[str]:
    return {row.snapshot.job.id for row in (await store.jobs(JobFilter(), limit=1000)).rows}


async def ids_in(path: Path, stores: Stores) -> set[str]:
    """The jobs that a store knows, as the program reads them."""
    store = await Stores.open(_at(path, stores.clock))
    try:
        return await ids(store)
    finally:
        await store.close()


def _at(path: Path, clock: Clock) -> Stores:
    stores = Stores(clock)
    stores.use_file(path)
    return stores


def numbers(path: Path) -> tuple[int, int]:
    """Jobs, and the number of the last one as its source counts them: equal in any one moment of these tests."""
    with closing(sqlite3.connect(path)) as raw:
        return (
            raw.execute("SELECT count(*) FROM jobs").fetchone()[0],
            raw.execute("SELECT last_row FROM sources").fetchone()[0],
        )


async def test_a_backup_beside_a_running_daemon_is_a_store_of_that_moment(
    stores: Stores, clock: Clock, target: Path
) -> None:
    prod = await Watcher.start(await stores.open(), clock)
    await prod.sees(job(id="before"))
    found = backup.write_backup(stores.path, target)
    await prod.sees(job(id="after"))
    assert (found.jobs, found.events, found.recorded_at) == (1, 1, NOW)
    assert found.size == os.path.getsize(target)  # noqa: ASYNC240, PTH202
    assert await ids_in(target, stores) == {"before"}


async def test_a_busy_writer_neither_waits_nor_tears_the_copy(
    stores: Stores, clock: Clock, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two steps of the copy another connection writes."""
    prod = await Watcher.start(await stores.open(), clock)
    await prod.sees(*(job(id=f"j{number}") for number in range(50)))
    monkeypatch.setattr(copying, "STEP", 100)
    steps = 0

    def write() -> None:
        nonlocal steps
        steps += 1
        with closing(sqlite3.connect(stores.path, timeout=0)) as raw, raw:
            raw.execute("INSERT INTO meta VALUES (?, 'x')", (f"step {steps}",))
            raw.execute("UPDATE sources SET last_row = last_row + 1")

    backup.write_backup(stores.path, target, write)
    assert steps > 5
    assert numbers(target) == (50, 50)
    assert numbers(stores.path) == (50, 50 + steps)


def test_a_backup_is_for_its_owner_alone_and_stands_by_itself(stores: Stores, target: Path) -> None:
    backup.write_backup(stores.path, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [each.name for each in target.parent.iterdir()] == [target.name]
    target.parent.chmod(0o555)
    address = f"file:{target}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    target.parent.chmod(0o755)


def test_a_backup_can_be_streamed_and_leaves_nothing_beside_the_store(
    stores: Stores, target: Path
) -> None:
    out = io.BytesIO()
    backup.stream_backup(stores.path, out)
    target.write_bytes(out.getvalue())
    assert copying.contents(target, thorough=True).jobs == 0
    assert not list(stores.path.parent.glob("*.part"))


def test_a_part_that_a_killed_backup_left_is_used_again(stores: Stores, target: Path) -> None:
    part = target.with_name("copy.db.part")
    part.write_bytes(b"left" * 4096)
    part.chmod(0o644)
    backup.write_backup(stores.path, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert copying.contents(target, thorough=True).revision
    assert not part.exists()


def test_two_backups_to_one_file_do_not_meet(stores: Stores, target: Path) -> None:
    with copying.part_of(target), pytest.raises(StoreError, match="by another jobwatch"):
        backup.write_backup(stores.path, target)
    assert not target.exists()


def test_a_store_that_is_damaged_gives_no_backup(stores: Stores, target: Path) -> None:
    damage(stores.path)
    with pytest.raises(StoreUnusable, match="damaged"):
        backup.write_backup(stores.path, target)
    assert list(target.parent.iterdir()) == []


def damage(path: Path) -> None:
    """Write over every page but the first few, which every opening reads."""
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(os.urandom(path.stat().st_size - 3 * 4096))


def test_what_was_written_is_read_again_in_whole(stores: Stores) -> None:
    """A page of an index that no count needs: only who reads everything finds it."""
    with closing(sqlite3.connect(stores.path)) as raw:
        asked = "SELECT pageno FROM dbstat WHERE name = 'ix_deliveries_dead'"
        ((page,),) = raw.execute(asked).fetchall()
    with stores.path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(os.urandom(4096))
    assert copying.contents(stores.path).jobs == 0
    with pytest.raises(StoreUnusable, match="is damaged"):
        copying.contents(stores.path, thorough=True)
