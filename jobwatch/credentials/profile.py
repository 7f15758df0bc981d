"""Keys in the files of Tencent Cloud's own tools, read again when they change."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import NoCredentials
from jobwatch.credentials.local import LocalKeys, still_good, value_of
from jobwatch.credentials.source import World
from jobwatch.providers.issued_keys import NothingThere
from jobwatch.providers.profile_files import read_ini, read_tccli
from jobwatch.secret_files import FileSecret

PROFILE_NAME = "TCCLI_PROFILE"
DEFAULT_PROFILE = "default"

Reader = Callable[[str], Credentials]


class _Candidate(NamedTuple):
    path: Path
    read: Reader


class ProfileKeys(LocalKeys):
    """The SDKs' ini file in the user's folder, else the machine's, else the profile of `tccli`.

    A profile that TCCLI_PROFILE names is meant: it is read first, and nothing else is where it is missing. The file
    that was found is kept to, so that one that vanishes does not change the identity.
    """

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._found: tuple[FileSecret, Reader] | None = None

    def take_problems(self) -> tuple[str, ...]:
        problem = self._found[0].take_problem() if self._found else None
        return (problem,) if problem else ()

    def _read(self) -> Credentials:
        file, read = self._found or self._find()
        keys = read(value_of(file))
        self._found = (file, read)
        return still_good(keys, f"profile: {file.path}", self._world.now)

    def _find(self) -> tuple[FileSecret, Reader]:
        missing: list[str] = []
        for path, read in self._candidates():
            if _is_there(path):
                return FileSecret(path, check=_check(read)), read
            missing.append(str(path))
        raise NothingThere(f"profile: there is no {', nor '.join(missing)}")

    def _candidates(self) -> list[_Candidate]:
        named = self._world.environ.get(PROFILE_NAME, "").strip()
        if "/" in named or "\0" in named:
            raise NoCredentials(f"profile: {PROFILE_NAME} is not the name of a profile")
        folder = self._world.home / ".tccli"
        tccli = _Candidate(folder / f"{named or DEFAULT_PROFILE}.credential", read_tccli)
        if named:
            if not _is_there(tccli.path):
                raise NoCredentials(
                    f"profile: {PROFILE_NAME} names {named}, but there is no {tccli.path}"
                )
            return [tccli]
        ini = (self._world.home / ".tencentcloud", self._world.etc / "tencentcloud")
        return [*(_Candidate(folder / "credentials", read_ini) for folder in ini), tccli]


def _is_there(path: Path) -> bool:
    """Whether there is such a file; one in a folder that is closed to us is not meant for us."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def _check(read: Reader) -> Callable[[str], str | None]:
    def check(text: str) -> str | None:
        try:
            read(text)
        except NoCredentials as error:
            return str(error)
        return None

    return check
