"""Events that wait for DescribeJob, and receivers that are slow, dead, rude or back again."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from jobwatch.core.model import JobKey
from jobwatch.core.routing import Subscription
from jobwatch.simulator import faults
from jobwatch.simulator.faults import When
from jobwatch.simulator.receiver import Manner, Reply
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store.values import DeliveryFilter
from tests.rig import JOB_NEWS, Clock, Given, Rig, job, rig, step


def ending(name: str = "job", seconds: float = 20) -> JobScript:
    return job(name, step("Active", seconds, done=1.0), step("Failed"))


async def states(one: Rig) -> list[tuple[str, str, int]]:
    rows = (await one.store.deliveries(DeliveryFilter(), limit=100)).rows
    return sorted((row.receiver, row.state.value, row.attempts) for row in rows)


async def test_without_permission_to_describe_an_event_is_told_at_once_and_says_why(
    clock: Clock, path: Path
) -> None:
    world = World([ending()])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        simulation.faults.add(faults.DENIED, When(call="describe"))
        clock.advance(30)
        await one.turn()
        event = one.event("job.failed", "job")
        assert event["data"]["detail"] is None
        assert event["data"]["detail_error"] == "AccessDenied"


async def test_an_event_waits_two_minutes_for_its_detail_and_no_longer(
    clock: Clock, path: Path
) -> None:
    world = World([ending()])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        simulation.faults.add(faults.INTERNAL, When(call="describe"))
        clock.advance(30)
        await one.turn()
        clock.advance(119)
        await one.details()
        await one.deliver()
        assert one.told == []
        clock.advance(1)
        await one.details()
        await one.deliver()
        event = one.event("job.failed", "job")
        assert event["data"]["detail"] is None
        assert event["data"]["detail_error"] == "breaker_open"


async def test_what_detail_shows_beyond_the_snapshot_is_recorded_and_told(
    clock: Clock, path: Path
) -> None:
    world = World()
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        begun = clock.now
        world.add(
            job("job", step("Suspended", 40), step("Ready", 10), step("Active"), created=begun)
        )
        clock.advance(30)
        await one.sweep()
        clock.advance(15)
        await one.details()
        row = await one.store.job("prod", JobKey("", "job"))
        assert row is not None
        assert row.snapshot.job.status == "Ready"
        await one.details()
        await one.deliver()
        assert one.told == [("job.discovered", "job"), ("job.status_changed", "job")]


async def test_detail_that_lags_behind_the_listing_is_asked_again(clock: Clock, path: Path) -> None:
    world = World([ending()])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        lag = faults.Rewrite(old=b"Failed<", new=b"Active<")
        simulation.faults.add(lag, When(call="describe", times=1))
        clock.advance(30)
        await one.turn()
        assert one.told == []
        clock.advance(2)
        await one.details()
        await one.deliver()
        assert one.told == [("job.failed", "job")]
        assert one.event("job.failed", "job")["data"]["detail"] is not None


async def test_a_dead_receiver_keeps_its_deliveries_and_gets_them_with_the_same_id_and_bytes(
    clock: Clock, path: Path
) -> None:
    world = World([ending()])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        simulation.sink.always("/ops", Reply(status=503))
        await one.turn()
        clock.advance(30)
        await one.turn()
        await one.deliver()  # not due yet
        assert await states(one) == [("ops", "pending", 1)]
        clock.advance(6)
        await one.deliver()
        assert await states(one) == [("ops", "pending", 2)]
        simulation.sink.always("/ops", None)
        clock.advance(36)
        await one.deliver()
        assert await states(one) == [("ops", "delivered", 3)]
        tries = simulation.sink.received
        assert len({each.id for each in tries}) == len({each.body for each in tries}) == 1
        assert len({each.headers["webhook-timestamp"] for each in tries}) == 3


async def test_a_delivery_dies_only_with_an_attempt_at_its_deadline(
    clock: Clock, path: Path
) -> None:
    world = World([ending()])
    given = Given(
        subscriptions=[
            Subscription(receiver="ops", wants=JOB_NEWS, give_up_after=timedelta(minutes=1))
        ]
    )
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        sim.sink.always("/ops", Reply(status=500))
        await one.turn()
        clock.advance(30)
        await one.turn()
        clock.advance(6)
        await one.deliver()
        clock.advance(53)  # one second before the deadline
        await one.deliver()
        assert (await states(one))[0][1] == "pending"
        clock.advance(86400)  # nobody was there at the deadline
        await one.deliver()
        assert (await states(one))[0][1] == "dead"
        assert sim.sink.received[-1].at == clock.now


async def test_a_hanging_receiver_does_not_delay_another_one(clock: Clock, path: Path) -> None:
    world = World([ending(f"job-{n:02}") for n in range(20)])
    given = Given(receivers=("hangs", "works"), concurrency=4, timeout=timedelta(seconds=1))
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        sim.sink.always("/hangs", Reply(status=200, manner=Manner.STALL))
        await one.turn()
        clock.advance(30)
        await one.sweep()
        await one.details()
        hanging = one.group.create_task(one.notifiers["hangs"].deliver_due())
        while (await one.notifiers["works"].deliver_due()) <= timedelta():
            pass
        assert sum(each.path == "/works" for each in one.accepted) == 20
        assert not hanging.done()
        await hanging
        await one.notifiers["hangs"].close(timedelta(seconds=2))


async def test_deliveries_cut_off_by_our_own_shutdown_are_given_back_untouched(
    clock: Clock, path: Path
) -> None:
    world = World([ending()])
    given = Given(timeout=timedelta(seconds=30))
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        arrived = asyncio.Event()

        async def note(_received: object) -> None:
            arrived.set()

        sim.sink.always("/ops", Reply(status=200, manner=Manner.STALL, hook=note))
        await one.turn_without_delivery()
        clock.advance(30)
        await one.turn_without_delivery()
        passing = one.group.create_task(one.notifiers["ops"].deliver_due())
        await arrived.wait()
        passing.cancel()
        await asyncio.wait([passing])
        await one.notifiers["ops"].close(timedelta())
        assert await states(one) == [("ops", "pending", 0)]


async def test_the_bodies_of_a_receivers_answers_cannot_hurt(clock: Clock, path: Path) -> None:
    world = World([ending("a"), ending("b"), ending("c"), ending("d")])
    given = Given(timeout=timedelta(seconds=1))
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        sim.sink.script(
            "/ops",
            Reply(status=500, filler=3_000_000),
            Reply(status=302, headers={"Location": sim.hook_url("/trap")}),
            Reply(manner=Manner.RESET),
            Reply(status=400, body=b"\x00\xff<script>"),
        )
        await one.turn()
        clock.advance(30)
        await one.turn()
        assert await states(one) == [("ops", "pending", 1)] * 4
        assert all(each.path != "/trap" for each in sim.sink.received)


async def test_a_receiver_is_told_only_what_it_wants(clock: Clock, path: Path) -> None:
    world = World(
        [
            ending("loud"),
            job("quiet", step("Active", 20, done=1.0), step("Complete"), description="nightly x"),
        ]
    )
    wants = [
        Subscription(receiver="all", wants=JOB_NEWS),
        Subscription(receiver="nightly", wants=replace(JOB_NEWS, descriptions=("nightly*",))),
    ]
    given = Given(receivers=("all", "nightly"), subscriptions=wants)
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        await one.turn()
        clock.advance(30)
        await one.turn()
        by_path = sorted((each.path, each.event["subject"]) for each in one.accepted)
        assert by_path == [("/all", "loud"), ("/all", "quiet"), ("/nightly", "quiet")]
        changes = await one.store.changes("prod", JobKey("", "loud"))
        assert changes[-1].routes == {"all": "wanted", "nightly": "description_not_wanted"}
