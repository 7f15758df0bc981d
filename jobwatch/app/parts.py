"""Builds every part from the settings."""

import asyncio
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from jobwatch.app.clock import utc_now
from jobwatch.client import ApiClient, Surroundings
from jobwatch.core.codec import Provider
from jobwatch.core.errors import StoreError
from jobwatch.core.gate import Bucket
from jobwatch.core.model import Job, Origin
from jobwatch.core.outbox import STANDARD_WAITS, RetryPolicy, Settlement
from jobwatch.core.overview import Identity
from jobwatch.core.recording import Desk
from jobwatch.credentials import open_credentials
from jobwatch.detailer import Detailer, release_details
from jobwatch.formats.values import Recipient
from jobwatch.loop import Bell, Loop, Pulse
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.notifier import Notifier, Post
from jobwatch.poller import Pace, Source, load_index, turn
from jobwatch.providers import open_provider
from jobwatch.settings import Settings, live_recipient, subscriptions
from jobwatch.settings.recipients import format_name
from jobwatch.store import Store
from jobwatch.store.values import Lease
from jobwatch.transport import Transport

LEASE = timedelta(minutes=2)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One source with its two tasks: the one that writes, and the one that asks for details."""

    source: Source
    detailer: Detailer
    detail_bell: Bell

    def loops(self, patience: timedelta) -> list[Loop]:
        """The loops of this source."""

        async def sweep() -> timedelta:
            return await turn(self.source)

        async def detail() -> timedelta:
            return await release_details(self.detailer)

        name = self.source.name
        return [
            Loop(name=f"poller:{name}", step=sweep, bell=self.source.bell, patience=patience),
            Loop(name=f"detailer:{name}", step=detail, bell=self.detail_bell, patience=patience),
        ]


@dataclass(slots=True, kw_only=True)
class Parts:
    """Everything that was built. `group` is the task group that attempts are started in."""

    settings: Settings
    store: Store
    metrics: Metrics
    pulse: Pulse
    watched: dict[str, Watched] = field(default_factory=dict)
    notifiers: dict[str, Notifier] = field(default_factory=dict)
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


@asynccontextmanager
async def open_parts(
    settings: Settings, store: Store, metrics: Metrics, pulse: Pulse
) -> AsyncIterator[Parts]:
    """Build everything that stands on an open store. Raises `ConfigError` for a source bound to another account."""
    providers = open_providers(settings)
    await store.register([_identity(name, provider) for name, provider in providers.items()])
    parts = Parts(settings=settings, store=store, metrics=metrics, pulse=pulse)
    async with Transport() as transport:
        for name, provider in providers.items():
            parts.watched[name] = await _watched(parts, transport, name, provider)
        for name in settings.receivers:
            parts.notifiers[name] = _notifier(parts, transport, name)
        yield parts


def _identity(name: str, provider: Provider) -> Identity:
    return Identity(name=name, kind=provider.kind, region=provider.region, account=provider.account)


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
        every=source.every,
        full_every=source.every,  # every sweep is a full one until there are hot sweeps
    )


async def _watched(parts: Parts, transport: Transport, name: str, provider: Provider) -> Watched:
    lease = await parts.store.acquire(name, lease=LEASE)
    if lease is None:
        raise StoreError(f"the lease of source {name} is held by another replica")
    parts.metrics.lease(name, held=True)
    client = _client(parts, transport, name, provider)
    detail_bell = Bell()
    source = await _source(parts, client, lease, provider, detail_bell)
    detailer = Detailer(
        source=name,
        client=client,
        store=parts.store,
        lease=lease,
        lifecycle=provider.lifecycle,
        clock=utc_now,
        hand_over=_hand_over(source),
        released=parts.wake_notifiers,
    )
    return Watched(source=source, detailer=detailer, detail_bell=detail_bell)


def _client(parts: Parts, transport: Transport, name: str, provider: Provider) -> ApiClient:
    settings = parts.settings.sources[name]
    limit = settings.rate_limit
    return ApiClient(
        provider=provider,
        transport=transport,
        credentials=open_credentials(settings.provider.credentials, os.environ),
        bucket=Bucket(rate=limit.requests_per_second, burst=limit.burst),
        observer=parts.metrics.for_source(name),
        around=Surroundings(now=utc_now, monotonic=time.monotonic, chance=random.random),
    )


async def _source(
    parts: Parts, client: ApiClient, lease: Lease, provider: Provider, detail_bell: Bell
) -> Source:
    name, settings = lease.source, parts.settings.sources[lease.source]

    def recorded() -> None:
        detail_bell.ring()
        parts.wake_notifiers()

    def alive() -> None:
        parts.pulse.expect(f"poller:{name}", time.monotonic() + STEP_PATIENCE.total_seconds())

    return Source(
        name=name,
        pace=Pace(
            every=settings.every,
            first_sight=settings.first_sight,
            vanished_after=settings.vanished_after,
        ),
        desk=_desk(parts.settings, name, provider),
        client=client,
        store=parts.store,
        lease=lease,
        index=await load_index(parts.store, lease),
        metrics=parts.metrics.for_source(name),
        clock=utc_now,
        chance=random.random,
        recorded=recorded,
        alive=alive,
    )


STEP_PATIENCE = timedelta(minutes=5)
"""How long one step of a sweep may take: four tries of a call with their pauses, and the wait for the bucket."""


def _desk(settings: Settings, name: str, provider: Provider) -> Desk:
    origin = Origin(
        instance=settings.instance,
        source=name,
        provider=provider.kind,
        region=provider.region,
        account=provider.account,
        labels=dict(settings.sources[name].labels),
        public_url=settings.http.public_url,
    )
    return Desk(
        origin=origin,
        lifecycle=provider.lifecycle,
        operations=provider.operations,
        subscriptions=subscriptions(settings),
    )


def _hand_over(source: Source) -> Callable[[Job], None]:
    def hand_over(job: Job) -> None:
        source.inbox[job.key] = job
        source.bell.ring()

    return hand_over


def _notifier(parts: Parts, transport: Transport, name: str) -> Notifier:
    receiver = parts.settings.receivers[name]
    recipient = live_recipient(parts.settings, name)

    def current() -> Recipient:
        now = recipient.current()
        for problem in recipient.take_problems():
            log.warning("secret.unreadable", receiver=name, problem=problem)
        return now

    post = Post(
        receiver=name,
        format=format_name(receiver),
        recipient=current,
        policy=RetryPolicy(waits=STANDARD_WAITS),
        timeout=receiver.timeout,
        concurrency=receiver.concurrency,
    )
    return Notifier(
        post=post,
        store=parts.store,
        send=transport.send,
        attempted=parts.metrics.attempted,
        clock=utc_now,
        chance=random.random,
        spawn=parts.spawn,
    )
