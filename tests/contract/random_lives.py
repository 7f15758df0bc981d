"""Random lives of jobs and of what is told of them, on a store: whatever moves a counter happens, in any order."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

from jobwatch.core.absence import vanish
from jobwatch.core.conditions import Condition, ConditionName
from jobwatch.core.diff import Authority
from jobwatch.core.digest import DigestPolicy
from jobwatch.core.model import Job, JobKey
from jobwatch.core.muting import Silence
from jobwatch.core.outbox import Attempt, Delivery, Result, RetryPolicy, settle
from jobwatch.core.recording import batch_for
from jobwatch.core.routing import Subscription
from jobwatch.core.rules import JOB_CONDITIONS
from jobwatch.store import Store
from jobwatch.store.outbox_values import Claim, Redelivery
from tests import factories
from tests.contract.databases import Stores
from tests.contract.watcher import LEASE, OTHER, PROD, Watcher, manner
from tests.factories import HOUR, MINUTE, SECOND
from tests.history import OfFile, OfServer, Row

STATUSES = (
    "New",
    "Held",
    "Active",
    "Active",
    "Paused",
    "Done",
    "Done",
    "Failed",
    "Cancelled",
    "Odd",
)
RESULTS = (Result.OK, Result.OK, Result.HTTP_5XX, Result.REJECTED, Result.TIMEOUT, Result.CANCELLED)
POLICY = RetryPolicy(waits=(5 * SECOND, MINUTE))
MANNERS = {
    "ops": manner("ops", give_up_after=2 * HOUR),
    "chat": manner("chat", digest=DigestPolicy(first=1, every=MINUTE), max_age=HOUR),
}
WAITS = (timedelta(milliseconds=1750), 7 * SECOND, 20 * SECOND, 90 * SECOND, 11 * MINUTE, 2 * HOUR)


@dataclass(slots=True)
class Lives:
    """Two sources, one of them with scopes, two receivers, and a process that ends now and then.

    `overwritten` are deliveries as they stood when somebody had them sent again.
    """

    stores: Stores
    rng: Random
    tables: OfFile | OfServer
    store: Store = field(init=False)
    watchers: list[Watcher] = field(init=False)
    open: list[tuple[Watcher, Condition]] = field(default_factory=list)
    under_way: list[Delivery] = field(default_factory=list)
    overwritten: list[Row] = field(default_factory=list)
    processes: int = 0

    async def start(self) -> None:
        """A process begins. Whoever was killed still has its leases: on a server they run out first."""
        self.processes += 1
        self.stores.clock.advance(2 * MINUTE)
        self.store = await self.stores.open(f"process {self.processes}")
        subscriptions = [Subscription(receiver=name) for name in MANNERS]
        self.watchers = [
            await Watcher.start(self.store, self.stores.clock, identity)
            for identity in (PROD, OTHER)
        ]
        for watcher in self.watchers:
            watcher.subscriptions = subscriptions

    async def live(self, deeds: int) -> None:
        """Let so many things happen; in the first tenth of them the baseline is taken."""
        ways = [self.see] * 12 + [self.claim] * 4 + [self.answer] * 4 + [self.release, self.release]
        ways += [self.vanish, self.condition, self.condition, self.end_condition, self.mute]
        ways += [self.redeliver, self.crash, self.retire, self.give_back, self.pause]
        for deed in range(deeds):
            for watcher in self.watchers:
                watcher.baselined = deed > deeds // 10
            self.stores.clock.advance(self.rng.choice(WAITS) * self.rng.choice((0, 1)))
            await self.rng.choice(ways)()

    # Jobs.

    async def see(self) -> None:
        watcher, jobs = self.rng.choice(self.watchers), {}
        for _ in range(self.rng.randint(1, 4)):
            seen = self._job("" if watcher.name == "prod" else self.rng.choice(("left", "right")))
            jobs[seen.key] = seen
        authority = self.rng.choice((Authority.LISTING, Authority.LISTING, Authority.DESCRIBE))
        await watcher.sees(*jobs.values(), authority=authority)

    def _job(self, scope: str) -> Job:
        # A cloud tells times by the second, and documents by the millisecond.
        rng, now = self.rng, self.stores.clock().replace(microsecond=0)
        created = None if rng.random() < 0.1 else now - HOUR * rng.choice((0.001, 0.1, 2, 40, 900))
        seen = factories.job(
            rng.choice(STATUSES),
            id=f"job-{rng.randrange(14)}",
            scope=scope,
            operation=rng.choice(("Copy", "Restore", "Odd")),
            progress=rng.choice((None, self._progress(), self._progress())),
            created_at=created,
        )
        if not seen.terminal:
            return seen
        ended = (
            None if rng.random() < 0.1 else now - SECOND * rng.choice((-3, 0.5, 2, 45, 400, 90000))
        )
        return replace(seen, ended_at=ended)

    def _progress(self) -> Any:
        rng = self.rng
        return factories.progress(rng.randrange(5), rng.choice((0, 0, 3)), rng.choice((0, 5, 10)))

    async def _unfinished(self, watcher: Watcher) -> JobKey | None:
        rows = (await self.tables.read("jobs"))["jobs"]
        keys = sorted(
            JobKey(row["scope"], row["job_id"])
            for row in rows
            if row["source_id"] == watcher.lease.source_id and row["outcome"] is None
        )
        return self.rng.choice(keys) if keys else None

    async def vanish(self) -> None:
        watcher = self.rng.choice(self.watchers)
        if (key := await self._unfinished(watcher)) is not None:
            snapshot = await watcher.snapshot(key.id, key.scope)
            change = vanish(snapshot, factories.watch(observed_at=self.stores.clock()))
            batch = batch_for([change], watcher.desk, recorded_at=self.stores.clock())
            await watcher.store.record(watcher.lease, batch)

    async def release(self) -> None:
        for watcher in self.watchers:
            await watcher.releases_all()

    # Conditions.

    async def condition(self) -> None:
        watcher, name = self.watchers[0], self.rng.choice(JOB_CONDITIONS)
        key = await self._unfinished(watcher)
        open_now = {(each.subject.key, each.subject.name) for _, each in self.open}
        if key is not None and (key, name) not in open_now:
            self.stores.clock.advance(timedelta(microseconds=1))
            self.open.append((watcher, await watcher.opens(ConditionName(name), key.id)))

    async def end_condition(self) -> None:
        if self.open:
            _, condition = self.open.pop(self.rng.randrange(len(self.open)))
            await self.watchers[0].closes(condition)

    # Telling.

    async def claim(self) -> None:
        await self._claim(self.rng.choice(list(MANNERS)), self.rng.randint(1, 9))

    async def _claim(self, name: str, limit: int) -> None:
        held = [each.id for each in self.under_way if each.receiver == name]
        wanted = Claim(manner=MANNERS[name], limit=limit, lease=LEASE, held=held)
        self.under_way += (await self.store.claim_due(wanted)).deliveries

    async def answer(self) -> None:
        """Several answers at once, some of them to claims that are not held any more."""
        now, rng = self.stores.clock(), self.rng
        ended, self.under_way = self.under_way, self.under_way[:1] if rng.random() < 0.2 else []
        made = [
            settle(
                each,
                Attempt(started_at=now - SECOND, took=SECOND, result=rng.choice(RESULTS)),
                POLICY,
                now=now,
                chance=0.5,
            )
            for each in ended
        ]
        await self.store.settle(made)

    async def give_back(self) -> None:
        await self.store.give_back(self.store.owner)

    async def mute(self) -> None:
        silence = Silence(job=f"job-{self.rng.randrange(14)}", reason="known")
        await self.store.mute(silence, until=self.stores.clock() + 10 * MINUTE)

    async def redeliver(self) -> None:
        """What is sent again is settled again; the table forgets how it stood."""
        found = await self.tables.read("deliveries")
        rows = sorted(found["deliveries"], key=lambda row: int(row["id"]))
        settled = [row for row in rows if row["settled_at"] is not None]
        for row in self.rng.sample(settled, min(3, len(settled))):
            await self.store.redeliver(
                Redelivery(delivery=row["id"]), give_up_after=dict.fromkeys(MANNERS, HOUR)
            )
            self.overwritten.append(row)
        for name in MANNERS:
            await self.store.resume_receiver(name, give_up_after=HOUR)
            await self._claim(name, 30)
        await self.answer()

    async def retire(self) -> None:
        if self.rng.random() < 0.3:
            await self.store.retire_receivers([self.rng.choice(list(MANNERS))])

    async def pause(self) -> None:
        name = self.rng.choice(list(MANNERS))
        if self.rng.random() < 0.3:
            await self.store.pause_receiver(name)
        else:
            await self.store.resume_receiver(name, give_up_after=HOUR)

    async def crash(self) -> None:
        """The process is gone, with what it had under way; answers to that may come all the same."""
        await self.store.close()
        await self.start()
