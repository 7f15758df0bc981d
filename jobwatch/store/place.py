"""Where a SQLite file may lie, who holds it, and what is wrong with it: found out before the database is opened."""

import errno
import fcntl
import os
import socket
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Self

from jobwatch.core.errors import StoreError, StoreLocked, StoreUnusable
from jobwatch.store.trouble import RIGHT_TO_WRITE, is_read_only, refused

MOUNTS = Path("/proc/self/mountinfo")
MOUNT_POINT = 4
"""The field of a line of mountinfo that names the mount point."""

MAGIC = b"SQLite format 3\x00"
HOLDER_BYTES = 512
IF_HELD = "stop one of the two, or give each a store of its own"
"""What to do where two of us want one store."""

SHOWN = 64
"""Characters of a text from a file within a sentence."""

BESIDE = ("-wal", "-shm", ".lock")
"""What lies beside the store, by the end of its name."""

NETWORKED = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "ceph",
        "lustre",
        "beegfs",
        "glusterfs",
        "gfs2",
        "ocfs2",
    }
)
NETWORKED_FUSE = frozenset(
    {
        "sshfs",
        "glusterfs",
        "s3fs",
        "cosfs",
        "goosefs",
        "goosefs-lite",
        "rclone",
        "juicefs",
        "ceph",
        "ceph-fuse",
    }
)
"""File systems whose locks or shared memory SQLite cannot rely on. 9p and virtiofs are not among them: containers and
virtual machines use them for directories of their own host."""


def network_mount(path: Path, mounts: Iterable[str]) -> str | None:
    """The type of the network file system that `path` lies on, None for a local one.

    `mounts` are the lines of /proc/self/mountinfo (proc(5)); the longest mount point above the path decides, the
    last line where one covers another.
    """
    best, found = -1, ""
    for line in mounts:
        head, _, tail = line.partition(" - ")
        fields, kind = head.split(" "), tail.split(" ", 1)[0]
        if len(fields) <= MOUNT_POINT:
            continue
        point = Path(fields[MOUNT_POINT].encode("latin-1", "replace").decode("unicode_escape"))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), kind
    networked = found in NETWORKED or found.removeprefix("fuse.") in NETWORKED_FUSE
    return found if networked else None


def check_place(path: Path, *, create: bool) -> None:
    """Refuse a place where the store cannot live, and create its file with mode 0600 if allowed.

    Raises `StoreUnusable`, which says what to do, and a plain `StoreError` where the disk is full.
    """
    path = path.resolve()
    _check_mount(path)
    try:
        _check_file(path, create=create)
    except OSError as error:
        raise refused(f"the store {path} cannot be opened", error, path) from error


def _check_mount(path: Path) -> None:
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux: nothing is known of mounts
        return
    kind = network_mount(path, lines)
    if kind is not None:
        raise StoreUnusable(
            f"the store {path} lies on a network file system ({kind}), where SQLite loses data; move it to a local "
            "disk, or use PostgreSQL (store.kind: postgres)"
        )


def check_folder(path: Path) -> None:
    """Refuse a place where no store can lie, whatever lies there now. Raises `StoreUnusable`."""
    path = path.resolve()
    _check_mount(path)
    _check_around(path)


def _check_file(path: Path, *, create: bool) -> None:
    if not path.exists() and path.parent.is_dir():
        if not create:
            raise StoreUnusable(
                f"there is no store at {path} yet; start `jobwatch run` first, or correct store.path"
            )
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    _check_around(path)
    if not create:
        # Whoever closes a file gives up all locks that its process has on it, SQLite's as well, if the store is open
        # here a second time: another process would then take itself for the last and remove the log.
        # https://www.sqlite.org/howtocorrupt.html, section 2.2
        _check_rights(path)
        return
    with path.open("r+b") as file:
        magic = file.read(len(MAGIC))
    if magic not in (b"", MAGIC):
        raise StoreUnusable(f"{path} is not a SQLite database; move it away or correct store.path")


def _check_rights(path: Path) -> None:
    """Raise `OSError` where a file may not be read and written: even who only looks writes beside it."""
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        sealed = os.statvfs(path).f_flag & os.ST_RDONLY
        number = errno.EROFS if sealed else errno.EACCES
        raise OSError(number, os.strerror(number))
    # A file system that gave up says so to nobody but who opens a file for writing.
    with suppress(FileNotFoundError):
        beside = path.with_name(path.name + ".lock")
        os.close(os.open(beside, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW))


