"""When no call goes out, and who finds out that the trouble is over."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.errors import (
    ApiError,
    ClockSkew,
    Denied,
    KeysRejected,
    Malformed,
    NoSuchJob,
    Rejected,
    ServerError,
    StatusRejected,
    Throttled,
    TokenRejected,
    TransportError,
    TransportKind,
    WithheldReason,
)
from jobwatch.core.gate import Bucket, CallError
from jobwatch.core.http import HttpResponse
from jobwatch.core.manners import (
    FAILURES_ALLOWED,
    Go,
    Later,
    Manners,
    Stand,
    Ticket,
    Withheld,
)
from jobwatch.providers.cos_errors import read_error

WIDE = Bucket(rate=1e6, burst=1_000_000)
T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


def api(kind: type[ApiError], status: int = 500) -> ApiError:
    return kind(code="X", message="x", status=status)


def throttled(wish: timedelta | None = None) -> Throttled:
    error = Throttled(code="SlowDown", message="", status=503)
    error.retry_after = wish
    return error


INTERNAL = api(ServerError)


def go(manners: Manners, now: float) -> tuple[Manners, Ticket]:
    word = manners.ask(now)
    assert isinstance(word, Go), word
    return word.manners, word.ticket


def ended(manners: Manners, error: CallError | None, now: float, chance: float = 0.5) -> Manners:
    """One try that is let out and ends at once."""
    manners, ticket = go(manners, now)
    return manners.answered(ticket, error, now, chance=chance)


def opened(now: float = 100.0, error: CallError = INTERNAL) -> Manners:
    manners = Manners.of(WIDE)
    for _ in range(FAILURES_ALLOWED):
        manners = ended(manners, error, now)
    return manners


FAILING = [
    TransportError(TransportKind.CONNECT, "no"),
    INTERNAL,
    api(Malformed),
    throttled(),
    api(Denied),
    api(KeysRejected),
    api(ClockSkew),
]
SERVED = [api(kind) for kind in (NoSuchJob, TokenRejected, StatusRejected, Rejected)]


@pytest.mark.parametrize("error", FAILING, ids=lambda error: type(error).__name__)
def test_the_fifth_failure_in_a_row_opens_the_breaker(error: CallError) -> None:
    manners = Manners.of(WIDE)
    for _ in range(4):
        manners = ended(manners, error, 100.0)
        assert manners.withheld(100.0) is None
    manners = ended(manners, error, 100.0)
    assert manners.ask(101.0) == Withheld(WithheldReason.BREAKER_OPEN, 14.0)


@pytest.mark.parametrize("error", [None, *SERVED], ids=lambda error: type(error).__name__)
def test_an_answer_that_proves_that_the_cloud_serves_us_starts_the_count_anew(
    error: ApiError | None,
) -> None:
    manners = Manners.of(WIDE)
    for _ in range(3):
        for _ in range(4):
            manners = ended(manners, INTERNAL, 100.0)
        manners = ended(manners, error, 100.0)
    assert manners.withheld(100.0) is None


def test_one_probe_goes_out_and_the_others_wait_for_its_end() -> None:
    manners, probe = go(opened(100.0), 115.0)
    assert probe.probe
    assert manners.ask(115.0) == Stand()
    assert isinstance(manners.ask(115.0, probe), Go), "the probe may try again in its place"
    closed = manners.answered(probe, None, 116.0, chance=0.5)
    assert closed.withheld(116.0) is None
    assert not go(closed, 116.0)[1].probe


def test_each_failed_probe_opens_longer_up_to_two_minutes() -> None:
    manners, now, lengths = opened(100.0), 100.0, []
    for _ in range(15):
        withheld = manners.withheld(now)
        assert withheld
        lengths.append(withheld.seconds)
        now += withheld.seconds
        manners = ended(manners, INTERNAL, now)
    assert lengths[:5] == pytest.approx([15, 30, 60, 120, 120])
    assert lengths[5:] == pytest.approx([120] * 10)


@given(st.floats(0, 1, exclude_max=True))
def test_chance_spreads_the_probes_by_a_tenth(chance: float) -> None:
    manners = Manners.of(WIDE)
    for _ in range(FAILURES_ALLOWED):
        manners = ended(manners, INTERNAL, 100.0, chance)
    withheld = manners.withheld(100.0)
    assert withheld
    assert 13.49 <= withheld.seconds <= 16.51


def test_a_breaker_that_closed_starts_with_the_shortest_pause_again() -> None:
    manners = ended(opened(100.0), INTERNAL, 115.0)
    manners = ended(manners, None, 145.0)
    for _ in range(FAILURES_ALLOWED):
        manners = ended(manners, INTERNAL, 150.0)
    assert manners.withheld(150.0) == Withheld(WithheldReason.BREAKER_OPEN, 15.0)


def test_an_abandoned_probe_frees_the_place() -> None:
    manners, probe = go(opened(100.0), 115.0)
    manners = manners.abandoned(probe)
    _, second = go(manners, 115.0)
    assert second.probe


def test_calls_that_were_under_way_when_the_breaker_opened_change_nothing() -> None:
    manners, late = go(Manners.of(WIDE), 99.0)
    for _ in range(FAILURES_ALLOWED):
        manners = ended(manners, INTERNAL, 100.0)
    for error in (INTERNAL, None):
        assert manners.answered(late, error, 101.0, chance=0.5).breaker == manners.breaker
    assert manners.abandoned(late).breaker == manners.breaker


def test_a_probe_that_was_judged_is_not_judged_again() -> None:
    manners, probe = go(opened(100.0), 115.0)
    failed = manners.answered(probe, INTERNAL, 115.0, chance=0.5)
    again = failed.answered(probe, INTERNAL, 116.0, chance=0.5)
    assert again.breaker == failed.breaker


@pytest.mark.parametrize(
    ("error", "halves"),
    [
        (throttled(), True),
        (api(ServerError, 503), True),
        (api(ServerError, 500), False),
        (api(Denied, 403), False),
        (TransportError(TransportKind.TIMEOUT, ""), False),
        (None, False),
    ],
    ids=["SlowDown", "503", "500", "denied", "timeout", "a good answer"],
)
def test_only_signs_of_too_many_calls_slow_us_down(error: CallError | None, halves: bool) -> None:  # noqa: FBT001  a column
    after = ended(Manners.of(WIDE), error, 100.0)
    assert after.budget.bucket.rate == (5e5 if halves else 1e6)


@pytest.mark.parametrize(
    ("wish", "held"),
    [
        (timedelta(seconds=31), 31.0),
        (timedelta(minutes=5), 300.0),
        (timedelta(days=1), 3600.0),
    ],
    ids=["just too long for a call", "five minutes", "a day"],
)
def test_a_long_wish_holds_every_call_an_hour_at_most(wish: timedelta, held: float) -> None:
    manners = ended(Manners.of(WIDE), throttled(wish), 100.0)
    assert manners.ask(100.0) == Withheld(WithheldReason.RETRY_AFTER, held)
    assert manners.ask(99.0 + held) == Withheld(WithheldReason.RETRY_AFTER, 1.0)
    assert isinstance(manners.ask(100.0 + held), Go)


def test_a_short_wish_makes_the_others_wait_too() -> None:
    manners = ended(Manners.of(WIDE), throttled(timedelta(seconds=30)), 100.0)
    assert manners.withheld(100.0) is None
    assert manners.ask(110.0) == Later(20.0)
    assert isinstance(manners.ask(130.0), Go)


def test_a_shorter_wish_does_not_shorten_a_longer_one() -> None:
    manners, late = go(Manners.of(WIDE), 100.0)
    manners = ended(manners, throttled(timedelta(minutes=5)), 100.0)
    manners = manners.answered(late, throttled(timedelta(minutes=1)), 100.0, chance=0.5)
    assert manners.withheld(100.0) == Withheld(WithheldReason.RETRY_AFTER, 300.0)


def test_the_longer_of_two_reasons_is_given() -> None:
    manners = opened(100.0).heeding(timedelta(seconds=3), 100.0)
    assert manners.withheld(100.0) == Withheld(WithheldReason.BREAKER_OPEN, 15.0)
    held = manners.heeding(timedelta(minutes=2), 100.0)
    assert held.withheld(100.0) == Withheld(WithheldReason.RETRY_AFTER, 120.0)


def unavailable(status: int, body: bytes, **headers: str) -> ApiError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_error(HttpResponse(status=status, headers=named, body=body), about_job=False)


@pytest.mark.parametrize(
    ("status", "wish"),
    [(503, timedelta(minutes=5)), (500, None), (502, None)],
)
def test_of_the_servers_errors_503_alone_may_ask_us_to_stay_away(
    status: int, wish: timedelta | None
) -> None:
    error = unavailable(status, b"<html>", retry_after="300")
    assert isinstance(error, ServerError)
    assert error.retry_after == wish


def test_a_503_may_name_the_time_when_it_is_over() -> None:
    error = unavailable(
        503,
        b"<Error><Code>ServiceUnavailable</Code></Error>",
        retry_after="Sat, 21 Nov 2026 20:02:00 GMT",
        date="Sat, 21 Nov 2026 20:00:00 GMT",
    )
    assert isinstance(error, ServerError)
    assert error.retry_after == timedelta(minutes=2)
