"""What is kept for the next process, so that a restart neither bursts nor waits."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobwatch.core.errors import ServerError, Throttled, WithheldReason
from jobwatch.core.gate import Bucket, CallError
from jobwatch.core.manners import Go, Later, Manners, Withheld

T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
BUCKET = Bucket(rate=10, burst=20)
INTERNAL = ServerError(code="InternalError", message="", status=500)


def throttled(wish: timedelta | None = None) -> Throttled:
    error = Throttled(code="SlowDown", message="", status=503)
    error.retry_after = wish
    return error


def after(*errors: CallError | None, now: float = 1000.0) -> Manners:
    manners = Manners.of(BUCKET)
    for error in errors:
        word = manners.ask(now)
        assert isinstance(word, Go)
        manners = word.manners.answered(word.ticket, error, now, chance=0.5)
    return manners


def restarted(manners: Manners, *, rest: float = 0.0, step: float = 0.0) -> Manners:
    """The next process, so many seconds later: its monotonic clock begins at 5, the wall clock may have stepped."""
    document = json.loads(json.dumps(manners.remember(T0, 1000.0)))
    now = T0 + timedelta(seconds=rest + step)
    return Manners.restored(BUCKET, document, now=now, monotonic=5.0)


def held_for(manners: Manners) -> tuple[WithheldReason, float]:
    withheld = manners.withheld(5.0)
    assert withheld
    return withheld.reason, round(withheld.seconds, 2)


def at_once(manners: Manners, now: float) -> int:
    """How many calls go out at one moment."""
    number = 0
    while isinstance(word := manners.ask(now), Go):
        manners, number = word.manners, number + 1
    return number


def test_at_rest_there_is_nothing_to_keep() -> None:
    assert Manners.of(BUCKET).remember(T0, 1000.0) == {}


def test_time_alone_changes_nothing_that_is_kept() -> None:
    manners = after(*[INTERNAL] * 5).heeding(timedelta(minutes=5), 1000.0)
    soon = manners.remember(T0 + timedelta(seconds=0.1), 1000.1)
    assert soon == manners.remember(T0, 1000.0)
    later = manners.remember(T0 + timedelta(seconds=1.1), 1001.1)
    assert soon.pop("full_at"), "what is over is left out"
    assert soon == later


def test_a_restart_does_not_burst() -> None:
    assert at_once(restarted(Manners.of(BUCKET)), 5.0) == 1
    assert at_once(restarted(after(*[None] * 20)), 5.0) == 0
    assert at_once(Manners.restored(BUCKET, {}, now=T0, monotonic=5.0), 5.0) == 1


def test_a_restart_after_a_rest_does_not_wait() -> None:
    manners = restarted(after(*[None] * 20), rest=0.5)
    assert at_once(manners, 5.0) == 1
    assert at_once(manners, 15.0) == 20


def test_the_pace_is_kept_and_recovers_as_it_would_have() -> None:
    manners = restarted(after(throttled()))
    assert manners.budget.bucket.rate == 5.0
    assert manners.budget.bucket.burst == 10
    assert manners.budget.answered(15.0).bucket.rate == pytest.approx(5.5)


def test_a_pace_above_a_new_ceiling_is_cut() -> None:
    document = after(throttled()).remember(T0, 1000.0)
    manners = Manners.restored(Bucket(rate=2, burst=4), document, now=T0, monotonic=5.0)
    assert (manners.budget.bucket.rate, manners.budget.bucket.burst) == (2.0, 4)


def test_failures_in_a_row_are_counted_on() -> None:
    manners = restarted(after(*[INTERNAL] * 4), rest=2)
    word = manners.ask(5.0)
    assert isinstance(word, Go)
    manners = word.manners.answered(word.ticket, INTERNAL, 5.0, chance=0.5)
    assert manners.withheld(5.0) == Withheld(WithheldReason.BREAKER_OPEN, 15.0)


def test_an_open_breaker_stays_open_and_lets_out_one_probe_then() -> None:
    manners = restarted(after(*[INTERNAL] * 5), rest=5)
    assert held_for(manners) == (WithheldReason.BREAKER_OPEN, 10.0)
    word = manners.ask(16.0)
    assert isinstance(word, Go)
    assert word.ticket.probe
    assert at_once(word.manners, 16.0) == 0
    failed = word.manners.answered(word.ticket, INTERNAL, 16.0, chance=0.5)
    assert failed.withheld(16.0) == Withheld(WithheldReason.BREAKER_OPEN, 30.0)


def test_a_wish_of_the_cloud_outlives_the_process() -> None:
    manners = restarted(after(throttled(timedelta(minutes=5))), rest=60)
    assert held_for(manners) == (WithheldReason.RETRY_AFTER, 240.0)
    short = restarted(after(throttled(timedelta(seconds=20))), rest=10).ask(5.0)
    assert isinstance(short, Later)
    assert short.seconds == pytest.approx(10.0, abs=0.01)


@pytest.mark.parametrize("step", [-86_400.0, 86_400.0], ids=["back", "ahead"])
def test_a_wall_clock_that_stepped_by_a_day_does_not_stall(step: float) -> None:
    manners = after(*[INTERNAL] * 5).heeding(timedelta(minutes=5), 1000.0)
    word = restarted(manners, step=step).ask(5.0)
    assert isinstance(word, Go)
    assert word.ticket.probe, "the breaker was open: one call tells whether it is over"


GARBAGE: list[object] = [
    None,
    [],
    "{}",
    7,
    {"rate": "fast", "full_at": None, "failures": [], "openings": {}, "open_until": "soon"},
    {"rate": -1, "full_at": -1, "failures": -1, "openings": -1, "held_until": -1},
    {"rate": float("nan"), "full_at": float("inf"), "openings": float("nan")},
    {"rate": 10**400, "held_until": 10**400, "failures": 10**400, "openings": 10**400},
    {"rate": True, "held_until": True, "failures": True},
    {"failures": 1e11, "open_until": 1e11, "openings": 1e11, "held_until": 1e11},
]


@pytest.mark.parametrize("document", GARBAGE, ids=str)
def test_garbage_neither_bursts_nor_stalls(document: object) -> None:
    manners = Manners.restored(BUCKET, document, now=T0, monotonic=5.0)
    assert at_once(manners, 5.0) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=3,
)
NEAR = st.floats(-5000, 5000).map(lambda ahead: T0.timestamp() + ahead)
NAMES = ["rate", "full_at", "held_until", "paused_until", "open_until", "failures", "openings"]
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES), JSON | NEAR | st.floats(0, 20))


@settings(deadline=None)
@given(DOCUMENTS, st.floats(0, 120))
def test_whatever_was_kept_a_restart_gives_one_call_and_then_the_pace(
    document: dict[str, Any], until: float
) -> None:
    manners = Manners.restored(BUCKET, document, now=T0, monotonic=0.0)
    now, calls = 0.0, 0
    while now <= until:
        word = manners.ask(now)
        match word:
            case Go():
                manners, calls = word.manners, calls + 1
                manners = manners.answered(word.ticket, None, now, chance=0.5)
            case Later(seconds):
                assert seconds <= 60.1
                now += seconds
            case Withheld(reason, seconds):
                longest = 132 if reason is WithheldReason.BREAKER_OPEN else 3600
                assert 0 < seconds <= longest + 0.01
                now += seconds
            case _:
                pytest.fail("nobody else is probing")
    assert calls <= 1 + BUCKET.rate * until + 1e-3
