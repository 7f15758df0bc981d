"""Our clock steps while the world goes on: no burst, no standstill, nothing late or stalled that is not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from jobwatch.core.rules import Rules
from jobwatch.simulator.answers import Question
from jobwatch.simulator.faults import Hook, When
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.receiver import WebhookSink
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET, Options, Server, Simulation
from jobwatch.simulator.world import World
from tests.integration.watching_rig import (
    HOT_CALLS,
    HOUR,
    MINUTE,
    PAGE,
    Calls,
    ended_long_ago,
    running,
    true_time,
    turn,
    turns,
)
from tests.rig import START, Clock, Given, Rig, job, rig, step

BOTH_WAYS = pytest.mark.parametrize("by", [3600, -3600, 120, -120])
RULES = Rules(stalled_after=5 * MINUTE, waiting_after=20 * MINUTE, unreachable_after=5 * MINUTE)


@asynccontextmanager
async def elsewhere(
    scripts: list[JobScript], clock: Clock, path: Path, *, ended: int = 240
) -> AsyncIterator[Rig]:
    """An account in a place whose clock does not step with ours, read in full once."""
    world = World([*ended_long_ago(ended), *scripts])
    cloud = Simulation(
        world,
        clock=partial(true_time, clock),
        options=Options(quirks=Quirks(page_size=PAGE)),
    )
    # A receiver that stands beside us: one elsewhere refuses signatures that seem an hour old.
    cloud.sink = WebhookSink((DEMO_WEBHOOK_SECRET,), clock=clock)
    cloud._sink_server = Server(cloud.sink.application())
    given = Given(page_size=PAGE, rules=RULES)
    async with cloud, rig(cloud, clock, path, given) as one:
        await turn(one)
        yield one


@BOTH_WAYS
async def test_a_step_of_our_clock_makes_one_sweep_and_then_one_an_interval(
    clock: Clock, path: Path, by: float
) -> None:
    async with elsewhere(running(3), clock, path) as one:
        await turns(one, 5)
        clock.step(by)
        calls = Calls(one)
        for _ in range(5):
            await one.poll()
        assert len(calls.pages) <= 13 + 1, "the first one tells what time it is"
        assert len(calls.statuses) <= HOT_CALLS
        for _ in range(25):
            calls = Calls(one)
            await turns(one)
            assert calls.all, "it goes on"
            assert len(calls.pages) <= 13
            assert len(calls.statuses) <= HOT_CALLS
            state = await one.state()
            assert state.unfinished_data_at is not None
            assert timedelta() <= clock.now - state.unfinished_data_at <= MINUTE
        assert state.all_data_at is not None
        assert clock.now - state.all_data_at <= 11 * MINUTE
        assert one.told == []


@BOTH_WAYS
async def test_what_ended_around_a_step_of_our_clock_is_not_late(
    clock: Clock, path: Path, by: float
) -> None:
    lives = [
        job("before", step("Active", 170, done=1.0), step("Complete"), total=1000),
        job("after", step("Active", 190, done=1.0), step("Complete"), total=1000),
    ]
    async with elsewhere([*lives, *running(2)], clock, path) as one:
        await turns(one, 5)
        clock.advance(10)
        clock.step(by)
        await turns(one, 3)
        assert sorted(one.told) == [("job.succeeded", "after"), ("job.succeeded", "before")]
        for name in ("before", "after"):
            assert one.event("job.succeeded", name)["data"]["late"] is False
        delays = [
            each.series.labels[-1]
            for each in (await one.store.overview()).series
            if each.series.name == "jobwatch_detection_delay_seconds" and each.value
        ]
        assert set(delays) - {"sum"} <= {"30.0", "60.0", "30", "60"}, "no delay of an hour"


@BOTH_WAYS
async def test_what_began_and_ended_before_a_step_and_was_not_seen_yet_is_not_late(
    clock: Clock, path: Path, by: float
) -> None:
    async with elsewhere(running(2), clock, path) as one:
        await turns(one, 5)
        born = true_time(clock) + timedelta(seconds=2)
        short = job("short", step("Active", 5, done=1.0), step("Complete"), created=born)
        one.simulation.world.add(short)
        clock.advance(20)
        clock.step(by)
        while not one.told and clock.elapsed < 1000:
            await turns(one)
        assert one.told == [("job.succeeded", "short")]
        assert one.event("job.succeeded", "short")["data"]["late"] is False


@BOTH_WAYS
async def test_a_step_of_our_clock_opens_no_condition_before_its_time(
    clock: Clock, path: Path, by: float
) -> None:
    lives = [job("waits", step("Suspended")), *running(2)]
    async with elsewhere(lives, clock, path) as one:
        await turns(one, 5)
        clock.step(by)
        while clock.elapsed < 19 * 60:
            await turns(one)
            if abs(by) == 3600:
                assert one.told == []
            else:
                assert one.told == [] or clock.elapsed > 17 * 60, "at most the step too early"
        while not one.told and clock.elapsed < 2 * HOUR.total_seconds():
            await turns(one)
        assert one.told == [("job.waiting", "waits")]
        assert (await one.state()).failures == 0


@BOTH_WAYS
async def test_a_step_while_the_source_is_down_says_nothing_wrong_of_how_long(
    clock: Clock, path: Path, by: float
) -> None:
    async with elsewhere(running(2), clock, path) as one:
        await turns(one, 2)
        one.simulation.faults.add(Hook(callback=_nothing), When())
        clock.step(by)
        await turns(one, 3)
        clock.step(-by)
        await turns(one, 6)
        assert one.told == []
        assert (await one.state()).failures == 0


async def _nothing(_: Question) -> None:
    return


@BOTH_WAYS
async def test_a_step_within_a_long_full_sweep_neither_stops_hot_sweeps_nor_the_walk(
    clock: Clock, path: Path, by: float
) -> None:
    ends = job("z-ends", step("Active", 900, done=1.0), step("Complete"), total=1000)
    async with elsewhere([ends, *running(2)], clock, path, ended=800) as one:

        async def page(question: Question) -> None:
            if question.one("jobStatuses") is None and question.lists:
                clock.advance(10)
                if question.one("nextToken") == "a-00299":
                    clock.step(by)
                await one.details()
                await one.deliver()

        while clock.elapsed < 560:
            await turns(one)
        one.simulation.faults.add(Hook(callback=page), When(call="list"))
        calls = Calls(one)
        await one.poll()
        while not calls.pages:
            await turns(one)
        assert calls.pages.count("a-00299") <= 2
        # A start that lies in the future says nothing of how old the data is: the next one is due at once.
        assert len(calls.pages) <= 2 * 42
        assert one.told == [("job.succeeded", "z-ends")]
        assert one.event("job.succeeded", "z-ends")["data"]["late"] is False
        state = await one.state()
        assert (state.failures, state.walk) == (0, None)
        assert true_time(clock) - START < HOUR
