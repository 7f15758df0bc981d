"""From ListJobs to a signed webhook, over real sockets and a real store, under a clock that the test moves."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.errors import ConfigError
from jobwatch.core.first_sight import FirstSight
from jobwatch.core.model import FailureReason, JobKey, Outcome, Snapshot
from jobwatch.core.overview import Identity
from jobwatch.simulator import faults
from jobwatch.simulator.faults import Cut, UnknownStatus, When
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store.values import JobFilter
from tests.rig import START, Clock, Given, Rig, job, rig, step

UNREADABLE = FailureReason(code="ManifestUnreadable", message="the manifest cannot be read")
COPY = "COSPutObjectCopy"
FINISHED = "jobwatch_jobs_finished_total"


async def snapshots(one: Rig) -> Sequence[Snapshot]:
    return [row.snapshot for row in (await one.store.jobs(JobFilter(), limit=100)).rows]


async def snapshot(one: Rig, job_id: str) -> Snapshot:
    row = await one.store.job("prod", JobKey("", job_id))
    assert row is not None
    return row.snapshot


async def test_every_ending_is_told_once_with_its_reasons_and_counted(
    clock: Clock, path: Path
) -> None:
    world = World(
        [
            job("a-good", step("Active", 40, done=1.0), step("Complete")),
            job("b-partly", step("Active", 40, done=1.0, failing=0.6), step("Complete")),
            job("c-bad", step("Preparing", 40), step("Failed"), failures=(UNREADABLE,)),
            job("d-cancelled", step("Active", 40, done=0.5), step("Cancelled")),
        ]
    )
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        clock.advance(10)
        await one.turn()
        assert one.told == []  # unfinished jobs at first sight are history
        for _ in range(4):
            clock.advance(20)
            await one.turn()

        assert sorted(one.told) == [
            ("job.cancelled", "d-cancelled"),
            ("job.completed_with_failures", "b-partly"),
            ("job.failed", "c-bad"),
            ("job.succeeded", "a-good"),
        ]
        failed = one.event("job.failed", "c-bad")
        assert failed["data"]["previous_status"] == "Preparing"
        assert failed["data"]["late"] is False
        assert failed["data"]["detail"]["failures"] == [
            {"code": UNREADABLE.code, "message": UNREADABLE.message}
        ]
        partly = one.event("job.completed_with_failures", "b-partly")
        assert partly["data"]["job"]["progress"] == {
            "total": 10, "succeeded": 4, "failed": 6, "finished_ratio": 1.0, "failed_ratio": 0.6,
        }  # fmt: skip
        assert partly["data"]["severity"] == "warning"
        assert all(received.valid for received in one.accepted)

        for outcome in ("succeeded", "completed_with_failures", "failed", "cancelled"):
            assert await one.value(FINISHED, COPY, outcome) == 1
        assert await one.value("jobwatch_tasks_finished_total", COPY, "failed") == 6
        assert await one.value("jobwatch_deliveries_total", "delivered") == 4
        assert await one.value("jobwatch_delivery_attempts_total", "ok") == 4


async def test_an_unchanged_listing_writes_nothing(clock: Clock, path: Path) -> None:
    world = World([job(f"job-{n}", step("Active", 9000, done=1.0)) for n in range(5)])
    world.freeze(START)
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.sweep()
        before = [each.version for each in await snapshots(one)]
        clock.advance(30)
        state = await one.sweep()
        assert state.listed == 5
        assert [each.version for each in await snapshots(one)] == before == [1] * 5
        assert simulation.cloud.count("/jobs") == 2


async def test_first_sight_tells_what_ended_within_the_hour_and_nothing_older(
    clock: Clock, path: Path
) -> None:
    def ended(name: str, minutes_ago: int) -> object:
        begun = START - timedelta(minutes=minutes_ago + 1)
        return job(name, step("Active", 60, done=1.0), step("Complete"), created=begun)

    world = World([ended("old", 90), ended("fresh", 10)])  # type: ignore[list-item]  # scripts
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        clock.advance(30)
        await one.turn()
        assert one.told == [("job.succeeded", "fresh")]
        assert one.event("job.succeeded", "fresh")["data"]["late"] is True
        assert await one.value(FINISHED, COPY, "succeeded") == 1


@pytest.mark.parametrize(
    ("first_sight", "told"),
    [
        (FirstSight.BASELINE, []),
        (FirstSight.EVERYTHING, [("job.discovered", "going"), ("job.failed", "gone")]),
    ],
)
async def test_first_sight_can_tell_nothing_or_everything(
    clock: Clock, path: Path, first_sight: FirstSight, told: list[tuple[str, str]]
) -> None:
    long_ago = START - timedelta(days=30)
    world = World(
        [
            job("going", step("Active", 90000, done=1.0)),
            job("gone", step("Active", 60), step("Failed"), created=long_ago),
        ]
    )
    given = Given(first_sight=first_sight)
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        await one.turn()
        assert sorted(one.told) == told


async def test_a_restart_tells_nothing_twice_and_marks_what_ended_meanwhile_late(
    clock: Clock, path: Path
) -> None:
    world = World(
        [
            job("before", step("Active", 40, done=1.0), step("Complete")),
            job("meanwhile", step("Active", 300, done=1.0), step("Complete")),
            job("after", step("Active", 7300, done=1.0), step("Complete")),
        ]
    )
    async with Simulation(world, clock=clock) as simulation:
        async with rig(simulation, clock, path) as one:
            for _ in range(3):
                clock.advance(20)
                await one.turn()
            assert one.told == [("job.succeeded", "before")]
        clock.advance(7200)
        async with rig(simulation, clock, path) as two:
            await two.turn()
            clock.advance(60)
            await two.turn()
            assert two.told == [
                ("job.succeeded", "before"),
                ("job.succeeded", "meanwhile"),
                ("job.succeeded", "after"),
            ]
            assert two.event("job.succeeded", "meanwhile")["data"]["late"] is True
            assert two.event("job.succeeded", "after")["data"]["late"] is False
            assert await two.value(FINISHED, COPY, "succeeded") == 3
            # What ended while nobody watched says nothing about how fast we see things.
            delays = [
                each.value
                for each in (await two.store.overview()).series
                if each.series.name == "jobwatch_detection_delay_seconds"
                and each.series.labels[-1] != "sum"
            ]
            assert sum(delays) == 2


async def test_a_running_job_that_left_the_listing_by_age_is_followed_to_its_end(
    clock: Clock, path: Path
) -> None:
    world = World([job("old", step("Active", 100, done=1.0), step("Complete"))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        listing = faults.Raw(body=b"<ListJobsResult><Jobs/></ListJobsResult>")
        simulation.faults.add(listing, When(call="list"))
        clock.advance(30)
        state = await one.sweep()
        assert (state.listed, state.unfinished) == (0, 1)
        clock.advance(90)
        await one.turn()
        assert one.told == [("job.succeeded", "old")]
        asked = simulation.cloud.count("/jobs/old")
        clock.advance(30)
        await one.turn()
        assert one.told == [("job.succeeded", "old")]
        assert simulation.cloud.count("/jobs/old") == asked  # an ended job is not followed


async def test_a_job_that_the_cloud_denies_twice_has_vanished_once(
    clock: Clock, path: Path
) -> None:
    world = World([job("gone", step("Active", 9000, done=1.0))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        world.remove("gone")
        clock.advance(30)
        await one.turn()
        first = await snapshot(one, "gone")
        assert (first.missing_since, first.missing_proved_at) == (clock.now, None)
        clock.advance(599)
        await one.turn()
        assert (await snapshot(one, "gone")).missing_proved_at is None
        clock.advance(1)
        await one.turn()
        proved = await snapshot(one, "gone")
        assert (proved.missing_proved_at, proved.outcome) == (clock.now, Outcome.VANISHED)
        for _ in range(3):
            clock.advance(600)
            await one.turn()
        assert one.told == [("job.vanished", "gone")]
        assert await one.value("jobwatch_jobs_finished_total", "COSPutObjectCopy", "vanished") == 1


async def test_a_job_that_was_missing_once_and_seen_again_starts_its_proof_afresh(
    clock: Clock, path: Path
) -> None:
    script = job("shy", step("Active", 9000, done=1.0))
    world = World([script])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        world.remove("shy")
        clock.advance(30)
        await one.turn()
        world.add(script)
        clock.advance(30)
        await one.turn()
        assert (await snapshot(one, "shy")).missing_since is None
        assert one.told == []


async def test_a_walk_that_breaks_proves_nothing_and_keeps_the_age_of_the_data(
    clock: Clock, path: Path
) -> None:
    world = World([job("job", step("Active", 9000, done=1.0))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        before = await one.sweep()
        simulation.faults.add(Cut(at=120), When(call="list"))
        clock.advance(30)
        state = await one.sweep()
        assert state.failures == 1
        assert state.all_data_at == before.all_data_at
        assert state.last_error is not None
        assert simulation.cloud.count("/jobs/job") == 0  # nobody asked whether the job is gone
        simulation.faults.clear()
        clock.advance(30)
        state = await one.sweep()
        assert (state.failures, state.all_data_at) == (0, clock.now)
        assert one.told == []


async def test_a_listing_that_takes_an_ending_back_is_checked_once_and_then_ignored(
    clock: Clock, path: Path
) -> None:
    world = World([job("done", step("Active", 10, done=1.0), step("Complete"))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        clock.advance(30)
        await one.turn()
        assert one.told == [("job.succeeded", "done")]
        simulation.faults.add(faults.Rewrite(old=b"Complete<", new=b"Active<"), When(call="list"))
        asked = simulation.cloud.count("/jobs/done")
        for _ in range(3):
            clock.advance(30)
            await one.turn()
        assert simulation.cloud.count("/jobs/done") == asked + 1
        simulation.faults.clear()
        clock.advance(30)
        await one.turn()
        assert one.told == [("job.succeeded", "done")]
        assert await one.value(FINISHED, COPY, "succeeded") == 1


async def test_a_refused_listing_stays_refused_across_a_restart(clock: Clock, path: Path) -> None:
    world = World([job("done", step("Active", 10, done=1.0), step("Complete"))])
    async with Simulation(world, clock=clock) as simulation:
        async with rig(simulation, clock, path) as one:
            await one.turn()
            clock.advance(30)
            await one.turn()
            lie = faults.Rewrite(old=b"Complete<", new=b"Active<")
            simulation.faults.add(lie, When(call="list"))
            clock.advance(30)
            await one.turn()
            asked = simulation.cloud.count("/jobs/done")
        async with rig(simulation, clock, path) as two:
            clock.advance(30)
            await two.turn()
            assert simulation.cloud.count("/jobs/done") == asked
            assert two.told == [("job.succeeded", "done")]


async def test_an_ended_job_that_both_calls_show_running_is_reopened_and_its_next_end_is_told(
    clock: Clock, path: Path
) -> None:
    world = World([job("done", step("Active", 10, done=1.0), step("Complete"))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        clock.advance(30)
        await one.turn()
        world.set("done", clock.now, status="Active")
        clock.advance(30)
        await one.turn()
        world.set("done", clock.now, status="Failed")
        clock.advance(30)
        await one.turn()
        assert one.told == [
            ("job.succeeded", "done"),
            ("job.status_changed", "done"),
            ("job.failed", "done"),
        ]
        total = [await one.value(FINISHED, COPY, outcome) for outcome in ("succeeded", "failed")]
        assert sum(total) == 1  # the counters count a job once


async def test_failed_tasks_that_show_up_after_complete_are_told_as_what_they_are(
    clock: Clock, path: Path
) -> None:
    world = World([job("slow", step("Active", 10, done=1.0), step("Complete"))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        clock.advance(30)
        await one.turn()
        world.set("slow", clock.now, succeeded=7, failed=3, status="Complete")
        clock.advance(30)
        await one.turn()
        assert one.told == [
            ("job.succeeded", "slow"),
            ("job.completed_with_failures", "slow"),
        ]


async def test_an_unknown_status_is_kept_told_as_a_change_and_never_taken_for_an_end(
    clock: Clock, path: Path
) -> None:
    world = World([job("odd", step("Active", 9000, done=1.0))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        simulation.faults.add(UnknownStatus(word="Hibernating"))
        clock.advance(30)
        await one.turn()
        odd = await snapshot(one, "odd")
        assert (odd.job.status, odd.job.phase.value, odd.unfinished) == (
            "Hibernating", "unknown", True,
        )  # fmt: skip
        assert one.told == [("job.status_changed", "odd")]
        assert await one.value("jobwatch_unknown_status_total") == 1


async def test_a_job_that_began_and_ended_between_two_sweeps_is_told(
    clock: Clock, path: Path
) -> None:
    world = World()
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        begun = clock.now + timedelta(seconds=3)
        world.add(job("short", step("Active", 14, done=1.0), step("Complete"), created=begun))
        clock.advance(30)
        await one.turn()
        assert one.told == [("job.succeeded", "short")]
        assert one.event("job.succeeded", "short")["data"]["previous_status"] is None


async def test_a_waiting_job_is_told_with_the_cause_of_its_suspension(
    clock: Clock, path: Path
) -> None:
    world = World()
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        world.add(
            job(
                "wait",
                step("Preparing", 10),
                step("Suspended"),
                created=clock.now,
                confirmation_required=True,
                suspended_cause="confirm the manifest",
            )
        )
        clock.advance(5)
        await one.turn()
        clock.advance(30)
        await one.turn()
        event = one.event("job.status_changed", "wait")
        assert event["data"]["detail"]["suspended_cause"] == "confirm the manifest"


async def test_a_store_bound_to_another_account_is_refused(clock: Clock, path: Path) -> None:
    async with Simulation(World(), clock=clock) as simulation, rig(simulation, clock, path) as one:
        other = Identity(name="prod", kind="cos-batch", region="ap-beijing", account="1")
        with pytest.raises(ConfigError, match="prod"):
            await one.store.register([other])
