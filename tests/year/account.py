"""An account whose jobs begin, go on and end all day, seen by a source's task and told to two receivers."""

import time
from collections import deque
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar
from uuid import UUID

from jobwatch.core.diff import diff_page
from jobwatch.core.events import ENDINGS, PROBLEMS
from jobwatch.core.model import FailureReason, Job, JobDetail, JobKey, Progress
from jobwatch.core.recording import Desk, batch_for
from jobwatch.core.routing import Selection, Subscription
from jobwatch.providers.cos_batch import LIFECYCLE
from jobwatch.store import SqliteSettings, Store
from jobwatch.store.values import Lease, Pruned, Release, Retention
from tests import factories
from tests.contract.watcher import Clock, Watcher, claim, outcome

T = TypeVar("T")

LISTED = timedelta(days=90)
"""How long the cloud lists a job."""

ROUNDS = 24
"""How often a day the account is looked at; a job is one status further each time."""

TASKS = 100
AT_ONCE = 500
LIFE = ("New", "Preparing", "Active", "Active", "Complete")
OPERATION = "COSPutObjectCopy"


@dataclass(slots=True)
class Times:
    """How long the calls of each verb took."""

    longest: dict[str, float] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def taken(self, verb: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        took = time.perf_counter() - began
        self.longest[verb] = max(took, self.longest.get(verb, 0.0))
        self.spent[verb] = self.spent.get(verb, 0.0) + took
        self.calls[verb] = self.calls.get(verb, 0) + 1


@dataclass(slots=True, kw_only=True)
class Account:
    """One source in a store of its own. `living` are the unfinished jobs, one list for each status of a life."""

    store: Store
    watcher: Watcher
    clock: Clock
    per_day: int
    keep: Retention
    chance: Random = field(default_factory=lambda: Random("year"))
    times: Times = field(default_factory=Times)
    living: deque[list[Job]] = field(default_factory=lambda: deque([[] for _ in LIFE[1:]]))
    listed: deque[tuple[datetime, tuple[int, ...]]] = field(default_factory=deque)
    begun: int = 0

    @classmethod
    async def open(cls, path: Path, per_day: int, keep: Retention) -> "Account":
        clock = Clock()
        settings = SqliteSettings(path=path)
        store = await Store.open(settings, owner="year", clock=clock, exclusive=True)
        watcher = await Watcher.start(store, clock)
        return cls(store=store, watcher=watcher, clock=clock, per_day=per_day, keep=keep)

    @property
    def lease(self) -> Lease:
        return self.watcher.lease

    @property
    def desk(self) -> Desk:
        return Desk(
            origin=factories.origin(public_url="https://jobwatch.example.com"),
            lifecycle=LIFECYCLE,
            operations=(OPERATION,),
            subscriptions=(
                Subscription(receiver="ops", wants=Selection(types=ENDINGS | PROBLEMS)),
                Subscription(receiver="chat", wants=Selection(types=PROBLEMS)),
            ),
        )

    async def day(self) -> Pruned:
        """Let a day pass, and prune as the daemon does: until nothing is left to forget."""
        for _ in range(ROUNDS):
            self.clock.advance(timedelta(days=1) / ROUNDS)
            await self._round()
        await self._leave()
        return await self._prune()

    async def _round(self) -> None:
        hour = self.clock().hour
        begun = self.per_day * (hour + 1) // ROUNDS - self.per_day * hour // ROUNDS
        moved = [self._further(job, status) for jobs, status in self._due() for job in jobs]
        fresh = [self._new() for _ in range(begun)]
        ended = [job for job in moved if job.terminal]
        rows = await self._see([*fresh, *moved])
        if ended:
            self.listed.append((self.clock(), tuple(rows[job.key] for job in ended)))
        self.living = deque([fresh, *self._grouped(moved)])
        await self._release(ended)
        for receiver in ("ops", "chat"):
            await self._deliver(receiver)

    def _due(self) -> Iterator[tuple[list[Job], str]]:
        yield from zip(self.living, LIFE[1:], strict=True)

    def _grouped(self, moved: list[Job]) -> Iterator[list[Job]]:
        """The moved jobs again as one list for each status but the last, in the order of a life."""
        numbers = iter(moved)
        for jobs in list(self.living)[:-1]:
            yield [next(numbers) for _ in jobs]

    def _new(self) -> Job:
        self.begun += 1
        return Job(
            id=str(UUID(int=self.chance.getrandbits(128))),
            status="New",
            phase=LIFECYCLE.read("New")[1],
            operation=OPERATION,
            description=f"nightly copy of ledger {self.begun % 1000:04}",
            priority=10,
            progress=Progress(total=TASKS, succeeded=0, failed=0),
            created_at=self.clock(),
            ended_at=None,
        )

    def _further(self, job: Job, status: str) -> Job:
        draw = self.chance.random()
        if status == "Complete" and draw < 0.05:
            return self._ended(job, "Failed", failed=TASKS // 2)
        if status == "Complete":
            return self._ended(job, "Complete", failed=3 if draw > 0.98 else 0)
        done = TASKS // 2 if job.status == "Active" else 0
        phase = LIFECYCLE.read(status)[1]
        return replace(
            job,
            status=status,
            phase=phase,
            progress=Progress(total=TASKS, succeeded=done, failed=0),
        )

    def _ended(self, job: Job, status: str, *, failed: int) -> Job:
        progress = Progress(total=TASKS, succeeded=TASKS - failed, failed=failed)
        phase = LIFECYCLE.read(status)[1]
        at = self.clock() - timedelta(seconds=10)
        return replace(job, status=status, phase=phase, progress=progress, ended_at=at)

    async def _see(self, jobs: list[Job]) -> dict[JobKey, int]:
        rows: dict[JobKey, int] = {}
        for first in range(0, len(jobs), AT_ONCE):
            page = jobs[first : first + AT_ONCE]
            known = await self.store.known(self.lease, [each.key for each in page])
            watch = factories.watch(
                observed_at=self.clock(), watched_until=self.clock() - timedelta(seconds=30)
            )
            found = diff_page(known, page, LIFECYCLE, watch)
            batch = batch_for(found.changes, self.desk, recorded_at=self.clock())
            recorded = await self._timed("record", self.store.record(self.lease, batch))
            rows |= recorded.rows
        return rows

    async def _release(self, ended: list[Job]) -> None:
        by_key = {job.key: job for job in ended}
        while waiting := await self.store.awaiting_detail(self.lease, limit=AT_ONCE):
            releases = [
                Release(
                    event_id=each.event_id, detail=_detail(by_key.get(each.key, each.snapshot.job))
                )
                for each in waiting
            ]
            await self._timed("release", self.store.release(self.lease, releases))

    async def _deliver(self, receiver: str) -> None:
        while claimed := await self._timed("claim", claim(self.store, AT_ONCE, receiver)):
            settlements = [outcome(each, self.clock()) for each in claimed]
            await self._timed("settle", self.store.settle(settlements))

    async def _leave(self) -> None:
        """What the cloud lists no more is noted."""
        while self.listed and self.listed[0][0] < self.clock() - LISTED:
            _, rows = self.listed.popleft()
            await self.store.mark_left(self.lease, rows, self.clock())

    async def _prune(self) -> Pruned:
        total = Pruned()
        while (
            one := await self._timed("prune", self.store.prune(self.keep, self.clock()))
        ) != Pruned():
            total = Pruned(
                deliveries=total.deliveries + one.deliveries,
                events=total.events + one.events,
                jobs=total.jobs + one.jobs,
            )
        return total

    async def _timed(self, verb: str, work: Awaitable[T]) -> T:
        with self.times.taken(verb):
            return await work


def _detail(job: Job) -> JobDetail:
    failed = job.progress.failed if job.progress else 0
    reasons = (
        (FailureReason(code="AccessDenied", message=f"{failed} tasks failed"),) if failed else ()
    )
    return JobDetail(
        job=job,
        failures=reasons,
        manifest={"bucket": "manifests-1250000000", "key": f"nightly/{job.id}.csv"},
        report={"bucket": "reports-1250000000", "prefix": "nightly/"},
        role="qcs::cam::uin/100000000001:roleName/COSBatch_QcsRole",
    )
