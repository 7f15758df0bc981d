"""When a source is a problem, and how judgements are put together."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobwatch.core.conditions import OF_THE_SOURCE, ConditionName, Judgement, Subject
from jobwatch.core.rules import (
    NO_RULES,
    Standing,
    both,
    is_fresh,
    judge_jobs,
    judge_source,
    unreachable_auto,
)
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND
from tests.unit.rules_cases import (
    RULES,
    known,
    sight,
)

UNREACHABLE = Subject(OF_THE_SOURCE, ConditionName.UNREACHABLE)
SUSPECT = Subject(OF_THE_SOURCE, ConditionName.SUSPECT)


@pytest.mark.parametrize(
    ("failures", "since", "after", "holding"),
    [
        (0, None, 5 * MINUTE, False),
        (1, DAY, 5 * MINUTE, False),
        (2, 5 * MINUTE, 5 * MINUTE, True),
        (2, 5 * MINUTE - SECOND, 5 * MINUTE, False),
        (9, DAY, 5 * MINUTE, True),
        (9, DAY, None, False),
        (2, timedelta(), timedelta(), True),
        (2, -HOUR, 5 * MINUTE, False),
    ],
)
def test_a_source_is_unreachable_from_the_first_failure_of_a_row_of_at_least_two(
    failures: int, since: timedelta | None, after: timedelta | None, *, holding: bool
) -> None:
    first = None if since is None else NOW - since
    standing = Standing(failures=failures, failing_since=first)
    found = judge_source(standing, replace(RULES, unreachable_after=after), NOW)
    assert found.holding == ({UNREACHABLE: first} if holding else {})
    knows = holding or not failures or after is None
    assert set(found.judged) == ({UNREACHABLE, SUSPECT} if knows else {SUSPECT}), (
        "a row of failures that begins anew is no recovery"
    )


def test_a_source_is_suspect_since_its_jobs_were_held_back() -> None:
    found = judge_source(Standing(suspect_since=NOW - DAY), NO_RULES, NOW)
    assert found.holding == {SUSPECT: NOW - DAY}


@pytest.mark.parametrize(
    ("every", "after"),
    [
        (SECOND, 5 * MINUTE),
        (100 * SECOND, 5 * MINUTE),
        (101 * SECOND, 303 * SECOND),
        (HOUR, 3 * HOUR),
    ],
)
def test_auto_is_five_minutes_or_three_intervals(every: timedelta, after: timedelta) -> None:
    assert unreachable_auto(every) == after


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        (timedelta(), True),
        (2 * MINUTE, True),
        (2 * MINUTE + SECOND, False),
        (DAY, False),
        (-DAY, True),
    ],
)
def test_a_rule_speaks_on_data_no_older_than_two_intervals(age: timedelta, *, fresh: bool) -> None:
    assert is_fresh(NOW - age, NOW, MINUTE) is fresh


def test_judgements_are_put_together_without_loss() -> None:
    jobs = judge_jobs([known(since=HOUR)], RULES, sight())
    source = judge_source(Standing(suspect_since=NOW), RULES, NOW)
    found = both([jobs, source])
    assert found.holding == {**jobs.holding, **source.holding}
    assert set(found.judged) == {*jobs.judged, *source.judged}
    assert both([]) == Judgement(holding={}, judged=frozenset())
