"""No window of a robot's own clock ever holds more than its rate, however slow the network is."""

from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.rate_gate import (
    LONGEST_FLIGHT,
    LONGEST_HOLD,
    Place,
    Rate,
    RateGate,
    again_at,
    arrived,
    free,
    held,
    pruned,
    taken,
)
from tests.factories import HOUR, MINUTE, NOW, SECOND

ROBOT = (Rate(20, MINUTE),)
BURSTS = (Rate(3, SECOND), Rate(8, 5 * SECOND))


def gate_of(*ages: float) -> RateGate:
    """Places of messages that arrived so many seconds ago."""
    return RateGate(
        places=tuple(Place(number, NOW - age * SECOND) for number, age in enumerate(ages))
    )


@pytest.mark.parametrize(
    ("gate", "rates", "room"),
    [
        (RateGate(), (), None),
        (gate_of(*[1] * 50), (), None),
        (RateGate(), ROBOT, 20),
        (gate_of(*[1] * 5), ROBOT, 15),
        (gate_of(*[1] * 25), ROBOT, 0),
        (gate_of(59.9, 60, 61), ROBOT, 19),
        (RateGate(), BURSTS, 3),
        (gate_of(*[2] * 7), BURSTS, 1),
        (RateGate(held_until=NOW), ROBOT, 20),
        (RateGate(held_until=NOW + SECOND), ROBOT, 0),
        (RateGate(held_until=NOW + SECOND), (), 0),
    ],
)
def test_room_is_what_the_narrowest_window_leaves(
    gate: RateGate, rates: tuple[Rate, ...], room: int | None
) -> None:
    assert free(gate, rates, NOW) == room


def test_a_message_holds_its_place_until_it_surely_arrived() -> None:
    gate = taken(RateGate(), range(20), NOW + 30 * SECOND)
    assert free(gate, ROBOT, NOW + 89 * SECOND) == 0
    assert again_at(gate, ROBOT, NOW) == NOW + 90 * SECOND
    assert free(gate, ROBOT, NOW + 90 * SECOND) == 20


def test_its_answer_shortens_the_wait() -> None:
    gate = taken(RateGate(), range(20), NOW + 30 * SECOND)
    gate = arrived(gate, 7, NOW + SECOND)
    assert free(gate, ROBOT, NOW + 60 * SECOND) == 0
    assert free(gate, ROBOT, NOW + 61 * SECOND) == 1
    assert again_at(gate, ROBOT, NOW) == NOW + 61 * SECOND


def test_an_answer_after_the_lease_does_not_lengthen_it() -> None:
    gate = taken(RateGate(), [7], NOW + SECOND)
    assert arrived(gate, 7, NOW + MINUTE).places == (Place(7, NOW + SECOND, answered=True),)


def test_an_answer_speaks_for_the_last_time_a_message_was_sent() -> None:
    gate = taken(taken(RateGate(), [7], NOW + MINUTE), [7], NOW + 2 * MINUTE)
    assert arrived(gate, 7, NOW).places == (
        Place(7, NOW + MINUTE),
        Place(7, NOW, answered=True),
    )


def test_of_two_wishes_for_rest_the_longer_holds() -> None:
    gate = held(held(RateGate(), NOW + 2 * MINUTE), NOW + MINUTE)
    assert gate.held_until == NOW + 2 * MINUTE
    assert again_at(gate, ROBOT, NOW) == NOW + 2 * MINUTE


def test_what_no_window_reaches_is_forgotten() -> None:
    gate = RateGate(places=gate_of(1, 59, 60, 3600).places, held_until=NOW)
    assert pruned(gate, ROBOT, NOW) == gate_of(1, 59)


def test_a_clock_that_stepped_back_holds_nothing_up_for_long() -> None:
    ahead = NOW + 5 * HOUR
    places = tuple(Place(each, ahead, answered=True) for each in range(20))
    gate = RateGate(places=places, held_until=ahead)
    assert free(gate, ROBOT, NOW) == 0
    assert again_at(gate, ROBOT, NOW) == NOW + MINUTE
    assert free(pruned(gate, ROBOT, NOW), ROBOT, NOW + MINUTE) == 20
    assert NOW + LONGEST_HOLD < ahead > NOW + LONGEST_FLIGHT


