"""What an attempt's answer means, and when the next one is due."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.outbox import (
    LONGEST_WAIT,
    OPEN,
    SETTLED,
    STANDARD_WAITS,
    Attempt,
    Delivery,
    DeliveryState,
    Result,
    RetryPolicy,
    Settlement,
    backoff,
    settle,
)
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND

POLICY = RetryPolicy(waits=STANDARD_WAITS)
DEADLINE = NOW + 3 * DAY
MIDDLE = 0.5
"""The chance that leaves a pause as it is."""


def delivery(**fields: Any) -> Delivery:
    defaults: dict[str, Any] = {
        "id": 1,
        "claim": 5,
        "receiver": "ops",
        "event_id": "evt_x",
        "event_type": "job.failed",
        "body": b"{}",
        "attempt": 1,
        "recorded_at": NOW,
        "deadline": DEADLINE,
    }
    return Delivery(**(defaults | fields))


def attempt(result: Result, started_at: datetime = NOW) -> Attempt:
    return Attempt(started_at=started_at, took=SECOND, result=result)


@pytest.mark.parametrize(
    ("number", "seconds"),
    [
        (1, 5),
        (2, 30),
        (3, 2 * 60),
        (4, 10 * 60),
        (5, 30 * 60),
        (6, 3600),
        (7, 2 * 3600),
        (8, 5 * 3600),
        (9, 10 * 3600),
        (10, 14 * 3600),
        (11, 20 * 3600),
        (12, 24 * 3600),
        (13, 24 * 3600),
        (500, 24 * 3600),
    ],
)
def test_the_pause_after_each_attempt_is_the_schedules_and_the_last_one_repeats(
    number: int, seconds: int
) -> None:
    assert backoff(POLICY, number, chance=MIDDLE) == timedelta(seconds=seconds)


@given(
    number=st.integers(1, 10_000),
    chance=st.floats(0, 1, exclude_max=True),
    jitter=st.floats(0, 1),
)
def test_jitter_spreads_a_pause_by_no_more_than_its_share(
    number: int, chance: float, jitter: float
) -> None:
    policy = RetryPolicy(waits=STANDARD_WAITS, jitter=jitter)
    plain = backoff(policy, number, chance=MIDDLE)
    pause = backoff(policy, number, chance=chance)
    rounding = timedelta(microseconds=1)
    assert plain * (1 - jitter) - rounding <= pause <= plain * (1 + jitter) + rounding


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.8), (0.25, 0.9), (0.5, 1.0), (0.75, 1.1)])
def test_chance_spreads_a_pause_evenly_by_a_fifth_to_both_sides(
    chance: float, share: float
) -> None:
    assert backoff(POLICY, 6, chance=chance) == HOUR * share


@given(chance=st.floats(0, 1, exclude_max=True))
def test_no_pause_is_longer_than_the_longest_that_may_be_written(chance: float) -> None:
    assert max(backoff(POLICY, number, chance=chance) for number in range(1, 20)) < LONGEST_WAIT


def test_a_due_time_further_ahead_than_thirty_hours_comes_from_a_clock_that_stepped() -> None:
    assert timedelta(hours=30) == LONGEST_WAIT


HOPELESS = (Result.TOO_LARGE, Result.REJECTED)
FAILURES = [result for result in Result if result not in (Result.OK, Result.CANCELLED, *HOPELESS)]


@pytest.mark.parametrize("result", HOPELESS)
def test_what_is_refused_for_what_it_is_is_not_sent_again(result: Result) -> None:
    found = settle(delivery(), attempt(result), POLICY, now=NOW + SECOND, chance=MIDDLE)
    assert found.state is DeliveryState.DEAD


def test_a_renewed_budget_begins_with_the_shortest_pause() -> None:
    tried = delivery(attempt=14, spent=13)
    found = settle(tried, attempt(Result.TIMEOUT), POLICY, now=NOW, chance=MIDDLE)
    assert found.due_at == NOW + 5 * SECOND


@pytest.mark.parametrize("result", FAILURES)
def test_whatever_went_wrong_is_tried_again_after_the_pause(result: Result) -> None:
    tried = delivery(attempt=3)
    found = settle(tried, attempt(result), POLICY, now=NOW + SECOND, chance=MIDDLE)
    assert found == Settlement(
        delivery=tried,
        attempt=attempt(result),
        state=DeliveryState.PENDING,
        due_at=NOW + SECOND + 2 * MINUTE,
        give_back=False,
    )


@pytest.mark.parametrize("deadline", [DEADLINE, NOW - DAY, NOW, None])
def test_told_is_told_even_after_the_deadline(deadline: datetime | None) -> None:
    told = delivery(deadline=deadline)
    found = settle(told, attempt(Result.OK), POLICY, now=NOW, chance=MIDDLE)
    assert found == Settlement(
        delivery=told, attempt=attempt(Result.OK), state=DeliveryState.DELIVERED
    )
    assert found.due_at is None


@pytest.mark.parametrize("deadline", [DEADLINE, NOW - DAY, NOW, None])
def test_what_our_own_shutdown_cut_off_is_given_back_and_due_at_once(
    deadline: datetime | None,
) -> None:
    cut_off = delivery(deadline=deadline)
    now = NOW + SECOND
    found = settle(cut_off, attempt(Result.CANCELLED), POLICY, now=now, chance=MIDDLE)
    assert found == Settlement(
        delivery=cut_off,
        attempt=attempt(Result.CANCELLED),
        state=DeliveryState.PENDING,
        due_at=now,
        give_back=True,
    )


@pytest.mark.parametrize("result", FAILURES)
@pytest.mark.parametrize(
    ("started", "state"),
    [
        (DEADLINE - SECOND, DeliveryState.PENDING),
        (DEADLINE, DeliveryState.DEAD),
        (DEADLINE + SECOND, DeliveryState.DEAD),
        (DEADLINE + 30 * DAY, DeliveryState.DEAD),
    ],
)
def test_a_delivery_dies_of_an_attempt_that_began_at_or_after_its_deadline_and_of_no_other(
    result: Result, started: datetime, state: DeliveryState
) -> None:
    tried = attempt(result, started_at=started)
    found = settle(delivery(), tried, POLICY, now=started + MINUTE, chance=MIDDLE)
    assert found.state is state
    assert found.delivery == delivery()
    assert found.attempt == tried
    assert not found.give_back
    assert (found.due_at is None) is (state is DeliveryState.DEAD)


@pytest.mark.parametrize(
    ("now", "due_at"),
    [
        (DEADLINE - 2 * HOUR, DEADLINE - HOUR),
        (DEADLINE - HOUR, DEADLINE),
        (DEADLINE - MINUTE, DEADLINE),
        (DEADLINE, DEADLINE),
        (DEADLINE + SECOND, DEADLINE + SECOND),
    ],
)
def test_the_last_attempt_is_due_at_the_deadline_or_at_once_where_that_is_over(
    now: datetime, due_at: datetime
) -> None:
    tried = attempt(Result.TIMEOUT, started_at=DEADLINE - 2 * HOUR)
    found = settle(delivery(attempt=6), tried, POLICY, now=now, chance=MIDDLE)
    assert found.state is DeliveryState.PENDING
    assert found.due_at == due_at


def test_a_budget_without_an_end_never_kills() -> None:
    for_ever = delivery(deadline=None, attempt=900)
    tried = attempt(Result.GONE, started_at=NOW + 900 * DAY)
    found = settle(for_ever, tried, POLICY, now=NOW + 900 * DAY, chance=MIDDLE)
    assert found.state is DeliveryState.PENDING
    assert found.due_at == NOW + 901 * DAY


@given(
    number=st.integers(1, 40),
    started=st.timedeltas(timedelta(), 5 * DAY),
    took=st.timedeltas(timedelta(), HOUR),
    chance=st.floats(0, 1, exclude_max=True),
    result=st.sampled_from(FAILURES),
)
def test_no_delivery_dies_without_an_attempt_at_or_after_its_deadline(
    number: int, started: timedelta, took: timedelta, chance: float, result: Result
) -> None:
    tried = attempt(result, started_at=NOW + started)
    now = tried.started_at + took
    found = settle(delivery(attempt=number), tried, POLICY, now=now, chance=chance)
    if found.state is DeliveryState.DEAD:
        assert tried.started_at >= DEADLINE
    else:
        assert found.due_at is not None
        assert now <= found.due_at <= max(now, DEADLINE)


@given(chances=st.lists(st.floats(0, 1, exclude_max=True), min_size=40, max_size=40))
def test_a_receiver_that_is_down_for_ever_is_tried_to_the_deadline_and_then_given_up(
    chances: list[float],
) -> None:
    due_at, state, started = NOW, DeliveryState.PENDING, []
    for number, chance in enumerate(chances, start=1):
        started.append(due_at)
        tried = attempt(Result.CONNECT, started_at=due_at)
        found = settle(delivery(attempt=number), tried, POLICY, now=due_at, chance=chance)
        state = found.state
        if found.due_at is None:
            break
        due_at = found.due_at
    assert state is DeliveryState.DEAD
    assert started[-1] == DEADLINE
    assert 12 <= len(started) <= 14


def test_states_are_open_or_settled() -> None:
    assert OPEN == (DeliveryState.PENDING, DeliveryState.CLAIMED)
    assert set(OPEN) | set(SETTLED) == set(DeliveryState)
    assert not set(OPEN) & set(SETTLED)


def test_the_default_jitter_is_a_fifth() -> None:
    assert RetryPolicy(waits=STANDARD_WAITS).jitter == 0.2
