"""Takes up a configuration that changed while the daemon runs.

Law of this module: all or nothing. What is wrong with the newer configuration is said, and the one before it holds;
what is right is taken up, however often the store fails meanwhile.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import structlog

from jobwatch import logs
from jobwatch.app.assembling import assemble, identities
from jobwatch.app.clock import utc_now
from jobwatch.app.network import ways
from jobwatch.app.parts import Parts
from jobwatch.app.shapes import open_providers
from jobwatch.core.errors import ConfigError, StoreError
from jobwatch.loop import Bell, Loop
from jobwatch.secret_files import FileMarks
from jobwatch.settings import Loaded, Settings, files_read, fixed, told
from jobwatch.web.view import Reloaded

EVERY = timedelta(seconds=5)
"""How often files are looked at. What changed is read once it looks the same twice: nobody reads half a file."""

log = structlog.get_logger()


class Trigger(StrEnum):
    """What asked for a reload."""

    SIGNAL = "signal"
    REQUEST = "request"
    FILE = "file"


class SignalBell(Bell):
    """Rings when SIGHUP comes, and remembers it until it was answered."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = False

    def ask(self) -> None:
        """Ask for a reload as soon as there is somebody to make it."""
        self.asked = True
        self.ring()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the configuration comes from. `path` is its file, None where the environment alone says everything."""

    load: Callable[[], Loaded]
    path: Path | None = None
    bell: SignalBell = field(default_factory=SignalBell)


@dataclass(slots=True, kw_only=True)
class Reloader:
    """Reads the configuration anew, and has the parts follow it.

    `seen` are the marks of its files at the last look, `read` those that the last reading, good or bad, was about.
    `behind` is set while the parts do not follow the settings yet.
    """

    origin: Origin
    parts: Parts
    seen: Mapping[Path, str] = field(default_factory=dict)
    read: Mapping[Path, str] = field(default_factory=dict)
    marks: FileMarks = field(default_factory=FileMarks)
    behind: bool = False
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def loop(self) -> Loop:
        """The loop that looks at files, and hears of signals."""
        return Loop(name="configuration", step=self.turn, bell=self.origin.bell)

    async def begin(self) -> None:
        """Note what the files hold now: it was just read."""
        self.seen = self.read = await self._look()

    async def turn(self) -> timedelta:
        """Look once: finish what the last time left, then reload where a signal asked for it, or where files changed."""
        if self.behind:
            async with self._turn:
                await self._follow()
        trigger = await self._due()
        if trigger is not None:
            await self.reload(trigger)
        return EVERY

    async def _due(self) -> Trigger | None:
        before, self.seen = self.seen, await self._look()
        if self.origin.bell.asked:
            self.origin.bell.asked = False
            return Trigger.SIGNAL
        settled = self.seen == before
        return Trigger.FILE if settled and self.seen != self.read else None

    async def _look(self) -> Mapping[Path, str]:
        files = files_read(self.parts.settings, self.origin.path)
        return await asyncio.to_thread(self.marks.of, files)

    async def reload(self, trigger: Trigger) -> Reloaded:
        """Read the configuration, and take it up if it holds. Raises `StoreError` where that has to be tried again."""
        async with self._turn:
            was, self.read = self.read, await self._look()
            try:
                settings = await self._acceptable()
                await self._exchange_doors(settings, was)
            except ConfigError as error:
                return self._refuse(trigger, error.problems)
            before = self.parts.settings
            if settings.log != before.log:
                logs.configure(settings.log.level, settings.log.format)
            self.parts.settings, self.behind = settings, True
            await self._follow()
            self.seen = self.read = await self._look()
            self.parts.metrics.configured(utc_now())
            changed = told(before, settings)
            log.info("configuration.reloaded", trigger=trigger.value, changed=changed)
            return Reloaded(changed=changed)

    async def _acceptable(self) -> Settings:
        """What the configuration says now. Raises `ConfigError` with everything that is wrong with it."""
        loaded = await asyncio.to_thread(self.origin.load)
        for warning in loaded.warnings:
            log.warning("configuration.doubted", error=warning)
        settings = loaded.settings
        problems = [
            *fixed(self.parts.settings, settings),
            *await self.parts.store.misnamed(identities(open_providers(settings))),
        ]
        if problems:
            raise ConfigError(problems)
        return settings

    async def _exchange_doors(self, settings: Settings, was: Mapping[Path, str]) -> None:
        """Send through other transports where the way out, or whom it trusts, is another."""
        ca_file = settings.egress.ca_file
        same_trust = ca_file is None or was.get(ca_file) == self.read.get(ca_file)
        if settings.egress == self.parts.settings.egress and same_trust:
            return
        # Those before are closed when nothing is under way on them.
        for closing in await self.parts.doors.replace(ways(settings)):
            self.parts.in_background(closing)

    async def _follow(self) -> None:
        """Have the parts follow the settings. What fails on the way is made good by the next turn."""
        try:
            await assemble(self.parts)
        except StoreError as error:
            self.parts.step_failed(error)
            raise
        self.behind = False

    def _refuse(self, trigger: Trigger, problems: tuple[str, ...]) -> Reloaded:
        self.parts.metrics.reload_refused()
        log.error("configuration.refused", trigger=trigger.value, problems=problems)
        return Reloaded(problems=problems)
