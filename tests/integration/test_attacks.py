"""Orders of events that once made the parts lose an event, tell one twice, tell something false, or hang."""

from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch import poller
from jobwatch.core.codec import Credentials
from jobwatch.core.errors import NoCredentials, StoreError
from jobwatch.core.model import FailureReason, JobDetail, JobKey, Snapshot
from jobwatch.core.outbox import Settlement
from jobwatch.core.recording import Batch
from jobwatch.detailer import release_details
from jobwatch.poller import take_inbox
from jobwatch.simulator import faults
from jobwatch.simulator.faults import Cut, Rewrite, When
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.world import World
from jobwatch.store.values import DeliveryFilter, Lease, Recorded
from tests.rig import Clock, Rig, job, rig, step

UNREADABLE = FailureReason(code="ManifestUnreadable", message="the manifest cannot be read")
SMALL_PAGES = Options(quirks=Quirks(page_size=1))


def running(name: str) -> JobScript:
    return job(name, step("Active", 9000, done=1.0))


def ending(name: str, seconds: float = 20) -> JobScript:
    return job(name, step("Active", seconds, done=1.0), step("Failed"), failures=(UNREADABLE,))


async def snapshot(one: Rig, job_id: str) -> Snapshot:
    row = await one.store.job("prod", JobKey("", job_id))
    assert row is not None
    return row.snapshot


class NoKeys:
    """Credentials that were taken away."""

    facts = None

    async def current(self) -> Credentials:
        raise NoCredentials("no credentials: set them")

    async def renewed(self, _rejected: Credentials) -> Credentials | None:
        return None

    async def refresh(self) -> timedelta:
        return timedelta(minutes=1)

    def take_problems(self) -> tuple[str, ...]:
        return ()


def lose_credentials(one: Rig) -> None:
    one.source.client._caller.credentials = NoKeys()  # as if the variables were unset


