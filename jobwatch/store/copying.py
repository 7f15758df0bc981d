"""A copy of a store in a file of its own: of one moment, verified, and whole before it has its name.

Law of this module: what is written stands in a file beside its place (`….part`) until it was read again, found sound and
handed to the disk; then one rename puts it there. Whoever kills it leaves what was there before.
"""

import fcntl
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from jobwatch.core.errors import StoreError, StoreUnusable
from jobwatch.store.columns import from_micros
from jobwatch.store.inspecting import check_schema
from jobwatch.store.place import MAGIC, legible
from jobwatch.store.schema import REVISIONS
from jobwatch.store.tables import APPLICATION_ID
from jobwatch.store.trouble import explained, is_full, refused

STEP = 100_000
"""Instructions of SQLite between two calls of a `Step`."""

BUSY_SECONDS = 10.0
PART = ".part"

_WRITING = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_TRUNCATE,
    }
)
"""Only the copy is written: these are about its disk."""

Step = Callable[[], None]
"""Called again and again while it is copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a store holds. `size` is in bytes, `recorded_at` the time of its last event, None where it has none."""

    size: int
    jobs: int
    events: int
    revision: str
    recorded_at: datetime | None


@contextmanager
def part_of(target: Path) -> Iterator[Path]:
    """The file `<target>.part`, empty and ours alone, for its owner's eyes only; gone afterwards unless it was renamed.

    One that a killed process left is used again, one that somebody else laid there is removed. Raises `StoreError` where
    another one is at work on it.
    """
    part = target.with_name(target.name + PART)
    handle = _opened_part(part)
    try:
        os.fchmod(handle, 0o600)
        os.ftruncate(handle, 0)
        yield part
    finally:
        if part.exists() and os.path.samestat(part.stat(), os.fstat(handle)):
            part.unlink()
        os.close(handle)


def _opened_part(part: Path) -> int:
    """Open it and lock it. Raises `StoreError`."""
    try:
        handle = _locked(part, os.O_CREAT)
        if _is_ours(os.fstat(handle)):
            return handle
        # Who has it open would read the copy, and what else it is called would be written over.
        os.close(handle)
        part.unlink()
        return _locked(part, os.O_CREAT | os.O_EXCL)
    except OSError as error:
        raise refused(f"{part} cannot be written", error, part) from error


def _is_ours(found: os.stat_result) -> bool:
    regular, alone = stat.S_ISREG(found.st_mode), found.st_nlink == 1
    return regular and alone and found.st_uid == os.geteuid()


def _locked(part: Path, how: int) -> int:
    """Open and lock it, and see that it has not got its name meanwhile. Raises `StoreError`, `OSError`."""
    handle = os.open(part, how | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours = os.path.samestat(os.fstat(handle), part.stat())
    except OSError:
        ours = False
    if not ours:
        os.close(handle)
        raise StoreError(f"{part} is being written by another jobwatch; wait until it is done")
    return handle


def copy(source: Path, part: Path, step: Step | None = None) -> Contents:
    """Write the store at `source`, as it is at one moment, into the empty file `part`, and verify it.

    What was freed within the store is left out. A store that is being written meanwhile is read as it was when the copy
    began; its writer never waits, only its log grows until the copy is done: https://www.sqlite.org/lang_vacuum.html
    Raises `StoreError`, `StoreUnusable` for a source that is no sound store.
    """
    try:
        with closing(_opened(source)) as connection:
            _check_room(connection, source, part)
            connection.set_progress_handler(step, STEP)
            connection.execute("VACUUM INTO ?", (str(part),))
    except sqlite3.Error as error:
        raise _told(error, source, part) from error
    return contents(part, thorough=True)


def _told(error: sqlite3.Error, source: Path, part: Path) -> StoreError:
    if getattr(error, "sqlite_errorcode", 0) not in _WRITING:
        return explained(error, source)
    why = "is full" if is_full(part) else "fails"
    return StoreError(f"the disk of {part} {why} ({error}); make room, or write the copy elsewhere")


def _check_room(connection: sqlite3.Connection, source: Path, part: Path) -> None:
    names = ("page_count", "freelist_count", "page_size")
    pages, unused, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    volume = os.statvfs(part.parent)
    free = volume.f_bavail * volume.f_frsize
    if (pages - unused) * size > free:
        raise StoreError(
            f"a copy of {source} needs up to {(pages - unused) * size / 1e6:,.1f} MB, and {part.parent} has "
            f"{free / 1e6:,.1f} MB left: make room, or write it elsewhere"
        )


def _opened(source: Path) -> sqlite3.Connection:
    """Ready to be read. Where nothing may be written beside it, it is read as it is: nobody writes it then."""
    connection = _connected(source, "rw")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        alone = not source.with_name(source.name + "-wal").exists()
        if (
            error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
            or not alone
        ):
            raise
        return _connected(source, "ro&immutable=1")
    return connection


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path.resolve()))}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_SECONDS)


def contents(path: Path, *, thorough: bool = False) -> Contents:
    """What a file that may be a store holds; `thorough` reads all of it and looks for damage.

    Raises `StoreUnusable` for what is none, or none that this program can use.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be read: {error.strerror}") from error
    if magic != MAGIC:
        raise StoreUnusable(f"{path} is no store of jobwatch: it is not a SQLite database")
    try:
        with closing(_opened(path)) as connection:
            return _contents(connection, path, thorough=thorough)
    except (sqlite3.Error, TypeError, ValueError, OverflowError) as error:
        raise StoreUnusable(f"{path} is damaged ({legible(error)}); take another backup") from error


def _contents(connection: sqlite3.Connection, path: Path, *, thorough: bool) -> Contents:
    def one(statement: str) -> int:
        return int(connection.execute(statement).fetchone()[0] or 0)

    if one("PRAGMA application_id") != APPLICATION_ID:
        raise StoreUnusable(f"{path} is no store of jobwatch: another program wrote it")
    check_schema(connection, path)
    revision = str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    if revision not in REVISIONS:
        raise StoreUnusable(
            f"{path} was written by a newer jobwatch (schema {legible(revision)}, this one knows {REVISIONS[-1]}); "
            "upgrade jobwatch, or take an older backup"
        )
    if thorough:
        _check_sound(connection, path)
    return Contents(
        size=one("PRAGMA page_count") * one("PRAGMA page_size"),
        jobs=one("SELECT count(*) FROM jobs"),
        events=one("SELECT count(*) FROM events"),
        revision=revision,
        recorded_at=from_micros(one("SELECT max(recorded_at) FROM events") or None),
    )


def _check_sound(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise StoreUnusable(
            f"{path} is damaged ({str(found).splitlines()[-1][:256]}); take another backup"
        )
    born = dict(connection.execute("SELECT key, value FROM meta"))
    if not born.get("store_id") or from_micros(int(born.get("created_at", 0))) is None:
        raise StoreUnusable(f"{path} lost its identity (table meta); take another backup")
    int(born["fingerprint_seed"])


def into_place(part: Path, target: Path) -> None:
    """Hand the file to the disk, give it its name, and hand the name to the disk."""
    _to_disk(part)
    os.replace(part, target)  # noqa: PTH105  the plain system call, whose only two outcomes are before and after
    _to_disk(target.parent)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
