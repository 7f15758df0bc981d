"""More orders of events that once went wrong: clocks that step, calls that hang, writes nobody confirmed."""

from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch import detailer, poller
from jobwatch.core.errors import StoreError
from jobwatch.core.model import JobKey
from jobwatch.core.recording import Batch
from jobwatch.simulator import faults
from jobwatch.simulator.faults import Raw, Rewrite, Stall, When
from jobwatch.simulator.receiver import Received, Reply
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store.values import DeliveryFilter, Lease, Recorded
from tests.rig import Clock, Given, job, rig, step

EMPTY = Raw(body=b"<ListJobsResult><Jobs/></ListJobsResult>")


async def test_a_clock_set_forward_during_an_attempt_does_not_send_it_again(
    clock: Clock, path: Path
) -> None:
    world = World([job("job", step("Active", 20, done=1.0), step("Failed"))])
    given = Given(concurrency=2)
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        await one.turn()
        clock.advance(30)
        await one.turn_without_delivery()
        notifier = one.notifiers["ops"]

        async def jump(_received: Received) -> None:
            clock.advance(3600)
            notifier.bell.ring()  # another pass begins while this attempt is under way

        sim.sink.script("/ops", Reply(hook=jump, delay=timedelta(milliseconds=300)))
        sim.sink.always("/ops", Reply(status=500))
        while not sim.sink.received or notifier.running:
            await notifier.deliver_due()
            notifier.bell.hush()
        assert len(sim.sink.received) == 1
        (row,) = (await one.store.deliveries(DeliveryFilter(), limit=9)).rows
        assert (row.state.value, row.attempts) == ("delivered", 1)


async def test_calls_that_hang_hold_no_overdue_event_back_however_many_there_are(
    clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detailer, "LAST_CHANCE", timedelta(milliseconds=200))
    world = World([job(f"job-{n:03}", step("Active", 20), step("Failed")) for n in range(150)])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path) as one:
        await one.turn()
        clock.advance(30)
        await one.sweep()
        sim.faults.add(Stall(after=10), When(call="describe"))
        clock.advance(121)
        await one.details()
        await one.deliver()
        assert len(one.told) == 150
        assert sim.cloud.count() < 100  # most were told unasked


async def test_a_write_that_was_never_confirmed_is_read_back_before_the_next_sweep(
    clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World([job("job", step("Active", 9000, done=1.0))])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path) as one:
        record = one.store.record

        async def unconfirmed(lease: Lease, batch: Batch) -> Recorded:
            await record(lease, batch)
            raise StoreError("the connection was lost after COMMIT")

        with monkeypatch.context() as broken:
            broken.setattr(one.store, "record", unconfirmed)
            with pytest.raises(StoreError):
                await one.sweep()
        sim.faults.add(EMPTY, When(call="list"))  # and now the job left the listing by age
        clock.advance(30)
        await poller.sweep_safely(one.source)
        assert sim.cloud.count("/jobs/job") == 1  # so it is followed


async def test_an_answer_that_lags_takes_nothing_back_from_a_job_that_is_followed(
    clock: Clock, path: Path
) -> None:
    world = World([job("job", step("Active", 9000, done=1.0))])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path) as one:
        await one.turn()
        sim.faults.add(EMPTY, When(call="list"))
        sim.faults.add(Rewrite(old=b"Active<", new=b"Preparing<"), When(call="describe"))
        clock.advance(30)
        await one.turn()
        row = await one.store.job("prod", JobKey("", "job"))
        assert row is not None
        assert row.snapshot.job.status == "Active"
        assert one.told == []


async def test_an_answer_that_lags_still_ends_a_proof_of_absence(clock: Clock, path: Path) -> None:
    script = job("job", step("Active", 9000, done=1.0))
    world = World([script])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path) as one:
        await one.turn()
        sim.faults.add(EMPTY, When(call="list"))
        sim.faults.add(faults.NO_SUCH_JOB, When(call="describe", times=1))
        sim.faults.add(Rewrite(old=b"Active<", new=b"Preparing<"), When(call="describe"))
        for _ in range(2):
            clock.advance(30)
            await one.turn()
        row = await one.store.job("prod", JobKey("", "job"))
        assert row is not None
        assert row.snapshot.missing_since is None


async def test_a_receiver_that_asks_for_patience_gets_it(clock: Clock, path: Path) -> None:
    world = World([job("job", step("Active", 20, done=1.0), step("Failed"))])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path) as one:
        sim.sink.script("/ops", Reply(status=429, headers={"Retry-After": "120"}))
        await one.turn()
        clock.advance(30)
        await one.turn()
        clock.advance(119)
        await one.deliver()
        assert len(sim.sink.received) == 1
        clock.advance(1)
        await one.deliver()
        assert one.told == [("job.failed", "job")]
