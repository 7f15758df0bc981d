"""What `jobwatch explain` says of rules and reasons: never something else than what was decided."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.conditions import ConditionName, ConditionState
from jobwatch.core.detail import DetailError
from jobwatch.core.diff import Authority, ChangeKind
from jobwatch.core.errors import WithheldReason
from jobwatch.core.model import Job, Progress
from jobwatch.core.outbox import DeliveryState
from jobwatch.core.plan import PlanReason
from jobwatch.core.routing import RouteReason
from jobwatch.core.rules import JOB_CONDITIONS, FailingRule, Rules, Sight, holds
from jobwatch.core.watched import Gap, Gaps
from jobwatch.providers.cos_batch import LIFECYCLE
from jobwatch.story.ruling import verdicts
from jobwatch.story.words import (
    AUTHORITIES,
    CHANGES,
    CONDITIONS,
    DELIVERIES,
    DETAIL_ERRORS,
    PLANS,
    ROUTES,
    WITHHELD,
    said,
)
from tests.factories import HOUR, MINUTE, NOW, job, progress, snapshot

RULES = Rules(
    stalled_after=30 * MINUTE,
    stuck_after=2 * HOUR,
    waiting_after=15 * MINUTE,
    overdue_after=6 * HOUR,
    failing=FailingRule(ratio=0.05, min_finished=100),
)
SIGHT = Sight(data_at=NOW, gaps=Gaps(), lifecycle=LIFECYCLE)


def in_cos(status: str, **fields: object) -> Job:
    word, phase = LIFECYCLE.read(status)
    return replace(job("Active", **fields), status=word, phase=phase)


def words(name: ConditionName, of: Job, rules: Rules = RULES, sight: Sight = SIGHT) -> str:
    """What a rule says of a job that has been in its status, without progress, for 12 minutes."""
    known = snapshot(
        of=of, status_since=NOW - 12 * MINUTE, progressed_at=NOW - 12 * MINUTE, outcome=None
    )
    return next(each.words for each in verdicts(known, rules, sight, ()) if each.rule is name)


COUNTED = progress(succeeded=2)
MANY = Progress(total=1000, succeeded=196, failed=4)

CASES = [
    (ConditionName.STALLED, in_cos("Active"), "12 min of 30 min watched without progress"),
    (ConditionName.STALLED, in_cos("Ready"), "a job in status Ready is not at work"),
    (ConditionName.STALLED, in_cos("Active", progress=None), "the cloud counts no tasks of it"),
    (
        ConditionName.STALLED,
        in_cos("Active", progress=progress(succeeded=9, failed=1)),
        "every task is counted",
    ),
    (ConditionName.STUCK, in_cos("Preparing"), "12 min of 2 h watched in status Preparing"),
    (ConditionName.STUCK, in_cos("Active"), "a job may stay in status Active"),
    (ConditionName.WAITING, in_cos("Suspended"), "12 min of 15 min watched waiting for a person"),
    (ConditionName.WAITING, in_cos("Active"), "it waits for no person"),
    (ConditionName.OVERDUE, in_cos("Active"), "1 h of 6 h watched since its creation"),
    (
        ConditionName.OVERDUE,
        in_cos("Active", created_at=NOW - 7 * HOUR),
        "7 h watched since its creation, 6 h are too many",
    ),
    (
        ConditionName.OVERDUE,
        in_cos("Active", created_at=None),
        "the cloud tells no time of its creation",
    ),
    (
        ConditionName.FAILING,
        in_cos("Active", progress=COUNTED),
        "2 tasks are finished, 100 are asked for",
    ),
    (
        ConditionName.FAILING,
        in_cos("Active", progress=MANY),
        "2 % of the finished tasks failed, 5 % are too many",
    ),
]


@pytest.mark.parametrize(("name", "of", "said_of_it"), CASES)
def test_each_rule_says_why(name: ConditionName, of: Job, said_of_it: str) -> None:
    assert words(name, of) == said_of_it


@pytest.mark.parametrize("name", JOB_CONDITIONS)
def test_a_rule_that_is_off_says_so(name: ConditionName) -> None:
    assert words(name, in_cos("Active"), Rules()) == "switched off"


def test_time_in_which_nobody_watched_is_left_out_of_the_words_too() -> None:
    gaps = Gaps().added(Gap(NOW - 10 * MINUTE, NOW - 5 * MINUTE))
    sight = Sight(data_at=NOW, gaps=gaps, lifecycle=LIFECYCLE)
    told = words(ConditionName.STALLED, in_cos("Active"), RULES, sight)
    assert told == "7 min of 30 min watched without progress"


@given(
    status=st.sampled_from(LIFECYCLE.unfinished),
    minutes=st.integers(0, 600),
    done=st.integers(0, 1000),
    failed=st.integers(0, 1000),
    opened=st.sets(st.sampled_from(JOB_CONDITIONS)),
)
def test_the_verdict_is_always_the_rules_own(
    status: str, minutes: int, done: int, failed: int, opened: set[ConditionName]
) -> None:
    since = NOW - timedelta(minutes=minutes)
    counted = Progress(total=1000, succeeded=done, failed=failed)
    known = snapshot(of=in_cos(status, progress=counted), status_since=since, progressed_at=since)
    for each in verdicts(known, RULES, SIGHT, opened):
        is_open = each.rule in opened
        assert each.since == holds(each.rule, known, RULES, SIGHT, is_open=is_open)
        assert each.opened == is_open
        assert (" of " in each.words and " watched " in each.words) <= (each.since is None)
        assert ("too many" in each.words and "watched" in each.words) <= (each.since is not None)


def test_no_rule_says_anything_of_a_job_that_has_ended() -> None:
    assert verdicts(snapshot("Failed"), RULES, SIGHT, ()) == ()


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (PlanReason, PLANS),
        (WithheldReason, WITHHELD),
        (RouteReason, ROUTES),
        (ChangeKind, CHANGES),
        (Authority, AUTHORITIES),
        (DetailError, DETAIL_ERRORS),
        (ConditionState, CONDITIONS),
        (DeliveryState, DELIVERIES),
    ],
)
def test_every_reason_of_the_program_has_its_words(
    kind: type[StrEnum], table: Mapping[str, str]
) -> None:
    assert set(kind) <= set(table)


def test_a_reason_of_a_newer_version_is_shown_as_it_is() -> None:
    assert said(ROUTES, "not_on_sundays") == "not on sundays"
