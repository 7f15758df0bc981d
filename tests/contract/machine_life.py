"""One life of the outbox: what can happen to it, each with what it must and must not do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.conditions import Condition, ConditionName
from jobwatch.core.digest import DigestPolicy
from jobwatch.core.muting import Mute, Silence
from jobwatch.core.outbox import Attempt, DeliveryState, Result, RetryPolicy, Settlement, settle
from jobwatch.core.routing import Subscription
from jobwatch.store.outbox_values import Claim, Claimed, Manner, Redelivery
from tests.contract.machine_laws import BUDGETS, Laws
from tests.contract.machine_limits import RATES, Flight, Limits, answered, flight
from tests.contract.machine_sight import Line, is_open, lease_is_over, look
from tests.contract.machine_sleep import check_sleep
from tests.contract.machine_world import World
from tests.contract.watcher import LEASE, manner
from tests.factories import HOUR, MINUTE, SECOND, job

NAMES = ("ops", "chat")
ROOM = 4
POLICY = RetryPolicy(waits=(5 * SECOND, 60 * SECOND, HOUR))
NEXT_NEWS = {"New": "Active", "Active": "Paused", "Paused": "Active"}
TOGETHER = DigestPolicy(first=1, every=MINUTE)
UNHEARD = ("pending", "superseded", "muted", "expired")


@dataclass
class Life:
    """A source, two receivers, and a program that may crash. `flights` are its claims, `ghosts` are lost to it."""

    world: World
    shared: bool = False
    laws: Laws = field(default_factory=Laws)
    limits: Limits = field(default_factory=Limits)
    status: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, Condition] = field(default_factory=dict)
    mutes: list[Mute] = field(default_factory=list)
    flights: list[Flight] = field(default_factory=list)
    ghosts: list[Flight] = field(default_factory=list)
    configured: set[str] = field(default_factory=lambda: set(NAMES))
    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 1))
    urls: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 1))
    digest: DigestPolicy | None = TOGETHER

    @property
    def now(self) -> datetime:
        return self.world.clock()

    def manner(self, receiver: str) -> Manner:
        how: dict[str, Any] = {"give_up_after": BUDGETS[receiver]}
        if receiver == "chat" or self.shared:
            how["rates"] = RATES
        if receiver == "chat":
            how |= {"digest": self.digest, "max_age": 4 * HOUR}
        owner = "chat" if self.shared else receiver
        gate = f"{owner} {self.urls[owner]}"
        version = f"{self.versions[receiver]} of {self.urls[owner]}"
        return manner(receiver, gate=gate, fingerprint=version, **how)

    def subscribe(self) -> None:
        self.world.watcher.subscriptions = [
            Subscription(receiver=name, give_up_after=BUDGETS[name])
            for name in NAMES
            if name in self.configured
        ]

    # News.

    async def sees(self, name: str, status: str) -> None:
        known, self.status[name] = name in self.status, status
        await self.world.watcher.sees(job(status, id=name))
        new = await self._news()
        assert {each.receiver for each in new} == self.configured, "somebody was forgotten"
        muted = any(
            each.holds(self.now) and each.silence.job in (None, name) for each in self.mutes
        )
        states = {each.state for each in new}
        assert states <= {DeliveryState.MUTED if muted else DeliveryState.PENDING}
        if status == "Failed" and known:
            self._check_superseded(new)

    async def _news(self) -> list[Line]:
        def may_change(was: Line, line: Line) -> bool:
            droppable = was.state == DeliveryState.PENDING and not (was.ending or was.closing)
            return droppable and line.state == DeliveryState.SUPERSEDED

        return self.laws.see(await look(self.world.store), may_change)

    def _check_superseded(self, endings: Sequence[Line]) -> None:
        for ending in endings:
            for each in self.laws.sight.of_job(ending):
                waits = each.state == DeliveryState.PENDING and each.sequence < ending.sequence
                assert not waits or each.closing or each.ending, "pointless news waits"

    async def opens(self, name: str) -> None:
        self.world.clock.advance(SECOND + timedelta(microseconds=len(self.laws.sight.lines)))
        found = await self.world.watcher.opens(ConditionName.STALLED, name)
        self.conditions[name] = found
        await self._news()

    async def reminds(self, name: str) -> None:
        self.conditions[name] = await self.world.watcher.reminds(self.conditions[name])
        await self._news()

    async def closes(self, name: str) -> None:
        """Whoever may have heard that it opened hears it; who never did, does not."""
        condition = self.conditions.pop(name)
        tellings = [
            each for each in self.laws.sight.lines.values() if each.condition_id == condition.id
        ]
        await self.world.watcher.closes(condition)
        new = await self._news()
        hear = {each.receiver for each in new}
        assert all(each.closing for each in new)
        assert self.laws.hearers(condition.id) & self.configured <= hear, "it waits for the closing"
        told = {each.receiver for each in tellings if each.claim or each.id in self.laws.manual}
        told |= {each.receiver for each in tellings if each.state not in UNHEARD}
        assert hear <= told, "a closing without an opening"

    async def release(self) -> None:
        await self.world.watcher.releases_all()
        sight = await look(self.world.store)
        assert not self.laws.see(sight, lambda was, line: was[:-1] == line[:-1])

    # Claims.

    def held(self, receiver: str) -> list[int]:
        return [each.delivery.id for each in self.flights if each.delivery.receiver == receiver]

    async def take(self, receiver: str, limit: int = ROOM, *, race: bool = False) -> Claimed:
        """Claim as the program does; in a race another one claims at the same moment, and loses.

        Which of two wins is chance, and a life must be the same when it is lived again.
        """
        wanted, held = self.manner(receiver), self.held(receiver)
        limit = min(limit, ROOM - len(held))
        ours = Claim(manner=wanted, limit=max(0, limit), lease=LEASE, held=held)
        store, other = self.world.claimers
        first = await store.claim_due(ours)
        second = await other.claim_due(ours) if race else Claimed()
        assert max(len(first.deliveries), len(second.deliveries)) <= ours.limit
        before, sight = self.laws.sight, await look(self.world.store)
        claims = [*first.deliveries, *second.deliveries]
        self.laws.claimed(claims, wanted, sight, held, self.now)
        lived = self.world.clock.lived
        mine = [flight(each, self.now, lived) for each in first.deliveries]
        others = [flight(each, self.now, lived) for each in second.deliveries]
        self.limits.claimed([*mine, *others], wanted, (before, sight), self.now)
        breaker = sight.breaker(receiver)
        if breaker.trust and mine and not race:
            assert len(mine) + len(held) <= 1 << (breaker.trust - 1), "too much trust"
        self.flights += mine
        self.ghosts += others
        if not race:
            await check_sleep(store, ours, first, self.now)
        return first

    # Answers.

    def outcome(self, ended: Flight, result: Result, rest: timedelta | None = None) -> Settlement:
        answered(ended, self.world.clock.lived)
        took = max(timedelta(), self.now - ended.began)
        attempt = Attempt(started_at=ended.began, took=took, result=result, retry_after=rest)
        return settle(ended.delivery, attempt, POLICY, now=self.now, chance=0.5)

    async def answer(
        self, ended: Sequence[Flight], results: Sequence[Result], rest: timedelta | None = None
    ) -> None:
        """All of these in one transaction."""
        made = [
            self.outcome(each, result, rest if result is Result.RATE_LIMITED else None)
            for each, result in zip(ended, results, strict=True)
        ]
        valid = self.laws.valid(made)
        took = await self.world.store.settle(made)
        assert took == len(valid), "a stale token was honoured, or a good one was not"
        sight = await look(self.world.store)
        self.laws.settled(valid, sight)
        by_token = {(each.delivery.id, each.delivery.claim): each for each in ended}
        flights = [by_token[each.delivery.id, each.delivery.claim] for each in valid]
        self.limits.settled(valid, flights, sight)

    async def answer_all(self, receiver: str, result: Result) -> None:
        ended = [each for each in self.flights if each.delivery.receiver == receiver]
        self.flights = [each for each in self.flights if each not in ended]
        await self.answer(ended, [result] * len(ended))

    async def gives_back(self) -> None:
        owner = self.world.store.owner
        before = self.laws.sight

        def may_change(was: Line, line: Line) -> bool:
            return was.owner == owner and line.state in (
                DeliveryState.PENDING,
                DeliveryState.SUPERSEDED,
            )

        for each in before.lines.values():
            if each.owner == owner:
                self.laws.given_back(each.id)
        await self.world.store.give_back(owner)
        self.laws.see(await look(self.world.store), may_change)
        self._lose({each.id for each in before.lines.values() if each.owner == owner})

    def _lose(self, ids: set[int]) -> None:
        """Nobody waits for these any more; their answers may come all the same."""
        for each in (*self.flights, *self.ghosts):
            if each.delivery.id in ids:
                each.over = True
        self.forget()

    def forget(self) -> None:
        self.ghosts += self.flights
        self.flights = []

    async def crash(self) -> None:
        """On SQLite everything that was claimed is pending again; its attempts count."""
        await self.world.crash()
        self.subscribe()
        before, sight = self.laws.sight, await look(self.world.store)

        def may_change(was: Line, line: Line) -> bool:
            expected = (DeliveryState.PENDING, DeliveryState.SUPERSEDED)
            return was.state == DeliveryState.CLAIMED and line.state in expected

        self.laws.see(sight, may_change)
        back = {id_ for id_, line in sight.lines.items() if line != before.lines[id_]}
        self._lose(back)

    # What people order.

    async def pauses(self, receiver: str) -> None:
        await self.world.store.pause_receiver(receiver)
        assert not self.laws.see(await look(self.world.store), lambda *_: False)
        self.limits.by_person.add(receiver)
        self.limits.forget(receiver)

    async def resumes(self, receiver: str) -> None:
        state = self.laws.sight.breaker(receiver).state
        did = await self.world.store.resume_receiver(receiver, give_up_after=BUDGETS[receiver])
        assert did == (state in (ReceiverState.PAUSED, ReceiverState.FAILING))
        now = self.now

        def may_change(was: Line, line: Line) -> bool:
            renewed = (line.due_at, line.deadline, line.spent) == (
                now,
                now + BUDGETS[receiver],
                was.attempts,
            )
            waits = was.state == line.state == DeliveryState.PENDING
            return did and renewed and waits and was.receiver == receiver

        assert not self.laws.see(await look(self.world.store), may_change)
        if did:
            self.limits.by_person.discard(receiver)
            self.limits.forget(receiver)

    async def redelivers(self, what: Redelivery) -> None:
        done = await self.world.store.redeliver(what, give_up_after=self._budgets())
        self.laws.redelivered(done.rows, await look(self.world.store), self.now)

    def _budgets(self) -> dict[str, timedelta | None]:
        return {name: BUDGETS[name] for name in self.configured}

    async def mutes_for(self, name: str | None, length: timedelta) -> None:
        waited = self.laws.sight
        mute = await self.world.store.mute(Silence(job=name), until=self.now + length)
        self.mutes.append(mute)

        def fits(was: Line) -> bool:
            of_job = was.source_id and was.job_id and name in (None, was.job_id)
            waits = was.state == DeliveryState.PENDING
            return bool(of_job and waits and not (was.closing or was.manual))

        sight = await look(self.world.store)
        self.laws.see(sight, lambda was, line: fits(was) and line.state == DeliveryState.MUTED)
        fitting = [id_ for id_, line in waited.lines.items() if fits(line)]
        assert all(sight.lines[id_].state == DeliveryState.MUTED for id_ in fitting)

    async def unmutes(self, mute: Mute) -> None:
        self.mutes.remove(mute)
        await self.world.store.unmute(mute.id)

    async def retires(self, receiver: str) -> None:
        """It is taken out of the configuration: what waits for it is given up, and can be redelivered."""
        self.configured.discard(receiver)
        self.subscribe()
        await self.world.store.retire_receivers(self.configured)
        self.laws.retired(self.configured, await look(self.world.store), self.now)
        for each in self.laws.sight.lines.values():
            waits = each.state == DeliveryState.PENDING or lease_is_over(each, self.now)
            assert each.receiver != receiver or not (is_open(each) and waits), "it waits for ever"

    def returns(self, receiver: str) -> None:
        self.configured.add(receiver)
        self.subscribe()
