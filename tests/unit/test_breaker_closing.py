"""How a receiver that failed gets its way back, and what is forgotten of it on the way; where each bound lies."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobwatch.core.breaker import (
    FIRST_REST,
    PATIENCE,
    Breaker,
    Ended,
    PauseReason,
    ReceiverState,
    Recent,
    admitted,
    again_at,
    ended,
    paused,
    probing,
)
from jobwatch.core.outbox import Result
from tests.factories import HOUR, MINUTE, NOW, SECOND

OPENED = Breaker(
    state=ReceiverState.FAILING,
    reason="timeout",
    failures=7,
    failing_since=NOW - MINUTE,
    open_until=NOW,
    openings=3,
)
LATER = NOW + SECOND


def taken(breaker: Breaker) -> Breaker:
    return ended(breaker, Ended(delivery=7, result=Result.OK, at=LATER, chance=0.5))


def test_the_first_success_ends_the_row_but_not_the_doubt() -> None:
    half_open, _ = admitted(OPENED, NOW)
    assert taken(probing(half_open, 7, NOW + MINUTE)) == Breaker(
        state=ReceiverState.HALF_OPEN,
        reason="timeout",
        openings=3,
        trust=1,
        recent=Recent(began_at=LATER, tried=1, failed=0),
        last_success_at=LATER,
    )


def test_the_second_success_closes_it_and_forgets_why_it_opened() -> None:
    half_open, _ = admitted(OPENED, NOW)
    assert taken(taken(half_open)) == Breaker(
        state=ReceiverState.ACTIVE,
        trust=2,
        recent=Recent(began_at=LATER, tried=2, failed=0),
        last_success_at=LATER,
    )


def test_an_answer_that_comes_after_it_opened_is_a_first_success() -> None:
    once = taken(OPENED)
    assert (once.state, once.trust, once.open_until) == (ReceiverState.HALF_OPEN, 1, None)
    assert (once.reason, once.openings) == ("timeout", 3)
    assert taken(once).state is ReceiverState.ACTIVE


def test_what_is_paused_waits_for_no_time_and_for_no_probe() -> None:
    probed = replace(OPENED, probe=7, probe_until=NOW + MINUTE)
    resting = paused(probed, PauseReason.GONE, LATER)
    assert (resting.open_until, resting.probe, resting.probe_until) == (None, None, None)
    assert (resting.reason, resting.paused_at) == ("gone", LATER)
    assert again_at(resting) is None
    assert again_at(Breaker()) is None


def failed(breaker: Breaker, chance: float = 0.5) -> Breaker:
    return ended(breaker, Ended(delivery=8, result=Result.TIMEOUT, at=LATER, chance=chance))


@pytest.mark.parametrize(
    ("rest", "room"),
    [(72 * MINUTE, 0), (72 * MINUTE + SECOND, 1), (SECOND, 0), (timedelta(), 1)],
)
def test_a_rest_is_waited_for_unless_none_so_long_was_ever_given(
    rest: timedelta, room: int
) -> None:
    resting = replace(OPENED, open_until=NOW + rest)
    found, admits = admitted(resting, NOW)
    assert admits == room
    assert found.open_until == (None if room else NOW + rest)


@pytest.mark.parametrize(("flight", "room"), [(HOUR, 0), (HOUR + SECOND, 1), (timedelta(), 1)])
def test_a_probe_is_waited_for_unless_none_was_ever_under_way_so_long(
    flight: timedelta, room: int
) -> None:
    half_open, _ = admitted(OPENED, NOW)
    assert admitted(probing(half_open, 7, NOW + flight), NOW)[1] == room


@pytest.mark.parametrize(
    ("trust", "room"), [(None, None), (0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (9, 256)]
)
def test_each_success_doubles_what_may_be_under_way(trust: int | None, room: int | None) -> None:
    assert admitted(Breaker(trust=trust), NOW)[1] == room


@pytest.mark.parametrize(
    ("lost", "tried", "opens"), [(6, 9, True), (5, 9, False), (7, 8, False), (13, 19, True)]
)
def test_one_more_failure_opens_it_where_that_makes_seven_tenths_of_ten(
    lost: int, tried: int, *, opens: bool
) -> None:
    recent = Recent(began_at=NOW, tried=tried, failed=lost)
    assert (failed(Breaker(recent=recent)).state is ReceiverState.FAILING) == opens


def test_tries_of_exactly_five_minutes_are_recent() -> None:
    recent = Recent(began_at=LATER - 5 * MINUTE, tried=3, failed=1)
    assert failed(Breaker(recent=recent)).recent == replace(recent, tried=4, failed=2)


@pytest.mark.parametrize(("before", "pauses"), [(3, False), (4, True)])
def test_it_takes_five_failures_and_five_days_to_pause_it(before: int, *, pauses: bool) -> None:
    long_ago = Breaker(failures=before, failing_since=LATER - PATIENCE)
    assert (failed(long_ago).state is ReceiverState.PAUSED) == pauses


def test_a_receiver_that_opens_again_has_lost_all_trust() -> None:
    opened = failed(Breaker(failures=4, trust=3, recent=Recent(began_at=NOW, tried=1)))
    assert (opened.trust, opened.recent, opened.openings) == (None, None, 1)


def test_chance_makes_a_rest_up_to_a_fifth_shorter_or_longer() -> None:
    soon, late = (failed(Breaker(failures=4), chance).open_until for chance in (0.0, 1.0))
    assert (soon, late) == (LATER + FIRST_REST * 0.8, LATER + FIRST_REST * 1.2)
