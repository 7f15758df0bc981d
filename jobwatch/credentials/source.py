"""What a source of keys promises, and what it takes from the world."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from jobwatch.core.codec import Credentials
from jobwatch.core.http import HttpRequest, HttpResponse

LOOK_AGAIN = timedelta(minutes=1)
"""How long a background step rests where keys are read anew on every use anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """What may be told of keys: where they come from, and when they stop working (None: never, or nobody said)."""

    kind: str
    expires_at: datetime | None = None


class CredentialSource(Protocol):
    """Gives the keys that hold now; asked anew for every call. Safe for several tasks at once."""

    async def current(self) -> Credentials:
        """Give keys that have not expired. Raises `NoCredentials` that says what to set."""
        ...

    async def renewed(self, rejected: Credentials) -> Credentials | None:
        """Read keys afresh because the cloud refused these; None where there are no others.

        Keys that somebody else fetched meanwhile are given at once. The same refused keys cause one look a minute at
        most, however many callers there are.
        """
        ...

    async def refresh(self) -> timedelta:
        """Renew the keys if the time has come; the pause until the next step. What fails is a problem, no error."""
        ...

    def take_problems(self) -> tuple[str, ...]:
        """Give what went wrong since the last call, once, for the log. Nothing of a key stands in it."""
        ...

    @property
    def facts(self) -> KeyFacts | None:
        """What may be told of the keys at hand; None while there are none."""
        ...


class Send(Protocol):
    """The part of the transport that is used here."""

    async def __call__(
        self,
        request: HttpRequest,
        /,
        *,
        timeout: timedelta,  # noqa: ASYNC109  the transport's own parameter
        max_body: int,
    ) -> HttpResponse: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is outside: variables, files, network, time and chance.

    `home` is the user's folder, `etc` the machine's; `chance` gives numbers in [0, 1).
    """

    environ: Mapping[str, str] = field(repr=False)  # may hold keys
    home: Path
    send: Send
    now: Callable[[], datetime]
    chance: Callable[[], float]
    etc: Path = Path("/etc")


def same_keys(one: Credentials, other: Credentials) -> bool:
    """Whether two sets of keys sign alike, wherever they come from."""
    return (one.secret_id, one.secret_key, one.token) == (
        other.secret_id,
        other.secret_key,
        other.token,
    )
