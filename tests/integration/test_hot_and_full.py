"""Hot sweeps are cheap and quick, full sweeps find the rest: what each costs, shows and proves."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from jobwatch.core.plan import PlanReason, SweepKind
from jobwatch.simulator.answers import Question
from jobwatch.simulator.faults import Hook, When
from jobwatch.simulator.world import World
from tests.integration.watching_rig import (
    MINUTE,
    Calls,
    ended_long_ago,
    large_account,
    last_sweep,
    made,
    running,
    simulation,
    turn,
    turns,
)
from tests.rig import Clock, Given, Rig, job, rig, step


async def test_a_hot_sweep_over_two_thousand_ended_jobs_costs_a_call_for_each_status(
    clock: Clock, path: Path
) -> None:
    leaving = [job(f"leaves-{n}", step("Active", 40, done=1.0), step("Complete")) for n in range(5)]
    world = World([*ended_long_ago(2000), *running(45), *leaving])
    given = Given(page_size=50)
    async with (
        simulation(world, clock, page_size=50) as cloud,
        rig(cloud, clock, path, given) as one,
    ):
        await turn(one)
        assert (await last_sweep(one)).pages == 41
        for left in (0, 5, 0):
            clock.advance(33)
            calls = Calls(one)
            await one.poll()
            assert await made(one) == (SweepKind.HOT, PlanReason.HOT_DUE)
            assert len(calls.all) <= 12 + left
            assert len(calls.described) == left
        await turn(one)
        assert sorted(one.told) == [("job.succeeded", each.id) for each in leaving]


async def test_what_began_and_ended_between_two_hot_sweeps_is_told_by_the_next_full_one(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(3), clock, path, full_every=10 * MINUTE) as one:
        await turns(one, 3)
        assert (await last_sweep(one)).kind == SweepKind.HOT
        born = clock.now + timedelta(seconds=3)
        one.simulation.world.add(
            job("short", step("Active", 20, done=1.0), step("Complete"), created=born)
        )
        await turns(one, 3)
        assert one.told == []
        while not one.told:
            assert clock.now - born < 11 * MINUTE, "the delay is bounded by full_every"
            await turns(one)
        assert (await last_sweep(one)).kind == SweepKind.FULL
        assert one.told == [("job.succeeded", "short")]
        assert one.event("job.succeeded", "short")["data"]["late"] is False


def slow_pages(one: Rig, seconds: float, **when: Any) -> None:
    """Let time pass with every page of a full sweep."""

    async def pass_time(question: Question) -> None:
        if question.one("jobStatuses") is None:
            one.clock.advance(seconds)

    one.simulation.faults.add(Hook(callback=pass_time), When(call="list", **when))


async def test_an_ending_is_told_while_a_long_full_sweep_is_under_way(
    clock: Clock, path: Path
) -> None:
    told: list[int] = []
    ends = job("z-ends", step("Active", 700, done=1.0), step("Complete"))
    async with large_account([ends, *running(3)], clock, path, full_every=10 * MINUTE) as one:

        async def page(question: Question) -> None:
            if question.one("jobStatuses") is None:
                clock.advance(20)
                await one.details()
                await one.deliver()
                told.append(len(one.told))

        await turns(one, 18)
        one.simulation.faults.add(Hook(callback=page), When(call="list"))
        calls = Calls(one)
        await turns(one)
        assert (await last_sweep(one)).kind == SweepKind.FULL
        assert len(calls.pages) == 13, "the walk was not begun anew"
        assert calls.statuses, "hot sweeps went between its pages"
        assert 1 in told[:12], "told before the walk was over"
        assert one.told == [("job.succeeded", "z-ends")]
