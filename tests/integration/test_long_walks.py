"""A full sweep that is cut short goes on where it stood, and claims no more than it saw."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jobwatch.core.plan import PlanReason, SweepKind
from jobwatch.simulator import faults
from jobwatch.simulator.answers import Question
from jobwatch.simulator.faults import BadToken, Hook, Tokens, When
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.integration.watching_rig import (
    MINUTE,
    PAGE,
    Calls,
    break_full_sweep_at,
    ended_long_ago,
    large_account,
    last_sweep,
    made,
    running,
    simulation,
    snapshot,
    turn,
    turns,
    until_full_is_due,
)
from tests.rig import Clock, Given, job, rig, step

PAGES = 13
"""Of the account below: 240 ended jobs and three at work, in pages of twenty."""


@asynccontextmanager
async def cut_short(
    clock: Clock, path: Path, *, page: int = 6
) -> AsyncIterator[tuple[Simulation, World]]:
    """A process that ended while its full sweep stood before this page."""
    world = World([*ended_long_ago(), *running(3)])
    given = Given(page_size=PAGE)
    async with simulation(world, clock) as cloud:
        async with rig(cloud, clock, path, given) as one:
            await turn(one)
            await break_full_sweep_at(one, page)
        yield cloud, world


async def test_a_full_sweep_that_broke_goes_on_at_the_page_that_failed_and_proves_absence(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(3), clock, path) as one:
        await break_full_sweep_at(one, 6)
        asked = (await one.state()).walk
        assert asked is not None
        one.simulation.world.remove("a-00239")
        calls = Calls(one)
        while not calls.pages:
            await turns(one)
        assert await made(one) == (SweepKind.FULL, PlanReason.FULL_DUE)
        assert len(calls.pages) == PAGES - 5
        assert calls.pages[0] == asked.token
        state = await one.state()
        assert (state.listed, state.walk) == (242, None)
        assert (await snapshot(one, "a-00239")).left_at is not None
        assert one.told == []


async def test_a_full_sweep_goes_on_in_the_next_process_and_leaves_absence_to_the_one_after(
    clock: Clock, path: Path
) -> None:
    async with cut_short(clock, path) as (cloud, world):
        world.remove("a-00000")
        world.remove("a-00239")
        async with rig(cloud, clock, path, Given(page_size=PAGE)) as two:
            before = await two.state()
            assert before.walk is not None
            calls = Calls(two)
            clock.advance(33)
            await two.poll()
            assert calls.pages[0] == before.walk.token
            assert len(calls.pages) == PAGES - 5
            state = await two.state()
            assert (state.listed, state.walk) == (242, None)
            assert state.all_data_at == before.walk.started_at, "the first page is that old"
            assert (await snapshot(two, "a-00000")).left_at is None
            assert (await snapshot(two, "a-00239")).left_at is None
            await until_full_is_due(two)
            await turns(two)
            assert await made(two) == (SweepKind.FULL, PlanReason.FULL_DUE)
            assert (await snapshot(two, "a-00000")).left_at == clock.now
            assert (await snapshot(two, "a-00239")).left_at == clock.now


async def test_an_unfinished_job_that_a_resumed_walk_did_not_show_is_not_called_missing_by_it(
    clock: Clock, path: Path
) -> None:
    async with cut_short(clock, path, page=13) as (cloud, world):
        world.remove("run-000")
        async with rig(cloud, clock, path, Given(page_size=PAGE)) as two:
            calls = Calls(two)
            clock.advance(33)
            await two.poll()
            assert await made(two) == (SweepKind.FULL, PlanReason.FULL_DUE)
            assert calls.described == []
            assert (await snapshot(two, "run-000")).missing_since is None
            await turns(two)
            assert calls.described == ["run-000"]
            assert (await snapshot(two, "run-000")).missing_since == clock.now


async def test_a_process_that_dies_within_a_walk_loses_the_pages_since_the_last_hot_sweep_alone(
    clock: Clock, path: Path
) -> None:
    world = World([*ended_long_ago(600), *running(3)])
    given = Given(page_size=PAGE)
    reached = asyncio.Event()

    async def page(question: Question) -> None:
        if question.one("jobStatuses") is None:
            clock.advance(5)
        if question.one("nextToken") == "a-00499":
            reached.set()
            await asyncio.Event().wait()

    async with simulation(world, clock) as cloud:
        async with rig(cloud, clock, path, given) as one:
            cloud.faults.add(Hook(callback=page), When(call="list"))
            dying = asyncio.create_task(one.poll())
            await reached.wait()
            dying.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dying
            walk = (await one.state()).walk
            assert walk is not None, "a hot sweep between two pages wrote down where the walk stood"
        cloud.faults.clear()
        async with rig(cloud, clock, path, given) as two:
            calls = Calls(two)
            await two.poll()
            assert calls.pages[0] == walk.token
            assert (await two.state()).listed == 603
            assert (await two.state()).baselined_at == clock.now


async def test_after_a_gap_a_full_sweep_begins_anew(clock: Clock, path: Path) -> None:
    async with cut_short(clock, path) as (cloud, _):
        clock.advance(3600)
        async with rig(cloud, clock, path, Given(page_size=PAGE)) as two:
            calls = Calls(two)
            await two.poll()
            assert await made(two) == (SweepKind.FULL, PlanReason.AFTER_GAP)
            assert calls.pages[0] is None
            assert len(calls.pages) == PAGES


async def test_a_gap_makes_a_broken_walk_begin_anew_although_a_hot_sweep_goes_first(
    clock: Clock, path: Path
) -> None:
    """What began and ended meanwhile on a page already read was found a whole full_every later."""
    async with large_account(running(3), clock, path) as one:
        await break_full_sweep_at(one, 6)
        born = clock.now + 30 * MINUTE
        one.simulation.world.add(
            job("a-00000a", step("Active", 9, done=1.0), step("Complete"), created=born)
        )
        calls = Calls(one)
        await turns(one, seconds=3600)
        await turns(one)
        assert calls.statuses, "what can be read comes first after trouble with a page"
        assert calls.pages[0] is None
        assert one.told == [("job.succeeded", "a-00000a")]
        assert one.event("job.succeeded", "a-00000a")["data"]["late"] is True


async def test_a_rejected_token_sends_a_walk_back_to_its_first_page_once(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(3), clock, path) as one:
        await until_full_is_due(one)
        one.simulation.faults.add(faults.TOKEN_REJECTED, When(call="list", nth=frozenset({6})))
        calls = Calls(one)
        await turns(one)
        assert calls.pages.count(None) == 2
        assert len(calls.pages) == PAGES + 6
        assert (await one.state()).listed == 243, "the pages before the refusal count once"
        assert await made(one) == (SweepKind.FULL, PlanReason.FULL_DUE)


async def test_a_resumed_walk_whose_token_is_rejected_begins_again_and_proves_absence(
    clock: Clock, path: Path
) -> None:
    async with cut_short(clock, path) as (cloud, world):
        world.remove("a-00100")
        cloud.faults.add(faults.TOKEN_REJECTED, When(call="list", nth=frozenset({1})))
        async with rig(cloud, clock, path, Given(page_size=PAGE)) as two:
            calls = Calls(two)
            clock.advance(33)
            await two.poll()
            assert len(calls.pages) == PAGES + 1
            assert (await two.state()).listed == 242
            assert (await snapshot(two, "a-00100")).left_at == clock.now


async def test_a_token_that_is_rejected_twice_breaks_the_walk_and_the_next_one_begins_anew(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(3), clock, path) as one:
        await until_full_is_due(one)
        nth = frozenset({6, 12})
        one.simulation.faults.add(faults.TOKEN_REJECTED, When(call="list", nth=nth))
        await turns(one)
        state = await one.state()
        assert state.walk is None
        calls = Calls(one)
        while not calls.pages:
            await turns(one)
        assert calls.pages[0] is None
        assert len(calls.pages) == PAGES


async def test_a_walk_in_circles_is_begun_anew_and_hot_sweeps_go_on(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(3), clock, path, full_every=MINUTE) as one:
        one.simulation.faults.add(BadToken(kind=Tokens.REPEATED), When(call="list", has_token=True))
        calls = Calls(one)
        await turns(one, 10)
        assert (await last_sweep(one)).kind == SweepKind.HOT
        assert len(calls.all) <= 10 * (10 + 3)
        one.simulation.faults.clear()
        calls = Calls(one)
        await turns(one, 2)
        assert calls.pages[0] is None


async def test_a_hot_list_in_circles_does_not_throw_away_the_long_walk_it_interrupts(
    clock: Clock, path: Path
) -> None:
    """It broke the full sweep too, which then began anew, and again: with a list of hours it never ended."""

    async def page(question: Question) -> None:
        if question.one("jobStatuses") is None and question.lists:
            clock.advance(20)

    async with large_account(running(3), clock, path) as one:
        await until_full_is_due(one)
        one.simulation.faults.add(Hook(callback=page), When(call="list"))
        endless = BadToken(kind=Tokens.ENDLESS_EMPTY)
        one.simulation.faults.add(endless, When(call="list", status="Ready"))
        calls = Calls(one)
        clock.advance(33)
        await one.poll()
        assert "Ready" in calls.statuses
        assert await made(one) == (SweepKind.FULL, PlanReason.FULL_DUE)
        assert len(calls.pages) == PAGES


async def test_a_hot_list_whose_token_is_refused_again_is_replaced_by_a_full_sweep(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(25), clock, path) as one:
        refused = When(call="list", status="Active", has_token=True)
        one.simulation.faults.add(faults.TOKEN_REJECTED, refused)
        await turns(one)
        assert await made(one) == (SweepKind.FULL, PlanReason.PROOF)
        assert (await one.state()).failures == 0
        one.simulation.faults.add(faults.TOKEN_REJECTED, When(call="list", has_token=True))
        clock.advance(33)
        calls = Calls(one)
        for _ in range(6):
            pause = await one.poll()
        assert calls.pages.count(None) <= 2
        assert calls.statuses.count("New") == 1
        assert pause > MINUTE / 3


async def test_a_walk_that_only_lacks_an_answer_about_an_absent_job_counts_no_page_twice(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(3), clock, path) as one:
        await until_full_is_due(one)
        one.simulation.world.remove("run-000")
        one.simulation.faults.add(faults.DENIED, When(call="describe"))
        clock.advance(33)
        await one.poll()
        assert (await one.state()).walk is not None
        one.simulation.faults.clear()
        calls = Calls(one)
        await turns(one, 2)
        assert len(calls.pages) == 1, "the last page, for there is nothing behind it to go on with"
        state = await one.state()
        assert (state.failures, state.walk) == (0, None)
        assert state.listed == 242
