"""A world without keys, to which a test adds what it is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.credentials import Send, World
from jobwatch.providers.keys import CredentialsSettings

T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


@dataclass(slots=True)
class Time:
    """A clock that only the test moves."""

    now: datetime = T0

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **length: float) -> None:
        self.now += timedelta(**length)


async def nobody_answers(
    _request: HttpRequest,
    *,
    timeout: timedelta,  # noqa: ASYNC109  the transport's own parameter
    max_body: int,
) -> HttpResponse:
    """What happens to requests outside the cloud."""
    assert timeout <= timedelta(seconds=10)
    assert max_body == 64 * 1024
    raise TransportError(TransportKind.DNS, "metadata.tencentyun.com: the name has no address")


def settings(**values: object) -> CredentialsSettings:
    return CredentialsSettings.model_validate(values)


def world(
    folder: Path,
    environ: Mapping[str, str] | None = None,
    *,
    now: Time | None = None,
    send: Send = nobody_answers,
) -> World:
    """A world whose home and /etc lie in `folder`, both empty at first."""
    return World(
        environ=environ or {},
        home=folder / "home",
        etc=folder / "etc",
        send=send,
        now=now or Time(),
        chance=lambda: 0.0,
    )


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
