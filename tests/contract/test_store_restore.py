"""Contract of restore: the backup or the store before it, never a mix; and of a store that is replaced by hand."""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jobwatch.core.errors import StoreError, StoreLocked, StoreUnusable
from jobwatch.store import backup
from jobwatch.store.values import EventFilter
from tests.contract.databases import Stores
from tests.contract.test_store_backup import damage, ids_in
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


async def filled(stores: Stores, clock: Clock, *names: str) -> None:
    prod = await Watcher.start(await stores.open(), clock)
    await prod.sees(*(job(id=name) for name in names))
    await prod.store.close()


def test_a_copy_leaves_out_what_was_freed(stores: Stores, target: Path) -> None:
    with closing(sqlite3.connect(stores.path)) as raw:
        for statement in ("CREATE TABLE x AS SELECT randomblob(400000)", "DROP TABLE x"):
            raw.execute(statement)
    found = backup.write_backup(stores.path, target)
    assert stores.path.stat().st_size - found.size >= 400_000


async def test_a_restored_store_is_the_backup_and_the_one_before_is_kept(
    stores: Stores, clock: Clock, target: Path
) -> None:
    await filled(stores, clock, "old")
    backup.write_backup(stores.path, target)
    await filled(stores, clock, "new")
    restored = backup.restore(target, stores.path, owner="x", now=NOW)
    assert restored.old is not None
    assert (restored.new.jobs, restored.old.jobs) == (1, 2)
    assert restored.aside == stores.path.with_name("jobwatch.db.before-restore-20261121T200000Z")
    assert await ids_in(stores.path, stores) == {"old"}
    assert await ids_in(restored.aside, stores) == {"old", "new"}
    assert stat.S_IMODE(stores.path.stat().st_mode) == 0o600


async def test_what_a_killed_daemon_left_in_its_log_stays_with_the_old_store(
    stores: Stores, clock: Clock, target: Path, tmp_path: Path
) -> None:
    """A log beside another store than its own would be played into it."""
    backup.write_backup(stores.path, target)
    prod = await Watcher.start(await stores.open(), clock)
    await prod.sees(job(id="in the log"))
    place = tmp_path / "jobwatch.db"
    for end in ("", "-wal"):
        killed = stores.path.with_name(stores.path.name + end)
        place.with_name(place.name + end).write_bytes(killed.read_bytes())
    restored = backup.restore(target, place, owner="x", now=NOW)
    assert restored.aside is not None
    assert not place.with_name("jobwatch.db-wal").exists()
    assert await ids_in(place, stores) == set()
    assert await ids_in(restored.aside, stores) == {"in the log"}


async def test_a_store_that_a_daemon_holds_is_not_replaced(stores: Stores, target: Path) -> None:
    backup.write_backup(stores.path, target)
    await stores.open()
    with pytest.raises(StoreLocked, match=f"pid={os.getpid()}"):
        backup.restore(target, stores.path, owner="x", now=NOW)


async def test_a_store_that_somebody_looks_into_is_not_replaced(
    stores: Stores, target: Path
) -> None:
    backup.write_backup(stores.path, target)
    with closing(sqlite3.connect(stores.path)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("SELECT * FROM meta").fetchall()
        with pytest.raises(StoreError, match="locked by another process"):
            backup.restore(target, stores.path, owner="x", now=NOW)
    assert not list(stores.path.parent.glob("*before*"))


@pytest.mark.parametrize(
    "content", [b"source: prod\n", b"", b"SQLite format 3\x00" + b"\xff" * 9000]
)
async def test_whatever_lies_in_the_place_is_kept_beside_it(
    stores: Stores, target: Path, content: bytes
) -> None:
    backup.write_backup(stores.path, target)
    stores.path.write_bytes(content)
    restored = backup.restore(target, stores.path, owner="x", now=NOW)
    assert restored.aside is not None
    assert restored.aside.read_bytes() == content
    assert await ids_in(stores.path, stores) == set()


async def test_a_store_with_a_damaged_page_is_replaced(stores: Stores, target: Path) -> None:
    backup.write_backup(stores.path, target)
    damage(stores.path)
    backup.restore(target, stores.path, owner="x", now=NOW)
    assert await ids_in(stores.path, stores) == set()


async def test_a_backup_goes_where_there_was_no_store(stores: Stores, target: Path) -> None:
    backup.write_backup(stores.path, target)
    place = target.with_name("elsewhere.db")
    restored = backup.restore(target, place, owner="x", now=NOW)
    assert (restored.old, restored.aside) == (None, None)
    assert await ids_in(place, stores) == set()


def test_what_root_restores_belongs_to_whom_the_store_belonged(
    stores: Stores, target: Path
) -> None:
    """Else the daemon, which runs as somebody else, could not open it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a file away")
    backup.write_backup(stores.path, target)
    os.chown(stores.path, 65534, 65534)
    backup.restore(target, stores.path, owner="x", now=NOW)
    for path in (stores.path, stores.path.with_name("jobwatch.db.lock")):
        assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


def revised(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def theirs(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE theirs (a)")


def newer(path: Path) -> None:
    revised(path, "9999")


def text(path: Path) -> None:
    path.write_text("source: prod")


def short(path: Path) -> None:
    os.truncate(path, 8192)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (newer, "newer jobwatch .schema 9999"),
        (theirs, "another program wrote it"),
        (text, "not a SQLite database"),
        (damage, "damaged"),
        (short, "damaged"),
        (Path.unlink, "No such file"),
    ],
)
async def test_what_is_no_sound_backup_is_not_restored(
    stores: Stores, target: Path, spoil: Callable[[Path], None], words: str
) -> None:
    backup.write_backup(stores.path, target)
    before = stores.path.read_bytes()
    spoil(target)
    with pytest.raises(StoreUnusable, match=words):
        backup.restore(target, stores.path, owner="x", now=NOW)
    assert stores.path.read_bytes() == before
    assert not list(stores.path.parent.glob("*before*"))


def test_a_backup_of_an_older_schema_is_restored(stores: Stores, target: Path) -> None:
    backup.write_backup(stores.path, target)
    revised(target, "0001")
    restored = backup.restore(target, stores.path, owner="x", now=NOW)
    assert restored.new.revision == "0001"


async def test_a_store_that_was_replaced_under_its_daemon_is_written_no_more(
    stores: Stores, clock: Clock
) -> None:
    backup.write_backup(stores.path, stores.path.with_name("copy.db"))
    prod = await Watcher.start(await stores.open(), clock)
    await prod.sees(job(id="a"))
    copied, aside = stores.path.with_name("copy.db"), stores.path.with_name("aside.db")
    stores.path.rename(aside)
    copied.rename(stores.path)
    for verb in (prod.sees(job(id="b")), prod.store.events(EventFilter(), limit=1)):
        with pytest.raises(StoreError, match="was replaced by another file"):
            await verb
    await prod.store.close()
    # What it had written is whole in the file that was put away, and its log does not get into the other.
    assert await ids_in(aside, stores) == {"a"}
    assert await ids_in(stores.path, stores) == set()


async def test_a_store_that_was_removed_under_its_daemon_says_so(
    stores: Stores, clock: Clock
) -> None:
    prod = await Watcher.start(await stores.open(), clock)
    stores.path.unlink()
    with pytest.raises(StoreError, match="was removed while jobwatch ran"):
        await prod.sees(job())
    assert not stores.path.exists()
