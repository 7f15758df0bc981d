"""Everything that was built, and what of it may be exchanged while it works."""

import asyncio
import gc
import os
import socket
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from jobwatch.app.clock import utc_now
from jobwatch.app.network import Doors
from jobwatch.app.telling import Outlet
from jobwatch.app.turning import Turners
from jobwatch.app.watching import Site, Watched
from jobwatch.core.errors import StoreError
from jobwatch.core.outbox import Settlement
from jobwatch.loop import Loop, Pulse
from jobwatch.metrics import Metrics
from jobwatch.notifier import Notifier
from jobwatch.settings import Settings
from jobwatch.store import Store

SETTLING = timedelta(seconds=10)
SETTLED = timedelta(days=1)

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Parts:
    """Everything that was built. `keepers` are the loops around delivery: the attendant, the heartbeat.

    `kept_for` are the settings that the keepers were made for; None while they are being exchanged. `group` is the
    task group that attempts are started in; `turners` start and end the loops of what comes and goes, where there are
    any.
    """

    settings: Settings
    store: Store
    metrics: Metrics
    pulse: Pulse
    doors: Doors
    watched: dict[str, Watched] = field(default_factory=dict)
    notifiers: dict[str, Notifier] = field(default_factory=dict)
    keepers: list[Loop] = field(default_factory=list)
    kept_for: Settings | None = None
    group: asyncio.TaskGroup | None = None
    turners: Turners | None = None

    @property
    def site(self) -> Site:
        """What every source shares, by the settings of now."""
        return Site(
            settings=self.settings,
            store=self.store,
            metrics=self.metrics,
            pulse=self.pulse,
            transport=self.doors.cloud,
            wake_notifiers=self.wake_notifiers,
        )

    @property
    def outlet(self) -> Outlet:
        """What every receiver shares, by the settings of now."""
        return Outlet(
            settings=self.settings,
            store=self.store,
            metrics=self.metrics,
            transport=self.doors.out,
            pulse=self.pulse,
            spawn=self.spawn,
            wake_notifiers=self.wake_notifiers,
        )

    def start(self, loops: list[Loop]) -> None:
        """Turn these loops, where loops turn at all."""
        if self.turners is not None:
            self.turners.start(loops)

    async def end(self, loops: list[Loop]) -> None:
        """End these loops, as far as they turn."""
        if self.turners is not None:
            await self.turners.end([loop.name for loop in loops])

    def spawn_in(self, group: asyncio.TaskGroup) -> None:
        """Start attempts in this task group from now on."""
        self.group = group

    def spawn(self, attempt: Coroutine[None, None, Settlement]) -> asyncio.Task[Settlement]:
        """Start one attempt."""
        if self.group is None:
            raise RuntimeError("no task group to start an attempt in")
        return self.group.create_task(attempt)

    def in_background(self, closing: Coroutine[None, None, None]) -> None:
        """Let something be closed that nobody waits for; that it cannot be ends nothing else."""
        if self.group is None:
            raise RuntimeError("no task group to close anything in")
        self.group.create_task(_closed(closing))

    def step_failed(self, error: Exception) -> None:
        """Count what made a loop's step fail."""
        if isinstance(error, StoreError):
            self.metrics.store_failed()

    def wake_notifiers(self) -> None:
        """Tell every receiver's loop that there may be something to deliver."""
        for notifier in self.notifiers.values():
            notifier.bell.ring()


async def _closed(closing: Coroutine[None, None, None]) -> None:
    try:
        await closing
    except Exception:  # in the one task group it would end the daemon
        log.exception("transport.unclosed")


def owner_name() -> str:
    """Who holds a lease: this process on this host."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def open_store(settings: Settings) -> Store:
    """Open the store for writing. Raises `StoreLocked` or `StoreUnusable`."""
    return await Store.open(settings.store, owner=owner_name(), clock=utc_now, exclusive=True)


def freeze_heap() -> None:
    """Keep what lives on out of the garbage collector's sight: walking through it stalls the loop for 90 ms."""
    gc.collect()
    gc.freeze()


@dataclass(slots=True, kw_only=True)
class Settling:
    """Freezes once more what the first sweeps made for good: tasks, compiled statements, series of metrics.

    With two hundred sources it is three times what turns over, and each full collection walked through it for 60 ms. Only
    the younger objects are looked at first, which stalls nothing. Once, and never again: what is garbage by then stays,
    and must not grow.
    """

    watched: Mapping[str, Watched]
    done: bool = False

    async def turn(self) -> timedelta:
        """Freeze as soon as every source was tried."""
        if not self.done and all(each.source.attempted for each in self.watched.values()):
            self.done = True
            gc.collect(1)
            gc.freeze()
        return SETTLED if self.done else SETTLING
