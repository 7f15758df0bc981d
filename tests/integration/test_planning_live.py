"""Which sweep is made when, on a running source: what is due, what was asked for, and what trouble leaves possible."""

from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.plan import PlanReason, SweepKind
from jobwatch.simulator import faults
from jobwatch.simulator.faults import BadToken, Tokens, When
from jobwatch.simulator.world import World
from tests.integration.watching_rig import (
    HOT_CALLS,
    MINUTE,
    PAGE,
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
from tests.rig import START, Clock, Given, Rig, job, rig, step

CIRCLES = BadToken(kind=Tokens.ENDLESS_EMPTY)
"""A full sweep that breaks without any call failing."""


async def test_many_jobs_that_leave_the_hot_lists_at_once_cost_one_full_sweep(
    clock: Clock, path: Path
) -> None:
    lives = [job(f"run-{n:02}", step("Active", 90, done=1.0), step("Complete")) for n in range(15)]
    async with large_account(lives, clock, path) as one:
        calls = Calls(one)
        await turns(one, 3)
        assert await made(one) == (SweepKind.FULL, PlanReason.PROOF)
        assert len(calls.pages) == 13
        assert sorted(one.told) == [("job.succeeded", each.id) for each in lives]
        calls = Calls(one)
        await turns(one)
        assert await made(one) == (SweepKind.HOT, PlanReason.HOT_DUE)
        assert calls.described == []


async def test_a_proof_that_cannot_be_had_is_replaced_by_a_call_for_each_job(
    clock: Clock, path: Path
) -> None:
    lives = [job(f"run-{n:02}", step("Active", 90, done=1.0), step("Complete")) for n in range(15)]
    async with large_account(lives, clock, path) as one:
        one.simulation.faults.add(CIRCLES, When(call="list", has_token=True))
        await turns(one, 5)
        assert sorted(one.told) == [("job.succeeded", each.id) for each in lives]
        assert await made(one) == (SweepKind.HOT, PlanReason.FULL_BROKE)


async def test_jobs_too_old_for_the_list_do_not_make_every_sweep_a_full_one(
    clock: Clock, path: Path
) -> None:
    """They are asked about in either sweep: a full one proves nothing about them."""
    lasting = running(18)
    async with large_account(lasting, clock, path) as one:
        nothing = faults.Raw(body=b"<ListJobsResult><Jobs/></ListJobsResult>")
        last_pages = frozenset(range(12, 120, 12))
        one.simulation.faults.add(nothing, When(call="list", status="Active"))
        one.simulation.faults.add(nothing, When(call="list", has_token=True, nth=last_pages))
        await turns(one, 2)
        calls = Calls(one)
        await turns(one, 4)
        assert calls.pages == []
        assert sorted(set(calls.described)) == [each.id for each in lasting]
        assert len(calls.described) == 4 * 18


async def test_a_small_account_is_swept_in_full_each_time_for_one_call(
    clock: Clock, path: Path
) -> None:
    world = World([*ended_long_ago(100), *running(3)])
    async with simulation(world, clock, page_size=1000) as cloud, rig(cloud, clock, path) as one:
        await turn(one)
        for _ in range(3):
            calls = Calls(one)
            await turns(one)
            assert await made(one) == (SweepKind.FULL, PlanReason.CHEAPEST)
            assert (len(calls.all), (await last_sweep(one)).calls) == (1, 1)


async def test_a_status_that_the_cloud_refuses_leaves_the_plan_and_its_jobs_are_asked_about(
    clock: Clock, path: Path
) -> None:
    stays = job("waits", step("Suspended", 120), step("Active", 60, done=1.0), step("Complete"))
    async with large_account([stays, *running(2)], clock, path) as one:
        one.simulation.faults.add(faults.STATUS_REJECTED, When(call="list", status="Suspended"))
        await turns(one)
        assert (await last_sweep(one)).refused == ("Suspended",)
        calls = Calls(one)
        await turns(one)
        assert "Suspended" not in calls.statuses
        assert len(calls.statuses) == HOT_CALLS - 1
        assert calls.described == ["waits"]
        assert (await last_sweep(one)).refused == ("Suspended",)
        assert (await one.state()).failures == 0
        await turns(one, 4)
        assert one.told == [("job.status_changed", "waits"), ("job.succeeded", "waits")]


async def test_where_every_status_is_refused_full_sweeps_alone_are_made(
    clock: Clock, path: Path
) -> None:
    ends = job("ends", step("Active", 90, done=1.0), step("Complete"))
    async with large_account([ends], clock, path) as one:
        for status in one.source.desk.lifecycle.unfinished:
            one.simulation.faults.add(faults.STATUS_REJECTED, When(call="list", status=status))
        await turns(one)
        calls = Calls(one)
        await turns(one, 3)
        assert await made(one) == (SweepKind.FULL, PlanReason.CHEAPEST)
        assert len(calls.pages) == 3 * 13
        assert calls.statuses == []
        assert one.told == [("job.succeeded", "ends")]


async def test_full_sweeps_that_break_are_an_interval_apart_where_no_status_can_be_asked_for(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(1), clock, path) as one:
        for status in one.source.desk.lifecycle.unfinished:
            one.simulation.faults.add(faults.STATUS_REJECTED, When(call="list", status=status))
        await turns(one)
        one.simulation.faults.add(CIRCLES, When(call="list", has_token=True))
        clock.advance(33)
        calls = Calls(one)
        for _ in range(6):
            pause = await one.poll()
        assert calls.pages.count(None) == 1
        assert pause >= timedelta(seconds=27)


async def test_a_full_sweep_that_was_asked_for_is_made_at_the_next_turn(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(1), clock, path) as one:
        clock.advance(5)
        assert await one.store.ask_sweep("prod", clock.now)
        clock.advance(1)
        await one.poll()
        assert await made(one) == (SweepKind.FULL, PlanReason.ASKED)
        assert (await one.state()).asked_at is None
        calls = Calls(one)
        await one.poll()
        assert calls.all == []


async def test_a_full_sweep_that_was_asked_for_and_breaks_is_not_tried_without_a_pause(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(1), clock, path) as one:
        one.simulation.faults.add(CIRCLES, When(call="list", has_token=True))
        await one.store.ask_sweep("prod", clock.now)
        calls = Calls(one)
        for _ in range(6):
            pause = await one.poll()
        assert calls.pages.count(None) == 1
        assert pause >= timedelta(seconds=27) - timedelta(seconds=1)
        one.simulation.faults.clear()
        await turns(one, 3)
        state = await one.state()
        assert state.all_data_at is not None
        assert state.all_data_at > START
        assert state.asked_at is None


@pytest.mark.parametrize("ahead", [3600, 2])
async def test_a_request_from_a_clock_ahead_of_ours_is_answered_by_few_sweeps(
    clock: Clock, path: Path, ahead: float
) -> None:
    async with large_account(running(1), clock, path) as one:
        await one.store.ask_sweep("prod", clock.now + timedelta(seconds=ahead))
        calls = Calls(one)
        for _ in range(6):
            await one.poll()
        assert calls.pages.count(None) <= 1
        clock.advance(ahead)
        for _ in range(6):
            await one.poll()
        await turns(one)
        assert 1 <= calls.pages.count(None) <= 2
        assert (await one.state()).asked_at is None


async def test_a_page_that_cannot_be_read_breaks_full_sweeps_alone_until_they_are_overdue(
    clock: Clock, path: Path
) -> None:
    ends = job("ends", step("Active", 1500, done=1.0), step("Complete"))
    async with large_account([ends], clock, path, full_every=5 * MINUTE) as one:
        read_at = (await one.state()).all_data_at
        assert read_at is not None
        one.simulation.faults.add(faults.HTML_200, When(call="list", has_token=True))
        up: dict[float, bool] = {}
        for _ in range(55):
            await turns(one)
            one.metrics.show(await one.store.overview())
            age = (clock.now - read_at) / MINUTE
            up[age] = 'jobwatch_source_up{source="prod"} 1.0' in one.exposition()
        assert one.told == [("job.succeeded", "ends")]
        state = await one.state()
        assert state.all_data_at == read_at
        assert state.unfinished_data_at is not None
        assert clock.now - state.unfinished_data_at <= 2 * MINUTE
        assert any(is_up for age, is_up in up.items() if age < 15)
        assert not any(is_up for age, is_up in up.items() if age > 16)


async def test_due_times_outlive_the_process(clock: Clock, path: Path) -> None:
    world = World([*ended_long_ago(), *running(2)])
    given = Given(page_size=PAGE)
    async with simulation(world, clock) as cloud:
        async with rig(cloud, clock, path, given) as one:
            await turn(one)
            await turns(one)
        for _ in range(3):
            clock.advance(5)
            async with rig(cloud, clock, path, given) as two:
                calls = Calls(two)
                pause = await two.poll()
                assert calls.all == []
                assert timedelta(seconds=10) <= pause <= timedelta(seconds=30)
        clock.advance(20)
        async with rig(cloud, clock, path, given) as three:
            calls = Calls(three)
            for _ in range(3):
                await three.poll()
            assert (len(calls.statuses), calls.pages) == (HOT_CALLS, [])


async def test_rings_make_no_sweep_that_is_not_due_and_none_beside_another(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(2), clock, path) as one:
        for _ in range(10):
            calls = Calls(one)
            clock.advance(2)
            one.source.bell.ring()
            await one.poll()
            assert calls.all == []
        clock.advance(10)
        calls = Calls(one)
        one.source.bell.ring()
        await turn(one)
        assert len(calls.all) == HOT_CALLS


async def after_a_gap(one: Rig) -> None:
    one.clock.advance(7200)
    await turn(one)
    assert await made(one) == (SweepKind.FULL, PlanReason.AFTER_GAP)


async def test_what_ended_in_a_gap_is_late_and_what_ended_under_watch_is_not(
    clock: Clock, path: Path
) -> None:
    known = job("known", step("Active", 3600, done=1.0), step("Complete"))
    born = START + timedelta(hours=1, minutes=10)
    unknown = job("unknown", step("Active", 60, done=1.0), step("Complete"), created=born)
    async with large_account([known, unknown], clock, path) as one:
        await turns(one, 2)
        await after_a_gap(one)
        for name in ("known", "unknown"):
            assert one.event("job.succeeded", name)["data"]["late"] is True
        hidden = clock.now + timedelta(seconds=3)
        one.simulation.world.add(
            job("hidden", step("Active", 9, done=1.0), step("Failed"), created=hidden)
        )
        await turns(one, 5)
        assert len(one.told) == 2
        await turns(one, 15)
        assert one.event("job.failed", "hidden")["data"]["late"] is False


async def test_what_ended_in_a_gap_is_late_however_long_hot_sweeps_went_on_before_it_was_found(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(1), clock, path) as one:
        clock.advance(3600)
        born = clock.now
        clock.advance(3600)
        # The page with it cannot be read for an hour.
        one.simulation.faults.add(faults.HTML_200, When(call="list", has_token=True))
        one.simulation.world.add(
            job("x-short", step("Active", 9, done=1.0), step("Failed"), created=born)
        )
        await turns(one, 100)
        assert (await last_sweep(one)).kind == SweepKind.HOT
        one.simulation.faults.clear()
        await turns(one, 20)
        assert one.event("job.failed", "x-short")["data"]["late"] is True
