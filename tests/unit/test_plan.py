"""Which sweep is made next, and what watching costs."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.codec import Walk
from jobwatch.core.plan import (
    JITTER,
    Cost,
    Facts,
    Plan,
    PlanReason,
    Rest,
    SweepKind,
    cost,
    full_calls,
    hot_calls,
    jittered,
    needs_proof,
    plan,
    trusted,
)
from jobwatch.providers.cos_batch import LIFECYCLE as COS
from tests.factories import DAY, EVERY, HOUR, MINUTE, NOW, SECOND

FULL_EVERY = 10 * MINUTE
EARLIER, LATER = NOW - SECOND, NOW + SECOND
MANY = 50_000


def facts(**fields: Any) -> Facts:
    """A source of fifty pages, baselined, watched, and with nothing due."""
    defaults: dict[str, Any] = {
        "statuses": COS.unfinished,
        "page_size": 1000,
        "listed": MANY,
        "followed": 0,
        "full_ever": True,
        "gap": False,
        "full_broke": False,
        "asked": False,
        "next_at": LATER,
        "next_full_at": NOW + HOUR,
    }
    return Facts(**(defaults | fields))


def kind_and_reason(**fields: Any) -> tuple[SweepKind, PlanReason] | None:
    step = plan(facts(**fields), NOW)
    return (step.kind, step.reason) if isinstance(step, Plan) else None


FULL, HOT = SweepKind.FULL, SweepKind.HOT


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        ({}, None),
        ({"next_at": NOW}, (HOT, PlanReason.HOT_DUE)),
        ({"next_at": None}, (HOT, PlanReason.HOT_DUE)),
        ({"next_at": NOW, "listed": 10_001}, (HOT, PlanReason.HOT_DUE)),
        ({"next_at": NOW, "listed": 10_000}, (FULL, PlanReason.CHEAPEST)),
        ({"next_at": NOW, "listed": 9_000}, (FULL, PlanReason.CHEAPEST)),
        ({"next_at": NOW, "listed": 0}, (FULL, PlanReason.CHEAPEST)),
        ({"next_full_at": NOW}, (FULL, PlanReason.FULL_DUE)),
        ({"next_full_at": None}, (FULL, PlanReason.FULL_DUE)),
        ({"next_at": NOW, "next_full_at": NOW}, (FULL, PlanReason.FULL_DUE)),
        ({"full_ever": False}, (FULL, PlanReason.FIRST)),
        ({"full_ever": False, "gap": True}, (FULL, PlanReason.FIRST)),
        ({"gap": True}, (FULL, PlanReason.AFTER_GAP)),
        ({"asked": True}, (FULL, PlanReason.ASKED)),
        ({"asked": True, "full_broke": True, "next_at": NOW}, (FULL, PlanReason.ASKED)),
        ({"full_broke": True}, None),
        ({"full_broke": True, "next_at": NOW}, (HOT, PlanReason.FULL_BROKE)),
        ({"full_broke": True, "next_at": NOW, "listed": 0}, (HOT, PlanReason.FULL_BROKE)),
        ({"full_broke": True, "next_at": NOW, "gap": True}, (HOT, PlanReason.FULL_BROKE)),
        ({"full_broke": True, "next_at": NOW, "next_full_at": NOW}, (HOT, PlanReason.FULL_BROKE)),
        ({"full_broke": True, "next_full_at": NOW}, (FULL, PlanReason.FULL_DUE)),
        ({"full_broke": True, "next_full_at": NOW, "gap": True}, (FULL, PlanReason.AFTER_GAP)),
        (
            {"full_broke": True, "next_full_at": NOW, "full_ever": False},
            (FULL, PlanReason.FIRST),
        ),
        ({"full_broke": True, "gap": True}, None),
        ({"statuses": (), "next_at": NOW}, (FULL, PlanReason.CHEAPEST)),
        ({"statuses": (), "full_broke": True, "next_at": NOW}, (FULL, PlanReason.FULL_DUE)),
        ({"statuses": (), "full_broke": True}, None),
    ],
)
def test_the_sweep_is_the_cheapest_that_is_enough(
    differs: dict[str, Any], expected: tuple[SweepKind, PlanReason] | None
) -> None:
    assert kind_and_reason(**differs) == expected


@pytest.mark.parametrize("full_broke", [False, True])
@pytest.mark.parametrize(
    ("next_at", "next_full_at"), [(LATER, NOW + HOUR), (NOW + HOUR, LATER), (LATER, LATER)]
)
def test_where_nothing_is_due_the_source_rests_until_something_is(
    next_at: datetime, next_full_at: datetime, *, full_broke: bool
) -> None:
    found = facts(next_at=next_at, next_full_at=next_full_at, full_broke=full_broke)
    assert plan(found, NOW) == Rest(until=LATER)


def test_a_hot_sweep_asks_for_each_unfinished_status_by_itself_in_lifecycle_order() -> None:
    step = plan(facts(next_at=NOW), NOW)
    assert isinstance(step, Plan)
    assert step.walks == tuple(Walk(status=status) for status in COS.unfinished)


def test_a_full_sweep_finds_its_walks_out_when_it_begins() -> None:
    step = plan(facts(next_full_at=NOW), NOW)
    assert isinstance(step, Plan)
    assert (step.kind, step.walks) == (SweepKind.FULL, ())


VAULTS = ("backup", "logs", "tapes")


def test_a_hot_sweep_asks_each_scope_for_each_status() -> None:
    known = facts(scopes=VAULTS, scope_calls=1, statuses=("InProgress",), listed=MANY, next_at=NOW)
    step = plan(known, NOW)
    assert isinstance(step, Plan)
    assert (step.kind, step.reason) == (SweepKind.HOT, PlanReason.HOT_DUE)
    assert step.walks == tuple(Walk(vault, "InProgress") for vault in VAULTS)


def test_a_source_whose_scopes_nobody_asked_for_yet_is_swept_in_full() -> None:
    step = plan(facts(scopes=None, scope_calls=1), NOW)
    assert isinstance(step, Plan)
    assert (step.kind, step.reason) == (SweepKind.FULL, PlanReason.SCOPES)


def test_where_there_are_no_scopes_only_full_sweeps_look_for_some() -> None:
    step = plan(facts(scopes=(), scope_calls=1, listed=0, next_at=NOW), NOW)
    assert isinstance(step, Plan)
    assert (step.kind, step.reason) == (SweepKind.FULL, PlanReason.CHEAPEST)
    broken = plan(facts(scopes=(), next_at=NOW, listed=0, full_broke=True), NOW)
    assert isinstance(broken, Plan)
    assert broken.kind is SweepKind.FULL


@pytest.mark.parametrize(
    ("scopes", "scope_calls", "listed", "calls"),
    [
        (("",), 0, 0, 1),
        (("",), 0, 2500, 3),
        (VAULTS, 0, 10, 3),  # a page each
        (VAULTS, 1, 10, 4),
        (VAULTS, 1, 5000, 6),
        (None, 1, 0, 1),
        ((), 1, 0, 1),
    ],
)
def test_a_full_sweep_costs_a_page_a_scope_at_least(
    scopes: tuple[str, ...] | None, scope_calls: int, listed: int, calls: int
) -> None:
    known = facts(scopes=scopes, scope_calls=scope_calls, listed=listed, page_size=1000)
    assert full_calls(known) == calls


TIMES = st.none() | st.integers(-7200, 7200).map(lambda seconds: NOW + seconds * SECOND)
STATUSES = st.lists(st.sampled_from(COS.unfinished), unique=True).map(tuple)
FACTS = st.builds(
    Facts,
    statuses=STATUSES,
    scopes=st.sampled_from([None, (), ("",), VAULTS]),
    scope_calls=st.integers(0, 1),
    page_size=st.sampled_from([1, 100, 1000]),
    listed=st.integers(0, MANY),
    followed=st.integers(0, 100),
    full_ever=st.booleans(),
    gap=st.booleans(),
    full_broke=st.booleans(),
    asked=st.booleans(),
    next_at=TIMES,
    next_full_at=TIMES,
)


@given(found=FACTS)
def test_a_rest_ends_in_the_future_and_at_the_earlier_due_time(found: Facts) -> None:
    step = plan(found, NOW)
    if isinstance(step, Rest):
        assert found.next_at is not None
        assert found.next_full_at is not None
        assert NOW < step.until == min(found.next_at, found.next_full_at)


@given(found=FACTS)
def test_whatever_is_due_is_not_slept_over(found: Facts) -> None:
    due = [each for each in (found.next_at, found.next_full_at) if each is None or each <= NOW]
    if due:
        assert isinstance(plan(found, NOW), Plan)


@given(found=FACTS)
def test_a_hot_sweep_reads_something_and_never_a_status_that_the_cloud_refused(
    found: Facts,
) -> None:
    step = plan(found, NOW)
    if isinstance(step, Plan) and step.kind is HOT:
        assert step.walks
        assert {walk.status for walk in step.walks} == set(found.statuses)


@given(found=FACTS, later=st.integers(0, 7200))
def test_what_is_to_be_swept_now_is_to_be_swept_later_as_well(found: Facts, later: int) -> None:
    if isinstance(plan(found, NOW), Plan):
        assert isinstance(plan(found, NOW + later * SECOND), Plan)


@given(found=FACTS)
def test_a_full_sweep_that_costs_more_waits_for_its_own_time(found: Facts) -> None:
    watched = replace(found, asked=False, gap=False, full_ever=True, full_broke=False)
    step = plan(watched, NOW)
    due = watched.next_full_at is None or watched.next_full_at <= NOW
    if isinstance(step, Plan) and step.kind is FULL and not due and hot_calls(watched):
        assert full_calls(watched) <= hot_calls(watched)


@given(
    took=st.lists(st.integers(1, 400), min_size=30, max_size=30),
    chances=st.lists(st.floats(0, 1, exclude_max=True), min_size=30, max_size=30),
    gap=st.booleans(),
    full_ever=st.booleans(),
)
def test_where_full_sweeps_break_for_ever_hot_ones_still_come_within_their_interval(
    took: list[int],
    chances: list[float],
    gap: bool,  # noqa: FBT001  drawn
    full_ever: bool,  # noqa: FBT001  drawn
) -> None:
    now, hot, full = NOW, 0, 0
    found = facts(next_at=NOW, next_full_at=NOW, gap=gap, full_ever=full_ever, full_broke=True)
    hot_was_due = now
    for seconds, chance in zip(took, chances, strict=True):
        step = plan(found, now)
        if isinstance(step, Rest):
            now = step.until
            step = plan(found, now)
        assert isinstance(step, Plan)
        if step.kind is FULL:  # breaks at once
            full += 1
            found = replace(found, next_full_at=now + jittered(FULL_EVERY, chance))
            continue
        hot += 1
        assert now <= hot_was_due, "a hot sweep waited for a full one that breaks"
        now += seconds * SECOND
        hot_was_due = now + jittered(EVERY, chance)
        found = replace(found, next_at=hot_was_due)
    assert hot
    assert full <= hot + 1


@pytest.mark.parametrize(
    ("listed", "page_size", "calls"),
    [(0, 1000, 1), (1, 1000, 1), (1000, 1000, 1), (1001, 1000, 2), (50_000, 1000, 50), (7, 1, 7)],
)
def test_a_full_sweep_reads_at_least_one_page(listed: int, page_size: int, calls: int) -> None:
    assert full_calls(facts(listed=listed, page_size=page_size)) == calls


@pytest.mark.parametrize(
    ("differs", "absent", "needed"),
    [
        ({}, 50, False),
        ({}, 51, True),
        ({"full_broke": True}, 10_000, False),
        ({"listed": 0}, 10, False),
        ({"listed": 0}, 11, True),
        ({"listed": 0, "statuses": ("Active",)}, 2, True),
        ({"followed": 40}, 90, False),
        ({"followed": 40}, 91, True),
        ({"followed": 40}, 10, False),
    ],
)
def test_a_full_sweep_proves_more_cheaply_where_many_jobs_left_the_lists(
    differs: dict[str, Any], absent: int, *, needed: bool
) -> None:
    assert needs_proof(facts(**differs), absent=absent) is needed


@given(chance=st.floats(0, 1, exclude_max=True), seconds=st.integers(1, 10**6))
def test_a_pause_moves_by_no_more_than_a_tenth_and_is_trusted_afterwards(
    chance: float, seconds: int
) -> None:
    pause = seconds * SECOND
    moved = jittered(pause, chance)
    assert abs(moved - pause) <= JITTER * pause
    assert trusted(NOW + moved, NOW, pause) == NOW + moved


def test_the_middle_chance_moves_nothing_and_the_ends_move_a_tenth() -> None:
    assert jittered(EVERY, 0.5) == EVERY
    assert jittered(EVERY, 0.0) == timedelta(seconds=27)
    assert EVERY < jittered(EVERY, 0.999) < timedelta(seconds=33)


@pytest.mark.parametrize(
    ("due_at", "expected"),
    [
        (None, None),
        (NOW - DAY, NOW - DAY),
        (NOW + EVERY, NOW + EVERY),
        (NOW + timedelta(seconds=33), NOW + timedelta(seconds=33)),
        (NOW + timedelta(seconds=34), None),
        (NOW + 400 * DAY, None),
    ],
)
def test_a_due_time_that_nobody_can_have_written_counts_as_due(
    due_at: datetime | None, expected: datetime | None
) -> None:
    assert trusted(due_at, NOW, EVERY) == expected


@pytest.mark.parametrize(
    ("differs", "full_every", "expected"),
    [
        ({}, FULL_EVERY, Cost(hot=1200.0, full=300.0)),
        ({"listed": 0}, FULL_EVERY, Cost(hot=0.0, full=120.0)),
        ({"listed": 9_000}, FULL_EVERY, Cost(hot=0.0, full=1080.0)),
        ({}, SECOND, Cost(hot=1200.0, full=6000.0)),
        ({"statuses": ()}, FULL_EVERY, Cost(hot=0.0, full=6000.0)),
    ],
)
def test_the_cost_is_calls_an_hour_of_what_the_plan_will_do(
    differs: dict[str, Any], full_every: timedelta, expected: Cost
) -> None:
    found = cost(facts(**differs), every=EVERY, full_every=full_every)
    assert found == expected
    assert found.total == expected.hot + expected.full
