"""One watched source with real parts: store file, client, poller, detailer. Opened and closed like a process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from pydantic import SecretStr

from jobwatch.client import ApiClient, Surroundings
from jobwatch.core.codec import Provider
from jobwatch.core.events import ENDINGS, PROBLEMS
from jobwatch.core.gate import Bucket
from jobwatch.core.model import Origin
from jobwatch.core.overview import Identity, SourceKeys, SourceState
from jobwatch.core.recording import Desk
from jobwatch.core.routing import Selection, Subscription
from jobwatch.credentials import ConfiguredKeys
from jobwatch.detailer import Detailer
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.poller import Pace, Source, load_index
from jobwatch.providers.cas import Cas, CasSettings
from jobwatch.providers.cos_batch import CosBatch, CosBatchSettings
from jobwatch.providers.keys import CredentialsSettings
from jobwatch.simulator.simulation import DEMO_ACCOUNT, DEMO_CREDENTIALS
from jobwatch.store import Store
from jobwatch.store.settings import SqliteSettings
from jobwatch.store.values import Lease
from jobwatch.transport import Transport
from tests.truth.cloud import Fuse, Weather
from tests.truth.lives import MINUTE
from tests.truth.trouble import Plan

REGION = "ap-chengdu"
EVERY = timedelta(seconds=30)
FULL_EVERY = MINUTE * 6
VANISHED_AFTER = MINUTE * 5
SUBSCRIPTIONS = (
    Subscription(receiver="all"),
    Subscription(receiver="ops", wants=Selection(types=ENDINGS | PROBLEMS)),
)
KEYS = CredentialsSettings(
    secret_id=SecretStr(DEMO_CREDENTIALS.secret_id),
    secret_key=SecretStr(DEMO_CREDENTIALS.secret_key),
)
VERBS = (
    "begin_sweep", "known", "record", "absent", "known_rows", "unfinished_rows", "mark_left",
    "finish_sweep", "break_sweep", "source", "open_conditions", "release",
)  # fmt: skip


class FusedStore(Store):
    """A store whose verbs may be where the program is cut short: before they begin, or after they came through."""

    fuse: Fuse


def _fused(name: str) -> Callable[..., Any]:
    async def verb(self: FusedStore, *args: Any, **named: Any) -> Any:
        await self.fuse.burn()
        result = await getattr(Store, name)(self, *args, **named)
        await self.fuse.burn()
        return result

    return verb


for _name in VERBS:
    setattr(FusedStore, _name, _fused(_name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What outlives a restart: the plan, the store's file, the way to the cloud."""

    plan: Plan
    path: Path
    endpoint: str
    transport: Transport
    weather: Weather
    fuse: Fuse
    rng: Random

    def provider(self) -> Provider:
        if self.plan.of_vaults:
            return Cas(
                CasSettings(
                    kind="cas", region=REGION, vaults=self.plan.globs, endpoint=self.endpoint
                )
            )
        return CosBatch(
            CosBatchSettings(
                kind="cos-batch",
                region=REGION,
                uin=DEMO_ACCOUNT.uin,
                appid=DEMO_ACCOUNT.appid,
                endpoint=self.endpoint,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """A running process, as far as it matters here."""

    source: Source
    detailer: Detailer


@asynccontextmanager
async def watching(stand: Stand) -> AsyncIterator[Watching]:
    """Start on the store as it is; leaving stops it."""
    clock, provider = stand.weather.clocks.ours, stand.provider()
    store = await FusedStore.open(
        SqliteSettings(path=stand.path), owner="truth", clock=clock, exclusive=True
    )
    store.fuse = stand.fuse
    try:
        await store.register(
            [
                Identity(
                    name="prod",
                    kind=provider.kind,
                    region=provider.region,
                    account=provider.account,
                )
            ]
        )
        lease = await store.acquire("prod", lease=timedelta(days=1))
        assert lease is not None
        metrics = Metrics([_shape(provider)], ["all", "ops"])
        client = _client(stand, provider, metrics, await store.source(lease))
        source = await _source(stand, store, lease, client, metrics)
        yield Watching(source=source, detailer=_detailer(source))
    finally:
        await store.close()


def _client(stand: Stand, provider: Provider, metrics: Metrics, state: SourceState) -> ApiClient:
    async def sleep(seconds: float) -> None:
        stand.weather.pass_time(timedelta(seconds=seconds))
        await asyncio.sleep(0)

    return ApiClient(
        provider=provider,
        transport=stand.transport,
        credentials=ConfiguredKeys(KEYS),
        bucket=Bucket(rate=1e6, burst=1_000_000),
        observer=metrics.for_source("prod"),
        around=Surroundings(
            now=stand.weather.clocks.ours,
            monotonic=stand.weather.clocks.monotonic,
            chance=stand.rng.random,
            sleep=sleep,
        ),
        remembered=state.manners,
        offset=state.clock_offset,
    )


async def _source(
    stand: Stand, store: Store, lease: Lease, client: ApiClient, metrics: Metrics
) -> Source:
    provider, plan = stand.provider(), stand.plan
    return Source(
        name="prod",
        pace=Pace(
            every=EVERY,
            full_every=FULL_EVERY,
            first_sight=plan.first_sight,
            vanished_after=VANISHED_AFTER,
            page_size=plan.page_size,
        ),
        desk=Desk(
            origin=Origin(
                instance="jobwatch",
                source="prod",
                provider=provider.kind,
                region=provider.region,
                account=provider.account,
                labels={},
            ),
            lifecycle=provider.lifecycle,
            operations=provider.operations,
            subscriptions=SUBSCRIPTIONS,
            rules=plan.rules,
        ),
        client=client,
        store=store,
        lease=lease,
        index=await load_index(store, lease),
        metrics=metrics.for_source("prod"),
        clock=stand.weather.clocks.ours,
        seconds=stand.weather.clocks.monotonic,
        chance=stand.rng.random,
        keys=lambda: SourceKeys(kind="configuration"),
        recorded=lambda: None,
        alive=lambda: None,
    )


def _detailer(source: Source) -> Detailer:
    return Detailer(
        source=source.name,
        client=source.client,
        store=source.store,
        lease=source.lease,
        lifecycle=source.desk.lifecycle,
        clock=source.clock,
        hand_over=lambda found, version: source.inbox.__setitem__(found.key, (found, version)),
        released=lambda: None,
    )


def _shape(provider: Provider) -> SourceShape:
    return SourceShape(
        name="prod",
        provider=provider.kind,
        region=provider.region,
        operations=provider.operations,
        statuses=provider.lifecycle.statuses,
        unfinished=provider.lifecycle.unfinished,
        every=EVERY,
        full_every=FULL_EVERY,
    )
