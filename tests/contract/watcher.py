"""A source's task and a notifier in miniature, for tests of the store: they see jobs, release, send and settle."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from jobwatch.core.conditions import (
    Condition,
    ConditionName,
    ConditionState,
    Move,
    Subject,
    condition_id,
)
from jobwatch.core.diff import Authority, PageDiff, diff_page
from jobwatch.core.events import CONDITIONS, Event, EventType, Severity, SourceEvent
from jobwatch.core.model import Job, JobKey, Origin, Snapshot
from jobwatch.core.news import condition_event
from jobwatch.core.outbox import Attempt, Delivery, DeliveryState, Result, Settlement
from jobwatch.core.overview import Identity
from jobwatch.core.recording import Batch, Desk, Notice, batch_for, notice_for
from jobwatch.core.routing import Selection, Subscription
from jobwatch.store import Store
from jobwatch.store.outbox_values import Claim, Manner
from jobwatch.store.values import Lease, OpenCondition, Recorded, Release
from tests import factories
from tests.factories import MINUTE, NOW, SECOND

PROD = Identity(name="prod", kind="cos-batch", region="ap-chengdu", account="100000000001")
OTHER = Identity(name="vault_jobs", kind="cas", region="ap-chengdu", account="-")
LEASE = 30 * SECOND
OWN_ORIGIN = Origin(instance="jobwatch", source="", provider="", region="", account="", labels={})


@dataclass
class Clock:
    """The time of day; only tests move it."""

    now: datetime = NOW
    stepped: timedelta = timedelta()

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by

    def step(self, by: timedelta) -> None:
        """Somebody sets the clock: no time passes."""
        self.now += by
        self.stepped += by

    @property
    def lived(self) -> datetime:
        """The time by a clock that nobody ever set: what a receiver goes by."""
        return self.now - self.stepped


OPS = Subscription(receiver="ops", give_up_after=timedelta(days=3))
CHAT = Subscription(receiver="chat", wants=Selection(types=frozenset({EventType.FAILED})))


@dataclass
class Watcher:
    """The one writer of a source."""

    store: Store
    lease: Lease
    clock: Clock
    subscriptions: Sequence[Subscription] = (OPS, CHAT)
    baselined: bool = True
    name: str = field(default="prod")

    @classmethod
    async def start(cls, store: Store, clock: Clock, identity: Identity = PROD) -> "Watcher":
        await store.register([identity])
        lease = await store.acquire(identity.name, lease=MINUTE)
        assert lease is not None
        return cls(store, lease, clock, name=identity.name)

    @property
    def desk(self) -> Desk:
        return Desk(
            origin=factories.origin(source=self.name),
            lifecycle=factories.TABLE,
            operations=factories.OPERATIONS,
            subscriptions=self.subscriptions,
        )

    async def compare(self, *jobs: Job, authority: Authority = Authority.LISTING) -> PageDiff:
        known = await self.store.known(self.lease, [each.key for each in jobs])
        watch = factories.watch(observed_at=self.clock(), baselined=self.baselined)
        return diff_page(known, jobs, factories.TABLE, watch, authority=authority)

    async def batch(self, *jobs: Job, authority: Authority = Authority.LISTING) -> Batch:
        found = await self.compare(*jobs, authority=authority)
        return batch_for(found.changes, self.desk, recorded_at=self.clock())

    async def sees(self, *jobs: Job, authority: Authority = Authority.LISTING) -> Recorded:
        return await self.store.record(self.lease, await self.batch(*jobs, authority=authority))

    async def snapshot(self, job_id: str = "job-1", scope: str = "") -> Snapshot:
        key = JobKey(scope, job_id)
        return (await self.store.known(self.lease, [key]))[key]

    def notice(
        self, state: ConditionState, condition: Condition, snapshot: Snapshot | None = None
    ) -> Notice:
        """What is told of a condition of a job, or of the source."""
        note, now, move = condition.note(state), self.clock(), Move(state, condition)
        event: Event = SourceEvent(
            type=CONDITIONS[note.name],
            severity=Severity.CRITICAL,
            origin=self.desk.origin,
            observed_at=now,
            condition=note,
        )
        if snapshot is not None:
            event = condition_event(note, snapshot, self.desk.origin, observed_at=now)
        return notice_for(event, self.desk, move)

    async def tells(self, *notices: Notice) -> Recorded:
        batch = batch_for((), self.desk, recorded_at=self.clock(), notices=notices)
        return await self.store.record(self.lease, batch)

    async def opens(
        self, name: ConditionName = ConditionName.STALLED, job_id: str = "job-1"
    ) -> Condition:
        """Open a condition of a job, and give what is kept of it."""
        snapshot, now = await self.snapshot(job_id), self.clock()
        subject = Subject(snapshot.key, name)
        id_ = condition_id(self.desk.place, subject, now)
        opened = Condition(id=id_, subject=subject, since=now, opened_at=now)
        await self.tells(self.notice(ConditionState.OPENED, opened, snapshot))
        found = {each.condition.id: each.condition for each in await self.open_conditions()}
        return found[id_]

    async def reminds(self, condition: Condition) -> Condition:
        reminders = condition.reminders + 1
        again = replace(condition, reminded_at=self.clock(), reminders=reminders)
        snapshot = await self.snapshot(condition.subject.key.id)
        await self.tells(self.notice(ConditionState.REMINDED, again, snapshot))
        return again

    async def closes(self, condition: Condition) -> Recorded:
        snapshot = await self.snapshot(condition.subject.key.id)
        return await self.tells(self.notice(ConditionState.CLOSED, condition, snapshot))

    async def open_conditions(self) -> list[OpenCondition]:
        return await self.store.open_conditions(self.lease)

    async def releases_all(self) -> int:
        waiting = await self.store.awaiting_detail(self.lease, limit=1000)
        releases = [Release(event_id=each.event_id, detail=None, error="gone") for each in waiting]
        return await self.store.release(self.lease, releases)


def manner(receiver: str = "ops", **how: Any) -> Manner:
    """How a receiver is told: by a URL of its own, without a limit, unless the test says otherwise."""
    plain: dict[str, Any] = {"fingerprint": "as it was", "gate": f"url of {receiver}"}
    return Manner(receiver=receiver, origin=OWN_ORIGIN, **(plain | how))


async def claim(
    store: Store,
    limit: int = 100,
    receiver: str = "ops",
    *,
    held: Collection[int] = (),
    **how: Any,
) -> list[Delivery]:
    wanted = Claim(manner=manner(receiver, **how), limit=limit, lease=LEASE, held=held)
    return list((await store.claim_due(wanted)).deliveries)


async def next_due(store: Store, receiver: str = "ops", **how: Any) -> datetime | None:
    """When something may be claimed next."""
    wanted = Claim(manner=manner(receiver, **how), limit=0, lease=LEASE)
    return (await store.claim_due(wanted)).again_at


def outcome(
    delivery: Delivery, at: datetime, result: Result = Result.OK, *, again_in: timedelta = MINUTE
) -> Settlement:
    """What became of an attempt that took a quarter of a second; a failed one is due again."""
    attempt = Attempt(
        started_at=at, took=timedelta(milliseconds=250), result=result, status=200, answer="said"
    )
    if result is Result.OK:
        return Settlement(delivery=delivery, attempt=attempt, state=DeliveryState.DELIVERED)
    return Settlement(
        delivery=delivery, attempt=attempt, state=DeliveryState.PENDING, due_at=at + again_in
    )


def returned(delivery: Delivery, at: datetime) -> Settlement:
    """A claim given back: nothing was sent."""
    attempt = Attempt(started_at=at, took=timedelta(), result=Result.CANCELLED)
    return Settlement(
        delivery=delivery, attempt=attempt, state=DeliveryState.PENDING, due_at=at, give_back=True
    )


async def send_all(store: Store, at: datetime, receiver: str = "ops") -> list[Delivery]:
    """Claim what is due and deliver it."""
    claimed = await claim(store, receiver=receiver)
    await store.settle([outcome(each, at) for each in claimed])
    return claimed
