"""Where a SQLite file may lie, who holds it, and what is wrong with it: found out before the database is opened."""

import fcntl
import os
import socket
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Self

from jobwatch.core.errors import StoreLocked, StoreUnusable

MOUNTS = Path("/proc/self/mountinfo")
MOUNT_POINT = 4
"""The field of a line of mountinfo that names the mount point."""

MAGIC = b"SQLite format 3\x00"

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

    Raises `StoreUnusable`, which says what to do.
    """
    path = path.resolve()
    _check_mount(path)
    try:
        _check_file(path, create=create)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreUnusable(
            f"the store {path} cannot be opened: {reason}; give the user that runs jobwatch the right to write there"
        ) from error


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


def _check_file(path: Path, *, create: bool) -> None:
    if not path.parent.is_dir():
        raise StoreUnusable(
            f"the directory of the store {path} does not exist; create it, or correct store.path"
        )
    if path.is_dir():
        raise StoreUnusable(f"the store {path} is a directory; store.path must name a file")
    if not path.exists():
        if not create:
            raise StoreUnusable(
                f"there is no store at {path} yet; start `jobwatch run` first, or correct store.path"
            )
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StoreUnusable(
            f"the directory {path.parent} is not writable; SQLite keeps its log there beside the store: "
            "give the user that runs jobwatch the right to write there"
        )
    with path.open("r+b") as file:
        magic = file.read(len(MAGIC))
    if magic not in (b"", MAGIC):
        raise StoreUnusable(f"{path} is not a SQLite database; move it away or correct store.path")


class FileLock:
    """The lock that one daemon holds on a SQLite store, freed by the system however the process ends."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def take(cls, database: Path, *, owner: str, now: datetime) -> Self:
        """Lock `<database>.lock` and write into it who holds it. Raises `StoreLocked`, naming the holder."""
        path = database.resolve()
        path = path.with_name(path.name + ".lock")
        try:
            handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnusable(
                f"the lock {path} cannot be opened: {error.strerror}; make it writable"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = (
                os.pread(handle, 512, 0).decode("utf-8", "replace").strip() or "an unknown process"
            )
            os.close(handle)
            raise StoreLocked(
                f"the store {database} is held by another jobwatch: {holder}", holder=holder
            ) from error
        line = f"pid={os.getpid()} host={socket.gethostname()} since={now.isoformat(timespec='seconds')} owner={owner}\n"
        os.ftruncate(handle, 0)
        os.pwrite(handle, line.encode("utf-8", "replace"), 0)
        return cls(handle)

    def free(self) -> None:
        """Let the next daemon have the store. The file stays: removing it would race with who waits for it."""
        os.close(self._handle)


def sqlite_version_problem() -> str | None:
    """Why the SQLite library that Python was built with is too old, None if it is not."""
    if sqlite3.sqlite_version_info >= (3, 35):
        return None
    return f"SQLite {sqlite3.sqlite_version} is too old; jobwatch needs 3.35 or newer"