async def test_an_answer_handed_over_before_a_sweep_saw_the_end_does_not_reopen_the_job(
    clock: Clock, path: Path
) -> None:
    world = World([job("job", step("Preparing"))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        world.set("job", clock.now, status="Suspended")
        await one.sweep()
        world.set("job", clock.now, status="Active")
        await release_details(one.detailer)  # reads Active and hands it over
        world.set("job", clock.now, status="Complete")
        await one.sweep()  # sees Complete before the source's task takes Active in
        await take_inbox(one.source)
        for _ in range(3):
            clock.advance(30)
            await one.turn()
        assert one.told == [("job.succeeded", "job")]


async def test_an_answer_handed_over_before_a_sweep_saw_failed_tasks_does_not_hide_them(
    clock: Clock, path: Path
) -> None:
    world = World([job("job", step("Preparing"))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        world.set("job", clock.now, status="Suspended")
        await one.sweep()
        world.set("job", clock.now, status="Complete", succeeded=10, failed=0)
        await release_details(one.detailer)
        world.set("job", clock.now, status="Complete", succeeded=7, failed=3)
        await one.sweep()
        await take_inbox(one.source)
        for _ in range(3):
            clock.advance(30)
            await one.turn()
        assert one.told == [("job.completed_with_failures", "job")]


async def test_events_are_told_in_time_while_there_are_no_credentials_to_ask_for_detail(
    clock: Clock, path: Path
) -> None:
    world = World([ending("job")])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        clock.advance(30)
        await one.sweep()
        lose_credentials(one)
        await one.details()
        clock.advance(120)
        await one.details()
        await one.deliver()
        assert one.told == [("job.failed", "job")]
        assert one.event("job.failed", "job")["data"]["detail_error"] == "no_credentials"


async def test_credentials_lost_while_absent_jobs_are_followed_break_the_sweep_as_such(
    clock: Clock, path: Path
) -> None:
    world = World([running("job")])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        world.remove("job")
        clock.advance(30)

        async def taken_away(_question: object) -> None:
            lose_credentials(one)

        simulation.faults.add(faults.Hook(callback=taken_away), When(call="list"))
        state = await one.sweep()
        assert state.failures == 1
        assert state.last_error is not None
        assert state.last_error.error_class == "credentials"


async def test_a_doubt_that_cannot_be_settled_does_not_hide_the_pages_behind_it(
    clock: Clock, path: Path
) -> None:
    world = World([job("a", step("Active", 10, done=1.0), step("Complete")), ending("b", 100)])
    async with (
        Simulation(world, clock=clock, options=SMALL_PAGES) as simulation,
        rig(simulation, clock, path) as one,
    ):
        await one.turn()
        clock.advance(30)
        await one.turn()
        assert one.told == [("job.succeeded", "a")]
        before = await one.state()
        simulation.faults.add(Rewrite(old=b"Complete<", new=b"Active<"), When(call="list"))
        simulation.faults.add(faults.INTERNAL, When(call="describe", job_id="a"))
        clock.advance(100)
        await one.turn()
        assert one.told == [("job.succeeded", "a"), ("job.failed", "b")]
        broken = await one.state()
        assert (broken.failures, broken.all_data_at) == (1, before.all_data_at)
        simulation.faults.clear()
        clock.advance(30)
        await one.turn()
        assert (await one.state()).failures == 0


async def test_a_first_load_that_breaks_keeps_the_pages_it_was_shown(
    clock: Clock, path: Path
) -> None:
    world = World([running("a"), running("b"), running("c")])
    async with (
        Simulation(world, clock=clock, options=SMALL_PAGES) as simulation,
        rig(simulation, clock, path) as one,
    ):
        simulation.faults.add(Cut(at=120), When(call="list", has_token=True))
        assert (await one.sweep()).failures == 1
        world.set("a", clock.now, status="Failed")
        clock.advance(30)
        await one.turn()
        assert (await one.state()).failures == 2
        assert one.told == [("job.failed", "a")]


async def test_a_sweep_that_follows_many_jobs_shows_that_it_is_alive(
    clock: Clock, path: Path
) -> None:
    world = World([running(f"job-{n}") for n in range(20)])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        for n in range(20):
            world.remove(f"job-{n}")
        signs: list[None] = []
        one.source.alive = lambda: signs.append(None)
        clock.advance(30)
        await one.sweep()
        assert len(signs) == 21  # a page, twenty answers


async def test_a_delivery_that_was_told_is_not_sent_again_because_the_store_was_full(
    clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World([ending("job")])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        clock.advance(30)
        await one.turn_without_delivery()
        settle = one.store.settle

        async def full(_settlements: list[Settlement]) -> int:
            raise StoreError("the store failed: database or disk is full")

        monkeypatch.setattr(one.store, "settle", full)
        with pytest.raises(StoreError):
            await one.deliver()
        clock.advance(60)  # longer than the claim's lease
        monkeypatch.setattr(one.store, "settle", settle)
        await one.deliver()
        assert [each.path for each in simulation.sink.received] == ["/ops"]
        (row,) = (await one.store.deliveries(DeliveryFilter(), limit=10)).rows
        assert (row.state.value, row.attempts) == ("delivered", 1)


async def test_a_clock_set_back_does_not_hold_up_news_that_was_never_sent(
    clock: Clock, path: Path
) -> None:
    world = World([ending("job")])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        clock.advance(30)
        await one.turn_without_delivery()
        clock.advance(-10 * 3600)
        await one.deliver()
        assert len(simulation.sink.received) == 1


async def test_a_listing_that_cannot_be_compared_and_contradicts_an_end_writes_nothing_again(
    clock: Clock, path: Path
) -> None:
    world = World([job("done", step("Active", 10, done=1.0), step("Complete"))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        clock.advance(30)
        await one.turn()
        # A comment makes a page that is read as a whole: its jobs have no fingerprints.
        simulation.faults.add(
            Rewrite(old=b"<Status>Complete<", new=b"<!-- odd --><Status>Active<"),
            When(call="list"),
        )
        for _ in range(3):
            clock.advance(30)
            await one.turn()
        version = (await snapshot(one, "done")).version
        for _ in range(3):
            clock.advance(30)
            await one.turn()
        assert (await snapshot(one, "done")).version == version


async def test_a_job_that_ended_behind_the_back_of_the_last_sweep_before_a_gap_is_late(
    clock: Clock, path: Path
) -> None:
    world = World([ending("a", 20), running("b")])
    async with Simulation(world, clock=clock, options=SMALL_PAGES) as simulation:
        async with rig(simulation, clock, path) as one:
            await one.turn()

            async def takes_long(_question: object) -> None:
                clock.advance(30)

            simulation.faults.add(
                faults.Hook(callback=takes_long), When(call="list", has_token=True)
            )
            clock.advance(10)
            await one.turn()  # the page of a was read before a ended, the sweep is over after it
            simulation.faults.clear()
        clock.advance(7200)
        async with rig(simulation, clock, path) as two:
            await two.turn()
            assert two.event("job.failed", "a")["data"]["late"] is True


async def test_a_restart_is_ready_although_the_next_sweep_is_not_due_yet(
    clock: Clock, path: Path
) -> None:
    async with Simulation(World(), clock=clock) as simulation:
        async with rig(simulation, clock, path) as one:
            await one.turn()
        clock.advance(1)
        async with rig(simulation, clock, path) as two:
            assert await poller.turn(two.source) == timedelta(seconds=29)
            assert two.source.attempted


async def test_jobs_whose_recording_was_never_confirmed_are_still_told_apart(
    clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World([running("b"), running("c")])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        record = one.store.record

        async def cut_off(lease: Lease, batch: Batch) -> Recorded:
            await record(lease, batch)
            raise StoreError("the store failed: the connection was lost")

        monkeypatch.setattr(one.store, "record", cut_off)
        with pytest.raises(StoreError):
            await one.sweep()
        monkeypatch.setattr(one.store, "record", record)
        world.add(running("d"))  # is learnt before the two that the index does not know
        for _ in range(3):
            clock.advance(30)
            await one.sweep()
        assert simulation.cloud.count("/jobs/b") == simulation.cloud.count("/jobs/c") == 0
        world.remove("b")
        clock.advance(30)
        await one.sweep()
        assert (await snapshot(one, "b")).missing_since == clock.now
        assert (await snapshot(one, "c")).missing_since is None
        assert (await snapshot(one, "d")).missing_since is None


async def test_a_poison_answer_about_one_job_does_not_hold_back_the_events_of_the_others(
    clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World([ending("a"), ending("b")])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        clock.advance(30)
        await one.sweep()
        describe = one.detailer.client.describe

        async def poisoned(key: JobKey) -> JobDetail:
            if key.id == "a":
                raise RecursionError
            return await describe(key)

        monkeypatch.setattr(one.detailer.client, "describe", poisoned)
        await one.details()
        await one.deliver()
        assert one.told == [("job.failed", "b")]
        clock.advance(120)
        await one.details()
        await one.deliver()
        assert one.told == [("job.failed", "b"), ("job.failed", "a")]


async def test_a_listing_that_lags_behind_describe_job_is_not_told_as_a_step_back(
    clock: Clock, path: Path
) -> None:
    world = World([job("job", step("Preparing"))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        world.set("job", clock.now, status="Suspended")
        await one.sweep()
        world.set("job", clock.now, status="Active")
        simulation.faults.add(Rewrite(old=b"Active<", new=b"Suspended<"), When(call="list"))
        for _ in range(4):
            clock.advance(30)
            await one.details()  # DescribeJob shows Active, the listing Suspended
            await one.turn()
        assert one.told == [("job.status_changed", "job")] * 2  # Suspended, Active
        # What was refused does not hide that the job was missing and is back.
        world.remove("job")
        clock.advance(30)
        await one.turn()
        assert (await snapshot(one, "job")).missing_since == clock.now
        assert not one.source.index.known.slots
