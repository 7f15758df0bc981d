"""A pause for keys that were refused ends when there are others: with one call for each of them, and never else."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from jobwatch.core.errors import (
    ApiError,
    ClockSkew,
    Denied,
    KeysRejected,
    Malformed,
    ServerError,
    Throttled,
    TransportError,
    TransportKind,
    WithheldReason,
)
from jobwatch.core.gate import Bucket, CallError
from jobwatch.core.manners import FAILURES_ALLOWED, MARKS_KEPT, Go, Manners, Stand, Withheld

WIDE = Bucket(rate=1e6, burst=1_000_000)
T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
OLD, NEW, OTHER = 7, 8, 9


def api(kind: type[ApiError]) -> ApiError:
    return kind(code="X", message="x", status=403)


REJECTED, DENIED = api(KeysRejected), api(Denied)
NETWORK = TransportError(TransportKind.CONNECT, "no")


def ended(manners: Manners, error: CallError | None, now: float, keys: int = OLD) -> Manners:
    word = manners.ask(now)
    assert isinstance(word, Go), word
    return word.manners.answered(word.ticket, error, now, chance=0.5, keys=keys)


def opened(*errors: CallError) -> Manners:
    manners = Manners.of(WIDE)
    for error in errors:
        manners = ended(manners, error, 100.0)
    assert manners.withheld(100.0) == Withheld(WithheldReason.BREAKER_OPEN, 15.0)
    return manners


@pytest.mark.parametrize(
    ("errors", "early"),
    [
        ([REJECTED] * 5, True),
        ([DENIED] * 5, True),
        ([REJECTED, DENIED] * 2 + [REJECTED], True),
        ([REJECTED] * 4 + [NETWORK], False),
        ([NETWORK] + [REJECTED] * 4, False),
        ([REJECTED, REJECTED, api(Throttled), REJECTED, REJECTED], False),
        ([api(Throttled)] * 5, False),
        ([api(ServerError)] * 5, False),
        ([api(Malformed)] * 5, False),
        ([api(ClockSkew)] * 5, False),
        ([NETWORK] * 5, False),
    ],
)
def test_other_keys_end_only_a_pause_that_keys_alone_caused(
    errors: list[CallError],
    early: bool,  # noqa: FBT001  a column
) -> None:
    manners = opened(*errors)
    assert manners.waits_for_keys(101.0) is early
    assert manners.given(OLD, 101.0) == manners, "the keys that were refused change nothing"
    assert isinstance(manners.given(NEW, 101.0).ask(101.0), Go if early else Withheld)


def test_other_keys_let_out_one_probe_and_do_not_close_the_breaker() -> None:
    word = opened(*[REJECTED] * 5).given(NEW, 101.0).ask(101.0)
    assert isinstance(word, Go)
    assert word.ticket.probe
    assert word.manners.ask(101.0) == Stand()
    closed = word.manners.answered(word.ticket, None, 101.0, chance=0.5, keys=NEW)
    assert closed.withheld(101.0) is None
    failed = word.manners.answered(word.ticket, REJECTED, 101.0, chance=0.5, keys=NEW)
    assert failed.withheld(101.0) == Withheld(WithheldReason.BREAKER_OPEN, 30.0)


def test_a_file_that_flaps_between_keys_has_one_early_probe_for_each() -> None:
    manners, early = opened(*[REJECTED] * 5), 0
    for second in range(100):
        keys, now = (OLD, NEW, OTHER)[second % 3], 101.0 + second / 10
        manners = manners.given(keys, now)
        if isinstance(manners.ask(now), Go):
            manners, early = ended(manners, REJECTED, now, keys), early + 1
    assert early == 2


def test_an_early_probe_that_nobody_made_is_not_granted_again() -> None:
    manners = opened(*[REJECTED] * 5).given(NEW, 101.0)
    manners = ended(manners, REJECTED, 101.0, OLD)  # the file had changed back meanwhile
    assert manners.given(NEW, 102.0) == manners


def test_an_early_probe_that_met_other_trouble_leaves_the_usual_pause() -> None:
    manners = ended(opened(*[REJECTED] * 5).given(NEW, 101.0), NETWORK, 101.0, NEW)
    assert isinstance(manners.given(OTHER, 102.0).ask(102.0), Withheld)


def test_a_pause_that_the_cloud_asked_for_is_kept_whatever_the_keys() -> None:
    manners = opened(*[REJECTED] * 5).heeding(timedelta(minutes=5), 100.0).given(NEW, 101.0)
    assert manners.ask(101.0) == Withheld(WithheldReason.RETRY_AFTER, 299.0)


def test_keys_that_worked_meanwhile_may_be_tried_early_again() -> None:
    manners = Manners.of(WIDE)
    for error, keys in ((REJECTED, OLD), (None, OLD), *((REJECTED, NEW),) * FAILURES_ALLOWED):
        manners = ended(manners, error, 100.0, keys)
    assert isinstance(manners.given(OLD, 101.0).ask(101.0), Go)


def test_so_many_keys_are_remembered_and_no_more() -> None:
    manners = opened(*[REJECTED] * 5)
    for keys in range(100, 200):
        manners = ended(manners.given(keys, 101.0), REJECTED, 101.0, keys)
    assert manners.breaker.refused == tuple(range(200 - MARKS_KEPT, 200))


def restarted(manners: Manners) -> Manners:
    document = json.loads(json.dumps(manners.remember(T0, 100.0)))
    return Manners.restored(WIDE, document, now=T0, monotonic=5.0)


def test_a_restart_or_reload_with_other_keys_does_not_wait_and_one_with_the_same_does() -> None:
    manners = restarted(opened(*[REJECTED] * 5))
    assert isinstance(manners.given(OLD, 5.0).ask(5.0), Withheld)
    assert isinstance(manners.given(NEW, 5.0).ask(6.0), Go)
    assert isinstance(restarted(opened(*[NETWORK] * 5)).given(NEW, 5.0).ask(6.0), Withheld)


@pytest.mark.parametrize(
    "kept", [7, "7", {"a": 1}, [True, -1, 65_536, 1.5, "x", None, [8]]], ids=repr
)
def test_marks_that_cannot_be_read_are_left_out(kept: object) -> None:
    document = opened(*[REJECTED] * 5).remember(T0, 100.0) | {"refused": kept}
    manners = Manners.restored(WIDE, document, now=T0, monotonic=5.0)
    assert manners.breaker.refused == ()
    assert isinstance(manners.given(NEW, 5.0).ask(6.0), Withheld)
