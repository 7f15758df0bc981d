"""What goes on in a life of the outbox beside news and sending: it forgets, tells who is paused, and changes its channels."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from jobwatch.attendant import EVERY, Attendant, attend
from jobwatch.core.breaker import ReceiverState
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.outbox import OPEN, DeliveryState
from jobwatch.core.recording import Desk
from jobwatch.core.rules import Rules
from jobwatch.store.receivers import OWN_SOURCE
from jobwatch.store.values import Retention
from tests.contract.machine_life import Life
from tests.contract.machine_limits import RATES, Flight, answered, at_once
from tests.contract.machine_sight import Line, Sight, look
from tests.contract.watcher import LEASE, OWN_ORIGIN
from tests.factories import DAY, HOUR

KEPT = Retention(jobs=DAY, events=4 * HOUR, dead_deliveries=3 * HOUR)
REMIND_EVERY = 5 * HOUR


@dataclass
class House(Life):
    """A life with all that a daemon does. `tests` are messages that a person sent by hand."""

    tests: dict[int, tuple[str, Flight]] = field(default_factory=dict)
    tested: int = 0

    # It forgets.

    async def prunes(self) -> None:
        """Whoever has to be told, or is to be told that it is over, is remembered."""
        before = self.laws.sight
        await self.world.store.prune(KEPT, self.now)
        sight = await look(self.world.store)
        for id_ in before.lines.keys() - sight.lines.keys():
            self._check_forgotten(before.lines[id_], before)
        self.laws.forget(sight)

    def _check_forgotten(self, line: Line, before: Sight) -> None:
        assert line.state not in OPEN, "what waits was forgotten"
        assert line.condition_id not in before.opened, (
            "it has to be known when the condition closes"
        )
        young = line.settled_at >= self.now - KEPT.dead_deliveries
        assert line.state != DeliveryState.DEAD or not young, "a dead letter was forgotten early"

    # It tells who is paused.

    async def attends(self) -> None:
        """What is told is what is so: each pause once, its end once, and never to the one that it is about."""
        self.world.clock.advance(EVERY)
        await attend(
            Attendant(
                receivers=sorted(self.configured),
                desk=self._desk(),
                store=self.world.store,
                clock=self.world.clock,
                told=lambda: None,
            )
        )
        for each in await self._news():
            assert each.source_id == OWN_SOURCE
            assert each.job_id != each.receiver, "it was told of itself"
        opened = [each.subject.key.id for each in await self.world.store.receiver_conditions()]
        assert sorted(opened) == sorted(self._paused()), "what is told is not what is so"
        self._check_once()

    def _desk(self) -> Desk:
        return Desk(
            origin=OWN_ORIGIN,
            lifecycle=Lifecycle(rows=()),
            operations=(),
            subscriptions=self.world.watcher.subscriptions,
            rules=Rules(remind_every=REMIND_EVERY),
        )

    def _paused(self) -> list[str]:
        sight = self.laws.sight
        return [
            name for name in self.configured if sight.breaker(name).state is ReceiverState.PAUSED
        ]

    def _check_once(self) -> None:
        closings = Counter(
            (each.condition_id, each.receiver)
            for each in self.laws.sight.lines.values()
            if each.closing and each.source_id == OWN_SOURCE and each.condition_id
        )
        assert all(count == 1 for count in closings.values()), "its end was told twice"

    # A person tries a robot.

    async def tests_robot(self, flight: timedelta = LEASE) -> None:
        """A message sent by hand counts for the rate of its URL like any other."""
        key, number = self.manner("chat").gate, -(self.tested + 1)
        self.tested += 1
        room_at = await self.world.store.take_place(key, RATES, number, flight=flight)
        if room_at is not None:
            assert room_at > self.now, "it was refused without a reason"
            return
        lived = self.world.clock.lived
        sent = Flight(None, self.now, lived, lived + flight, self.now + flight)  # type: ignore[arg-type]
        self.limits.sent[key].append(sent)
        self.tests[number] = key, sent
        await self._see_gates()
        rest = self.limits.rests.get(key)
        assert rest is None or lived >= rest, "it asked to be left alone"
        for rate in RATES:
            assert at_once(self.limits.sent[key], rate.per) <= rate.messages, f"{rate} was exceeded"

    async def hears_from_robot(self) -> None:
        for number, (key, sent) in self.tests.items():
            answered(sent, self.world.clock.lived)
            await self.world.store.free_place(key, number)
        self.tests.clear()
        await self._see_gates()

    async def _see_gates(self) -> None:
        """A message sent by hand moves a gate and no delivery."""
        self.laws.see(await look(self.world.store), lambda _was, _is: False)
