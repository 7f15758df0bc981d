"""Builds every part from the settings."""

import asyncio
import gc
import os
import socket
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from jobwatch.app.clock import utc_now
from jobwatch.app.network import open_doors
from jobwatch.app.telling import Outlet, open_keepers, open_notifier
from jobwatch.app.watching import LEASE, Site, Watched, open_source
from jobwatch.core.codec import Provider
from jobwatch.core.detail import DetailError
from jobwatch.core.errors import StoreError
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import Origin
from jobwatch.core.outbox import Settlement
from jobwatch.core.overview import NO_SINGLE_JOBS, Identity, SingleJobs
from jobwatch.core.recording import Desk
from jobwatch.loop import Loop, Pulse
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.notifier import Notifier
from jobwatch.poller import close_all
from jobwatch.providers import open_provider
from jobwatch.settings import Settings, rules_for, subscriptions
from jobwatch.store import Store
from jobwatch.store.values import Release

ORPHANS_AT_ONCE = 500
SETTLING = timedelta(seconds=10)
SETTLED = timedelta(days=1)

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Parts:
    """Everything that was built. `keepers` are the loops around delivery: the attendant, the heartbeat.

    `group` is the task group that attempts are started in.
    """

    settings: Settings
    store: Store
    metrics: Metrics
    pulse: Pulse
    watched: dict[str, Watched] = field(default_factory=dict)
    notifiers: dict[str, Notifier] = field(default_factory=dict)
    keepers: list[Loop] = field(default_factory=list)
    group: asyncio.TaskGroup | None = None

    def spawn_in(self, group: asyncio.TaskGroup) -> None:
        """Start attempts in this task group from now on."""
        self.group = group

    def spawn(self, attempt: Coroutine[None, None, Settlement]) -> asyncio.Task[Settlement]:
        """Start one attempt."""
        if self.group is None:
            raise RuntimeError("no task group to start an attempt in")
        return self.group.create_task(attempt)

    def step_failed(self, error: Exception) -> None:
        """Count what made a loop's step fail."""
        if isinstance(error, StoreError):
            self.metrics.store_failed()

    def wake_notifiers(self) -> None:
        """Tell every receiver's loop that there may be something to deliver."""
        for notifier in self.notifiers.values():
            notifier.bell.ring()


def owner_name() -> str:
    """Who holds a lease: this process on this host."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def open_store(settings: Settings) -> Store:
    """Open the store for writing. Raises `StoreLocked` or `StoreUnusable`."""
    return await Store.open(settings.store, owner=owner_name(), clock=utc_now, exclusive=True)


def open_providers(settings: Settings) -> dict[str, Provider]:
    """The codec of every source."""
    return {name: open_provider(source.provider) for name, source in settings.sources.items()}


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


@asynccontextmanager
async def open_parts(
    settings: Settings, store: Store, metrics: Metrics, pulse: Pulse
) -> AsyncIterator[Parts]:
    """Build everything that stands on an open store. Raises `ConfigError` for a source bound to another account."""
    providers = open_providers(settings)
    await store.register([_identity(name, provider) for name, provider in providers.items()])
    await _release_orphans(store, settings)
    await _retire_receivers(store, settings)
    parts = Parts(settings=settings, store=store, metrics=metrics, pulse=pulse)
    async with open_doors(settings) as doors:
        site = Site(
            settings=settings,
            store=store,
            metrics=metrics,
            pulse=pulse,
            transport=doors.cloud,
            wake_notifiers=parts.wake_notifiers,
        )
        for name, provider in providers.items():
            parts.watched[name] = await open_source(site, name, provider)
        outlet = Outlet(
            settings=settings,
            store=store,
            metrics=metrics,
            transport=doors.out,
            pulse=pulse,
            spawn=parts.spawn,
            wake_notifiers=parts.wake_notifiers,
        )
        for name in settings.receivers:
            parts.notifiers[name] = open_notifier(outlet, name)
        settling = Loop(name="heap", step=Settling(watched=parts.watched).turn)
        parts.keepers = [*open_keepers(outlet, shapes(settings)), settling]
        yield parts


async def _retire_receivers(store: Store, settings: Settings) -> None:
    """Give up what waits for receivers that were taken out of the configuration: it can be redelivered."""
    for name, deliveries in (await store.retire_receivers(settings.receivers)).items():
        log.warning("receiver.retired", receiver=name, deliveries=deliveries)


async def _release_orphans(store: Store, settings: Settings) -> None:
    """Tell what is left to tell of sources that were taken out of the configuration.

    Events that waited for detail go without it, and what is open is closed: nobody would ever do it again.
    """
    for state in await store.sources():
        name = state.identity.name
        lease = None if name in settings.sources else await store.acquire(name, lease=LEASE)
        if lease is None:
            continue
        while waiting := await store.awaiting_detail(lease, limit=ORPHANS_AT_ONCE):
            releases = [
                Release(event_id=each.event_id, detail=None, error=DetailError.SOURCE_REMOVED)
                for each in waiting
            ]
            await store.release(lease, releases)
        closed = await close_all(store, lease, _orphans_desk(settings, state.identity), utc_now())
        if closed:
            log.info("conditions.closed", source=name, reason="source_removed", closed=closed)


def _orphans_desk(settings: Settings, identity: Identity) -> Desk:
    """What events of a removed source are made of; its labels went with its settings."""
    origin = Origin(
        instance=settings.instance,
        source=identity.name,
        provider=identity.kind,
        region=identity.region,
        account=identity.account,
        labels={},
        public_url=settings.http.public_url,
    )
    return Desk(
        origin=origin,
        lifecycle=Lifecycle(rows=()),
        operations=(),
        subscriptions=subscriptions(settings),
    )


def _identity(name: str, provider: Provider) -> Identity:
    return Identity(name=name, kind=provider.kind, region=provider.region, account=provider.account)


def single_jobs(settings: Settings) -> SingleJobs:
    """The jobs that metrics show one by one; none unless somebody asked for them."""
    asked = settings.metrics.per_job
    return SingleJobs(asked.limit, tuple(settings.sources)) if asked.enabled else NO_SINGLE_JOBS


def shapes(settings: Settings) -> list[SourceShape]:
    """What bounds the labels of every source, and how often it is swept."""
    return [_shape(settings, name, each) for name, each in open_providers(settings).items()]


def _shape(settings: Settings, name: str, provider: Provider) -> SourceShape:
    source = settings.sources[name]
    return SourceShape(
        name=name,
        provider=provider.kind,
        region=provider.region,
        operations=provider.operations,
        statuses=provider.lifecycle.statuses,
        unfinished=provider.lifecycle.unfinished,
        calls=provider.calls,
        every=source.every,
        full_every=max(source.every, source.full_sweep_every),
        unreachable_after=rules_for(settings, name).unreachable_after,
    )
