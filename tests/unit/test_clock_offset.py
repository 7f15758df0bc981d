"""How far the cloud's clock is ahead of ours, from whole seconds and slow answers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.clock_offset import Sighting, corrected, estimate, notable

T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def answer(true: timedelta, *, at: float = 0.0, out: float = 0.0, back: float = 0.0) -> Sighting:
    """An answer of a cloud that is `true` ahead: sent at T0 + at, made after `out`, here after `back` more."""
    sent = T0 + seconds(at)
    made = sent + seconds(out) + true
    return Sighting(made.replace(microsecond=0), sent, sent + seconds(out) + seconds(back))


SKEWS = st.floats(-1e6, 1e6).map(seconds)
TIMES = st.floats(0, 1e5)
WAYS = st.floats(0, 30)


@given(SKEWS, TIMES, WAYS, WAYS)
def test_one_answer_is_enough(true: timedelta, at: float, out: float, back: float) -> None:
    seen = answer(true, at=at, out=out, back=back)
    allowed = seconds(1.1 + out + back)
    for offset in (estimate(None, seen), corrected(None, seen)):
        assert offset is not None
        assert abs(offset - true) <= allowed


@given(SKEWS, st.lists(st.tuples(TIMES, WAYS, WAYS), min_size=1, max_size=30))
def test_the_estimate_settles_and_never_gets_worse(
    true: timedelta, answers: list[tuple[float, float, float]]
) -> None:
    offset: timedelta | None = None
    before = timedelta.max
    for at, out, back in answers:
        offset = estimate(offset, answer(true, at=at, out=out, back=back))
        assert offset is not None
        assert abs(offset - true) <= before
        before = abs(offset - true)
    quickest = min(out + back for _, out, back in answers)
    assert before <= seconds(1.1 + quickest)


def test_fractions_of_a_second_that_the_header_leaves_out_move_nothing() -> None:
    offset = estimate(None, answer(seconds(100), back=0.1))
    for tenth in range(1, 100):
        offset, before = estimate(offset, answer(seconds(100), at=tenth / 10, back=0.1)), offset
        if tenth > 10:
            assert offset == before


def test_a_good_clock_is_left_alone() -> None:
    assert estimate(None, answer(timedelta(), at=0.7, out=0.1, back=0.1)) == timedelta()


@pytest.mark.parametrize("step", [3600, -3600, 5])
def test_a_clock_that_stepped_is_followed_with_the_next_answer(step: float) -> None:
    offset = estimate(None, answer(seconds(2), back=0.1))
    offset = estimate(offset, answer(seconds(2 + step), at=60, back=0.1))
    assert offset is not None
    assert abs(offset - seconds(2 + step)) <= seconds(1.1)


def test_a_slow_answer_says_little_and_moves_nothing() -> None:
    offset = estimate(None, answer(seconds(10.2), back=0.1))
    assert estimate(offset, answer(seconds(10.2), at=60, out=25, back=4)) == offset


def test_our_clock_going_back_while_the_answer_is_under_way_teaches_nothing() -> None:
    seen = Sighting(T0, sent_at=T0, received_at=T0 - timedelta(minutes=1))
    assert estimate(seconds(3), seen) == seconds(3)
    assert corrected(seconds(3), seen) == seconds(3)


@pytest.mark.parametrize("year", [1, 9999])
def test_a_header_that_is_no_time_teaches_nothing_and_breaks_nothing(year: int) -> None:
    at = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert estimate(None, Sighting(at, T0, T0 + SECOND)) is None
    assert corrected(seconds(1), Sighting(at, T0, T0 + SECOND)) == seconds(1)


def test_a_refused_signature_takes_the_middle_of_what_its_answer_allows() -> None:
    seen = Sighting(T0 + timedelta(hours=1), T0, T0 + SECOND)
    assert corrected(timedelta(), seen) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("offset", "told"),
    [(None, False), (0, False), (30, False), (-30, False), (31, True), (-31, True)],
)
def test_more_than_thirty_seconds_are_notable(offset: int | None, told: bool) -> None:  # noqa: FBT001  a column
    assert notable(None if offset is None else seconds(offset)) is told
