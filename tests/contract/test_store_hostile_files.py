"""Contract of files that somebody else had a hand in: what is restored, and what lies beside a store or a copy."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jobwatch.core.errors import StoreError, StoreLocked, StoreUnusable
from jobwatch.store import Store, backup
from jobwatch.store.place import FileLock, check_place
from jobwatch.store.settings import SqliteSettings
from tests.factories import NOW
from tests.new_store import new_store

FOREVER = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x"
NOBODY = 65534

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return new_store(tmp_path / "jobwatch.db", NOW)


@pytest.fixture
def target(store: Path) -> Path:
    target = store.with_name("copy.db")
    backup.write_backup(store, target)
    return target


def spoiled(*statements: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        with closing(sqlite3.connect(path)) as raw, raw:
            for statement in statements:
                raw.execute(statement)

    return spoil


def identity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as raw:
        (found,) = raw.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()
    return str(found)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(
            spoiled("CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM deliveries; END"),
            r"holds a trigger \(t\)",
            id="a trigger",
        ),
        pytest.param(
            spoiled(
                "DROP TABLE alembic_version",
                f"CREATE VIEW ALEMBIC_VERSION AS {FOREVER} AS version_num FROM c WHERE x < 0",
            ),
            "a view in the place of a table",
            id="a view that never ends",
        ),
        pytest.param(
            spoiled("CREATE VIRTUAL TABLE more USING fts5(a)"),
            r"a virtual table \(more\)",
            id="a virtual table",
        ),
        pytest.param(spoiled("DELETE FROM alembic_version"), "damaged", id="no revision"),
        pytest.param(
            spoiled("UPDATE alembic_version SET version_num = char(27) || ']0;x' || char(7)"),
            r"newer jobwatch \(schema \N{REPLACEMENT CHARACTER}]0;x\N{REPLACEMENT CHARACTER},",
            id="a revision that steers a terminal",
        ),
        pytest.param(
            spoiled("UPDATE alembic_version SET version_num = hex(zeroblob(50000))"),
            "schema 0{63}…,",
            id="a revision without end",
        ),
        pytest.param(
            spoiled("UPDATE meta SET value = 'x' WHERE key = 'created_at'"), "damaged", id="no time"
        ),
        pytest.param(
            spoiled("UPDATE meta SET value = '9e99' WHERE key = 'fingerprint_seed'"),
            "damaged",
            id="no seed",
        ),
        pytest.param(
            spoiled(
                "DROP TABLE events",
                "CREATE TABLE events (recorded_at)",
                "INSERT INTO events VALUES (9e18)",
            ),
            "damaged",
            id="a time beyond time",
        ),
    ],
)
def test_a_backup_that_somebody_tampered_with_is_refused_before_any_of_it_runs(
    store: Path, target: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(target)
    before = store.read_bytes()
    with pytest.raises(StoreUnusable, match=words):
        backup.restore(target, store, owner="x", now=NOW)
    assert store.read_bytes() == before
    assert not [each.name for each in store.parent.iterdir() if "restore" in each.name]


def test_a_view_of_ones_own_keeps_no_store_from_being_saved(store: Path) -> None:
    spoiled("CREATE VIEW mine AS SELECT count(*) AS jobs FROM jobs")(store)
    assert backup.write_backup(store, store.with_name("mine.db")).jobs == 0


def leave_log(of: Path, beside: Path) -> None:
    """Lay the log of a killed program beside another file."""
    with closing(sqlite3.connect(of)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("UPDATE meta SET value = 'another store' WHERE key = 'store_id'")
        raw.commit()
        beside.write_bytes(of.with_name(of.name + "-wal").read_bytes())


def test_the_log_of_a_store_that_was_removed_is_not_played_into_the_restored_one(
    store: Path, target: Path
) -> None:
    leave_log(new_store(store.with_name("other.db"), NOW), store.with_name("jobwatch.db-wal"))
    store.unlink()
    backup.restore(target, store, owner="x", now=NOW)
    assert identity(store) == identity(target)
    kept = [each.name for each in store.parent.glob("*.before-restore-*")]
    assert kept == ["jobwatch.db.before-restore-20261121T200000Z-wal"]


def test_the_log_of_a_file_that_a_backup_replaces_is_not_played_into_the_backup(
    store: Path, target: Path
) -> None:
    leave_log(new_store(store.with_name("other.db"), NOW), target.with_name("copy.db-wal"))
    backup.write_backup(store, target)
    assert identity(target) == identity(store)


def test_a_link_in_the_place_of_the_lock_leads_nobody_to_write_another_file(store: Path) -> None:
    """Root restores in a folder that belongs to the daemon's user, who may be anybody by now."""
    precious = store.with_name("precious")
    precious.write_text("untouched")
    store.with_name("jobwatch.db.lock").symlink_to(precious)
    with pytest.raises(StoreUnusable, match=r"jobwatch\.db\.lock"):
        FileLock.take(store, owner="x", now=NOW)
    assert precious.read_text() == "untouched"


