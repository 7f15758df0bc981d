"""What was found by reading the poller as somebody who wants to find what hurts at three in the morning."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jobwatch.core.errors import StoreError, TransportError, TransportKind
from jobwatch.core.model import JobKey
from jobwatch.core.plan import PlanReason, SweepKind
from jobwatch.core.recording import Batch
from jobwatch.core.rules import Rules
from jobwatch.loop import Awaited, Loop, MonotonicClock, Pulse, repeat
from jobwatch.poller import take_inbox
from jobwatch.simulator import faults
from jobwatch.simulator.answers import Question
from jobwatch.simulator.faults import Hook, When
from jobwatch.simulator.receiver import WebhookSink
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET, Server, Simulation
from jobwatch.simulator.world import World
from jobwatch.store.values import Lease, Recorded
from tests.integration.condition_rig import GIVEN, WORKS, states
from tests.integration.watching_rig import (
    Calls,
    large_account,
    last_sweep,
    made,
    running,
    true_time,
    turn,
    turns,
)
from tests.rig import Clock, Given, Rig, job, rig, step


async def test_downtime_of_ours_does_not_say_that_a_source_is_reachable_again(
    clock: Clock, path: Path
) -> None:
    async with Simulation(World([job("j", WORKS)]), clock=clock) as cloud:
        async with rig(cloud, clock, path, GIVEN) as one:
            await turn(one)
            cloud.faults.add(faults.DENIED, When())
            await turns(one, 15)
            assert states(one) == ["opened"]
        clock.advance(1200)
        async with rig(cloud, clock, path, GIVEN) as two:
            await turns(two, 12)
            assert "closed" not in states(two)
            assert states(two).count("opened") == 1
            cloud.faults.clear()
            await turns(two, 4)
            assert states(two)[-1] == "closed"


async def test_a_clock_that_steps_back_does_not_say_that_a_source_is_reachable_again(
    clock: Clock, path: Path
) -> None:
    async with (
        Simulation(World([job("j", WORKS)]), clock=clock) as cloud,
        rig(cloud, clock, path, GIVEN) as one,
    ):
        await turn(one)
        cloud.faults.add(faults.DENIED, When())
        await turns(one, 15)
        assert states(one) == ["opened"]
        clock.step(-120)
        await turns(one, 15)
        assert states(one) == ["opened"]


async def test_a_source_whose_every_sweep_fails_after_a_long_time_is_unreachable(
    clock: Clock, path: Path
) -> None:
    async def slow(_question: Question) -> None:
        clock.advance(700)

    async with (
        Simulation(World([job("j", WORKS)]), clock=clock) as cloud,
        rig(cloud, clock, path, GIVEN) as one,
    ):
        await turn(one)
        cloud.faults.add(Hook(callback=slow), When())
        cloud.faults.add(faults.DENIED, When())
        await turns(one, 2)
        assert states(one)[:1] == ["opened"]


async def test_an_answer_for_the_inbox_does_not_hide_that_the_index_may_lack_jobs(
    clock: Clock, path: Path
) -> None:
    world = World([job("a", WORKS)])
    async with Simulation(world, clock=clock) as cloud, rig(cloud, clock, path, GIVEN) as one:
        await turn(one)
        world.add(job("b", step("Active", 10), step("Complete"), created=clock.now))
        world.add(job("c", WORKS, created=clock.now))
        await _lose_the_answer_of_a_commit(one)
        assert not one.source.index_sure
        world.set("c", clock.now, status="Pausing")
        answer = await one.source.client.describe(JobKey("", "c"))
        (known,) = (await one.store.known(one.source.lease, [answer.job.key])).values()
        one.source.inbox[known.key] = (answer.job, known.version)
        await take_inbox(one.source)
        await turns(one, 3)
        assert (await one.state()).unfinished == 2


class _Losing:
    """A store whose connection breaks once a batch is committed, before anybody heard of it."""

    def __init__(self, rig: Rig) -> None:
        self._store = rig.store

    def __getattr__(self, name: str) -> Any:
        verbs: dict[str, Callable[[Lease, Batch], Awaitable[Recorded]]] = {"record": self._record}
        return verbs.get(name) or getattr(self._store, name)

    async def _record(self, lease: Lease, batch: Batch) -> Recorded:
        await self._store.record(lease, batch)
        raise StoreError("the connection was lost at the commit")


async def _lose_the_answer_of_a_commit(one: Rig) -> None:
    one.source.store = _Losing(one)  # type: ignore[assignment]
    with pytest.raises(StoreError):
        await turns(one)
    one.source.store = one.store


async def test_a_clock_that_steps_back_does_not_say_that_a_job_waits_no_more(
    clock: Clock, path: Path
) -> None:
    lives = [job("waits", step("Suspended", 1500), WORKS), job("prepares", step("Preparing"))]
    cloud = Simulation(World(lives), clock=partial(true_time, clock))
    cloud.sink = WebhookSink((DEMO_WEBHOOK_SECRET,), clock=clock)
    cloud._sink_server = Server(cloud.sink.application())
    async with cloud, rig(cloud, clock, path, GIVEN) as one:
        await turns(one, 12)
        assert states(one) == ["opened", "opened"]
        clock.step(-1200)
        while clock.elapsed < 1450:
            await turns(one)
            assert set(states(one)) <= {"opened", "reminded"}
        await turns(one, 4)
        assert states(one, "waiting")[-1] == "closed"
        assert "closed" not in states(one, "stuck")


async def test_one_answer_gone_wrong_does_not_cost_full_sweeps_for_ever(
    clock: Clock, path: Path
) -> None:
    async with large_account(running(60), clock, path) as one:
        await turns(one)
        once = When(call="list", status="Active", nth=frozenset({1}))
        one.simulation.faults.add(faults.STATUS_REJECTED, once)
        await turns(one)
        assert (await last_sweep(one)).refused == ("Active",)
        await turns(one, 13, seconds=290)
        calls = Calls(one)
        await turns(one, 2)
        assert "Active" in calls.statuses
        assert (await last_sweep(one)).refused == ()


async def test_a_full_sweep_does_not_inherit_the_doubts_of_the_hot_one_that_called_for_it(
    clock: Clock, path: Path
) -> None:
    leaving = [job(f"l-{n}", step("Active", 40, done=1.0), step("Complete")) for n in range(60)]
    async with large_account([*leaving, *running(2)], clock, path) as one:

        async def doubt(_question: Question) -> None:
            # As a listing leaves it that takes an end back while DescribeJob cannot be had.
            one.source.unsettled.append(TransportError(TransportKind.TIMEOUT, "no answer"))

        first = When(call="list", status="New", nth=frozenset({1}))
        one.simulation.faults.add(Hook(callback=doubt), first)
        clock.advance(45)
        await one.poll()
        assert await made(one) == (SweepKind.FULL, PlanReason.PROOF)
        assert (await one.state()).failures == 0


async def test_a_cancellation_that_nobody_asked_for_does_not_end_a_loop_unseen() -> None:
    stop, pulse, turned = asyncio.Event(), Pulse(), list[int]()

    async def step() -> timedelta:
        turned.append(len(turned))
        if len(turned) == 1:
            dropped = asyncio.get_running_loop().create_future()
            dropped.cancel()
            await dropped
        stop.set()
        return timedelta()

    class Hasty(MonotonicClock):
        async def pause(self, _seconds: float, _until: Awaited) -> None:
            await asyncio.sleep(0)

    await repeat(Loop(name="poller:prod", step=step), stop=stop, pulse=pulse, clock=Hasty())
    assert turned == [0, 1]
    assert pulse.failures == {"poller:prod": 1}


async def test_a_fault_of_ours_in_a_sweep_was_told_nobody(
    clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object, **__: object) -> None:
        raise KeyError("secret-looking text")

    given = Given(rules=Rules(unreachable_after=timedelta(minutes=2)))
    world = World([job("job", step("Active"), step("Complete"))])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        await one.turn()
        with monkeypatch.context() as patch:
            patch.setattr("jobwatch.poller.observing.diff_page", fault)
            for _ in range(4):
                world.set("job", clock.now, succeeded=int(clock.elapsed) // 60 + 1)
                clock.advance(60)
                with pytest.raises(KeyError):
                    await one.sweep()
        await one.deliver()
        last = (await one.state()).last_error
        assert last is not None
        assert (last.error_class, last.code) == ("internal", "KeyError")
        assert "secret" not in last.message
        assert [kind for kind, _ in one.told] == ["source.unreachable"]
        await one.turn()
        assert [kind for kind, _ in one.told] == ["source.unreachable"] * 2, "it closed"
