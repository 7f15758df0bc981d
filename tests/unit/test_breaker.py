"""When a receiver is left alone, probed, trusted again, and paused."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.breaker import (
    FIRST_REST,
    JITTER,
    LONGEST_REST_OF_SETTINGS,
    PATIENCE,
    Blame,
    Breaker,
    Ended,
    PauseReason,
    ReceiverState,
    admitted,
    again_at,
    blame,
    ended,
    paused,
    probing,
    released,
    resumed,
)
from jobwatch.core.outbox import Result
from tests.factories import HOUR, MINUTE, NOW, SECOND

OPENING = [result for result in Result if blame(result) is Blame.RECEIVER]
UNSENT = (Result.CANCELLED, Result.RENDER_ERROR)


def after(
    *results: Result, of: Breaker | None = None, at: datetime = NOW, chance: float = 0.5
) -> Breaker:
    breaker = of or Breaker()
    for number, result in enumerate(results):
        breaker = ended(breaker, Ended(delivery=number, result=result, at=at, chance=chance))
    return breaker


def probed(breaker: Breaker, result: Result, at: datetime, delivery: int = 77) -> Breaker:
    """A breaker whose rest is over, after its probe ended like this."""
    half_open, room = admitted(breaker, at)
    assert room == 1
    half_open = probing(half_open, delivery, at + MINUTE)
    return ended(half_open, Ended(delivery=delivery, result=result, at=at, chance=0.5))


def test_every_result_blames_somebody() -> None:
    assert {blame(result) for result in Result} == set(Blame)


@pytest.mark.parametrize("result", OPENING)
def test_five_failures_in_a_row_open_it(result: Result) -> None:
    assert after(*[result] * 4).state is ReceiverState.ACTIVE
    opened = after(*[result] * 5)
    assert (opened.state, opened.reason) == (ReceiverState.FAILING, result.value)
    assert opened.open_until == NOW + FIRST_REST


@pytest.mark.parametrize("result", [Result.AUTH, Result.NOT_FOUND])
def test_a_wrong_key_or_address_opens_it_at_once_for_longer(result: Result) -> None:
    opened = after(result)
    assert (opened.state, opened.open_until) == (ReceiverState.FAILING, NOW + 5 * MINUTE)


@pytest.mark.parametrize(
    "result",
    [result for result in Result if blame(result) in (Blame.MESSAGE, Blame.NOBODY)],
)
def test_what_is_wrong_with_messages_never_opens_it(result: Result) -> None:
    assert after(*[result] * 50).state is ReceiverState.ACTIVE


def test_a_success_ends_the_row_of_failures() -> None:
    four = [Result.TIMEOUT] * 4
    assert after(*four, Result.OK, *four).state is ReceiverState.ACTIVE


def test_most_of_many_recent_tries_failing_opens_it_without_a_row() -> None:
    mixed = [Result.HTTP_5XX, Result.HTTP_5XX, Result.OK] * 3
    assert after(*mixed).state is ReceiverState.ACTIVE
    assert after(*mixed, Result.HTTP_5XX).state is ReceiverState.FAILING


def test_old_failures_are_no_recent_tries() -> None:
    mixed = [Result.HTTP_5XX, Result.HTTP_5XX, Result.OK] * 3
    later = after(Result.HTTP_5XX, of=after(*mixed), at=NOW + 6 * MINUTE)
    assert later.state is ReceiverState.ACTIVE


def test_while_it_rests_nothing_is_admitted_and_then_one_probe() -> None:
    opened = after(*[Result.TIMEOUT] * 5)
    assert opened.open_until is not None
    assert admitted(opened, opened.open_until - SECOND) == (opened, 0)
    assert again_at(opened) == opened.open_until
    half_open, room = admitted(opened, opened.open_until)
    assert (half_open.state, room) == (ReceiverState.HALF_OPEN, 1)
    under_way = probing(half_open, 7, NOW + 2 * MINUTE)
    assert admitted(under_way, NOW + MINUTE)[1] == 0
    assert again_at(under_way) == NOW + 2 * MINUTE


def test_a_probe_that_never_ended_makes_room_for_another() -> None:
    lost = probing(resumed(Breaker()), 7, NOW)
    assert admitted(lost, NOW)[1] == 1


@pytest.mark.parametrize("result", UNSENT)
def test_a_probe_that_was_not_sent_says_nothing(result: Result) -> None:
    half_open = probing(resumed(Breaker(failures=4)), 7, NOW + MINUTE)
    after_it = ended(half_open, Ended(delivery=7, result=result, at=NOW, chance=0.5))
    assert after_it == released(half_open, 7)
    assert (after_it.state, admitted(after_it, NOW)[1]) == (ReceiverState.HALF_OPEN, 1)


def test_two_probes_that_succeed_close_it_and_trust_grows_by_doubling() -> None:
    opened = after(*[Result.TIMEOUT] * 5)
    breaker = probed(opened, Result.OK, NOW + MINUTE)
    assert breaker.state is ReceiverState.HALF_OPEN
    breaker = probed(breaker, Result.OK, NOW + MINUTE)
    rooms: list[int | None] = []
    while (room := admitted(breaker, NOW + MINUTE)[1]) is not None:
        assert breaker.state is ReceiverState.ACTIVE
        rooms.append(room)
        breaker = after(Result.OK, of=breaker)
    assert rooms == [2, 4, 8, 16, 32, 64, 128, 256]


def test_each_failed_probe_doubles_the_rest_up_to_its_limit() -> None:
    breaker, rests = after(*[Result.TIMEOUT] * 5), []
    for _ in range(8):
        assert breaker.open_until is not None
        at = breaker.open_until
        breaker = probed(breaker, Result.TIMEOUT, at)
        assert breaker.open_until is not None
        rests.append((breaker.open_until - at).total_seconds())
    assert rests == [60, 120, 240, 480, 900, 900, 900, 900]


def test_once_closed_the_next_rest_is_short_again() -> None:
    breaker = probed(after(*[Result.TIMEOUT] * 5), Result.TIMEOUT, NOW + MINUTE)
    breaker = probed(breaker, Result.OK, NOW + HOUR)
    breaker = probed(breaker, Result.OK, NOW + HOUR)
    again = after(*[Result.TIMEOUT] * 5, of=breaker, at=NOW + HOUR)
    assert again.open_until == NOW + HOUR + FIRST_REST


def test_stragglers_of_before_do_not_prolong_the_rest() -> None:
    opened = after(*[Result.TIMEOUT] * 5)
    assert after(Result.TIMEOUT, of=opened, at=NOW + SECOND).open_until == opened.open_until
    half_open = probing(admitted(opened, NOW + MINUTE)[0], 77, NOW + 2 * MINUTE)
    assert after(Result.TIMEOUT, of=half_open).state is ReceiverState.HALF_OPEN


@pytest.mark.parametrize(
    ("breaker", "of_settings"), [(Breaker(), False), (Breaker(openings=60), True)]
)
@given(chance=st.floats(0, 1, exclude_max=True))
def test_a_rest_is_spread_and_never_taken_for_a_clock_that_stepped(
    breaker: Breaker, *, of_settings: bool, chance: float
) -> None:
    results = [Result.AUTH] if of_settings else [Result.TIMEOUT] * 5
    opened = after(*results, of=breaker, chance=chance)
    rest = LONGEST_REST_OF_SETTINGS if of_settings else FIRST_REST
    assert opened.open_until is not None
    assert rest * (1 - JITTER) <= opened.open_until - NOW <= rest * (1 + JITTER)
    assert admitted(opened, opened.open_until - SECOND)[1] == 0


def test_after_the_clock_stepped_back_a_rest_is_over() -> None:
    opened = after(*[Result.TIMEOUT] * 5)
    assert admitted(opened, NOW - 100 * HOUR)[1] == 1


def test_a_receiver_that_is_gone_is_paused_at_once_and_stays_so() -> None:
    gone = after(Result.GONE)
    assert (gone.state, gone.reason) == (ReceiverState.PAUSED, PauseReason.GONE)
    assert gone.paused_at == NOW
    assert admitted(gone, NOW + 1000 * HOUR)[1] == 0
    assert again_at(gone) is None


@pytest.mark.parametrize("result", list(Result))
def test_what_still_ends_does_not_resume_a_paused_receiver(result: Result) -> None:
    told = after(result, of=paused(Breaker(), PauseReason.COMMAND, NOW))
    assert (told.state, told.reason) == (ReceiverState.PAUSED, PauseReason.COMMAND)
    assert told.last_success_at == (NOW if result is Result.OK else None)


def test_a_receiver_that_took_nothing_for_days_is_paused() -> None:
    breaker = after(*[Result.TIMEOUT] * 5)
    almost = probed(breaker, Result.TIMEOUT, NOW + PATIENCE - SECOND)
    assert almost.state is ReceiverState.FAILING
    over = probed(breaker, Result.TIMEOUT, NOW + PATIENCE)
    assert (over.state, over.reason) == (ReceiverState.PAUSED, PauseReason.NO_SUCCESS)


def test_patience_counts_from_the_last_answer() -> None:
    breaker = after(*[Result.TIMEOUT] * 5)
    breaker = probed(breaker, Result.HTTP_4XX, NOW + PATIENCE - HOUR)
    breaker = probed(breaker, Result.TIMEOUT, NOW + PATIENCE)
    assert breaker.state is ReceiverState.FAILING


def test_a_few_failures_far_apart_are_no_days_of_failing() -> None:
    breaker = after(Result.TIMEOUT)
    assert after(Result.TIMEOUT, of=breaker, at=NOW + 2 * PATIENCE).state is ReceiverState.ACTIVE


def test_resumed_it_is_probed_first_and_forgets_its_failures() -> None:
    before = replace(after(Result.OK, Result.GONE), openings=9)
    again = resumed(before)
    assert admitted(again, NOW)[1] == 1
    assert again == Breaker(
        state=ReceiverState.HALF_OPEN, trust=0, last_success_at=before.last_success_at
    )


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Result)), st.integers(0, 3600), st.booleans()), max_size=60
    )
)
def test_half_open_never_has_two_probes_and_rests_never_end_early(
    steps: list[tuple[Result, int, bool]],
) -> None:
    breaker, now, number = Breaker(), NOW, 0
    running: dict[int, datetime] = {}
    for result, seconds, loses in steps:
        now += timedelta(seconds=seconds)
        before = breaker
        breaker, room = admitted(breaker, now)
        live = [each for each, until in running.items() if until > now]
        if breaker.state is ReceiverState.HALF_OPEN and breaker.probe in live:
            assert room == 0
        if before.state is ReceiverState.FAILING and before.open_until is not None:
            assert (room == 0) == (now < before.open_until)
            assert before.open_until - now <= LONGEST_REST_OF_SETTINGS * (1 + JITTER)
        if room is None or room:
            number += 1
            running[number] = now + MINUTE
            if breaker.state is ReceiverState.HALF_OPEN:
                breaker = probing(breaker, number, now + MINUTE)
                assert admitted(breaker, now)[1] == 0
        if running and not loses:
            delivery = next(iter(running))
            del running[delivery]
            breaker = ended(breaker, Ended(delivery=delivery, result=result, at=now, chance=0.999))
        if breaker.state is ReceiverState.PAUSED:
            assert again_at(breaker) is None
            breaker = resumed(breaker)
