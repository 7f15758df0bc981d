"""What the HTTP server takes from the settings of this moment: its tokens and its certificate."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from jobwatch.app.rereading import reread
from jobwatch.loop import Loop
from jobwatch.secret_files import FileMarks, Secret
from jobwatch.settings import Settings, operate_token, read_token
from jobwatch.web.serving.certificates import ServerTls
from jobwatch.web.view import Tokens

LOOK = timedelta(seconds=5)
"""How soon a renewed certificate is shown."""

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Live:
    """A token that follows its file, and the settings that name it."""

    settings: Callable[[], Settings]
    of: Callable[[Settings], Secret | None]
    setting: str
    _last: Settings | None = None
    _current: Callable[[], str] | None = None

    def __call__(self) -> str | None:
        """The token that holds now. Raises `ConfigError` where a file of it was never read."""
        settings = self.settings()
        if settings is not self._last:
            secret = self.of(settings)
            self._current = reread(secret, self.setting) if secret is not None else None
            self._last = settings
        return self._current() if self._current is not None else None


def live_tokens(settings: Callable[[], Settings]) -> Tokens:
    """The tokens of the settings of now, and where people reach the server."""
    return Tokens(
        read=_Live(settings, read_token, "http.read_token_file"),
        operate=_Live(settings, operate_token, "http.operate_token_file"),
        public_url=lambda: settings().http.public_url,
    )


def open_tls(settings: Settings) -> ServerTls | None:
    """TLS of the server, None where it speaks plain HTTP. Raises `ConfigError` where its files cannot be used."""
    tls = settings.http.tls
    return ServerTls(tls.cert_file, tls.key_file) if tls is not None else None


def certificate_loops(tls: ServerTls | None, settings: Callable[[], Settings]) -> list[Loop]:
    """The loop that takes up a renewed certificate, where there is one."""
    if tls is None:
        return []

    async def renew() -> timedelta:
        named = settings().http.tls
        files = (named.cert_file, named.key_file) if named is not None else ()
        # A mount that hangs holds up this look alone, and no thread but one; the context is changed on the loop.
        await asyncio.to_thread(FileMarks().of, files)
        if tls.renew(*files):
            log.info("certificate.renewed")
        problem = tls.take_problem()
        if problem is not None:
            log.warning("certificate.unread", error=problem)
        return LOOK

    return [Loop(name="certificate", step=renew)]
