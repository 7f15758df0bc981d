"""Secrets that may live in files, re-read when the file changes.

Law of this module: nothing of a file's content ever enters an error or a `repr`. A file that was
readable once and is not any more (a half-written rotation, a volume remounted) costs a message,
never a delivery: the last good value stays.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from jobwatch.core.errors import ConfigError

SIZE_LIMIT = 64 * 1024
MARKED_BYTES = 16 * 1024 * 1024
"""As much of a file as its mark is made of: more than any configuration has."""

Check = Callable[[str], str | None]
"""Says what is wrong with a value, without showing it; None when nothing is."""


class Secret(Protocol):
    """A secret whose value may change while the program runs."""

    def current(self) -> str:
        """Give the value that holds now. Raises `ConfigError` where there never was one."""
        ...

    def take_problem(self) -> str | None:
        """Give what went wrong since the last call, once, for the log."""
        ...


@dataclass(frozen=True, slots=True)
class FixedSecret:
    """A secret written in the configuration itself."""

    value: str = field(repr=False)

    def current(self) -> str:
        """Give the value."""
        return self.value

    def take_problem(self) -> str | None:
        """A fixed value has no problems."""
        return None


class _Stamp(NamedTuple):
    """What tells two states of a file apart; the inode catches a rename in one clock tick."""

    mtime_ns: int
    size: int
    inode: int


_NO_STAMP = _Stamp(0, -1, 0)


class FileSecret:
    """A secret that is the text of a file, less one newline at its end; looked at on every use.

    `check` is asked about every new text; one that it refuses is a problem, and the value before
    it stays.
    """

    def __init__(self, path: Path, *, check: Check | None = None) -> None:
        self.path = path
        self._check = check
        self._stamp: _Stamp | None = None
        self._value: str | None = None
        self._told: str | None = None
        self._problem: str | None = None

    def __repr__(self) -> str:
        return f"FileSecret({str(self.path)!r})"

    def current(self) -> str:
        """Give the text, or the last good one. Raises `ConfigError` where there never was one."""
        try:
            self._refresh()
        except ConfigError as error:
            if self._value is None:
                raise
            self._report(str(error))
        if self._value is None:  # pragma: no cover  # _refresh raised or set it
            raise ConfigError([f"{self.path}: was not read"])
        return self._value

    def take_problem(self) -> str | None:
        """Give what went wrong since the last call; the same is not told twice in a row."""
        problem, self._problem = self._problem, None
        return problem

    def _refresh(self) -> None:
        stamp = _stamp(self.path)
        if stamp == self._stamp and self._told is None:
            return
        value = read_secret_file(self.path)
        wrong = self._check(value) if self._check else None
        if wrong is not None:
            raise ConfigError([f"{self.path}: {wrong}"])
        self._stamp, self._value, self._told = stamp, value, None

    def _report(self, problem: str) -> None:
        if problem != self._told:
            self._told = problem
            self._problem = f"{problem}; the value read before is still used"


class FileMarks:
    """What files hold, as hashes that change with it. A file is read only where it may have changed.

    Whoever copies a file over another with its time leaves a trace in the time of the last change of any kind.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[_Stamp, int], str]] = {}

    def of(self, paths: Iterable[Path]) -> dict[Path, str]:
        """The mark of each file. One that cannot be read has a mark as well: it may be readable the next time."""
        self._known = {path: self._mark(path) for path in paths}
        return {path: mark for path, (_, mark) in self._known.items()}

    def _mark(self, path: Path) -> tuple[tuple[_Stamp, int], str]:
        try:
            stamp = _stamp(path), path.stat().st_ctime_ns
            known = self._known.get(path)
            if known is not None and known[0] == stamp:
                return known
            with path.open("rb") as file:
                return stamp, hashlib.sha256(file.read(MARKED_BYTES)).hexdigest()
        except (ConfigError, OSError) as error:
            return (_NO_STAMP, 0), f"unreadable: {type(error).__name__}"


def read_secret_file(path: Path) -> str:
    """Read a file, less one newline at its end.

    Raises `ConfigError` that names the file and never its content.
    """
    _stamp(path)
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {_why(error)}"]) from None
    if len(content) > SIZE_LIMIT:
        raise ConfigError(
            [f"{path}: is larger than {SIZE_LIMIT // 1024} KiB, too large for a secret"]
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ConfigError([f"{path}: is empty"])
    return text


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ConfigError([f"{path}: cannot be read: {_why(error)}"]) from None
    if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for its writer
        raise ConfigError([f"{path}: is not a regular file"])
    return _Stamp(found.st_mtime_ns, found.st_size, found.st_ino)


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, PermissionError):  # a file of root's in a container that runs as another
        return (
            f"permission denied: the user that runs jobwatch (uid {os.geteuid()}) may not read it"
        )
    words = error.strerror if isinstance(error, OSError) else str(error)
    return (words or type(error).__name__).lower()
