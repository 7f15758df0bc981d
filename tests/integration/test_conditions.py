"""Conditions of running sources: told when they begin, now and then, and when they end; never twice, never by guess."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.model import FailureReason
from jobwatch.core.plan import SweepKind
from jobwatch.core.rules import Rules
from jobwatch.simulator import faults
from jobwatch.simulator.answers import Question
from jobwatch.simulator.faults import Hook, When
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.integration.condition_rig import (
    AFTER,
    GIVEN,
    LIVES,
    RULES,
    WORKS,
    assert_one_story,
    notes,
    small_account,
    states,
)
from tests.integration.watching_rig import (
    MINUTE,
    large_account,
    last_sweep,
    running,
    turns,
)
from tests.rig import START, Clock, job, rig, step


@pytest.mark.parametrize("name", sorted(LIVES))
async def test_a_condition_of_a_job_opens_is_reminded_of_and_closes_under_one_id(
    clock: Clock, path: Path, name: str
) -> None:
    rules = replace(RULES, overdue_after=AFTER if name == "overdue" else None)
    async with small_account([LIVES[name]], clock, path, rules) as one:
        while not notes(one) and clock.elapsed < 1000:
            await turns(one)
        (opened,) = notes(one)
        assert (opened["name"], opened["state"]) == (name, "opened")
        if name != "failing":
            assert AFTER <= clock.now - START <= AFTER + MINUTE
        while states(one)[-1] != "closed" and clock.elapsed < 4000:
            await turns(one)
        await turns(one, 4)
        assert_one_story(notes(one), reminders=range(1, 4))


async def test_waiting_for_no_time_is_told_by_the_sweep_that_sees_it(
    clock: Clock, path: Path
) -> None:
    lives = [job("j", step("Active", 100, done=0.1), step("Suspended", 300), WORKS)]
    rules = replace(RULES, waiting_after=timedelta())
    async with small_account(lives, clock, path, rules) as one:
        await turns(one, 3)
        assert states(one) == []
        await turns(one)
        assert states(one) == ["opened"]
        await turns(one, 12)
        assert states(one) == ["opened", "closed"]


async def test_a_source_that_cannot_be_reached_is_told_so_with_its_cause_and_then_as_reached(
    clock: Clock, path: Path
) -> None:
    async with small_account([job("j", WORKS)], clock, path) as one:
        one.simulation.faults.add(faults.DENIED)
        failed_from = clock.now
        while not notes(one) and clock.elapsed < 1000:
            await turns(one)
        assert AFTER <= clock.now - failed_from <= AFTER + 2 * MINUTE
        (event,) = one.simulation.sink.events
        assert event["data"]["error"]["class"] == "denied"
        assert event["data"]["error"]["code"] == "AccessDenied"
        await turns(one, 45)
        one.simulation.faults.clear()
        await turns(one, 6)
        assert_one_story(notes(one, "unreachable"), reminders=range(2, 4))


async def test_a_suspect_source_is_reminded_of_and_closed_under_one_id(
    clock: Clock, path: Path
) -> None:
    scripts = running(12)
    async with small_account(scripts, clock, path) as one:
        for each in scripts:
            one.simulation.world.remove(each.id)
        await turns(one, 70)
        for each in scripts:
            one.simulation.world.add(each)
        await turns(one, 4)
        assert_one_story(notes(one, "suspect"), reminders=range(1, 4))
        assert {note["name"] for note in notes(one)} == {"suspect"}, "what is missing stalls not"


async def test_an_ending_closes_every_condition_of_its_job(clock: Clock, path: Path) -> None:
    lives = [
        job(
            "j",
            step("Active", 100, done=0.5, failing=1.0),
            step("Active", 1000),
            step("Failed"),
            failures=(FailureReason(code="X", message="y"),),
        )
    ]
    rules = replace(RULES, overdue_after=AFTER, remind_every=None)
    async with small_account(lives, clock, path, rules) as one:
        await turns(one, 25)
        assert {note["name"] for note in notes(one)} == {"failing", "overdue", "stalled"}
        assert states(one) == ["opened"] * 3
        await turns(one, 12)
        assert sorted(states(one)) == ["closed"] * 3 + ["opened"] * 3
        assert len({note["id"] for note in notes(one)}) == 3
        assert await one.store.open_conditions(one.source.lease) == []


async def test_an_ending_closes_the_conditions_of_its_job_while_a_long_full_sweep_is_under_way(
    clock: Clock, path: Path
) -> None:
    """Conditions were judged after the whole walk: for a million jobs an hour after the end was told."""
    lives = [job("z", step("Active", 720), step("Failed"))]
    seen: list[list[str]] = []
    async with large_account(
        lives, clock, path, rules=RULES, subscriptions=GIVEN.subscriptions
    ) as one:

        async def page(question: Question) -> None:
            if question.one("jobStatuses") is None and question.lists:
                clock.advance(20)
                await one.deliver()
                seen.append(states(one))

        await turns(one, 18)
        assert states(one) == ["opened"]
        one.simulation.faults.add(Hook(callback=page), When(call="list"))
        await turns(one)
        assert (await last_sweep(one)).kind == SweepKind.FULL
        assert ["opened", "closed"] in seen[:12], "closed before the walk was over"
        assert states(one) == ["opened", "closed"]


async def test_a_sweep_that_breaks_opens_nothing_and_closes_nothing_of_a_living_job(
    clock: Clock, path: Path
) -> None:
    lives = [job("old", step("Suspended", 700), WORKS), job("young", step("Active", 150), WORKS)]
    rules = Rules(waiting_after=AFTER)
    async with small_account([*lives], clock, path, rules) as one:
        await turns(one, 11)
        assert states(one) == ["opened"]
        one.simulation.world.set("young", clock.now, status="Suspended")
        await turns(one, 2)
        one.simulation.faults.add(faults.DENIED)
        await turns(one, 40)
        assert states(one) == ["opened"]
        one.simulation.faults.clear()
        await turns(one, 5)
        assert states(one) == ["opened", "closed"], "the outage is no time in which anybody watched"


@pytest.mark.parametrize(
    "life",
    [
        job("j", step("Active", 60, done=1.0), step("Active")),  # every task is counted
        job("j", step("Active", 60, done=1.0), step("Completing")),
        job("j", step("Paused")),
        job("j", step("Active", 86400, done=1.0), total=1000),
    ],
    ids=["all counted", "Completing", "Paused", "moving"],
)
async def test_what_does_not_stall(clock: Clock, path: Path, life: JobScript) -> None:
    async with small_account([life], clock, path, Rules(stalled_after=AFTER)) as one:
        await turns(one, 30)
        assert notes(one) == []


async def test_a_job_without_counters_does_not_stall(clock: Clock, path: Path) -> None:
    world = World([job("j", step("Active"))])
    async with Simulation(world, clock=clock) as cloud, rig(cloud, clock, path, GIVEN) as one:
        cloud.faults.add(faults.Rewrite(old=b"ProgressSummary>", new=b"SomethingElse>"))
        await turns(one, 30)
        assert (await one.state()).unfinished == 1
        assert notes(one) == []
