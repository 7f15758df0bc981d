"""What is true of the rules whatever the thresholds, the gaps and the jobs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.conditions import ConditionName
from jobwatch.core.model import Phase, Snapshot
from jobwatch.core.rules import (
    HYSTERESIS,
    JOB_CONDITIONS,
    FailingRule,
    Horizon,
    Rules,
    Sight,
    holds,
    horizon,
)
from jobwatch.core.watched import NO_GAPS, Gap
from jobwatch.providers.cos_batch import LIFECYCLE as COS
from tests.factories import MINUTE, NOW, progress
from tests.unit.rules_cases import (
    FAILING,
    OVERDUE,
    STALLED,
    STUCK,
    WAITING,
    known,
    sight,
)

THRESHOLDS = st.none() | st.integers(0, 600).map(lambda minutes: minutes * MINUTE)
RULE_SETS = st.builds(
    Rules,
    stalled_after=THRESHOLDS,
    stuck_after=THRESHOLDS,
    waiting_after=THRESHOLDS,
    overdue_after=THRESHOLDS,
    failing=st.none()
    | st.builds(FailingRule, ratio=st.floats(0, 1), min_finished=st.integers(0, 9)),
)
MOMENTS = st.integers(-800, 0).map(lambda minutes: NOW + minutes * MINUTE)
COUNTERS = st.none() | st.builds(progress, st.integers(0, 9), st.integers(0, 9), st.integers(0, 20))
SNAPSHOTS = st.builds(
    lambda status, moment, **fields: known(status, status_since=moment, **fields),
    st.sampled_from([*COS.statuses, "Archived"]),
    MOMENTS,
    progressed_at=st.none() | MOMENTS,
    created_at=st.none() | MOMENTS,
    progress=COUNTERS,
)
SPANS = st.lists(
    st.tuples(st.integers(0, 800), st.integers(0, 100)).map(
        lambda span: Gap(NOW - span[0] * MINUTE, NOW - span[0] * MINUTE + span[1] * MINUTE)
    ),
    max_size=4,
)


@st.composite
def sights(draw: st.DrawFn) -> Sight:
    gaps = NO_GAPS
    for span in draw(SPANS):
        gaps = gaps.added(span)
    offset = draw(st.integers(-5, 5)) * MINUTE
    return sight(data_at=draw(MOMENTS), gaps=gaps, clock_offset=offset)


AFTER = {
    STALLED: lambda rules: rules.stalled_after,
    STUCK: lambda rules: rules.stuck_after,
    WAITING: lambda rules: rules.waiting_after,
    OVERDUE: lambda rules: rules.overdue_after,
}


@pytest.mark.parametrize("name", AFTER)
@given(found=SNAPSHOTS, rules=RULE_SETS, seen=sights())
def test_no_rule_holds_before_its_threshold_of_watched_time(
    name: ConditionName, found: Snapshot, rules: Rules, seen: Sight
) -> None:
    since = holds(name, found, rules, seen)
    if since is not None:
        threshold = AFTER[name](rules)
        assert threshold is not None
        assert seen.gaps.watched(since, seen.data_at) >= threshold
        assert not threshold or seen.data_at - since >= threshold


@pytest.mark.parametrize("name", AFTER)
@given(found=SNAPSHOTS, rules=RULE_SETS, seen=sights(), later=st.integers(0, 500))
def test_what_holds_of_a_job_that_does_not_change_goes_on_holding_since_the_same_time(
    name: ConditionName, found: Snapshot, rules: Rules, seen: Sight, later: int
) -> None:
    since = holds(name, found, rules, seen)
    if since is not None:
        afterwards = replace(seen, data_at=seen.data_at + later * MINUTE)
        assert holds(name, found, rules, afterwards) == since
        missed = replace(afterwards, gaps=seen.gaps.added(Gap(seen.data_at, afterwards.data_at)))
        assert holds(name, found, rules, missed) == since, "a gap closed what was open"


@given(found=SNAPSHOTS, rules=RULE_SETS, seen=sights())
def test_a_failing_job_that_was_told_goes_on_failing_while_nothing_changes(
    found: Snapshot, rules: Rules, seen: Sight
) -> None:
    if holds(FAILING, found, rules, seen) is not None:
        assert holds(FAILING, found, rules, seen, is_open=True) is not None
    assert HYSTERESIS < 1


def is_read(found: Snapshot, seen: Horizon) -> bool:
    """What a store reads for a horizon, by its own words."""
    job, since = found.job, found.status_since
    stalled = (
        seen.progressed_before is not None
        and job.phase is Phase.RUNNING
        and (found.progressed_at or since) <= seen.progressed_before
    )
    stuck = (
        seen.stuck_before is not None and job.status in seen.passing and since <= seen.stuck_before
    )
    waits = (
        seen.waiting_before is not None
        and job.phase is Phase.WAITING
        and since <= seen.waiting_before
    )
    created = job.created_at
    old = seen.created_before and created is not None and created <= seen.created_before
    rule, counters = seen.failing, job.progress
    fails = (
        rule is not None
        and counters is not None
        and counters.failed > 0
        and counters.finished >= rule.min_finished
        and counters.failed >= 0.999 * rule.ratio * counters.finished
    )
    return bool(stalled or stuck or waits or old or fails)


@given(found=SNAPSHOTS, rules=RULE_SETS, seen=sights())
def test_every_job_that_any_rule_holds_for_is_within_the_horizon(
    found: Snapshot, rules: Rules, seen: Sight
) -> None:
    if any(holds(name, found, rules, seen) is not None for name in JOB_CONDITIONS):
        assert is_read(found, horizon(rules, seen))
