"""When an unfinished job is a problem, and when a source is."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from jobwatch.core.conditions import Condition, ConditionName, Subject
from jobwatch.core.model import JobKey, Outcome, Phase, Snapshot
from jobwatch.core.rules import (
    JOB_CONDITIONS,
    NO_RULES,
    FailingRule,
    Horizon,
    Rules,
    holds,
    horizon,
    judge_jobs,
)
from jobwatch.core.watched import DAWN, Gap, Gaps
from jobwatch.providers.cos_batch import LIFECYCLE as COS
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND, job, progress, snapshot
from tests.unit.rules_cases import (
    FAILING,
    LONG,
    OVERDUE,
    RULES,
    STALLED,
    STUCK,
    WAITING,
    known,
    sight,
)


@pytest.mark.parametrize(
    ("name", "status", "after"),
    [
        (STALLED, "Active", 30 * MINUTE),
        (STUCK, "New", 2 * HOUR),
        (STUCK, "Preparing", 2 * HOUR),
        (STUCK, "Pausing", 2 * HOUR),
        (STUCK, "Completing", 2 * HOUR),
        (STUCK, "Cancelling", 2 * HOUR),
        (STUCK, "Failing", 2 * HOUR),
        (WAITING, "Suspended", 15 * MINUTE),
    ],
)
def test_a_rule_holds_from_its_threshold_on_and_says_since_when(
    name: ConditionName, status: str, after: timedelta
) -> None:
    assert holds(name, known(status, since=after - SECOND), RULES, sight()) is None
    assert holds(name, known(status, since=after), RULES, sight()) == NOW - after
    assert holds(name, known(status, since=LONG), RULES, sight()) == NOW - LONG


TABLE = {
    "New": {STUCK, OVERDUE},
    "Preparing": {STUCK, OVERDUE},
    "Suspended": {WAITING, OVERDUE},
    "Ready": {OVERDUE},
    "Active": {STALLED, OVERDUE},
    "Pausing": {STUCK, OVERDUE},
    "Paused": {OVERDUE},
    "Completing": {STUCK, OVERDUE},
    "Cancelling": {STUCK, OVERDUE},
    "Failing": {STUCK, OVERDUE},
    "Complete": set(),
    "Cancelled": set(),
    "Failed": set(),
    "Archived": {OVERDUE},
}
"""What can hold for a job that stands still, by status; `Archived` is a word that no table knows."""


@pytest.mark.parametrize("status", [*COS.statuses, "Archived"])
def test_each_status_has_its_own_rules(status: str) -> None:
    still = known(status, created_at=NOW - LONG, progress=progress(4))
    found = {name for name in JOB_CONDITIONS if holds(name, still, RULES, sight())}
    assert found == TABLE[status]


@pytest.mark.parametrize("name", JOB_CONDITIONS)
@pytest.mark.parametrize("status", COS.unfinished)
def test_a_rule_that_is_switched_off_holds_for_nothing(name: ConditionName, status: str) -> None:
    worst = known(status, created_at=NOW - LONG, progress=progress(0, failed=500, total=1000))
    assert holds(name, worst, NO_RULES, sight(), is_open=True) is None


@pytest.mark.parametrize("name", JOB_CONDITIONS)
def test_nothing_holds_for_a_vanished_job_whatever_its_last_status(name: ConditionName) -> None:
    for status in COS.unfinished:
        gone = known(status, outcome=Outcome.VANISHED, created_at=NOW - LONG)
        assert holds(name, gone, RULES, sight(), is_open=True) is None


@pytest.mark.parametrize(
    ("counters", "stalled"),
    [
        (None, False),
        (progress(0, total=0), True),
        (progress(0, total=10), True),
        (progress(9, failed=0, total=10), True),
        (progress(9, failed=1, total=10), False),
        (progress(12, failed=0, total=10), False),
        (progress(5, total=0), True),
    ],
)
def test_a_job_without_counters_or_with_all_tasks_counted_does_not_stall(
    counters: Any, *, stalled: bool
) -> None:
    assert (holds(STALLED, known(progress=counters), RULES, sight()) is not None) is stalled


def test_a_job_stalls_from_its_last_progress_on_and_without_any_from_its_status() -> None:
    moved = known(status_since=NOW - DAY, progressed_at=NOW - HOUR)
    assert holds(STALLED, moved, RULES, sight()) == NOW - HOUR
    assert holds(STALLED, replace(moved, progressed_at=None), RULES, sight()) == NOW - DAY
    assert holds(STALLED, replace(moved, progressed_at=NOW - MINUTE), RULES, sight()) is None


def test_a_rule_speaks_of_the_last_complete_sweep_and_never_of_now() -> None:
    still = known(since=2 * HOUR)
    an_hour_old = sight(data_at=NOW - HOUR)
    assert holds(STALLED, still, RULES, an_hour_old) == NOW - 2 * HOUR
    assert holds(STALLED, still, RULES, sight(data_at=NOW - 2 * HOUR + MINUTE)) is None
    assert holds(STALLED, still, RULES, sight(data_at=NOW - DAY)) is None


def test_time_in_which_nobody_watched_does_not_count() -> None:
    still = known(since=HOUR)
    gaps = Gaps((Gap(NOW - 50 * MINUTE, NOW - 19 * MINUTE),))
    assert holds(STALLED, still, RULES, sight(gaps=gaps)) is None
    shorter = Gaps((Gap(NOW - 50 * MINUTE, NOW - 20 * MINUTE),))
    assert holds(STALLED, still, RULES, sight(gaps=shorter)) == NOW - HOUR


def test_a_job_older_than_our_watching_is_not_overdue_at_first_sight() -> None:
    old = known(created_at=NOW - 30 * DAY)
    first_sweep = sight(gaps=Gaps((Gap(DAWN, NOW),)))
    assert holds(OVERDUE, old, RULES, first_sweep) is None
    a_day_later = sight(data_at=NOW + DAY, gaps=first_sweep.gaps)
    assert holds(OVERDUE, old, RULES, a_day_later) == NOW - 30 * DAY


@pytest.mark.parametrize(
    ("offset", "overdue"),
    [(timedelta(), True), (SECOND, True), (-SECOND, False), (DAY, True)],
)
def test_overdue_is_counted_by_our_clock_from_the_clouds_creation(
    offset: timedelta, *, overdue: bool
) -> None:
    created = known(created_at=NOW - DAY)
    since = holds(OVERDUE, created, RULES, sight(clock_offset=offset))
    assert since == (NOW - DAY - offset if overdue else None)


def test_a_job_whose_creation_nobody_knows_is_never_overdue() -> None:
    assert holds(OVERDUE, known(created_at=None), RULES, sight()) is None


@pytest.mark.parametrize(
    ("succeeded", "failed", "opens", "stays"),
    [
        (95, 5, True, True),
        (94, 5, False, False),
        (96, 4, False, True),
        (961, 39, False, True),
        (963, 37, False, False),
        (0, 100, True, True),
        (100, 0, False, False),
        (0, 0, False, False),
    ],
)
def test_a_failing_job_stops_failing_well_below_the_ratio_so_that_it_is_told_once(
    succeeded: int, failed: int, *, opens: bool, stays: bool
) -> None:
    counted = known(progress=progress(succeeded, failed, total=10_000), observed_at=NOW - HOUR)
    since = holds(FAILING, counted, RULES, sight())
    assert since == (NOW - HOUR if opens else None)
    assert (holds(FAILING, counted, RULES, sight(), is_open=True) is not None) is stays


def test_a_ratio_of_zero_takes_one_failure() -> None:
    rules = Rules(failing=FailingRule(ratio=0.0, min_finished=1))
    assert holds(FAILING, known(progress=progress(100)), rules, sight()) is None
    assert holds(FAILING, known(progress=progress(99, failed=1)), rules, sight()) is not None


def test_a_job_without_counters_does_not_fail() -> None:
    assert holds(FAILING, known(progress=None), RULES, sight(), is_open=True) is None


def test_waiting_at_once_holds_for_what_the_sweep_itself_found() -> None:
    at_once = Rules(waiting_after=timedelta())
    found_by_it = known("Suspended", status_since=NOW + 5 * SECOND)
    assert holds(WAITING, found_by_it, at_once, sight()) == NOW + 5 * SECOND
    assert holds(WAITING, found_by_it, RULES, sight()) is None
    before = horizon(at_once, sight()).waiting_before
    assert before is not None
    assert found_by_it.status_since <= before, "nobody would read it"


def test_the_horizon_of_no_rules_reads_nobody() -> None:
    assert horizon(NO_RULES, sight()) == Horizon()


def test_each_rule_has_its_own_horizon() -> None:
    seen = sight(clock_offset=HOUR)
    assert horizon(RULES, seen) == Horizon(
        progressed_before=NOW - 30 * MINUTE,
        stuck_before=NOW - 2 * HOUR,
        waiting_before=NOW - 15 * MINUTE,
        created_before=NOW + HOUR - DAY,
        failing=RULES.failing,
        passing=seen.lifecycle.passing,
    )


def test_every_job_is_judged_by_every_rule_and_only_what_holds_is_said_to() -> None:
    stalled, fresh = known(since=HOUR, id="a"), known(since=MINUTE, id="b")
    ended = snapshot(of=job("Failed", id="c"))
    found = judge_jobs([stalled, fresh, ended], RULES, sight())
    assert found.holding == {Subject(JobKey("", "a"), STALLED): NOW - HOUR}
    assert set(found.judged) == {
        Subject(JobKey("", id_), name) for id_ in "abc" for name in JOB_CONDITIONS
    }


def test_what_is_open_is_judged_more_mildly() -> None:
    hovering = known(since=MINUTE, progress=progress(96, failed=4, total=1000))
    subject = Subject(hovering.key, FAILING)
    assert judge_jobs([hovering], RULES, sight()).holding == {}
    opened = Condition(id="c", subject=subject, since=NOW - MINUTE, opened_at=NOW - MINUTE)
    found = judge_jobs([hovering], RULES, sight(), is_open={subject: opened})
    assert set(found.holding) == {subject}


@pytest.mark.parametrize(
    ("now", "rules", "stays"),
    [
        pytest.param(known("Suspended", since=HOUR), RULES, True, id="the same wait"),
        pytest.param(known("Suspended", since=2 * HOUR), RULES, False, id="it waits anew"),
        pytest.param(known("Active", since=2 * HOUR), RULES, False, id="it waits no more"),
        pytest.param(known("Suspended", since=HOUR), NO_RULES, False, id="no such rule now"),
    ],
)
def test_a_clock_that_steps_back_behind_an_opening_does_not_close_it(
    now: Snapshot, rules: Rules, *, stays: bool
) -> None:
    subject = Subject(now.key, WAITING)
    opened = Condition(id="c", subject=subject, since=NOW - HOUR, opened_at=NOW)
    stepped = replace(sight(), data_at=NOW - 2 * HOUR)
    found = judge_jobs([now], rules, stepped, is_open={subject: opened})
    assert (subject in found.holding) is stays
    assert subject in found.judged


@pytest.mark.parametrize("phase", Phase)
def test_only_a_status_that_a_job_passes_through_can_be_stuck(phase: Phase) -> None:
    of_phase = [row.status for row in COS.rows if row.phase is phase]
    stuck = [word for word in of_phase if holds(STUCK, known(word), RULES, sight())]
    assert stuck == [word for word in of_phase if COS.is_passing(word)]


def test_a_moment_from_the_future_has_not_lasted_at_all() -> None:
    ahead: datetime = NOW + DAY
    future = known(status_since=ahead, progressed_at=ahead)
    assert holds(STALLED, future, RULES, sight()) is None
