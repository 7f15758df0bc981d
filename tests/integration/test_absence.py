"""What is not there: followed while it lives, called gone once, and doubted where it is too much at once."""

from pathlib import Path
from typing import Any

import pytest

from jobwatch.core.events import EventType
from jobwatch.core.model import Outcome
from jobwatch.core.plan import SweepKind
from jobwatch.core.routing import Selection, Subscription
from jobwatch.simulator import faults
from jobwatch.simulator.faults import When
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.integration.watching_rig import (
    COPY,
    FINISHED,
    HOUR,
    PAGE,
    Calls,
    ended_long_ago,
    large_account,
    last_sweep,
    running,
    simulation,
    snapshot,
    turn,
    turns,
)
from tests.rig import Clock, Given, Rig, job, rig, step

EVERYTHING = [Subscription(receiver="ops", wants=Selection(types=frozenset(EventType)))]
NOTHING = faults.Raw(body=b"<ListJobsResult><Jobs/></ListJobsResult>")


def suspects(one: Rig) -> list[tuple[str, str]]:
    """State and id of everything told of a suspect source."""
    return [
        (event["data"]["condition"]["state"], event["data"]["condition"]["id"])
        for event in one.simulation.sink.events
        if event["type"] == "source.suspect"
    ]


def vanished(one: Rig) -> list[str]:
    return sorted(subject for kind, subject in one.told if kind == "job.vanished")


def take_out(one: Rig, scripts: list[JobScript]) -> None:
    for each in scripts:
        one.simulation.world.remove(each.id)


async def test_a_job_too_old_for_the_list_is_followed_by_hot_and_full_sweeps_to_its_end(
    clock: Clock, path: Path
) -> None:
    lives = [job("old", step("Active", 1500, done=1.0), step("Failed")), *running(2)]
    async with large_account(lives, clock, path) as one:
        one.simulation.faults.add(NOTHING, When(call="list", status="Active"))
        # The twelfth of the pages behind the first is where the unfinished jobs stand.
        one.simulation.faults.add(
            NOTHING, When(call="list", has_token=True, nth=frozenset(range(12, 99, 12)))
        )
        kinds = set()
        while clock.elapsed < 1460:
            calls = Calls(one)
            await turns(one)
            kinds.add((await last_sweep(one)).kind)
            assert "old" in calls.described
            assert one.told == []
        await turns(one, 2)
        assert kinds == {SweepKind.HOT, SweepKind.FULL}
        assert one.told == [("job.failed", "old")]
        calls = Calls(one)
        await turns(one, 2)
        assert "old" not in calls.described


async def test_a_job_vanishes_once_across_restarts_and_is_counted_once(
    clock: Clock, path: Path
) -> None:
    world = World([*ended_long_ago(), *running(4)])
    given = Given(page_size=PAGE)
    async with simulation(world, clock) as cloud:
        async with rig(cloud, clock, path, given) as one:
            await turn(one)
            world.remove("run-000")
            await turns(one, 2)
            assert (await snapshot(one, "run-000")).missing_since is not None
        for _ in range(4):
            async with rig(cloud, clock, path, given) as two:
                await turns(two, 7)
                assert await two.value(FINISHED, COPY, "vanished") == len(vanished(two))
        async with rig(cloud, clock, path, given) as three:
            calls = Calls(three)
            await turns(three, 2)
            assert three.told == [("job.vanished", "run-000")]
            assert three.event("job.vanished", "run-000")["data"]["severity"] == "critical"
            assert await three.value(FINISHED, COPY, "vanished") == 1
            assert "run-000" not in calls.described, "what is gone is not followed any more"


async def test_a_job_that_comes_back_is_a_change_its_end_is_told_and_counted_no_second_time(
    clock: Clock, path: Path
) -> None:
    script = job("shy", step("Active", 2000, done=1.0), step("Complete"))
    async with large_account([script, *running(3)], clock, path) as one:
        one.simulation.world.remove("shy")
        await turns(one, 24)
        assert one.told == [("job.vanished", "shy")]
        one.simulation.world.add(script)
        await turns(one, 3)
        assert one.told == [("job.vanished", "shy"), ("job.status_changed", "shy")]
        back = await snapshot(one, "shy")
        assert (back.outcome, back.missing_since, back.missing_proved_at) == (None, None, None)
        await turns(one, 40)
        assert one.told[2:] == [("job.succeeded", "shy")]
        counted = [await one.value(FINISHED, COPY, each) for each in ("vanished", "succeeded")]
        assert counted == [1, 0]


async def test_most_jobs_gone_at_once_make_the_source_suspect_once_and_none_of_them_vanishes(
    clock: Clock, path: Path
) -> None:
    scripts = running(18)
    async with large_account(scripts, clock, path, subscriptions=EVERYTHING) as one:
        take_out(one, scripts[:12])
        await turns(one, 40)
        assert vanished(one) == []
        ((state, _),) = suspects(one)
        assert state == "opened"
        (event,) = [each for each in one.simulation.sink.events if each["type"] == "source.suspect"]
        assert (event["data"]["missing"], event["data"]["unfinished"]) == (12, 18)
        assert (await one.state()).suspect_since is not None
        assert (await one.state()).failures == 0


async def test_held_jobs_are_asked_about_by_full_sweeps_alone_which_stay_as_rare_as_ever(
    clock: Clock, path: Path
) -> None:
    scripts = running(18)
    async with large_account(scripts, clock, path) as one:
        take_out(one, scripts[:15])
        await turns(one, 40)
        calls = Calls(one)
        await turns(one, 36)  # just under twenty minutes
        assert calls.pages.count(None) in {1, 2}
        assert len(calls.described) == 15 * calls.pages.count(None)


