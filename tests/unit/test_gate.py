"""When a call may go out, and when it may be tried again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.errors import (
    ApiError,
    ClockSkew,
    Denied,
    Malformed,
    NoSuchJob,
    Rejected,
    ServerError,
    StatusRejected,
    Throttled,
    TokenRejected,
    TransportError,
    TransportKind,
)
from jobwatch.core.gate import (
    LONGEST_PAUSE,
    RETRY_AFTER_HONOURED,
    Bucket,
    Budget,
    retry_pause,
)


def granted(bucket: Bucket, until: float, *, start: float = 1000.0) -> list[float]:
    """Take as fast as the bucket allows; when each token was granted."""
    now, times = start, []
    while now <= start + until:
        bucket, wait = bucket.take(now)
        if wait:
            now += wait
        else:
            times.append(now)
    return times


def test_a_rested_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    times = granted(Bucket(rate=10, burst=20), until=1.05)
    assert times[:20] == [1000.0] * 20
    assert times[20] == pytest.approx(1000.1)
    assert times[29] == pytest.approx(1001.0)


def test_a_refused_token_leaves_the_bucket_as_it_was() -> None:
    bucket, wait = Bucket(rate=1, burst=1).take(5.0)
    assert wait == 0
    again, wait = bucket.take(5.25)
    assert again is bucket
    assert wait == pytest.approx(0.75)


def test_a_rest_never_saves_up_more_than_the_burst() -> None:
    bucket, _ = Bucket(rate=10, burst=3).take(0.0)
    times = granted(bucket, until=0.05, start=3600.0)
    assert len(times) == 3


def test_a_sleep_that_ends_a_rounding_error_early_is_enough() -> None:
    bucket, _ = Bucket(rate=3, burst=1).take(1e6)
    _, wait = bucket.take(1e6)
    assert bucket.take(1e6 + wait - 1e-9)[1] == 0


@given(
    rate=st.floats(0.1, 1000),
    burst=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 2), max_size=60),
)
def test_no_stretch_of_time_sees_more_than_burst_and_rate_allow(
    rate: float, burst: int, gaps: list[float]
) -> None:
    bucket, now = Bucket(rate=rate, burst=burst), 0.0
    times: list[float] = []
    for gap in gaps:
        now += gap
        bucket, wait = bucket.take(now)
        if wait:
            now += wait
            bucket, wait = bucket.take(now)
        assert wait == 0
        times.append(now)
    for first, began in enumerate(times):
        for last in range(first, len(times)):
            allowed = burst + rate * (times[last] - began)
            assert last - first + 1 <= allowed + 0.01


def test_a_change_of_pace_neither_gives_nor_takes_tokens_that_fit() -> None:
    bucket = Bucket(rate=10, burst=20).holding(5.0, now=100.0)
    assert bucket.tokens(100.0) == pytest.approx(5)
    assert bucket.at_pace(1.0, 40, 100.0).tokens(100.0) == pytest.approx(5)
    assert bucket.at_pace(1.0, 2, 100.0).tokens(100.0) == pytest.approx(2)


def test_a_full_bucket_that_widens_is_not_full() -> None:
    """Otherwise halving and recovering would give a second burst."""
    narrow = Bucket(rate=5, burst=10)
    assert narrow.at_pace(10, 20, 50.0).tokens(50.0) == pytest.approx(10)


def budget(ceiling: float = 10.0, burst: int = 20) -> Budget:
    return Budget.of(Bucket(rate=ceiling, burst=burst))


def test_a_refusal_halves_pace_and_burst() -> None:
    halved = budget().refused(100.0)
    assert (halved.bucket.rate, halved.bucket.burst) == (5.0, 10)
    again = halved.refused(101.0)
    assert (again.bucket.rate, again.bucket.burst) == (2.5, 5)


def test_refusals_within_a_second_are_one_signal() -> None:
    present = budget()
    for number in range(8):
        present = present.refused(100.0 + number * 0.12)
    assert present.bucket.rate == 5.0


@pytest.mark.parametrize(
    ("ceiling", "floor"),
    [(10.0, 10 / 64), (1.0, 1 / 60), (640.0, 10.0), (0.01, 0.01)],
    ids=[
        "a sixty-fourth",
        "a call a minute",
        "a sixty-fourth of much",
        "a ceiling below the floor",
    ],
)
def test_a_storm_ends_at_a_floor(ceiling: float, floor: float) -> None:
    present = budget(ceiling)
    for second in range(100):
        present = present.refused(float(second))
    assert present.bucket.rate == pytest.approx(floor)
    assert present.bucket.burst == 20 if ceiling == floor else present.bucket.burst == 1


@pytest.mark.parametrize("ceiling", [0.02, 1.0, 10.0, 1000.0])
def test_the_ceiling_is_reached_again_within_four_minutes_of_calls_as_fast_as_allowed(
    ceiling: float,
) -> None:
    present, now = budget(ceiling), 0.0
    for _ in range(20):
        now += 1
        present = present.refused(now)
    ended = now
    while present.bucket.rate < ceiling:
        bucket, wait = present.bucket.take(now)
        now += wait
        present = present.taken(bucket)
        if not wait:
            now += 0.01
            present = present.answered(now)
    assert now - ended <= 240
    assert present.bucket.burst == 20


def test_ten_seconds_of_success_add_a_twentieth_of_the_ceiling() -> None:
    slow = budget().refused(100.0)
    one_by_one = slow
    for tenth in range(1, 101):
        one_by_one = one_by_one.answered(100.0 + tenth / 10)
    assert one_by_one.bucket.rate == pytest.approx(5.5)
    assert slow.answered(110.0).bucket.rate == pytest.approx(5.5)


def test_one_success_after_a_long_silence_does_not_speak_for_all_of_it() -> None:
    slow = budget().refused(100.0).refused(102.0)
    assert slow.answered(100_000.0).bucket.rate == pytest.approx(2.5 + 3.0)


def test_time_that_ended_in_other_trouble_adds_nothing() -> None:
    slow = budget().refused(100.0)
    assert slow.interrupted(110.0).answered(110.0).bucket.rate == 5.0


def api(kind: type[ApiError]) -> ApiError:
    return kind(code="X", message="x", status=400)


def throttled(retry_after: timedelta | None) -> Throttled:
    error = Throttled(code="SlowDown", message="Reduce your request rate", status=503)
    error.retry_after = retry_after
    return error


@pytest.mark.parametrize(
    "kind", [Denied, NoSuchJob, Rejected, ClockSkew, TokenRejected, StatusRejected]
)
def test_an_answer_is_not_asked_for_again(kind: type[ApiError]) -> None:
    assert retry_pause(api(kind), 1, chance=0.5) is None


@pytest.mark.parametrize("kind", [TransportKind.BLOCKED, TransportKind.TOO_LARGE])
def test_what_would_only_happen_again_is_not_tried_again(kind: TransportKind) -> None:
    assert retry_pause(TransportError(kind, ""), 1, chance=0.5) is None


TRANSIENT = [
    *(
        TransportError(kind, kind.value)
        for kind in TransportKind
        if kind not in (TransportKind.BLOCKED, TransportKind.TOO_LARGE)
    ),
    api(ServerError),
    throttled(None),
]


@pytest.mark.parametrize("error", TRANSIENT, ids=str)
def test_trouble_is_tried_four_times_with_growing_pauses(error: TransportError | ApiError) -> None:
    pauses = [retry_pause(error, tries, chance=0.0) for tries in (1, 2, 3, 4)]
    assert pauses == [timedelta(seconds=0.5), timedelta(seconds=1), timedelta(seconds=2), None]


def test_a_malformed_answer_is_tried_twice() -> None:
    assert retry_pause(api(Malformed), 1, chance=0.0) == timedelta(seconds=0.5)
    assert retry_pause(api(Malformed), 2, chance=0.0) is None


@given(st.integers(1, 3), st.floats(0, 1, exclude_max=True))
def test_chance_takes_away_up_to_half_of_a_pause(tries: int, chance: float) -> None:
    longest = retry_pause(api(ServerError), tries, chance=0.0)
    pause = retry_pause(api(ServerError), tries, chance=chance)
    assert longest is not None
    assert pause is not None
    assert longest / 2 <= pause <= longest <= LONGEST_PAUSE


@pytest.mark.parametrize(
    ("wish", "pause"),
    [
        (timedelta(0), timedelta(seconds=0.5)),
        (timedelta(seconds=3), timedelta(seconds=3)),
        (RETRY_AFTER_HONOURED, RETRY_AFTER_HONOURED),
        (RETRY_AFTER_HONOURED + timedelta(seconds=1), None),
    ],
)
def test_the_clouds_wish_is_honoured_up_to_a_bound(
    wish: timedelta, pause: timedelta | None
) -> None:
    assert retry_pause(throttled(wish), 1, chance=0.0) == pause


def test_a_server_in_trouble_may_have_a_wish_too() -> None:
    error = ServerError(code="ServiceUnavailable", message="", status=503)
    error.retry_after = timedelta(seconds=7)
    assert retry_pause(error, 1, chance=0.0) == timedelta(seconds=7)
    error.retry_after = timedelta(minutes=5)
    assert retry_pause(error, 1, chance=0.0) is None
