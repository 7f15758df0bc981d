"""The simulated jobs: one life, and the whole world as a function of time."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobwatch.core.model import Outcome
from jobwatch.providers.cos_batch import LIFECYCLE
from jobwatch.simulator.lives import DECK, KINDS, Arrivals, script_of
from jobwatch.simulator.markup import Writer
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.script import ENDED, STATUSES, JobScript, JobState, Step, ends_at, state_at
from jobwatch.simulator.world import LISTED_FOR, World

T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def job(job_id: str = "a", **changes: Any) -> JobScript:
    return JobScript(**{"id": job_id, "created_at": T0, **changes})


def at(script: JobScript, seconds: float) -> JobState:
    state = state_at(script, T0 + timedelta(seconds=seconds))
    assert state is not None
    return state


def ids(world: World, now: datetime = T0) -> list[str]:
    return [state.id for state in world.jobs_at(now)]


# ── one job ──────────────────────────────────────────────────────────────────────────


def test_a_script_is_played_step_by_step() -> None:
    script = job(
        total=100,
        steps=(
            Step("Preparing", 10 * SECOND),
            Step("Active", 100 * SECOND, done=1.0, failing=0.1, reason="running"),
            Step("Complete"),
        ),
    )
    assert state_at(script, T0 - SECOND) is None
    assert (at(script, 0).status, at(script, 0).total) == ("Preparing", 0)
    half = at(script, 60)
    assert (half.status, half.total, half.succeeded, half.failed) == ("Active", 100, 45, 5)
    assert half.ended_at is None
    over = at(script, 110)
    assert (over.status, over.succeeded, over.failed) == ("Complete", 90, 10)
    assert over.ended_at == T0 + 110 * SECOND
    assert over.reason == "running"
    assert at(script, 10**6) == over


def test_a_last_step_may_do_its_work_at_once() -> None:
    assert at(job(total=7, steps=(Step("Complete", done=1.0),)), 0).succeeded == 7


def lived(kind: str, seed: int) -> list[JobState]:
    """The states of one life, forty looks over its length and one after."""
    script = script_of(kind, Random(seed), T0)
    end = ends_at(script)
    assert end is not None
    looks = [T0 + (end - T0) * n / 40 for n in range(41)]
    return [state for look in looks if (state := state_at(script, look)) is not None]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_life_goes_only_where_jobs_go(kind: str) -> None:
    for seed in range(20):
        words = [step.status for step in script_of(kind, Random(seed), T0).steps]
        assert set(words) <= set(STATUSES)
        for before, after in pairwise(words):
            assert after == before or LIFECYCLE.reachable(before, after), (before, after)
        assert words[-1] in ENDED


@given(kind=st.sampled_from(sorted(KINDS)), seed=st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_counters_never_go_back_and_never_exceed_the_total(kind: str, seed: int) -> None:
    states = lived(kind, seed)
    for before, after in pairwise(states):
        assert after.succeeded >= before.succeeded
        assert after.failed >= before.failed
    for state in states:
        assert state.total == 0 or state.succeeded + state.failed <= state.total
        assert min(state.succeeded, state.failed) >= 0


def outcome_of(kind: str) -> set[Outcome]:
    found = set()
    for seed in range(30):
        last = lived(kind, seed)[-1]
        if last.status == "Complete":
            bad = last.failed > 0
            found.add(Outcome.COMPLETED_WITH_FAILURES if bad else Outcome.SUCCEEDED)
        else:
            found.add(Outcome.FAILED if last.status == "Failed" else Outcome.CANCELLED)
    return found


def test_the_kinds_of_life_end_as_they_are_called() -> None:
    partly = {Outcome.COMPLETED_WITH_FAILURES}
    expected = {
        "partly_fails": partly,
        "wholly_fails": partly,
        "stopped": {Outcome.FAILED},
        "unreadable": {Outcome.FAILED},
        "declined": {Outcome.CANCELLED},
        "cancelled_early": {Outcome.CANCELLED},
        "cancelled_midway": {Outcome.CANCELLED},
    }
    for kind in KINDS:
        assert outcome_of(kind) == expected.get(kind, {Outcome.SUCCEEDED}), kind


def test_only_jobs_of_more_than_a_thousand_tasks_are_stopped_by_the_threshold() -> None:
    for seed in range(50):
        stopped, through = lived("stopped", seed)[-1], lived("wholly_fails", seed)[-1]
        assert stopped.total > 1000
        assert stopped.failed > stopped.succeeded
        assert stopped.failures
        assert through.total < 1000
        assert (through.succeeded, through.failed) == (0, through.total)


def test_short_jobs_last_as_long_as_the_documented_samples() -> None:
    for seed in range(50):
        last = lived("short", seed)[-1]
        assert last.ended_at is not None
        assert 12 <= (last.ended_at - T0).total_seconds() <= 16


# ── the world ────────────────────────────────────────────────────────────────────────


def test_a_world_is_a_function_of_seed_and_time() -> None:
    looks = [T0 + timedelta(hours=h) for h in (0, 5, 1, 30, 3)]
    world = World.generate(start=T0, seed=7, jobs=60)
    again = World.generate(start=T0, seed=7, jobs=60)
    backwards = {look: again.jobs_at(look) for look in reversed(looks)}
    assert {look: world.jobs_at(look) for look in looks} == backwards
    assert World.generate(start=T0, seed=8, jobs=60).jobs_at(T0) != world.jobs_at(T0)


def test_a_generated_world_has_history_jobs_under_way_and_arrivals() -> None:
    world = World.generate(start=T0, jobs=40)
    states = world.jobs_at(T0)
    assert len(states) == 40
    assert sum(not state.ended for state in states) == 10
    assert all(state.ended_at is None or state.ended_at < T0 for state in states)
    assert [state.id for state in states] == sorted(state.id for state in states)
    later = world.jobs_at(T0 + timedelta(hours=10))
    assert 95 <= len(later) <= 101  # one in ten minutes
    assert {state.id for state in states} < {state.id for state in later}


def test_speed_brings_more_jobs_and_shorter_lives() -> None:
    fast = World.generate(start=T0, jobs=12, speed=60)
    minute_later = fast.jobs_at(T0 + timedelta(minutes=10))
    assert len(minute_later) == pytest.approx(72, abs=2)
    kinds = Counter(state.status for state in minute_later)
    assert {"Failed", "Cancelled", "Complete", "Active"} <= set(kinds)


def test_arrivals_come_in_order_and_a_deck_shows_every_kind() -> None:
    arrivals = Arrivals(seed=3, start=T0, speed=100)
    times = [arrivals.at(number) for number in range(200)]
    assert times == sorted(times)
    totals = Counter(arrivals.script(number).steps[-1].status for number in range(len(DECK)))
    assert totals == {"Complete": len(DECK) - 5, "Failed": 2, "Cancelled": 3}


def test_jobs_leave_ninety_days_after_creation_ended_or_not() -> None:
    world = World([job("ended", steps=(Step("Complete"),)), job("endless")])
    world.add(job("younger", created_at=T0 + timedelta(days=1)))
    last = T0 + LISTED_FOR
    assert ids(world, last - SECOND) == ["ended", "endless", "younger"]
    assert ids(world, last) == ["younger"]
    assert world.job("endless", last) is None
    assert world.job("endless", last - SECOND) is not None


def test_pages_follow_each_other_without_gap_or_repeat() -> None:
    world = World.generate(start=T0, jobs=250, unfinished=30)
    for status in (None, "Complete", "Active"):
        seen, token, more = [], None, True
        while more:
            page = world.page(T0, status=status, after=token, limit=7)
            seen += [state.id for state in page.states]
            token, more = seen[-1], page.more
        wanted = [s.id for s in world.jobs_at(T0) if status in (None, s.status)]
        assert seen == wanted


def test_order_by_creation_pages_as_well() -> None:
    scripts = [job(name, created_at=T0 - n * SECOND) for n, name in enumerate("abcd")]
    world = World(scripts, order="created")
    assert ids(world) == ["d", "c", "b", "a"]
    assert [state.id for state in world.page(T0, after="c", limit=1).states] == ["b"]


def test_a_token_of_an_unknown_job_is_refused() -> None:
    with pytest.raises(KeyError):
        World([job()]).page(T0, after="nobody")


def test_what_a_test_sets_stays_until_it_sets_another_thing() -> None:
    world = World([job(steps=(Step("New", SECOND), Step("Complete", done=1.0)))])
    world.set("a", T0, status="Active", succeeded=4)
    later = T0 + timedelta(days=1)
    state = world.job("a", later)
    assert state is not None
    assert (state.status, state.succeeded, state.total) == ("Active", 4, 10)
    assert state.ended_at is None
    assert world.set("a", later, status="Suspended").suspended_at == later
    assert world.set("a", later, status="Failed", failed=6).ended_at == later
    assert [s.id for s in world.page(later, status="Failed").states] == ["a"]
    assert world.page(later, status="Complete").states == ()
    assert world.set("a", later, status="Active", failed=1).ended_at is None
    assert world.set("a", later, status="Complete").succeeded == 9
    with pytest.raises(KeyError):
        world.set("b", later, status="Active")


def test_a_removed_job_is_gone_until_it_is_added_again() -> None:
    world = World([job("a", steps=(Step("Complete"),)), job("b"), job("c")])
    world.set("c", T0, status="Active")
    for name in "abc":
        world.remove(name)
    assert ids(world) == ids(world, T0 - SECOND) == []
    world.add(job("a"))
    assert ids(world) == ["a"]


def test_a_frozen_world_stands_still() -> None:
    world = World([job(steps=(Step("New", SECOND), Step("Complete")))])
    world.freeze(T0)
    assert world.jobs_at(T0 + timedelta(days=200))[0].status == "New"
    world.thaw()
    assert world.jobs_at(T0 + 2 * SECOND)[0].status == "Complete"


def test_ended_jobs_are_neither_computed_nor_written_twice() -> None:
    world, writer = World.generate(start=T0, jobs=300, unfinished=30), Writer(Quirks())
    first, second = world.jobs_at(T0), world.jobs_at(T0 + SECOND)
    same = [a for a, b in zip(first, second, strict=True) if a is b]
    assert same == [state for state in first if state.ended]
    assert all(writer.member(state) is writer.member(state) for state in same)
