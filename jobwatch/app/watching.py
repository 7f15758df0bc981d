"""Builds one source: its client, its task, and the task that asks for details."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import structlog

from jobwatch.app.clock import utc_now
from jobwatch.app.keys import LoggedKeys, open_keys
from jobwatch.client import ApiClient, Surroundings
from jobwatch.core.codec import Provider
from jobwatch.core.errors import StoreError
from jobwatch.core.gate import Bucket
from jobwatch.core.model import Job, Origin
from jobwatch.core.overview import SourceState
from jobwatch.core.recording import Desk
from jobwatch.detailer import Detailer, release_details
from jobwatch.loop import Bell, Loop, Pulse
from jobwatch.metrics import Metrics
from jobwatch.poller import Pace, Source, load_index, turn
from jobwatch.settings import Settings, rules_for, subscriptions
from jobwatch.settings import Source as SourceSettings
from jobwatch.store import Store
from jobwatch.store.values import Lease
from jobwatch.transport import Sender

LEASE = timedelta(minutes=2)
STEP_PATIENCE = timedelta(minutes=5)
"""How long one step of a sweep may take: four tries of a call with their pauses, and the wait for the bucket."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What every source shares. `wake_notifiers` says that there may be something to deliver."""

    settings: Settings
    store: Store
    metrics: Metrics
    pulse: Pulse
    transport: Sender
    wake_notifiers: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One source with its tasks: the one that writes, the one that asks for details, the one that renews its keys.

    `built_from` are the settings that its client and keys stand on; those of pace and rules may be newer.
    """

    built_from: SourceSettings
    source: Source
    detailer: Detailer
    detail_bell: Bell
    keys: LoggedKeys

    def fits(self, wanted: SourceSettings) -> bool:
        """Whether the client and the keys are those that these settings want."""
        built = self.built_from
        return (built.provider, built.rate_limit) == (wanted.provider, wanted.rate_limit)

    def adjust(self, settings: Settings, provider: Provider) -> None:
        """Sweep at the pace, by the rules, for the receivers that these settings say, from the next step on."""
        name = self.source.name
        self.source.pace = _pace(settings, name, provider)
        self.source.desk = _desk(settings, name, provider)
        self.source.bell.ring()

    def loops(self) -> list[Loop]:
        """The loops of this source."""

        async def sweep() -> timedelta:
            return await turn(self.source)

        async def detail() -> timedelta:
            return await release_details(self.detailer)

        name = self.source.name
        return [
            Loop(name=f"poller:{name}", step=sweep, bell=self.source.bell, patience=STEP_PATIENCE),
            Loop(
                name=f"detailer:{name}", step=detail, bell=self.detail_bell, patience=STEP_PATIENCE
            ),
            Loop(name=f"credentials:{name}", step=self.keys.refresh, patience=STEP_PATIENCE),
        ]


async def open_source(site: Site, name: str, provider: Provider) -> Watched:
    """Take the lease of a source, read back what the store knows of it, and put its parts together."""
    lease = await site.store.acquire(name, lease=LEASE)
    if lease is None:
        raise StoreError(f"the lease of source {name} is held by another replica")
    site.metrics.lease(name, held=True)
    keys = open_keys(site.settings, name, site.transport)
    client = _client(site, provider, keys, await site.store.source(lease))
    detail_bell = Bell()
    source = await _source(site, client, lease, provider, _Ties(keys, detail_bell))
    detailer = Detailer(
        source=name,
        client=client,
        store=site.store,
        lease=lease,
        lifecycle=provider.lifecycle,
        clock=utc_now,
        hand_over=_hand_over(source),
        released=site.wake_notifiers,
    )
    return Watched(
        built_from=site.settings.sources[name],
        source=source,
        detailer=detailer,
        detail_bell=detail_bell,
        keys=keys,
    )


def _client(site: Site, provider: Provider, keys: LoggedKeys, state: SourceState) -> ApiClient:
    name = state.identity.name
    limit = site.settings.sources[name].rate_limit
    return ApiClient(
        provider=provider,
        transport=site.transport,
        credentials=keys,
        bucket=Bucket(rate=limit.requests_per_second, burst=limit.burst),
        observer=site.metrics.for_source(name),
        around=Surroundings(now=utc_now, monotonic=time.monotonic, chance=random.random),
        # A source that was never tried may begin with its whole burst; what is at rest is remembered as nothing.
        remembered=state.manners if state.attempted_at is not None else None,
        offset=state.clock_offset,
        source=name,
    )


class _Ties(NamedTuple):
    """What the parts of one source share."""

    keys: LoggedKeys
    detail_bell: Bell


async def _source(
    site: Site, client: ApiClient, lease: Lease, provider: Provider, ties: _Ties
) -> Source:
    name = lease.source

    def recorded() -> None:
        ties.detail_bell.ring()
        site.wake_notifiers()

    def alive() -> None:
        site.pulse.expect(f"poller:{name}", time.monotonic() + STEP_PATIENCE.total_seconds())

    return Source(
        name=name,
        pace=_pace(site.settings, name, provider),
        desk=_desk(site.settings, name, provider),
        client=client,
        store=site.store,
        lease=lease,
        index=await load_index(site.store, lease),
        metrics=site.metrics.for_source(name),
        clock=utc_now,
        seconds=time.monotonic,
        chance=random.random,
        keys=ties.keys.known,
        recorded=recorded,
        alive=alive,
    )


def _pace(settings: Settings, name: str, provider: Provider) -> Pace:
    source = settings.sources[name]
    return Pace(
        every=source.every,
        full_every=source.full_sweep_every,
        first_sight=source.first_sight,
        vanished_after=source.vanished_after,
        page_size=provider.page_size,
    )


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
        rules=rules_for(settings, name),
    )


def _hand_over(source: Source) -> Callable[[Job, int], None]:
    def hand_over(job: Job, version: int) -> None:
        source.inbox[job.key] = (job, version)
        source.bell.ring()

    return hand_over