@pytest.mark.parametrize("end", ["-wal", "-shm", ".lock"])
def test_a_link_beside_the_store_is_refused(store: Path, end: str) -> None:
    store.with_name(store.name + end).symlink_to(store.with_name("precious"))
    with pytest.raises(StoreUnusable, match="is a link to another file"):
        check_place(store, create=False)
    assert not store.with_name("precious").exists()


def test_a_holder_that_steers_a_terminal_is_made_legible(store: Path) -> None:
    lock = FileLock.take(store, owner="x", now=NOW)
    store.with_name("jobwatch.db.lock").write_bytes(b"\x1b]0;pid=1\x07\xff")
    with pytest.raises(StoreLocked) as caught:
        FileLock.take(store, owner="y", now=NOW)
    lock.free()
    assert caught.value.holder.isprintable()
    assert "pid=1" in caught.value.holder


def another_name(part: Path) -> None:
    """Emptying it would empty the other as well."""
    part.with_name("precious").write_text("untouched")
    os.link(part.with_name("precious"), part)


def another_owner(part: Path) -> None:
    """Who made it may have it open, and reads what is written."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a file away")
    part.touch(0o666)
    os.chown(part, NOBODY, NOBODY)


def a_pipe(part: Path) -> None:
    os.mkfifo(part)


@pytest.mark.parametrize("laid", [another_name, another_owner, a_pipe])
def test_a_part_that_somebody_else_laid_there_is_not_written_into(
    store: Path, target: Path, laid: Callable[[Path], None]
) -> None:
    part = target.with_name("copy.db.part")
    laid(part)
    theirs = os.open(part, os.O_RDWR)
    size = os.fstat(theirs).st_size
    backup.write_backup(store, target)
    assert os.fstat(theirs).st_size == size
    assert not os.path.samestat(os.fstat(theirs), target.stat())
    os.close(theirs)
    assert identity(target) == identity(store)


def test_a_link_in_the_place_of_a_part_is_not_followed(store: Path, target: Path) -> None:
    precious = target.with_name("precious")
    precious.write_text("untouched")
    target.with_name("copy.db.part").symlink_to(precious)
    with pytest.raises(StoreError, match=r"copy\.db\.part"):
        backup.write_backup(store, target)
    assert precious.read_text() == "untouched"


def test_a_log_that_somebody_else_laid_beside_a_backup_is_not_restored(
    store: Path, target: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a file away")
    log = target.with_name("copy.db-wal")
    leave_log(new_store(store.with_name("other.db"), NOW), log)
    os.chown(log, NOBODY, NOBODY)
    with pytest.raises(StoreUnusable, match="not put there by the owner"):
        backup.restore(target, store, owner="x", now=NOW)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            spoiled("CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM deliveries; END"),
            "holds a trigger",
        ),
        (
            spoiled(
                "DROP TABLE alembic_version",
                f"CREATE VIEW alembic_version AS {FOREVER} AS version_num FROM c WHERE x < 0",
            ),
            "a view in the place of a table",
        ),
        (spoiled("UPDATE meta SET value = 'x' WHERE key = 'created_at'"), "lost its identity"),
        (
            spoiled("UPDATE meta SET value = '9e99' WHERE key = 'fingerprint_seed'"),
            "lost its identity",
        ),
    ],
    ids=["a trigger", "a view that never ends", "no time", "no seed"],
)
async def test_a_store_that_somebody_tampered_with_is_not_opened(
    store: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(store)
    with pytest.raises(StoreUnusable, match=words):
        await Store.open(SqliteSettings(path=store), owner="x", clock=lambda: NOW, exclusive=True)
