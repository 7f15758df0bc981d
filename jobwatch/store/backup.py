"""Backup of a SQLite store beside a running daemon, and putting one back.

Law of this module: at every moment the store's path names one whole store, the old one or the new one, with no log beside
it that belongs to the other. What is replaced is kept.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO

from jobwatch.core.errors import StoreError, StoreUnusable
from jobwatch.store.copying import PART, Contents, Step, contents, copy, into_place, part_of
from jobwatch.store.place import BESIDE, FileLock, check_folder, check_place
from jobwatch.store.trouble import explained

JOURNALS = ("-wal", "-journal")
"""What SQLite would play into whatever lies beside it."""

LOGS = (*JOURNALS, "-shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What lies at the store's place now, and what lay there before: `aside` is where that is kept now."""

    new: Contents
    old: Contents | None
    aside: Path | None


def belongs_to(store: Path, target: Path) -> bool:
    """Whether a file is the store itself, or one of those that lie beside it."""
    store, target = store.resolve(), target.resolve()
    ours = {store, *(store.with_name(store.name + end) for end in (*BESIDE, *JOURNALS, PART))}
    return target in ours or (target.exists() and store.exists() and target.samefile(store))


def write_backup(store: Path, target: Path, step: Step | None = None) -> Contents:
    """Write the store as it is now to `target`, replacing a file there. Raises `StoreError`."""
    check_place(store, create=False)
    target = target.resolve()
    with part_of(target) as part:
        found = copy(store, part, step)
        _drop_logs(target)
        _put(part, target)
        return found


def _drop_logs(target: Path) -> None:
    """Remove the log of what is replaced: SQLite would play it into the copy, whatever it was the log of."""
    try:
        for end in LOGS:
            target.with_name(target.name + end).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"the log beside {target} cannot be removed: {error.strerror}; it would spoil the copy"
        ) from error


def stream_backup(store: Path, out: BinaryIO, step: Step | None = None) -> Contents:
    """Write the store as it is now to `out`; the copy stands beside the store until it is verified. Raises `StoreError`."""
    check_place(store, create=False)
    with part_of(store.resolve().with_name(f"{store.name}.backup")) as part:
        found = copy(store, part, step)
        with part.open("rb") as file:
            shutil.copyfileobj(file, out, 1 << 20)
        out.flush()
        return found


def restore(file: Path, store: Path, *, owner: str, now: datetime) -> Restored:
    """Put a backup in the place of the store, which is kept beside it.

    Raises `StoreLocked` while a daemon runs, `StoreUnusable` for what is no backup, `StoreError` where the disk fails.
    """
    store = store.resolve()
    _check_logs(file.resolve())
    contents(file)
    check_folder(store)
    with _held(store, owner, now), part_of(store.with_name(f"{store.name}.restore")) as part:
        new = copy(file, part)
        _give_to_owner(part, store)
        old = _contents_of(store)
        with _alone(store):
            aside = _put_aside(store, now)
            _put(part, store)
        return Restored(new=new, old=old, aside=aside)


def _check_logs(file: Path) -> None:
    """SQLite plays a log into the file beside it; one that somebody else laid there would be restored in its stead."""
    for end in JOURNALS:
        log = file.with_name(file.name + end)
        if log.is_symlink() or (
            log.exists() and file.exists() and log.stat().st_uid != file.stat().st_uid
        ):
            raise StoreUnusable(f"{log} was not put there by the owner of {file}; move it away")


def _put(part: Path, target: Path) -> None:
    try:
        into_place(part, target)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}") from error


@contextmanager
def _held(store: Path, owner: str, now: datetime) -> Iterator[None]:
    lock = FileLock.take(store, owner=owner, now=now)
    try:
        _give_to_owner(store.with_name(store.name + ".lock"), store)
        yield
    finally:
        lock.free()


def _give_to_owner(path: Path, store: Path) -> None:
    """What root puts there belongs to whom the store belonged, or the folder: the daemon runs as somebody else."""
    if os.geteuid() == 0:
        owner = (store if store.exists() else store.parent).stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _contents_of(store: Path) -> Contents | None:
    """What there was, as far as it can be read: a damaged store is why one restores."""
    if not store.exists():
        return None
    with suppress(StoreError, sqlite3.Error):
        return contents(store)
    return None


@contextmanager
def _alone(store: Path) -> Iterator[None]:
    """Fold the log of the present store into it, and let nobody open it until another one is in its place.

    A store that is too damaged for that keeps its log. Raises `StoreError` while somebody else has it open.
    """
    if not store.exists():
        yield
        return
    with closing(sqlite3.connect(store, isolation_level=None, timeout=1.0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            _check_alone(connection, store)
        except sqlite3.OperationalError as error:
            raise explained(error, store) from error
        except sqlite3.DatabaseError:  # damaged, or no database
            connection.close()
        yield


def _check_alone(connection: sqlite3.Connection, store: Path) -> None:
    if connection.execute("PRAGMA journal_mode").fetchone() != ("delete",):
        raise StoreError(f"the store {store} was opened by another program just now; try again")


def _put_aside(store: Path, now: datetime) -> Path | None:
    """Give the present store a second name, and to a log as well, also where the store itself was removed by hand."""
    aside, there = _free_name(store, now), store.exists()
    try:
        if there:
            _second_name(store, aside)
        for end in JOURNALS:
            journal = store.with_name(store.name + end)
            if journal.exists():
                os.replace(journal, aside.with_name(aside.name + end))  # noqa: PTH105  as in `into_place`
        store.with_name(store.name + "-shm").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"the store {store} cannot be kept as {aside}: {error.strerror}"
        ) from error
    return aside if there else None


def _free_name(store: Path, now: datetime) -> Path:
    """A name that says what the file is and since when, also for the second one within a second."""
    stem = f"{store.name}.before-restore-{now:%Y%m%dT%H%M%SZ}"
    names = chain([stem], (f"{stem}-{number}" for number in count(2)))
    return next(path for name in names if not (path := store.with_name(name)).exists())


def _second_name(store: Path, aside: Path) -> None:
    try:
        os.link(store, aside)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with part_of(aside) as part:
            shutil.copyfile(store, part)
            into_place(part, aside)