class Send(NamedTuple):
    """After `pause`, as many as may go out are sent, arriving and answered after so long, if ever."""

    pause: float
    flight: float
    answer: float
    answered: bool
    wanted: int


SENDS = st.builds(
    Send,
    st.floats(0, 40),
    st.floats(0, 1),
    st.floats(0, 1),
    st.booleans(),
    st.integers(1, 12),
)
RATES = st.lists(
    st.builds(
        Rate, st.integers(1, 8), st.floats(0.5, 60).map(lambda seconds: timedelta(seconds=seconds))
    ),
    min_size=1,
    max_size=2,
)


@given(sends=st.lists(SENDS, max_size=40), rates=RATES, prunes=st.booleans())
def test_no_window_of_the_receiver_ever_holds_more_than_its_rate(
    sends: list[Send], rates: list[Rate], *, prunes: bool
) -> None:
    lease = 30 * SECOND
    gate, now, number = RateGate(), NOW, 0
    arrivals: list[datetime] = []
    answers: list[tuple[datetime, int]] = []
    for send in sends:
        now += timedelta(seconds=send.pause)
        for at, delivery in [each for each in answers if each[0] <= now]:
            gate = arrived(gate, delivery, at)
            answers.remove((at, delivery))
        if prunes:  # as it is read back after a restart
            gate = pruned(gate, rates, now)
        room = free(gate, rates, now)
        assert room is not None
        claimed = range(number, number + min(room, send.wanted))
        number = claimed.stop
        gate = taken(gate, claimed, now + lease)
        for delivery in claimed:
            at = now + lease * send.flight
            arrivals.append(at)
            if send.answered:
                answers.append((at + (now + lease - at) * send.answer, delivery))
    arrivals.sort()
    for rate in rates:
        for first, beyond in zip(arrivals, arrivals[rate.messages :], strict=False):
            assert beyond - first >= rate.per


@given(st.lists(st.floats(-30, 120), max_size=40), RATES)
def test_when_it_says_there_is_room_there_is_and_not_before(
    ages: list[float], rates: list[Rate]
) -> None:
    gate = gate_of(*ages)
    at = again_at(gate, rates, NOW)
    assert at >= NOW
    room = free(gate, rates, at)
    assert room is not None
    assert room >= 1
    if at > NOW:
        assert free(gate, rates, at - timedelta(microseconds=1)) == 0


@given(st.lists(st.floats(0, 120), max_size=40), RATES, st.floats(0, 100))
def test_forgetting_never_makes_room(ages: list[float], rates: list[Rate], later: float) -> None:
    gate, then = gate_of(*ages), NOW + timedelta(seconds=later)
    assert free(pruned(gate, rates, NOW), rates, then) == free(gate, rates, then)


def test_what_is_pruned_keeps_the_rest_that_was_asked_for_until_it_is_over() -> None:
    resting = held(gate_of(1), NOW + MINUTE)
    assert pruned(resting, ROBOT, NOW) == resting
    assert pruned(resting, ROBOT, NOW + MINUTE).held_until is None
    assert pruned(resting, (), NOW) == RateGate(held_until=NOW + MINUTE)


@pytest.mark.parametrize("ahead", [LONGEST_FLIGHT, LONGEST_FLIGHT + SECOND, 40 * HOUR])
def test_what_is_under_way_arrives_within_the_longest_flight_whatever_the_clock_says(
    ahead: timedelta,
) -> None:
    gate = RateGate(places=(Place(7, NOW + ahead),))
    assert pruned(gate, ROBOT, NOW).places == (Place(7, NOW + LONGEST_FLIGHT),)


def test_what_has_arrived_arrived_by_now_whatever_the_clock_says() -> None:
    gate = RateGate(places=(Place(7, NOW + 40 * HOUR, answered=True),))
    assert pruned(gate, ROBOT, NOW).places == (Place(7, NOW, answered=True),)


@pytest.mark.parametrize(
    ("ahead", "kept"), [(LONGEST_HOLD, NOW + LONGEST_HOLD), (LONGEST_HOLD + SECOND, None)]
)
def test_a_rest_longer_than_any_that_is_believed_is_forgotten(
    ahead: timedelta, kept: datetime | None
) -> None:
    assert pruned(RateGate(held_until=NOW + ahead), ROBOT, NOW).held_until == kept
