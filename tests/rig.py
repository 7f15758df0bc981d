"""Real parts on loopback under a clock that tests move: simulator, store, poller, detailer, notifier."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from jobwatch.app.telling import fingerprint, gate_key
from jobwatch.client import ApiClient, Surroundings
from jobwatch.core.codec import Provider
from jobwatch.core.digest import DigestPolicy
from jobwatch.core.events import EventType
from jobwatch.core.first_sight import FirstSight
from jobwatch.core.gate import Bucket
from jobwatch.core.model import Origin
from jobwatch.core.outbox import RetryPolicy
from jobwatch.core.overview import Identity, SourceKeys, SourceState
from jobwatch.core.recording import Desk
from jobwatch.core.routing import Selection, Subscription
from jobwatch.core.rules import NO_RULES, Rules
from jobwatch.credentials import ConfiguredKeys
from jobwatch.detailer import Detailer, release_details
from jobwatch.formats import FormatName, limits, waits
from jobwatch.formats.values import Recipient
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.notifier import Notifier, Post
from jobwatch.poller import Pace, Source, load_index, sweep_safely, take_inbox, turn
from jobwatch.providers.cas import Cas, CasSettings
from jobwatch.providers.cos_batch import CosBatch, CosBatchSettings
from jobwatch.providers.keys import CredentialsSettings
from jobwatch.simulator.receiver import Received
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET, Simulation
from jobwatch.store import Store
from jobwatch.store.outbox_values import Manner
from jobwatch.store.settings import SqliteSettings
from jobwatch.transport import Transport
from tests.new_store import new_store

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EVERY = timedelta(seconds=30)


OWN_ORIGIN = Origin(instance="jobwatch", source="", provider="", region="", account="", labels={})


def manner(name: str, **how: Any) -> Manner:
    """How a receiver of the rig is told: by a URL of its own, without a limit, unless the test says otherwise."""
    plain: dict[str, Any] = {"fingerprint": "as it was", "gate": f"url of {name}"}
    return Manner(receiver=name, origin=OWN_ORIGIN, **(plain | how))


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """How a receiver is told that is more than the usual webhook: as the application makes it of its configuration."""

    recipient: Callable[[], Recipient]
    format: FormatName = "standard"
    digest: DigestPolicy | None = None
    give_up_after: timedelta | None = None
    max_age: timedelta | None = None
    concurrency: int = 8
    timeout: timedelta = timedelta(seconds=5)

    def manner(self, recipient: Recipient) -> Manner:
        return manner(
            recipient.name,
            fingerprint=fingerprint("rig", recipient, self.format),
            gate=gate_key("rig", recipient.url),
            rates=limits(self.format).rates,
            digest=self.digest,
            give_up_after=self.give_up_after,
            max_age=self.max_age,
        )

    def post(self, name: str) -> Post:
        return Post(
            receiver=name,
            format=self.format,
            recipient=self.recipient,
            manner=self.manner,
            policy=RetryPolicy(waits=waits(self.format)),
            timeout=self.timeout,
            concurrency=self.concurrency,
        )


JOB_NEWS = Selection(types=frozenset(EventType) - {EventType.BASELINED})
"""What a receiver of the rig wants unless the test says otherwise: that a source was read once is no news here."""


@dataclass(slots=True)
class Clock:
    """The time of day, moved by the test alone. `elapsed` is monotonic: waiting moves it, a step of the clock does not."""

    now: datetime = START
    elapsed: float = 0.0

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        self.elapsed += seconds

    def step(self, seconds: float) -> None:
        """Set the clock forward or back, while no time passes."""
        self.now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait within a call, without moving the time of day."""
        self.elapsed += seconds
        await asyncio.sleep(0)


def job(
    job_id: str, *steps: Step, created: datetime = START, total: int = 10, **more: Any
) -> JobScript:
    """A job with its life; seconds are the steps' business."""
    return JobScript(id=job_id, created_at=created, steps=steps, total=total, **more)


def step(status: str, seconds: float | None = None, **more: Any) -> Step:
    return Step(status, None if seconds is None else timedelta(seconds=seconds), **more)


