"""A source's keys as the daemon uses them: found where the settings say, watched by the log."""

import os
import random
from datetime import timedelta
from pathlib import Path

import structlog

from jobwatch.app.clock import utc_now
from jobwatch.core.codec import Credentials
from jobwatch.core.overview import SourceKeys
from jobwatch.credentials import CredentialSource, KeyFacts, World, open_credentials
from jobwatch.settings import Settings
from jobwatch.transport import Sender

log = structlog.get_logger()


class LoggedKeys:
    """A source's keys, with a line in the log when something went wrong and the last good keys are used on."""

    def __init__(self, source: str, keys: CredentialSource) -> None:
        self._source = source
        self._keys = keys

    @property
    def facts(self) -> KeyFacts | None:
        """What may be told of the keys at hand."""
        return self._keys.facts

    def known(self) -> SourceKeys | None:
        """The same, as it is kept with the source."""
        facts = self._keys.facts
        return SourceKeys(kind=facts.kind, expires_at=facts.expires_at) if facts else None

    async def current(self) -> Credentials:
        """Give the keys that hold now. Raises `NoCredentials`."""
        try:
            return await self._keys.current()
        finally:
            self._log()

    async def renewed(self, rejected: Credentials) -> Credentials | None:
        """Give other keys than those that were refused, None where there are none."""
        try:
            found = await self._keys.renewed(rejected)
        finally:
            self._log()
        log.warning("credentials.rejected", source=self._source, renewed=found is not None)
        return found

    async def refresh(self) -> timedelta:
        """Renew the keys if the time has come; the pause until the next step."""
        pause = await self._keys.refresh()
        self._log()
        return pause

    def take_problems(self) -> tuple[str, ...]:
        """Give what went wrong since the last call, once."""
        return self._keys.take_problems()

    def _log(self) -> None:
        for problem in self.take_problems():
            log.warning("credentials.unread", source=self._source, error=problem)


def _home() -> Path:
    """The user's folder. A container's user may have none: then there is no profile to read either."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")


def real_world(transport: Sender) -> World:
    """What is outside of this process: its variables, its user's files, the network."""
    return World(
        environ=os.environ,
        home=_home(),
        send=transport.send,
        now=utc_now,
        chance=random.random,
    )


def open_keys(settings: Settings, name: str, transport: Sender) -> LoggedKeys:
    """Where a source's keys come from."""
    credentials = settings.sources[name].provider.credentials
    return LoggedKeys(name, open_credentials(credentials, real_world(transport)))