async def test_a_suspect_source_stays_so_across_restarts_and_is_told_once(
    clock: Clock, path: Path
) -> None:
    scripts = running(18)
    world = World([*ended_long_ago(), *scripts])
    given = Given(page_size=PAGE, subscriptions=EVERYTHING)
    async with simulation(world, clock) as cloud:
        async with rig(cloud, clock, path, given) as one:
            await turn(one)
            take_out(one, scripts[:12])
            await turns(one, 24)
            assert len(suspects(one)) == 1
        for pause in (10, 7200):
            clock.advance(pause)
            async with rig(cloud, clock, path, given) as two:
                await turns(two, 5)
                assert [state for state, _ in suspects(two)] == ["opened"]
                assert vanished(two) == []


async def test_jobs_that_come_back_close_the_suspicion_and_nothing_else_is_told(
    clock: Clock, path: Path
) -> None:
    scripts = running(18)
    async with large_account(scripts, clock, path, subscriptions=EVERYTHING) as one:
        take_out(one, scripts[:12])
        await turns(one, 24)
        for each in scripts[:12]:
            one.simulation.world.add(each)
        await turns(one, 24)
        (opened, first), (closed, second) = suspects(one)
        assert (opened, closed) == ("opened", "closed")
        assert first == second
        kinds = {event["type"] for event in one.simulation.sink.events}
        assert kinds == {"source.baselined", "source.suspect"}
        assert all(each["outcome"] is None for each in await outcomes(one, scripts))


async def outcomes(one: Rig, scripts: list[JobScript]) -> list[dict[str, Any]]:
    return [{"id": each.id, "outcome": (await snapshot(one, each.id)).outcome} for each in scripts]


async def test_jobs_held_back_vanish_once_they_are_no_longer_most_of_all(
    clock: Clock, path: Path
) -> None:
    scripts = running(15)
    async with large_account(scripts, clock, path, subscriptions=EVERYTHING) as one:
        take_out(one, scripts[:12])
        await turns(one, 24)
        assert vanished(one) == []
        for n in range(16):
            fresh = job(f"new-{n:02}", step("Active", 86400, done=1.0), created=clock.now)
            one.simulation.world.add(fresh)
        await turns(one, 24)
        assert vanished(one) == [each.id for each in scripts[:12]]
        assert [state for state, _ in suspects(one)] == ["opened", "closed"]
        assert await one.value(FINISHED, COPY, "vanished") == 12
        gone = [each["outcome"] for each in await outcomes(one, scripts[:12])]
        assert gone == [Outcome.VANISHED] * 12


async def test_nine_jobs_gone_at_once_are_few_enough_to_vanish(clock: Clock, path: Path) -> None:
    scripts = running(9)
    async with large_account(scripts, clock, path, subscriptions=EVERYTHING) as one:
        take_out(one, scripts)
        await turns(one, 24)
        assert vanished(one) == [each.id for each in scripts]
        assert suspects(one) == []


async def test_what_could_not_be_asked_about_is_neither_missing_nor_gone(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(3), clock, path) as one:
        one.simulation.world.remove("run-001")
        one.simulation.faults.add(faults.INTERNAL, When(call="describe"))
        await turns(one, 24)
        assert (await snapshot(one, "run-001")).missing_since is None
        assert (await one.state()).failures > 1
        one.simulation.faults.clear()
        await turns(one, 8)
        assert (await snapshot(one, "run-001")).missing_since is not None
        assert vanished(one) == []


def baselines(one: Rig) -> list[dict[str, int]]:
    return [
        {name: event["data"][name] for name in ("listed", "unfinished", "waiting")}
        for event in one.simulation.sink.events
        if event["type"] == "source.baselined"
    ]


async def test_a_source_is_baselined_once_with_what_it_held(clock: Clock, path: Path) -> None:
    world = World([*ended_long_ago(30), *running(3), job("wait", step("Suspended"))])
    given = Given(subscriptions=EVERYTHING)
    async with Simulation(world, clock=clock) as cloud:
        for _ in range(3):
            async with rig(cloud, clock, path, given) as one:
                await turns(one, 3)
                assert baselines(one) == [{"listed": 34, "unfinished": 4, "waiting": 1}]
        clock.advance(2 * HOUR.total_seconds())
        async with rig(cloud, clock, path, given) as two:
            await turns(two, 3)
            assert len(baselines(two)) == 1


@pytest.mark.parametrize("restart", [False, True])
async def test_a_first_sweep_that_broke_is_no_baseline_and_the_one_that_completes_tells_it(
    clock: Clock, path: Path, *, restart: bool
) -> None:
    world = World([*ended_long_ago(), *running(3)])
    given = Given(page_size=PAGE, subscriptions=EVERYTHING)
    async with simulation(world, clock) as cloud:
        cloud.faults.add(faults.DENIED, When(call="list", nth=frozenset({6})))
        async with rig(cloud, clock, path, given) as one:
            await one.poll()
            assert (await one.state()).failures == 1
            assert (await one.state()).baselined_at is None
            if not restart:
                await turns(one, 3)
                assert baselines(one) == [{"listed": 243, "unfinished": 3, "waiting": 0}]
        async with rig(cloud, clock, path, given) as two:
            await turns(two, 3)
            assert baselines(two) == [{"listed": 243, "unfinished": 3, "waiting": 0}]
            assert vanished(two) == []