@dataclass(slots=True, kw_only=True)
class Rig:
    """One watched source and its receivers, each step made by hand."""

    simulation: Simulation
    clock: Clock
    store: Store
    source: Source
    detailer: Detailer
    metrics: Metrics
    notifiers: dict[str, Notifier]
    group: asyncio.TaskGroup
    broken: list[str] = field(default_factory=list)

    async def sweep(self) -> SourceState:
        """One full sweep, whenever it is due."""
        await sweep_safely(self.source)
        return await self.state()

    async def poll(self) -> timedelta:
        """One turn of the source's loop, which does what is due; the pause until the next."""
        return await turn(self.source)

    async def details(self) -> timedelta:
        """One pass of the detailer, and what it found beyond the snapshots."""
        pause = await release_details(self.detailer)
        await take_inbox(self.source)
        return pause

    async def deliver(self) -> None:
        """Everything that is due, once."""
        for notifier in self.notifiers.values():
            pause = timedelta()
            while notifier.running or pause <= timedelta():
                pause = await notifier.deliver_due()

    async def turn(self) -> None:
        """What a moment of the daemon's life does."""
        await self.turn_without_delivery()
        await self.deliver()

    async def turn_without_delivery(self) -> None:
        await self.sweep()
        await self.details()

    async def state(self) -> SourceState:
        return await self.store.source(self.source.lease)

    @property
    def accepted(self) -> list[Received]:
        return self.simulation.sink.accepted

    @property
    def told(self) -> list[tuple[str, str]]:
        """(type, job) of everything a receiver accepted, in order."""
        return [(event["type"], event["subject"]) for event in self.simulation.sink.events]

    def event(self, event_type: str, job_id: str) -> dict[str, Any]:
        """The one accepted event of that type and job."""
        (found,) = [
            event
            for event in self.simulation.sink.events
            if (event["type"], event["subject"]) == (event_type, job_id)
        ]
        return found

    async def value(self, name: str, *labels: str) -> float:
        """One stored counter of the source; 0 where it never moved."""
        overview = await self.store.overview()
        return sum(each.value for each in overview.series if each.series == (name, labels))

    def exposition(self) -> str:
        return self.metrics.render("", "").body.decode()


def provider_for(simulation: Simulation) -> CosBatch:
    """The provider that speaks to the simulated cloud."""
    account = simulation.cloud.account
    return CosBatch(
        CosBatchSettings(
            kind="cos-batch",
            region="ap-chengdu",
            uin=account.uin,
            appid=account.appid,
            endpoint=simulation.endpoint,
        )
    )


