"""Takes up a configuration that changed while the daemon runs.

Law of this module: all or nothing. What is wrong with the newer configuration is said, and the one before it holds;
what is right is taken up, however often the store fails meanwhile. What was asked for is never forgotten: it is done,
or refused with a reason.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import structlog

from jobwatch import logs
from jobwatch.app.aside import Aside, Hangs
from jobwatch.app.assembling import assemble, identities
from jobwatch.app.clock import utc_now
from jobwatch.app.network import ways
from jobwatch.app.orphans import retire_receivers
from jobwatch.app.parts import Parts
from jobwatch.app.service import Service
from jobwatch.app.shapes import open_providers
from jobwatch.core.errors import ConfigError
from jobwatch.loop import Bell, Loop
from jobwatch.secret_files import FileMarks
from jobwatch.settings import Loaded, Settings, files_read, fixed, told
from jobwatch.web.view import Reloaded

EVERY = timedelta(seconds=5)
"""How often files are looked at. What changed is read once it looks the same twice: nobody reads half a file."""

HANGS = "the files of the configuration do not answer: the mount that they lie on hangs"

STRAGGLING = 60
"""For so many looks after a reload, sweeps that had begun before may still tell receivers by names that are gone."""

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


Marks = Mapping[Path, str]


@dataclass(slots=True, kw_only=True)
class Reloader:
    """Reads the configuration anew, and has the parts follow it.

    `seen` are the marks of its files at the last look, `read` those that the last reading, good or bad, was about;
    `through` is how the doors to the network were made. `pending` was asked for and not answered yet. `left` are the
    settings that the parts may still follow in part, None where they follow those of now. `service` is told of every
    reload, and `going_on` says in one line how things go after it.
    """

    origin: Origin
    parts: Parts
    service: Service = field(default_factory=Service)
    going_on: Callable[[], str] = str
    path: Path | None = field(init=False)
    seen: Marks = field(default_factory=dict, repr=False)
    read: Marks = field(default_factory=dict, repr=False)
    through: tuple[object, str] | None = field(default=None, repr=False)
    pending: Trigger | None = None
    left: Settings | None = None
    stragglers: int = 0
    marks: FileMarks = field(default_factory=FileMarks)
    aside: Aside = field(default_factory=Aside)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.path = self.origin.path

    def loop(self) -> Loop:
        """The loop that looks at files, and hears of signals."""
        return Loop(name="configuration", step=self.turn, bell=self.origin.bell)

    async def begin(self) -> None:
        """Note what the files hold now.

        What the parts were made of was read when the process started, which may be long ago: it waited for the store.
        """
        async with self._turn:
            self.seen = self.read = await self._look()
            self.through = self._way(self.parts.settings, self.read)
            if await self._outdated():
                self.pending = Trigger.FILE

    async def _outdated(self) -> bool:
        try:
            loaded = await self.aside.run(self._load)
        except (ConfigError, Hangs):
            return True
        return loaded.settings != self.parts.settings

    async def turn(self) -> timedelta:
        """Look once: reload where a signal asked for it, or where files changed, or finish what the last time left."""
        trigger = await self._due()
        if trigger is not None:
            await self.reload(trigger)
        elif self.stragglers:
            self.stragglers -= 1
            await retire_receivers(self.parts.store, self.parts.settings)
        return EVERY

    async def _due(self) -> Trigger | None:
        if self.origin.bell.asked:
            self.origin.bell.asked = False
            self.pending = Trigger.SIGNAL
        async with self._turn:  # a reload that another task makes has looked by then
            before, self.seen = self.seen, await self._look()
        if self.pending is None and self.seen == before and self.seen != self.read:
            self.pending = Trigger.FILE
        return self.pending

    async def _look(self) -> Marks:
        files = files_read(self.parts.settings, self.path)
        try:
            return await self.aside.run(lambda: self.marks.of(files))
        except Hangs:
            return dict.fromkeys(files, "hangs")

    async def reload(self, trigger: Trigger) -> Reloaded:
        """Read the configuration, and take it up if it holds.

        Raises `StoreError` while the store cannot be used: the loop tries again until it can.
        """
        async with self._turn:
            self.pending = trigger
            self.service.reloading(time.monotonic_ns() // 1000)
            try:
                answer = await self._reload(trigger)
            except Exception:
                self.parts.metrics.reload_refused()
                raise
            finally:  # refused or not: a manager that was told of the beginning waits for the end
                self.service.ready(self.going_on())
            self.pending = None
            return answer

    async def _reload(self, trigger: Trigger) -> Reloaded:
        looked = await self._look()
        try:
            loaded = await self._acceptable()
            await self._exchange_doors(loaded.settings, looked)
        except (ConfigError, Hangs) as error:
            self.seen = self.read = looked
            return self._refuse(
                trigger, error.problems if isinstance(error, ConfigError) else (HANGS,)
            )
        changed = await self._follow(loaded)
        # What changed since the look before is another change: only files that are new here were not looked at then.
        now = await self._look()
        self.seen = self.read = {path: looked.get(path, mark) for path, mark in now.items()}
        self.parts.metrics.configured(utc_now())
        log.info("configuration.reloaded", trigger=trigger.value, changed=changed)
        return Reloaded(changed=changed)

    def _load(self) -> Loaded:
        """Read the file and the environment. What came through a pipe cannot be read twice: nobody writes it again."""
        if self.path is not None and self.path.is_fifo():
            raise ConfigError([f"{self.path}: is a pipe, which is read once; restart jobwatch"])
        return self.origin.load()

    async def _acceptable(self) -> Loaded:
        """What the configuration says now. Raises `ConfigError` with everything that is wrong with it, and `Hangs`."""
        loaded = await self.aside.run(self._load)
        for warning in loaded.warnings:
            log.warning("configuration.doubted", error=warning)
        problems = [
            *fixed(self.parts.settings, loaded.settings),
            *await self.parts.store.misnamed(identities(open_providers(loaded.settings))),
        ]
        if loaded.path is None and self.path is not None:
            problems.append(f"{self.path}: is gone; put it back, or restart jobwatch without it")
        if problems:
            raise ConfigError(problems)
        return loaded

    async def _exchange_doors(self, settings: Settings, looked: Marks) -> None:
        """Send through other transports where the way out, or whom it trusts, is another."""
        ca_file = settings.egress.ca_file
        if ca_file is not None and ca_file not in looked:
            looked = await self.aside.run(lambda: FileMarks().of([ca_file]))
        way = self._way(settings, looked)
        if way != self.through:
            # Those before are closed when nothing is under way on them.
            for closing in await self.parts.doors.replace(ways(settings)):
                self.parts.in_background(closing)
            self.through = way

    @staticmethod
    def _way(settings: Settings, looked: Marks) -> tuple[object, str]:
        ca_file = settings.egress.ca_file
        return settings.egress, looked[ca_file] if ca_file is not None else ""

    async def _follow(self, loaded: Loaded) -> tuple[str, ...]:
        """Have the parts follow the settings. What fails on the way is made good by the next reload."""
        parts, settings = self.parts, loaded.settings
        if settings.log != parts.settings.log:
            logs.configure(settings.log.level, settings.log.format)
        if self.left is None and settings != parts.settings:
            self.left = parts.settings
        parts.settings, self.path = settings, loaded.path
        if self.left is None:
            return ()
        await assemble(parts)
        changed = told(self.left, settings)
        self.left, self.stragglers = None, STRAGGLING
        return changed

    def _refuse(self, trigger: Trigger, problems: tuple[str, ...]) -> Reloaded:
        self.parts.metrics.reload_refused()
        log.error("configuration.refused", trigger=trigger.value, problems=problems)
        return Reloaded(problems=problems)
