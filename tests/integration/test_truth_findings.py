"""What random lives brought to light, each as small as it can be told."""

from datetime import timedelta
from pathlib import Path

from jobwatch.simulator.answers import Question
from jobwatch.simulator.faults import Hook, When
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.rig import Clock, Given, Rig, job, rig, step

JOBS = 24
GIVEN = Given(vanished_after=timedelta(minutes=10))


def scripts() -> list[JobScript]:
    return [job(f"job-{n:02}", step("Active", 90000, done=1.0)) for n in range(JOBS)]


async def lose_all(one: Rig, world: World) -> None:
    """The source forgets its jobs for so long that each of them is proved gone, and is suspect for it."""
    await one.turn()
    for script in scripts():
        world.remove(script.id)
    for seconds in (30, 601):
        one.clock.advance(seconds)
        await one.turn()
    assert [kind for kind, _ in one.told] == ["source.suspect"]


async def test_a_source_that_comes_back_while_its_jobs_are_asked_about_has_none_of_them_called_gone(
    clock: Clock, path: Path
) -> None:
    world = World(scripts())

    async def come_back(_question: Question) -> None:
        for script in scripts():
            world.add(script)

    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, GIVEN) as one:
        await lose_all(one, world)
        sim.faults.add(Hook(callback=come_back), When(call="describe", nth=frozenset({9})))
        for _ in range(3):
            clock.advance(30)
            await one.turn()
        assert "job.vanished" not in [kind for kind, _ in one.told]
        assert (await one.state()).unfinished == JOBS


async def test_jobs_that_stay_away_when_their_source_came_back_are_called_gone_at_the_second_look(
    clock: Clock, path: Path
) -> None:
    world = World(scripts())
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, GIVEN) as one:
        await lose_all(one, world)
        for script in scripts()[3:]:
            world.add(script)
        clock.advance(30)
        await one.turn()
        assert "job.vanished" not in [kind for kind, _ in one.told]
        clock.advance(30)
        await one.turn()
        gone = sorted(job_id for kind, job_id in one.told if kind == "job.vanished")
        assert gone == ["job-00", "job-01", "job-02"]
