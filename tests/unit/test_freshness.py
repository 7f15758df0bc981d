"""Whether a source is up: never while its data is older than it may be, and never for want of a sweep in time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobwatch.core.overview import SourceState
from jobwatch.metrics import Metrics, Scope, is_up, overdue
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND
from tests.overviews import overview, shape, state
from tests.scrapes import sample

PROD = shape()
"""Swept every 30 s, fully every 10 min."""


def swept(
    ago: timedelta, *, took: timedelta = timedelta(), full: timedelta = MINUTE
) -> SourceState:
    """A source whose last sweep began so long ago, and the last full one so long."""
    began_at = NOW - ago
    return state(unfinished_data_at=began_at, watched_until=began_at + took, all_data_at=NOW - full)


def up(known: SourceState, *, after: timedelta = timedelta()) -> float | None:
    """What a scrape says so long after the store was read; nobody reads it again meanwhile."""
    clock = [1000.0]
    made = Metrics([PROD], [], monotonic=lambda: clock[0])
    made.show(overview(sources=(known,)))
    clock[0] += after.total_seconds()
    return value(made)


def value(made: Metrics) -> float | None:
    return sample(made, "jobwatch_source_up", source="prod")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(state(), 1, id="the last sweep succeeded and its data is young"),
        pytest.param(state(failures=1, failing_since=NOW), 0, id="the last sweep failed"),
        pytest.param(state(unfinished_data_at=None, all_data_at=None), 0, id="never swept"),
        pytest.param(state(all_data_at=None), 0, id="never swept fully"),
        pytest.param(swept(90 * SECOND), 1, id="unfinished jobs seen three intervals ago"),
        pytest.param(swept(91 * SECOND), 0, id="unfinished jobs not seen for longer"),
        pytest.param(swept(SECOND, full=30 * MINUTE), 1, id="all jobs seen three intervals ago"),
        pytest.param(swept(SECOND, full=30 * MINUTE + SECOND), 0, id="not all seen for longer"),
    ],
)
def test_a_source_is_up_while_the_data_of_both_scopes_is_fresh(
    known: SourceState, expected: int
) -> None:
    assert up(known) == expected


def test_a_source_is_down_before_the_store_is_read_and_while_the_store_does_not_know_it() -> None:
    made = Metrics([PROD], [])
    assert value(made) == 0
    made.show(overview(sources=()))
    assert value(made) == 0


def test_a_source_recovers_with_the_first_sweep_that_succeeds() -> None:
    failing = state(failures=3, failing_since=NOW - 2 * MINUTE)
    assert up(failing) == 0
    assert up(swept(SECOND)) == 1


def test_one_good_sweep_of_unfinished_jobs_does_not_hide_that_full_sweeps_never_get_done() -> None:
    known = swept(SECOND, full=2 * HOUR)
    assert up(known) == 0
    assert overdue(known, PROD, NOW) == (Scope.ALL,)


def test_young_full_data_does_not_hide_that_unfinished_jobs_are_not_looked_at() -> None:
    known = swept(2 * MINUTE, full=3 * MINUTE)
    assert overdue(known, PROD, NOW) == (Scope.UNFINISHED,)


def test_a_source_whose_loop_hangs_goes_down_by_itself_though_the_store_says_the_same() -> None:
    known = swept(timedelta())
    assert up(known, after=90 * SECOND) == 1
    assert up(known, after=91 * SECOND) == 0


def test_a_source_goes_down_by_itself_when_nobody_reads_the_store_any_more() -> None:
    assert up(state(), after=DAY) == 0


def test_a_step_back_of_the_scrapers_clock_makes_nothing_younger() -> None:
    assert up(swept(90 * SECOND), after=-HOUR) == 1
    assert up(swept(91 * SECOND), after=-HOUR) == 0


@pytest.mark.parametrize("took", [timedelta(), 20 * SECOND, 100 * SECOND, 40 * MINUTE])
@pytest.mark.parametrize("full_every", [30 * SECOND, 10 * MINUTE])
def test_a_source_in_time_never_goes_down_however_long_its_sweeps_take(
    took: timedelta, full_every: timedelta
) -> None:
    # As old as data gets: a sweep, the longest pause, and the next sweep until its end.
    oldest = took + 1.1 * PROD.every + took
    known = swept(oldest, took=took, full=oldest)
    assert is_up(known, shape(full_every=full_every), NOW)


def test_a_source_with_long_sweeps_that_hangs_goes_down_all_the_same() -> None:
    known = swept(timedelta(), took=5 * MINUTE)
    assert up(known, after=11 * MINUTE) == 1
    assert up(known, after=12 * MINUTE) == 0


@pytest.mark.parametrize("took", [365 * DAY, -365 * DAY])
def test_a_clock_that_stepped_during_a_sweep_does_not_excuse_a_source_that_hangs(
    took: timedelta,
) -> None:
    known = swept(timedelta(), took=took, full=timedelta())
    assert up(known) == 1
    assert up(known, after=2 * HOUR + 2 * MINUTE) == 0


def test_a_clock_that_stepped_forward_makes_a_source_overdue_until_it_is_swept_again() -> None:
    stepped = swept(HOUR, full=HOUR)
    assert overdue(stepped, PROD, NOW) == (Scope.UNFINISHED, Scope.ALL)
    assert up(swept(SECOND, full=SECOND)) == 1


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        pytest.param(SECOND, 1, id="the database's clock is a little behind"),
        pytest.param(91 * SECOND, 0, id="a step that would keep the data fresh for as long"),
        pytest.param(DAY, 0, id="a day"),
    ],
)
def test_data_from_the_future_is_not_fresh_for_ever(ahead: timedelta, expected: int) -> None:
    assert up(swept(-ahead, full=-ahead)) == expected


@pytest.mark.parametrize("scope", list(Scope))
def test_each_scope_is_overdue_by_its_own_interval(scope: Scope) -> None:
    field = {Scope.UNFINISHED: "unfinished_data_at", Scope.ALL: "all_data_at"}[scope]

    def aged(intervals: float) -> SourceState:
        known = state(unfinished_data_at=NOW, all_data_at=NOW, watched_until=None)
        changes: dict[str, Any] = {field: NOW - intervals * PROD.interval(scope)}
        return replace(known, **changes)

    assert overdue(aged(3.0), PROD, NOW) == ()
    assert overdue(aged(3.1), PROD, NOW) == (scope,)