def _check_around(path: Path) -> None:
    if not path.parent.is_dir():
        raise StoreUnusable(
            f"the directory of the store {path} does not exist; create it, or correct store.path"
        )
    if path.is_dir():
        raise StoreUnusable(f"the store {path} is a directory; store.path must name a file")
    _check_beside(path)


def _check_beside(path: Path) -> None:
    """SQLite keeps its log beside the store; one that another user left there stops every write."""
    if not os.access(path.parent, os.W_OK | os.X_OK):
        if is_read_only(path):
            raise StoreUnusable(
                f"the volume of {path.parent} is read-only; SQLite keeps its log there beside the store: "
                "mount it writable"
            )
        raise StoreUnusable(
            f"the directory {path.parent} is not writable; SQLite keeps its log there beside the store: "
            f"give the user that runs jobwatch {RIGHT_TO_WRITE}"
        )
    for end in BESIDE:
        beside = path.with_name(path.name + end)
        if beside.is_symlink():
            raise StoreUnusable(
                f"{beside} is a link to another file, which would be written over; remove it"
            )
        if beside.exists() and not os.access(beside, os.R_OK | os.W_OK):
            raise StoreUnusable(
                f"{beside} belongs to uid {beside.stat().st_uid} and is not writable for uid {os.geteuid()}: "
                f"give the user that runs jobwatch {RIGHT_TO_WRITE}"
            )


class StoreReplaced(StoreError):
    """Another file lies where the store lay, or none: whatever were written now would be lost."""


class Sighting:
    """Which file the store was when it was opened, and whether it is that file still.

    Compared by device and inode, as SQLite itself does before it deletes a log. A file whose contents were written over
    in place is not noticed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self._file: tuple[int, int] | None = None

    def note(self) -> None:
        """Remember the file that lies there now; the first time that there is one counts."""
        if self._file is None:
            with suppress(OSError):
                self._file = self._now()

    def check(self) -> None:
        """Raise `StoreReplaced` unless that file lies there still."""
        if self._file is None:
            return
        try:
            there = self._now()
        except (FileNotFoundError, NotADirectoryError):
            raise StoreReplaced(
                f"the store {self._path} was removed while jobwatch ran; nothing more is written: "
                "put it back or restore a backup, and start jobwatch again"
            ) from None
        except OSError:  # the disk fails: the verb itself says so
            return
        if there != self._file:
            raise StoreReplaced(
                f"the store {self._path} was replaced by another file while jobwatch ran; nothing more is written: "
                "start jobwatch again to go on with what lies there now"
            )

    def _now(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_dev, found.st_ino


class FileLock:
    """The lock that one daemon holds on a SQLite store, freed by the system however the process ends."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def take(cls, database: Path, *, owner: str, now: datetime) -> Self:
        """Lock `<database>.lock` and write into it who holds it. Raises `StoreLocked`, naming the holder, `StoreError`."""
        path = database.resolve()
        path = path.with_name(path.name + ".lock")
        try:
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            handle = os.open(path, flags, 0o600)
        except OSError as error:
            raise refused(f"the lock {path} cannot be opened", error, path) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held_by = os.pread(handle, HOLDER_BYTES, 0).decode("utf-8", "replace").strip()
            holder = legible(held_by, HOLDER_BYTES) or "an unknown process"
            os.close(handle)
            raise StoreLocked(
                f"the store {database} is held by another jobwatch: {holder}; {IF_HELD}",
                holder=holder,
            ) from error
        line = f"pid={os.getpid()} host={socket.gethostname()} since={now.isoformat(timespec='seconds')} owner={owner}\n"
        with suppress(OSError):  # a full disk: the lock holds, and its holder stays unnamed
            os.ftruncate(handle, 0)
            os.pwrite(handle, line.encode("utf-8", "replace"), 0)
        return cls(handle)

    def free(self) -> None:
        """Let the next daemon have the store. The file stays: removing it would race with who waits for it."""
        os.close(self._handle)


def legible(value: object, longest: int = SHOWN) -> str:
    """Something from a file within a sentence: short, and nothing in it that steers a terminal."""
    line = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value)
    )
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def sqlite_version_problem() -> str | None:
    """Why the SQLite library that Python was built with is too old, None if it is not."""
    if sqlite3.sqlite_version_info >= (3, 35):
        return None
    return f"SQLite {sqlite3.sqlite_version} is too old; jobwatch needs 3.35 or newer"
