"""The outbox under whatever order of events, claims, answers, delays and crashes: nothing lost, nothing told twice."""

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from jobwatch.core.outbox import (
    OPEN,
    Attempt,
    Delivery,
    DeliveryState,
    Result,
    RetryPolicy,
    Settlement,
    settle,
)
from jobwatch.core.routing import Subscription
from jobwatch.store import SqliteSettings, Store
from jobwatch.store.values import DeliveryFilter, DeliveryRow
from tests.contract.databases import migrated_file
from tests.contract.watcher import LEASE, Clock, Watcher, claim, next_due
from tests.factories import HOUR, SECOND, job

T = TypeVar("T")
TEMPLATES = Path(tempfile.mkdtemp(prefix="jw-template-"))
atexit.register(shutil.rmtree, TEMPLATES, ignore_errors=True)

POLICY = RetryPolicy(waits=(5 * SECOND, 60 * SECOND, HOUR))
GIVE_UP_AFTER = 3 * HOUR
JOBS = st.sampled_from("uvwxyz")
ANSWERS = st.sampled_from([Result.OK, Result.HTTP_5XX, Result.CANCELLED])
NEXT_NEWS = {"New": "Active", "Active": "Paused", "Paused": "Active"}


class Outbox(RuleBasedStateMachine):
    """One source with three jobs, one receiver, and a program that may crash at any point."""

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="jw-outbox-"))
        template = self.run(migrated_file(TEMPLATES))
        self.path = self.folder / "jobwatch.db"
        shutil.copyfile(template, self.path)
        self.clock = Clock()
        self.status: dict[str, str] = {}
        self.claims: list[Delivery] = []
        self.told: set[int] = set()
        self.fences: dict[int, int] = {}
        self.last_tried: dict[int, Attempt] = {}
        self.run(self.open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def open(self) -> None:
        settings = SqliteSettings(path=self.path)
        store = await Store.open(settings, owner="a", clock=self.clock, exclusive=True)
        self.watcher = await Watcher.start(store, self.clock)
        receiver = Subscription(receiver="ops", give_up_after=GIVE_UP_AFTER)
        self.watcher.subscriptions = (receiver,)

    @property
    def store(self) -> Store:
        return self.watcher.store

    def rows(self) -> dict[int, DeliveryRow]:
        listed = self.run(self.store.deliveries(DeliveryFilter(), limit=1000))
        return {row.id: row for row in listed.rows}

    @rule(name=JOBS)
    def news(self, name: str) -> None:
        status = self.status.get(name)
        if status == "Failed":
            return
        self.status[name] = "New" if status is None else NEXT_NEWS[status]
        self.run(self.watcher.sees(job(self.status[name], id=name)))

    @rule(name=JOBS)
    def ending(self, name: str) -> None:
        if self.status.get(name) != "Failed":
            self.status[name] = "Failed"
            self.run(self.watcher.sees(job("Failed", id=name)))

    @rule()
    def release(self) -> None:
        self.run(self.watcher.releases_all())

    @rule(limit=st.integers(1, 3), after=st.sampled_from([0 * SECOND, LEASE + SECOND]))
    def claim(self, limit: int, after: timedelta) -> None:
        """Claim, perhaps after every lease ran out."""
        self.clock.advance(after)
        claimed = self.run(claim(self.store, limit))
        rows = self.rows()
        for delivery in claimed:
            self.check_claim(delivery, rows)
            self.fences[delivery.id] = delivery.claim
        self.claims += claimed

    def check_claim(self, delivery: Delivery, rows: dict[int, DeliveryRow]) -> None:
        """Never told before, nothing earlier of its job still open, nothing final said of it."""
        assert delivery.id not in self.told
        assert delivery.claim > self.fences.get(delivery.id, 0)
        row = rows[delivery.id]
        of_job = [each for each in rows.values() if each.job_id == row.job_id]
        assert not [each for each in of_job if each.id < row.id and each.state in OPEN]
        if row.event_type != "job.failed":
            assert not [each for each in of_job if each.event_type == "job.failed"]

    def settle(self, made: Settlement) -> None:
        """Settle, and hold the store's answer against what the claim is worth."""
        before = self.rows()
        row = before[made.delivery.id]
        attempts = self.run(self.store.attempts(made.delivery.id))
        took = self.run(self.store.settle([made]))
        after = self.rows()
        if not took:
            assert after == before
            assert self.run(self.store.attempts(made.delivery.id)) == attempts
            return
        assert row.state is DeliveryState.CLAIMED
        assert self.fences[made.delivery.id] == made.delivery.claim
        if made.state is DeliveryState.DELIVERED:
            self.told.add(made.delivery.id)
        if made.state is DeliveryState.PENDING and row.event_type != "job.failed":
            ended = self.status[row.job_id] == "Failed"
            expected = DeliveryState.SUPERSEDED if ended else DeliveryState.PENDING
            assert after[row.id].state is expected
        if not made.give_back:
            self.last_tried[made.delivery.id] = made.attempt

    @rule(name=JOBS, ends=st.booleans(), result=ANSWERS)
    def try_to_tell(self, name: str, result: Result, *, ends: bool) -> None:
        """News is on its way when perhaps the job ends; then the answer comes."""
        self.news(name)
        claimed = len(self.claims)
        self.claim(limit=3, after=0 * SECOND)
        if ends:
            self.ending(name)
        for delivery in self.claims[claimed:]:
            self.answer_with(delivery, result)
        del self.claims[claimed:]

    @rule(result=ANSWERS)
    def answer_late(self, result: Result) -> None:
        """The answer comes when the lease ran out and somebody else claimed the same."""
        claimed = len(self.claims)
        self.claim(limit=3, after=0 * SECOND)
        late = self.claims[claimed:]
        self.claim(limit=3, after=LEASE + SECOND)
        for delivery in late:
            self.answer_with(delivery, result)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), result=ANSWERS, keep=st.booleans())
    def answer(self, data: st.DataObject, result: Result, *, keep: bool) -> None:
        """An answer comes; kept claims are answered again later, when they are stale."""
        delivery = data.draw(st.sampled_from(self.claims))
        if not keep:
            self.claims.remove(delivery)
        self.answer_with(delivery, result)

    def answer_with(self, delivery: Delivery, result: Result) -> None:
        attempt = Attempt(started_at=self.clock(), took=SECOND, result=result)
        self.settle(settle(delivery, attempt, POLICY, now=self.clock(), chance=0.5))

    @rule()
    def give_all_back(self) -> None:
        self.run(self.store.give_back("a"))

    @rule(by=st.sampled_from([SECOND, 6 * SECOND, LEASE + SECOND, 2 * HOUR, -HOUR]))
    def pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)

    @rule()
    def crash(self) -> None:
        """What was claimed is claimed no more; its answers may still come in."""
        self.run(self.store.close())
        self.run(self.open())

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        try:
            self.drain()
            self.judge()
        finally:
            self.run(self.store.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    def drain(self) -> None:
        """In the end the receiver is well: everything that can be told is told."""
        self.release()
        for _ in range(60):
            self.clock.advance(LEASE + SECOND)
            self.claim(limit=100, after=0 * SECOND)
            while self.claims:
                self.answer_with(self.claims.pop(), Result.OK)
            due_at = self.run(next_due(self.store))
            if due_at is None:
                return
            self.clock.now = max(self.clock.now, due_at)
        raise AssertionError("something is open for ever")

    def judge(self) -> None:
        rows = self.rows()
        ended = {row.job_id for row in rows.values() if row.event_type == "job.failed"}
        for row in rows.values():
            match row.state:
                case DeliveryState.DELIVERED:
                    assert row.id in self.told
                case DeliveryState.DEAD:
                    deadline = row.created_at + GIVE_UP_AFTER
                    assert self.last_tried[row.id].started_at >= deadline
                case _:
                    assert row.state is DeliveryState.SUPERSEDED
                    assert row.event_type != "job.failed"
                    assert row.job_id in ended


Outbox.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_the_outbox_loses_nothing_and_tells_nothing_twice = Outbox.TestCase
