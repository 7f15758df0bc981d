"""How fast a job works, when it will be done, and which samples of it are kept."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.forecast import (
    SAMPLES_KEPT,
    SAMPLES_LEFT,
    WINDOW,
    Forecast,
    Sample,
    forecast,
    superfluous,
)
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND


def sample(ago: timedelta, succeeded: int, failed: int = 0, total: int = 1000) -> Sample:
    return Sample(NOW - ago, total, succeeded, failed)


def test_a_pace_is_what_was_finished_over_the_time_it_took() -> None:
    found = forecast([sample(10 * MINUTE, 100), sample(timedelta(), 340, 60)], NOW)
    assert found == Forecast(rate=0.5, done_at=NOW + timedelta(seconds=1200))


@pytest.mark.parametrize(
    "samples",
    [[], [sample(MINUTE, 5)], [sample(MINUTE, 5), sample(-MINUTE, 9)]],
)
def test_nothing_is_said_without_two_samples_in_the_past(samples: list[Sample]) -> None:
    assert forecast(samples, NOW) == Forecast()


def test_a_job_that_stands_still_becomes_slower_by_every_sweep() -> None:
    samples = [sample(10 * MINUTE, 0), sample(timedelta(), 600)]
    fresh, later = forecast(samples, NOW), forecast(samples, NOW + 10 * MINUTE)
    assert (fresh.rate, later.rate) == (1.0, 0.5)
    assert fresh.done_at is not None
    assert later.done_at is not None
    assert later.done_at > fresh.done_at


@pytest.mark.parametrize("newest", [sample(timedelta(), 5), sample(timedelta(), 3)])
def test_a_job_without_progress_has_no_end_in_sight(newest: Sample) -> None:
    assert forecast([sample(MINUTE, 5), newest], NOW) == Forecast(rate=0.0)


def test_two_samples_of_one_moment_make_no_pace() -> None:
    assert forecast([sample(timedelta(), 1), sample(timedelta(), 9)], NOW) == Forecast()


def test_the_pace_is_that_of_the_last_half_hour() -> None:
    slow_start = [
        sample(10 * HOUR, 0),
        sample(WINDOW + SECOND, 50),
        sample(WINDOW, 100),
        sample(MINUTE, 900),
        sample(timedelta(), 1000, total=2800),
    ]
    assert forecast(slow_start, NOW).rate == 0.5


def test_a_pace_can_be_taken_of_a_single_second() -> None:
    assert forecast([sample(SECOND, 1), sample(timedelta(), 3)], NOW).rate == 2.0
    assert forecast([sample(SECOND, 3), sample(timedelta(), 3)], NOW).rate == 0.0


def test_nothing_is_said_of_a_time_before_the_newest_sample() -> None:
    samples = [sample(HOUR, 0), sample(MINUTE, 5), sample(-MINUTE, 9)]
    assert forecast(samples, NOW) == Forecast()


def test_where_the_last_half_hour_has_one_sample_the_one_before_it_counts() -> None:
    rare = [sample(20 * HOUR, 0), sample(10 * HOUR, 100), sample(timedelta(), 460)]
    assert forecast(rare, NOW).rate == pytest.approx(0.01)


def test_a_lone_sample_before_the_newest_counts_if_it_is_within_the_half_hour() -> None:
    fresh = [sample(10 * HOUR, 0), sample(MINUTE, 40), sample(timedelta(), 100)]
    assert forecast(fresh, NOW).rate == 1.0


def test_a_job_whose_tasks_are_all_counted_is_done_now() -> None:
    overcounted = [sample(MINUTE, 0, total=10), sample(timedelta(), 12, total=10)]
    assert forecast(overcounted, NOW).done_at == NOW


def test_an_end_beyond_the_calendar_is_not_told() -> None:
    crawling = [sample(HOUR, 0, total=10**15), sample(timedelta(), 1, total=10**15)]
    assert forecast(crawling, NOW) == Forecast(rate=1 / 3600)
    endless = [sample(HOUR, 0, total=10**300), sample(timedelta(), 1, total=10**300)]
    assert forecast(endless, NOW).done_at is None


SAMPLES = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(0, 50), st.integers(0, 5)), max_size=20
)


@given(steps=SAMPLES, waited=st.integers(0, 10_000), total=st.integers(0, 2000))
def test_a_forecast_is_never_negative_nor_in_the_past(
    steps: list[tuple[int, int, int]], waited: int, total: int
) -> None:
    samples: list[Sample] = []
    at, succeeded, failed = NOW, 0, 0
    for seconds, more, worse in steps:
        at, succeeded, failed = at + seconds * SECOND, succeeded + more, failed + worse
        samples.append(Sample(at, total, succeeded, failed))
    data_at = at + waited * SECOND
    found = forecast(samples, data_at)
    assert found.rate is None or found.rate >= 0
    assert found.done_at is None or found.done_at >= data_at
    assert found.done_at is None or found.rate, "an end without a pace"


TIMES = st.lists(st.integers(0, 10**7), max_size=100, unique=True).map(
    lambda seconds: [NOW + each * SECOND for each in sorted(seconds)]
)


@given(times=TIMES, keep=st.integers(0, 60))
def test_so_many_are_left_as_asked_first_and_last_among_them(
    times: list[datetime], keep: int
) -> None:
    dropped = superfluous(times, keep)
    assert len(set(dropped)) == len(dropped)
    left = sorted(set(times) - set(dropped))
    assert len(left) == min(len(times), max(keep, 2))
    if times:
        assert (left[0], left[-1]) == (times[0], times[-1])


def dropped_one_by_one(times: list[datetime], keep: int) -> list[datetime]:
    """The rule by its words, with every sample measured anew each time."""
    left, dropped = list(times), []
    while len(left) > max(keep, 2):
        ages = [(left[-1] - each) // timedelta(microseconds=1) for each in left]
        apart = [
            (older - younger) / (older + 1) for older, younger in zip(ages, ages[2:], strict=False)
        ]
        dropped.append(left.pop(1 + apart.index(min(apart))))
    return dropped


@given(times=TIMES, keep=st.integers(0, 60))
def test_the_samples_dropped_are_those_of_the_rule_by_its_words(
    times: list[datetime], keep: int
) -> None:
    assert superfluous(times, keep) == dropped_one_by_one(times, keep)


@given(times=TIMES)
def test_few_samples_are_all_kept(times: list[datetime]) -> None:
    assert superfluous(times, len(times)) == []


@pytest.mark.parametrize(
    ("seconds", "dropped"),
    [
        ([0, 10, 20, 30, 40], [10, 20, 30]),
        ([13, 18, 19, 20, 21], [19, 18, 20]),
        ([0, 1, 2], [1]),
        ([1, 2, 11, 27], [2, 11]),
    ],
)
def test_that_one_goes_whose_neighbours_lie_closest_together_for_their_age(
    seconds: list[int], dropped: list[int]
) -> None:
    found = superfluous([NOW + each * SECOND for each in seconds], 2)
    assert [int((each - NOW) / SECOND) for each in found] == dropped


def test_samples_of_one_moment_can_be_dropped() -> None:
    assert superfluous([NOW] * 5, 3) == [NOW, NOW]


def kept_of(every: timedelta, lasting: timedelta) -> list[datetime]:
    """What is left of a job's samples, taken one by one and thinned whenever there are too many."""
    kept: list[datetime] = []
    for n in range(lasting // every):
        kept.append(NOW + n * every)
        if len(kept) > SAMPLES_KEPT:
            dropped = set(superfluous(kept))
            kept = [each for each in kept if each not in dropped]
    return kept


@pytest.mark.parametrize(
    ("every", "lasting"),
    [(30 * SECOND, 2 * DAY), (30 * SECOND, HOUR), (5 * MINUTE, 30 * DAY), (10 * SECOND, DAY)],
)
def test_what_is_recent_stays_dense_and_what_is_old_becomes_sparse(
    every: timedelta, lasting: timedelta
) -> None:
    kept = kept_of(every, lasting)
    newest = kept[-1]
    assert SAMPLES_LEFT <= len(kept) <= SAMPLES_KEPT
    assert kept[0] == NOW
    for older, younger in pairwise(kept):
        assert younger - older <= 2 * every + (newest - older) * 0.75, "a hole"
    pauses = [younger - older for older, younger in pairwise(kept)]
    third = len(pauses) // 3
    assert sum(pauses[-third:], timedelta()) <= sum(pauses[:third], timedelta())


@pytest.mark.parametrize("every", [30 * SECOND, 5 * MINUTE])
def test_a_thinned_history_of_weeks_still_gives_a_pace_of_lately(every: timedelta) -> None:
    kept = kept_of(every, 14 * DAY)
    newest = kept[-1]
    halfway = newest - DAY  # it was ten times as fast before
    samples = [
        Sample(
            at, 10**9, int(min(at, halfway).timestamp()) * 10 + int(max(at, halfway).timestamp()), 0
        )
        for at in kept
    ]
    rate = forecast(samples, newest).rate
    assert rate is not None
    assert rate == pytest.approx(1.0, rel=0.01)
