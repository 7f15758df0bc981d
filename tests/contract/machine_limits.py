"""What a receiver and its robot may count on, judged by a memory of its own: breaker, probes, rate, rest."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobwatch.core.breaker import (
    FAILURES_IN_A_ROW,
    LONGEST_REST_OF_SETTINGS,
    UNSENT,
    Blame,
    PauseReason,
    ReceiverState,
    blame,
)
from jobwatch.core.outbox import Delivery, Settlement
from jobwatch.core.rate_gate import Rate
from jobwatch.store.outbox_values import Manner
from tests.contract.machine_sight import Sight
from tests.contract.watcher import LEASE
from tests.factories import HOUR

LONGEST_REST = LONGEST_REST_OF_SETTINGS * 1.2
NO_REST = (Blame.RECEIVER, Blame.SETTINGS, Blame.GONE)


@dataclass(slots=True, eq=False)
class Flight:
    """A claim under way. `lived` and `arrived_by` go by the clock that nobody sets: it arrives in between."""

    delivery: Delivery
    began: datetime
    lived: datetime
    arrived_by: datetime
    until: datetime
    over: bool = False


def flight(delivery: Delivery, now: datetime, lived: datetime) -> Flight:
    return Flight(delivery, now, lived, lived + LEASE, now + LEASE)


@dataclass(slots=True)
class Limits:
    """What was sent where, and what came back."""

    sent: dict[str, list[Flight]] = field(default_factory=lambda: defaultdict(list))
    rests: dict[str, datetime] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    probes: dict[str, list[Flight]] = field(default_factory=lambda: defaultdict(list))
    versions: dict[str, str] = field(default_factory=dict)
    by_person: set[str] = field(default_factory=set)

    def claimed(
        self, flights: Sequence[Flight], manner: Manner, sights: tuple[Sight, Sight], now: datetime
    ) -> None:
        before, after = (sight.breaker(manner.receiver) for sight in sights)
        changed = self.versions.setdefault(manner.receiver, manner.fingerprint)
        if changed != manner.fingerprint:
            self.versions[manner.receiver] = manner.fingerprint
            self.forget(manner.receiver)
        elif before.state is ReceiverState.FAILING and after.state is not ReceiverState.FAILING:
            assert before.open_until is not None
            assert not now < before.open_until <= now + LONGEST_REST, "it was left alone too short"
        elif before.state is ReceiverState.PAUSED:
            assert after == before, "nobody resumed it"
        if manner.receiver in self.by_person:
            assert after.reason == PauseReason.COMMAND, "a person paused it"
        if after.state in (ReceiverState.FAILING, ReceiverState.PAUSED):
            assert not flights, "it is left alone"
        if after.state is ReceiverState.HALF_OPEN:
            self._probe(flights, manner.receiver, now)
        self._arrive(flights, manner)

    def _probe(self, flights: Sequence[Flight], receiver: str, now: datetime) -> None:
        probes = self.probes[receiver]
        probes[:] = [each for each in probes if not each.over and now < each.until <= now + HOUR]
        if flights:
            probes += flights
            assert len(probes) <= 1, "two probes at once"

    def _arrive(self, flights: Sequence[Flight], manner: Manner) -> None:
        sent = self.sent[manner.gate]
        sent += flights
        if flights:
            rest = self.rests.get(manner.gate)
            assert rest is None or flights[0].lived >= rest, "it asked to be left alone"
        for rate in manner.rates:
            assert at_once(sent, rate.per) <= rate.messages, f"{rate} was exceeded"

    def settled(
        self, settlements: Sequence[Settlement], flights: Sequence[Flight], sight: Sight
    ) -> None:
        """These took effect, in this order."""
        for made, ended in zip(settlements, flights, strict=True):
            receiver, attempt = made.delivery.receiver, made.attempt
            ended.over = True
            if attempt.retry_after is not None:
                gate, lived = made.delivery.gate, ended.arrived_by
                self.rests[gate] = max(lived + attempt.retry_after, self.rests.get(gate, lived))
            if attempt.result in UNSENT or made.give_back:
                continue
            bad = blame(attempt.result) in NO_REST
            self.failures[receiver] = self.failures[receiver] + 1 if bad else 0
        for receiver in {each.delivery.receiver for each in settlements}:
            self._rests(receiver, sight)

    def _rests(self, receiver: str, sight: Sight) -> None:
        breaker = sight.breaker(receiver)
        if breaker.state is not ReceiverState.ACTIVE:
            return
        assert self.failures[receiver] < FAILURES_IN_A_ROW, "it fails and is not left alone"
        if breaker.trust is None and self.probes[receiver]:
            self.probes[receiver].clear()

    def forget(self, receiver: str) -> None:
        """Somebody resumed it, or mended its configuration: it is tried anew."""
        self.failures[receiver] = 0
        self.probes[receiver].clear()

    def clock_was_set(self) -> None:
        """A wish that lies too far ahead of the clock is not trusted: it may be forgotten."""
        self.rests.clear()


def at_once(sent: Sequence[Flight], per: timedelta) -> int:
    """The most that may have arrived within one window, each at the worst moment between its claim and its answer."""
    return max(
        (
            sum(
                other.lived < start.arrived_by + per and other.arrived_by >= start.arrived_by
                for other in sent
            )
            for start in sent
        ),
        default=0,
    )


def answered(ended: Flight, lived: datetime) -> None:
    """The answer is there: the message arrived before."""
    ended.arrived_by = max(ended.lived, min(ended.arrived_by, lived))


RATES = (Rate(4, timedelta(minutes=1)), Rate(2, timedelta(seconds=10)))
