"""Contract of backup and restore: a copy of one moment beside a writer, and a store that is always one or the other."""

import io
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jobwatch.core.errors import StoreError, StoreLocked, StoreUnusable
from jobwatch.store import Store, backup, copying
from jobwatch.store.values import EventFilter, JobFilter
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
        asked = "SELECT pageno FROM dbstat WHERE name = 'ix_events_recorded_at'"
        ((page,),) = raw.execute(asked).fetchall()
    with stores.path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(os.urandom(4096))
    with pytest.raises(StoreUnusable, match="is damaged"):
        copying.contents(stores.path, thorough=True)


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
