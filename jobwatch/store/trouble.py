"""What ails a SQLite store, in one sentence: what is wrong, where, and what would be right.

Law of this module: it looks and never touches. The locks of SQLite are those of the process: opening and closing the
file here would drop them. What passes by itself is a `StoreError`, what somebody must mend a `StoreUnusable`.
"""

import errno
import os
import sqlite3
from pathlib import Path

from jobwatch.core.errors import StoreError, StoreUnusable

LOCKS = Path("/proc/locks")
WRITE_LOCK = 120
"""The byte of the file `-shm` that who writes has locked: https://www.sqlite.org/walformat.html#locks"""

LITTLE = 256 * 1024
"""Bytes. With less than this left a volume counts as full, whatever SQLite calls it."""

RIGHT_TO_WRITE = "the right to write there"
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_OF_THE_DISK = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})


def explained(error: sqlite3.Error, path: Path) -> StoreError:
    """The error of a store at `path` as people are told it."""
    said = (str(error).splitlines() or [type(error).__name__])[0][:256]
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _DAMAGED:
        return StoreUnusable(
            f"the store {path} is damaged ({said}); stop jobwatch and restore a backup: `jobwatch restore FILE`"
        )
    if code in _BUSY:
        return StoreError(
            f"the store {path} is locked by {writer_of(path)} ({said}); end that, or wait until it is done"
        )
    return _of_the_disk(error, code, path) or StoreError(f"the store {path} failed: {said}")


def _of_the_disk(error: sqlite3.Error, code: int, path: Path) -> StoreError | None:
    if code == sqlite3.SQLITE_FULL or (code in _OF_THE_DISK and is_full(path)):
        return StoreError(full(path, str(error)))
    if code == sqlite3.SQLITE_READONLY or (code in _OF_THE_DISK and is_read_only(path)):
        return StoreUnusable(f"the store {path} cannot be written ({error}): {_how_to_write(path)}")
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreUnusable(f"the store {path} cannot be opened ({error}): {_how_to_write(path)}")
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(
            f"the disk under the store {path} fails ({error}, {error.sqlite_errorname}); the system's log says more"
        )
    return None


def refused(what: str, error: OSError, path: Path) -> StoreError:
    """A file of the store that the system does not open: `what` says which and how."""
    reason = error.strerror or type(error).__name__
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"{what}: {reason}; make room on the volume of {path.parent}")
    if error.errno == errno.EROFS:
        return StoreUnusable(f"{what}: {reason}; mount the volume of {path.parent} writable")
    return StoreUnusable(
        f"{what}: {reason}; give the user that runs jobwatch (uid {os.geteuid()}) {RIGHT_TO_WRITE}"
    )


def full(path: Path, said: str = "") -> str:
    """That there is no room, and how much there is; `said` is what SQLite calls it."""
    left = f"{_free(path) // 1024:,} KiB left"
    return (
        f"the disk of the store {path} is full ({f'{said}, {left}' if said else left}); "
        "make room and jobwatch goes on by itself"
    )


def without_room(path: Path) -> str | None:
    """That there is no room, before anybody has to write; None where there is some."""
    return full(path) if is_full(path) else None


def is_full(path: Path) -> bool:
    """Whether the volume has next to nothing left."""
    return _free(path) < LITTLE


def _free(path: Path) -> int:
    try:
        volume = os.statvfs(path.parent)
    except OSError:
        return LITTLE
    return volume.f_bavail * volume.f_frsize


def is_read_only(path: Path) -> bool:
    """Whether the volume is mounted read-only, or became so because it failed."""
    try:
        return bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _how_to_write(path: Path) -> str:
    if is_read_only(path):
        return f"the volume of {path.parent} is read-only; mount it writable, and see the system's log if it was"
    return f"give the user that runs jobwatch (uid {os.geteuid()}) {RIGHT_TO_WRITE}, and to the files beside it"


def writer_of(path: Path) -> str:
    """Who holds the lock on writing, as /proc/locks of proc(5) says it: `pid 17 (sqlite3)`."""
    try:
        log = path.with_name(path.name + "-shm").stat()
        lines = LOCKS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return "another process"
    place = f"{os.major(log.st_dev):02x}:{os.minor(log.st_dev):02x}:{log.st_ino}"
    for line in lines:
        # 7: POSIX  ADVISORY  WRITE 3108 fe:00:93 120 120; who waits for a lock has an arrow before it.
        words = line.split()
        if len(words) != 8 or words[1:4] != ["POSIX", "ADVISORY", "WRITE"] or words[5] != place:  # noqa: PLR2004
            continue
        if int(words[6]) <= WRITE_LOCK and (words[7] == "EOF" or int(words[7]) >= WRITE_LOCK):
            return f"pid {words[4]}{_named(words[4])}"
    return "another process"


def _named(pid: str) -> str:
    try:
        return f" ({Path('/proc', pid, 'comm').read_text(errors='replace').strip()[:32]})"
    except OSError:  # it is in another container, or has ended
        return ""
