"""Traps that programs of this kind fell into, one test each; `tests/traps.md` says which of them stand elsewhere."""

from datetime import timedelta
from pathlib import Path

from jobwatch.core.conditions import ConditionState
from jobwatch.core.events import EventType
from jobwatch.core.plan import SweepKind
from jobwatch.core.routing import Selection, Subscription
from jobwatch.core.rules import Rules
from jobwatch.simulator import faults
from jobwatch.simulator.faults import When
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store.values import Retention
from tests.rig import START, Clock, Given, Rig, job, rig, step

COPY = "COSPutObjectCopy"
FINISHED = "jobwatch_jobs_finished_total"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

WAITING = Given(
    rules=Rules(waiting_after=timedelta(minutes=1), remind_every=12 * HOUR),
    subscriptions=[
        Subscription(receiver="ops", wants=Selection(types=frozenset({EventType.WAITING})))
    ],
)


async def poll(one: Rig, clock: Clock, seconds: float = 33) -> None:
    """Let so much time pass, and do what is due by then."""
    clock.advance(seconds)
    await one.poll()
    await one.details()
    await one.deliver()


def states(one: Rig) -> list[tuple[str, int]]:
    """State and reminder of every condition that a receiver accepted, in order."""
    notes = [event["data"]["condition"] for event in one.simulation.sink.events]
    return [(note["state"], note["reminder"]) for note in notes]


async def test_a_closing_that_was_refused_is_told_later_and_the_opening_not_again(
    clock: Clock, path: Path
) -> None:
    """Gatus clears its state although telling the end failed; healthchecks marks a notice done before it is sent."""
    world = World([job("waits", step("Suspended", 300), step("Active"))])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, WAITING) as one:
        for _ in range(5):
            await poll(one, clock)
        assert states(one) == [("opened", 0)]
        sim.sink.always("/ops", Reply(status=500))
        for _ in range(8):
            await poll(one, clock)
        assert await one.store.open_conditions(one.source.lease) == [], "it closed, told or not"
        assert states(one) == [("opened", 0)]

    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, WAITING) as two:
        clock.advance(HOUR.total_seconds())
        await two.deliver()
        assert states(two) == [("closed", 0)]
        for _ in range(3):
            await poll(two, clock)
        assert states(two) == [("closed", 0)]


async def test_an_opening_that_was_refused_is_told_under_its_first_id_and_not_forgotten(
    clock: Clock, path: Path
) -> None:
    """Argo's `oncePer` remembers that it told something although telling it failed."""
    world = World([job("waits", step("Suspended"))])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, WAITING) as one:
        sim.sink.always("/ops", Reply(status=500))
        for _ in range(5):
            await poll(one, clock)
        (opened,) = await one.store.open_conditions(one.source.lease)
        assert one.told == []
        sim.sink.always("/ops", None)
        await poll(one, clock, HOUR.total_seconds())
        assert states(one) == [(ConditionState.OPENED, 0)]
        assert sim.sink.events[0]["data"]["condition"]["id"] == opened.condition.id


async def test_a_receiver_that_refuses_everything_neither_repeats_nor_hides_news_for_another(
    clock: Clock, path: Path
) -> None:
    """One bad recipient broke or repeated the notifications of all others in argocd-notifications."""
    given = Given(receivers=("good", "bad"))
    world = World([job(f"job-{n}", step("Active", 20, done=1.0), step("Complete")) for n in "ab"])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        sim.sink.always("/bad", Reply(status=500))
        for _ in range(6):
            await poll(one, clock)
        good = [each.event["subject"] for each in one.accepted if each.path == "/good"]
        assert sorted(good) == ["job-a", "job-b"]
        sim.sink.always("/bad", None)
        await poll(one, clock, HOUR.total_seconds())
        accepted = [(each.path, each.event["subject"]) for each in one.accepted]
        assert sorted(accepted) == [
            (path, subject) for path in ("/bad", "/good") for subject in ("job-a", "job-b")
        ]


async def test_a_job_that_runs_longer_than_anything_is_kept_is_still_watched_to_its_end(
    clock: Clock, path: Path
) -> None:
    """Argo Workflows forgot workflows that were still running, twice."""
    weeks = 80 * DAY  # the list forgets even a running job after ninety
    world = World([job("endless", step("Active", weeks.total_seconds(), done=1.0), step("Failed"))])
    keep = Retention(jobs=DAY, events=DAY, dead_deliveries=DAY)
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path) as one:
        await poll(one, clock)
        for _ in range(12):
            await poll(one, clock, weeks.total_seconds() / 12)
            await one.store.prune(keep, clock.now)
        assert one.told == [("job.failed", "endless")]
        assert await one.value(FINISHED, COPY, "failed") == 1


