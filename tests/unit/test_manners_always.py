"""What holds whatever happens, in whatever order: the rate, one probe, an end to every wait."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jobwatch.core.errors import (
    Denied,
    NoSuchJob,
    ServerError,
    Throttled,
    TransportError,
    TransportKind,
)
from jobwatch.core.gate import Bucket, CallError
from jobwatch.core.manners import Go, Manners, Ticket

RATE, BURST = 4.0, 6
KEYS = st.integers(0, 3)


def _throttled(wish: timedelta | None) -> Throttled:
    error = Throttled(code="SlowDown", message="", status=503)
    error.retry_after = wish
    return error


OUTCOMES: list[CallError | None] = [
    None,
    None,
    NoSuchJob(code="NoSuchJob", message="", status=404),
    ServerError(code="InternalError", message="", status=500),
    ServerError(code="InternalError", message="", status=500),
    ServerError(code="ServiceUnavailable", message="", status=503),
    TransportError(TransportKind.TIMEOUT, ""),
    Denied(code="AccessDenied", message="", status=403),
    _throttled(None),
    _throttled(timedelta(seconds=2)),
    _throttled(timedelta(minutes=2)),
]


class Calls(RuleBasedStateMachine):
    """Callers that ask, answers that come in any order, callers that give up."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.manners = Manners.of(Bucket(rate=RATE, burst=BURST))
        self.under_way: list[Ticket] = []
        self.times: list[float] = []

    @rule(seconds=st.one_of(st.floats(0, 2), st.floats(0, 200)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(number=st.integers(1, 12))
    def callers_ask(self, number: int) -> None:
        for _ in range(number):
            withheld = self.manners.withheld(self.now)
            word = self.manners.ask(self.now)
            if not isinstance(word, Go):
                return
            assert withheld is None, "a call went out while all were withheld"
            self.manners = word.manners
            self.under_way.append(word.ticket)
            self.times.append(self.now)

    @rule(keys=KEYS)
    def other_keys_are_given(self, keys: int) -> None:
        self.manners = self.manners.given(keys, self.now)

    @precondition(lambda self: self.under_way)
    @rule(
        which=st.integers(0, 99),
        error=st.sampled_from(OUTCOMES),
        chance=st.floats(0, 0.99),
        keys=KEYS,
    )
    def an_answer_comes(
        self, which: int, error: CallError | None, chance: float, keys: int
    ) -> None:
        ticket = self.under_way.pop(which % len(self.under_way))
        self.manners = self.manners.answered(ticket, error, self.now, chance=chance, keys=keys)

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 99))
    def a_caller_gives_up(self, which: int) -> None:
        self.manners = self.manners.abandoned(self.under_way.pop(which % len(self.under_way)))

    @invariant()
    def no_stretch_of_time_sees_more_than_burst_and_rate_allow(self) -> None:
        for first, began in enumerate(self.times):
            sent = len(self.times) - first
            assert sent <= BURST + RATE * (self.times[-1] - began) + 0.01

    @invariant()
    def at_most_one_probe_is_under_way(self) -> None:
        probes = [each for each in self.under_way if each.probe]
        assert len(probes) <= 1
        assert self.manners.breaker.probing == bool(probes)

    @invariant()
    def the_pace_keeps_between_floor_and_ceiling(self) -> None:
        assert RATE / 64 <= self.manners.budget.bucket.rate <= RATE
        assert 1 <= self.manners.budget.bucket.burst <= BURST

    @invariant()
    def every_wait_ends(self) -> None:
        withheld = self.manners.withheld(self.now)
        assert withheld is None or withheld.seconds <= 3600
        if not self.manners.breaker.probing:
            soon = self.now + (withheld.seconds if withheld else 0) + 64 / RATE + 30
            assert isinstance(self.manners.ask(soon), Go)


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