def cas_provider(simulation: Simulation, vaults: Sequence[str] = ("*",)) -> Cas:
    """The provider that speaks to the vaults of the simulated cloud."""
    return Cas(
        CasSettings(
            kind="cas",
            region=simulation.vaults.region,
            uid="-",
            vaults=tuple(vaults),
            endpoint=simulation.endpoint,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """How the rig differs from the usual."""

    every: timedelta = EVERY
    full_every: timedelta = timedelta(minutes=10)
    rules: Rules = NO_RULES
    page_size: int = 1000
    first_sight: timedelta | FirstSight = timedelta(hours=1)
    vanished_after: timedelta = timedelta(minutes=10)
    receivers: Sequence[str] = ("ops",)
    subscriptions: Sequence[Subscription] | None = None
    concurrency: int = 8
    timeout: timedelta = timedelta(seconds=5)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    provider: Callable[[Simulation], Provider] | None = None


def _budget(channel: Channel | None) -> timedelta | None:
    return channel.give_up_after if channel else None


def client_for(
    simulation: Simulation,
    transport: Transport,
    clock: Clock,
    metrics: Metrics,
    provider: Provider | None = None,
) -> ApiClient:
    keys = simulation.credentials
    settings = CredentialsSettings(
        secret_id=SecretStr(keys.secret_id),
        secret_key=SecretStr(keys.secret_key),
        token=SecretStr(keys.token) if keys.token else None,
    )
    return ApiClient(
        provider=provider or provider_for(simulation),
        transport=transport,
        credentials=ConfiguredKeys(settings),
        bucket=Bucket(rate=1e6, burst=1_000_000),
        observer=metrics.for_source("prod"),
        around=Surroundings(
            now=clock,
            monotonic=clock.monotonic,
            chance=lambda: 0.5,
            sleep=clock.sleep,
        ),
        source="prod",
    )


def _new_store(path: Path, now: datetime) -> None:
    if not path.exists():
        new_store(path, now)


@asynccontextmanager
async def rig(
    simulation: Simulation, clock: Clock, path: Path, given: Given | None = None
) -> AsyncIterator[Rig]:
    """Open everything on a store at `path`; leaving closes it, as a daemon that stops would."""
    given = given or Given()
    provider = (given.provider or provider_for)(simulation)
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(_new_store, path, clock())
        store = await Store.open(
            SqliteSettings(path=path), owner="test", clock=clock, exclusive=True
        )
        stack.push_async_callback(store.close)
        transport = await stack.enter_async_context(Transport())
        identity = Identity(
            name="prod", kind=provider.kind, region=provider.region, account=provider.account
        )
        await store.register([identity])
        lease = await store.acquire("prod", lease=timedelta(minutes=2))
        assert lease is not None
        shape = SourceShape(
            name="prod",
            provider=provider.kind,
            region=provider.region,
            operations=provider.operations,
            statuses=provider.lifecycle.statuses,
            unfinished=provider.lifecycle.unfinished,
            every=given.every,
            full_every=given.full_every,
        )
        metrics = Metrics([shape], list(given.receivers))
        client = client_for(simulation, transport, clock, metrics, provider)
        subscriptions = given.subscriptions
        if subscriptions is None:
            subscriptions = [
                Subscription(
                    receiver=name, wants=JOB_NEWS, give_up_after=_budget(given.channels.get(name))
                )
                for name in given.receivers
            ]
        source = Source(
            name="prod",
            pace=Pace(
                every=given.every,
                full_every=given.full_every,
                first_sight=given.first_sight,
                vanished_after=given.vanished_after,
                page_size=given.page_size,
            ),
            desk=Desk(
                origin=Origin(
                    instance="jobwatch",
                    source="prod",
                    provider=provider.kind,
                    region=provider.region,
                    account=provider.account,
                    labels={"team": "data"},
                ),
                lifecycle=provider.lifecycle,
                operations=provider.operations,
                subscriptions=subscriptions,
                rules=given.rules,
            ),
            client=client,
            store=store,
            lease=lease,
            index=await load_index(store, lease),
            metrics=metrics.for_source("prod"),
            clock=clock,
            seconds=clock.monotonic,
            chance=lambda: 0.5,
            keys=lambda: SourceKeys(kind="configuration"),
            recorded=lambda: None,
            alive=lambda: None,
        )
        detailer = Detailer(
            source="prod",
            client=client,
            store=store,
            lease=lease,
            lifecycle=provider.lifecycle,
            clock=clock,
            hand_over=lambda found, version: source.inbox.__setitem__(found.key, (found, version)),
            released=lambda: None,
        )
        group = await stack.enter_async_context(asyncio.TaskGroup())

        def notifier(name: str) -> Notifier:
            recipient = Recipient(
                name=name, url=simulation.hook_url(f"/{name}"), secrets=(DEMO_WEBHOOK_SECRET,)
            )
            usual = Channel(
                recipient=lambda: recipient, concurrency=given.concurrency, timeout=given.timeout
            )
            return Notifier(
                post=given.channels.get(name, usual).post(name),
                store=store,
                send=transport.send,
                attempted=metrics.attempted,
                clock=clock,
                chance=lambda: 0.5,
                spawn=group.create_task,
            )

        yield Rig(
            simulation=simulation,
            clock=clock,
            store=store,
            source=source,
            detailer=detailer,
            metrics=metrics,
            notifiers={name: notifier(name) for name in given.receivers},
            group=group,
        )