async def test_after_hours_of_standstill_one_sweep_is_made_and_not_all_that_were_missed(
    clock: Clock, path: Path
) -> None:
    """A deadline advanced from the deadline before, as in tencentcloud-exporter, is due again at once."""
    world = World([job("one", step("Active"))])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path) as one:
        await poll(one, clock)
        clock.advance(6 * HOUR.total_seconds())
        await one.poll()
        state, calls = await one.state(), one.source.client.calls
        assert state.unfinished_data_at == clock.now
        pause = await one.poll()
        assert one.source.client.calls == calls
        assert timedelta(seconds=27) <= pause <= timedelta(seconds=33)


async def test_a_failure_is_found_behind_more_ended_jobs_than_a_page_holds(
    clock: Clock, path: Path
) -> None:
    """The Prefect exporter reads one page, which the commonest state fills."""
    old = START - 3 * DAY
    ended = [job(f"a-{n:04}", step("Complete"), created=old) for n in range(1100)]
    world = World([*ended, job("z-last", step("Active", 100), step("Failed"))])
    given = Given(page_size=10)  # the plan counts over a hundred pages, and makes hot sweeps
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        for _ in range(5):
            await poll(one, clock)
        last = (await one.state()).last_sweep
        assert last is not None
        assert last.kind == SweepKind.HOT
        assert one.told == [("job.failed", "z-last")]


async def test_neither_a_restart_nor_reading_everything_again_counts_an_end_twice(
    clock: Clock, path: Path
) -> None:
    """Tekton's counter rises by every resync, with no run at all."""
    world = World([job(f"j-{n}", step("Active", 20, done=1.0), step("Complete")) for n in range(5)])
    async with Simulation(world, clock=clock) as sim:
        for _ in range(3):
            async with rig(sim, clock, path) as one:
                for _ in range(3):
                    await poll(one, clock)
                await one.turn()  # a full sweep that somebody asked for
                assert await one.value(FINISHED, COPY, "succeeded") == 5
        assert len(sim.sink.accepted) == 5


async def test_more_news_than_a_receiver_takes_at_once_waits_and_none_of_it_is_dropped(
    clock: Clock, path: Path
) -> None:
    """The GitLab exporter drops tasks silently when its queue is full."""
    lives = [job(f"j-{n:03}", step("Active", 20, done=1.0), step("Complete")) for n in range(150)]
    given = Given(concurrency=1)
    async with (
        Simulation(World(lives), clock=clock) as sim,
        rig(sim, clock, path, given) as one,
    ):
        sim.sink.always("/ops", Reply(status=503))
        for _ in range(3):
            await poll(one, clock)
        sim.sink.always("/ops", None)
        await poll(one, clock, HOUR.total_seconds())
        assert {subject for _, subject in one.told} == {each.id for each in lives}
        assert len(one.told) == 150


async def test_an_hour_of_throttling_ends_nothing_and_is_forgotten_when_it_is_over(
    clock: Clock, path: Path
) -> None:
    """YACE panicked, and later exited, when it was throttled."""
    world = World([job("one", step("Active", 600, done=1.0), step("Complete"))])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path) as one:
        await poll(one, clock)
        read_at = (await one.state()).unfinished_data_at
        sim.faults.add(faults.SLOW_DOWN)
        for _ in range(60):
            await poll(one, clock, 60)
        state = await one.state()
        assert state.unfinished_data_at == read_at, "what was not read is not fresh"
        assert state.failing_since is not None
        assert one.told == []
        sim.faults.clear()
        for _ in range(3):
            await poll(one, clock, 600)
        assert one.told == [("job.succeeded", "one")]
        assert (await one.state()).failures == 0


async def test_a_page_that_breaks_for_ever_does_not_hide_what_hot_sweeps_show(
    clock: Clock, path: Path
) -> None:
    """A listing whose last page cannot be read tells the old state for ever in exporters that read it in one go."""
    old = START - 3 * DAY
    ended = [job(f"a-{n:04}", step("Complete"), created=old) for n in range(1100)]
    world = World([*ended, job("z-last", step("Active", 200), step("Failed"))])
    given = Given(page_size=10, full_every=timedelta(minutes=1))
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        await poll(one, clock)
        sim.faults.add(faults.EMPTY, When(call="list", has_token=True))
        for _ in range(12):
            await poll(one, clock)
        assert one.told == [("job.failed", "z-last")]
        state = await one.state()
        assert state.unfinished_data_at is not None
        assert state.all_data_at is not None
        assert state.unfinished_data_at > state.all_data_at, "and it says what is old"
