"""The rules by which lives of the outbox are made up, and how each of them ends well."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.outbox import SETTLED, DeliveryState, Result
from jobwatch.store.outbox_values import Redelivery
from tests.contract.machine_life import NAMES, NEXT_NEWS, Life
from tests.contract.machine_sight import is_open
from tests.contract.machine_world import World
from tests.contract.watcher import LEASE
from tests.factories import HOUR, MINUTE, SECOND

T = TypeVar("T")
JOBS = st.sampled_from("uvwxyz")
RECEIVERS = st.sampled_from(NAMES)
WORDS = "ok http_5xx cancelled rate_limited http_4xx rejected auth gone render_error"
ANSWERS = st.sampled_from([Result(word) for word in WORDS.split()])
MOSTLY = st.one_of(st.just(Result.OK), st.just(Result.HTTP_5XX), ANSWERS)
RESTS = st.sampled_from([None, 20 * SECOND, 10 * MINUTE])
WAITS = st.sampled_from(
    [SECOND, 6 * SECOND, LEASE + SECOND, 70 * SECOND, 20 * MINUTE, 2 * HOUR, 6 * HOUR]
)
BREATH = timedelta(milliseconds=100)


class Outbox(RuleBasedStateMachine):
    """A source with six jobs, a receiver, a chat with a digest and a rate, and a program that may crash at any point."""

    def __init__(self, world: World, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        super().__init__()
        self.world = world
        self._run = run
        self.broken = False
        self.life: Life | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Once a law was broken, nothing more is learnt from this life."""
        self.broken = True
        result: T = self._run(work)
        self.broken = False
        return result

    @property
    def live(self) -> Life:
        assert self.life is not None
        return self.life

    @initialize(shared=st.booleans())
    def begin(self, *, shared: bool) -> None:
        self.run(self.world.begin())
        self.life = Life(self.world, shared=shared)
        self.life.subscribe()

    # News.

    @rule(name=JOBS)
    def news(self, name: str) -> None:
        status = self.live.status.get(name)
        if status != "Failed":
            self.run(self.live.sees(name, "New" if status is None else NEXT_NEWS[status]))

    @rule(name=JOBS)
    def ending(self, name: str) -> None:
        if self.live.status.get(name) != "Failed":
            self.run(self.live.sees(name, "Failed"))
            self.run(self.live.release())

    @rule(name=JOBS)
    def ending_without_detail(self, name: str) -> None:
        if self.live.status.get(name) != "Failed":
            self.run(self.live.sees(name, "Failed"))

    @rule()
    def all_at_once(self) -> None:
        for name in "uvwxyz":
            self.news(name)

    @rule(name=JOBS)
    def condition(self, name: str) -> None:
        if name not in self.live.status:
            return
        if name in self.live.conditions:
            self.run(self.live.closes(name))
        else:
            self.run(self.live.opens(name))

    @rule(name=JOBS)
    def reminder(self, name: str) -> None:
        if name in self.live.conditions:
            self.run(self.live.reminds(name))

    @rule()
    def release(self) -> None:
        self.run(self.live.release())

    # Sending.

    @rule(receiver=RECEIVERS, limit=st.integers(1, 4), after=WAITS, race=st.booleans())
    def claim(self, receiver: str, limit: int, after: timedelta, *, race: bool) -> None:
        self.world.clock.advance(after)
        if receiver in self.live.configured:
            self.run(self.live.take(receiver, limit, race=race))

    @precondition(lambda self: self.live.flights or self.live.ghosts)
    @rule(data=st.data(), result=MOSTLY, rest=RESTS, keep=st.booleans())
    def answer(
        self, data: st.DataObject, result: Result, rest: timedelta | None, *, keep: bool
    ) -> None:
        """An answer comes, perhaps to a claim of long ago; one that is kept comes once more."""
        live = self.live
        ended = data.draw(st.sampled_from([*live.flights, *live.ghosts]))
        for each in (live.flights, live.ghosts):
            if ended in each:
                each.remove(ended)
        if keep:
            live.ghosts.append(ended)
        self.run(live.answer([ended], [result], rest))

    @precondition(lambda self: self.live.flights)
    @rule(data=st.data())
    def group_commit(self, data: st.DataObject) -> None:
        """Several answers, of both receivers, some of them twice, in one transaction."""
        live = self.live
        again = data.draw(st.lists(st.sampled_from([*live.flights, *live.ghosts]), max_size=2))
        ended, live.flights = [*live.flights, *again], []
        results = data.draw(st.lists(MOSTLY, min_size=len(ended), max_size=len(ended)))
        self.run(live.answer(ended, results, 20 * SECOND))

    @rule(receiver=RECEIVERS, name=JOBS, result=MOSTLY, ends=st.booleans())
    def try_to_tell(self, receiver: str, name: str, result: Result, *, ends: bool) -> None:
        """News is on its way when perhaps the job ends; then the answer comes."""
        self.news(name)
        if receiver in self.live.configured:
            self.run(self.live.take(receiver))
        if ends:
            self.ending(name)
        self.run(self.live.answer_all(receiver, result))

    @rule(receiver=RECEIVERS, result=MOSTLY, rounds=st.integers(2, 5))
    def outage(self, receiver: str, result: Result, rounds: int) -> None:
        """Whatever is tried meets the same answer, for a while."""
        for _ in range(rounds):
            if receiver in self.live.configured:
                self.run(self.live.take(receiver))
                self.world.clock.advance(SECOND)
                self.run(self.live.answer_all(receiver, result))
                self.world.clock.advance(70 * SECOND)

    @rule(receiver=RECEIVERS)
    def two_probe(self, receiver: str) -> None:
        """After an outage two programs try it at the same moment."""
        self.all_at_once()
        self.outage(receiver, Result.AUTH, 2)
        self.world.clock.advance(2 * HOUR)
        if receiver in self.live.configured:
            self.run(self.live.take(receiver, race=True))

    @rule(receiver=RECEIVERS, result=MOSTLY)
    def answer_late(self, receiver: str, result: Result) -> None:
        """The answer comes when the lease ran out and somebody else claimed the same."""
        if receiver in self.live.configured:
            self.run(self.live.take(receiver))
            late = [each for each in self.live.flights if each.delivery.receiver == receiver]
            self.live.forget()
            self.world.clock.advance(LEASE + SECOND)
            self.run(self.live.take(receiver))
            self.run(self.live.answer(late, [result] * len(late)))

    @rule()
    def forget(self) -> None:
        """The program does not see its attempts any more."""
        self.live.forget()

    @rule()
    def crash(self) -> None:
        self.run(self.live.crash())

    @rule()
    def give_back(self) -> None:
        self.run(self.live.gives_back())

    # Time and people.

    @rule(by=WAITS)
    def pass_time(self, by: timedelta) -> None:
        self.world.clock.advance(by)

    @rule(by=st.sampled_from([-10 * SECOND, -HOUR, -40 * HOUR]))
    def set_clock_back(self, by: timedelta) -> None:
        self.world.clock.step(by)
        self.live.limits.clock_was_set()

    @rule(receiver=RECEIVERS, url=st.booleans())
    def configure(self, receiver: str, *, url: bool) -> None:
        versions = self.live.urls if url else self.live.versions
        versions[receiver] += 1

    @rule(receiver=RECEIVERS)
    def pause(self, receiver: str) -> None:
        self.run(self.live.pauses(receiver))

    @rule(receiver=RECEIVERS)
    def resume(self, receiver: str) -> None:
        self.run(self.live.resumes(receiver))

    @rule(receiver=RECEIVERS, since=st.sampled_from([None, HOUR]))
    def redeliver_the_dead(self, receiver: str, since: timedelta | None) -> None:
        after = None if since is None else self.live.now - since
        self.run(self.live.redelivers(Redelivery(receiver=receiver, since=after, limit=5)))

    @precondition(lambda self: any(not is_open(x) for x in self.live.laws.sight.lines.values()))
    @rule(data=st.data())
    def redeliver(self, data: st.DataObject) -> None:
        lines = self.live.laws.sight.lines
        ids = [id_ for id_, line in lines.items() if line.state in SETTLED]
        self.run(self.live.redelivers(Redelivery(delivery=data.draw(st.sampled_from(ids)))))

    @rule(name=st.one_of(st.none(), JOBS), length=st.sampled_from([MINUTE, 3 * HOUR]))
    def mute(self, name: str | None, length: timedelta) -> None:
        self.run(self.live.mutes_for(name, length))

    @precondition(lambda self: self.live.mutes)
    @rule(data=st.data())
    def unmute(self, data: st.DataObject) -> None:
        self.run(self.live.unmutes(data.draw(st.sampled_from(self.live.mutes))))

    @rule(receiver=RECEIVERS)
    def retire(self, receiver: str) -> None:
        if receiver in self.live.configured:
            self.run(self.live.retires(receiver))
        else:
            self.live.returns(receiver)

    # The end.

    def teardown(self) -> None:
        if self.life is None:
            return
        try:
            if not self.broken:
                self.ends_well()
        finally:
            self._run(self.world.end())

    def ends_well(self) -> None:
        self.all_is_well()
        for receiver in NAMES:
            self.drain(receiver)
        self.judge()

    def all_is_well(self) -> None:
        self.live.forget()
        self.live.ghosts.clear()
        for name in NAMES:
            self.live.returns(name)
            if self.live.laws.sight.breaker(name).state is ReceiverState.PAUSED:
                self.run(self.live.resumes(name))
        self.run(self.live.release())

    def drain(self, receiver: str) -> None:
        """Whatever waits is told, by somebody who looks only when the outbox said that there may be something."""
        for _ in range(400):
            claimed = self.run(self.live.take(receiver))
            self.run(self.live.answer_all(receiver, Result.OK))
            if not claimed.deliveries:
                if claimed.again_at is None:
                    break
                self.world.clock.advance(max(BREATH, claimed.again_at - self.live.now))
        lines = self.live.laws.sight.lines.values()
        left = [each for each in lines if each.receiver == receiver and is_open(each)]
        assert not left, (
            f"open for ever: {left}, {self.live.laws.sight.breaker(receiver)}, {claimed}"
        )

    def judge(self) -> None:
        lines = self.live.laws.sight.lines
        by_event = {(each.event_id, each.receiver): each for each in lines.values()}
        for line in lines.values():
            match line.state:
                case DeliveryState.DELIVERED:
                    assert line.id in self.live.laws.told
                case DeliveryState.ABSORBED:
                    digest = by_event[line.digest_id, line.receiver]
                    assert not line.closing or digest.state != DeliveryState.EXPIRED, "closing lost"
                case DeliveryState.SUPERSEDED | DeliveryState.EXPIRED | DeliveryState.MUTED:
                    assert not line.closing, "closing lost"
                    assert not (line.ending and line.state == DeliveryState.SUPERSEDED)
                case _:
                    assert line.state == DeliveryState.DEAD
