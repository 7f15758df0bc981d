"""What random lives brought to light, each as small as it can be told."""

from datetime import datetime, timedelta
from pathlib import Path

from jobwatch.core.rules import Rules
from jobwatch.simulator.answers import Question
from jobwatch.simulator.faults import DENIED, Hook, When
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.vault_job import VaultJob
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World
from jobwatch.store.values import EventFilter, EventRow
from tests.rig import Clock, Given, Rig, cas_provider, job, rig, step

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


async def test_jobs_whose_proofs_end_one_after_the_other_are_held_back_like_those_of_one_moment(
    clock: Clock, path: Path
) -> None:
    world = World(scripts())
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, GIVEN) as one:
        await one.turn()
        for first in range(0, JOBS, 4):
            for script in scripts()[first : first + 4]:
                world.remove(script.id)
            clock.advance(60)
            await one.turn()
        for _ in range(12):
            clock.advance(60)
            await one.turn()
        assert [kind for kind, _ in one.told] == ["source.suspect"]


async def test_time_that_our_clock_skipped_during_a_sweep_was_watched_by_nobody(
    clock: Clock, path: Path
) -> None:
    given = Given(rules=Rules(stalled_after=timedelta(minutes=20)))
    stands = job("stands", step("Active", 90000, done=0.0))
    start = clock.now

    def true_time() -> datetime:
        return start + timedelta(seconds=clock.elapsed)

    async def skip(_question: Question) -> None:
        clock.step(1440)

    sim = Simulation(World([stands]), clock=true_time)
    async with sim, rig(sim, clock, path, given) as one:
        await one.sweep()
        clock.advance(30)
        sim.faults.add(Hook(callback=skip), When(call="list", nth=frozenset({1})))
        for _ in range(10):
            await one.sweep()
            clock.advance(30)
        assert [each.type for each in (await events(one))] == ["source.baselined"]
        for _ in range(35):
            await one.sweep()
            clock.advance(30)
        assert [each.type for each in (await events(one))] == ["source.baselined", "job.stalled"]


async def test_a_stale_list_is_not_believed_against_a_status_that_nobody_knows(
    clock: Clock, path: Path
) -> None:
    world = World([job("odd", step("Active", 90000))])
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path) as one:
        await one.turn()
        before = world.job("odd", clock.now)
        assert before is not None
        world.set("odd", clock.now, status="Archiving")
        clock.advance(30)
        await one.turn()

        async def lag(_question: Question) -> None:
            world.set("odd", clock.now, status="Active")

        async def catch_up(_question: Question) -> None:
            world.set("odd", clock.now, status="Archiving")

        sim.faults.add(Hook(callback=lag), When(call="list"))
        sim.faults.add(Hook(callback=catch_up), When(call="describe"))
        for _ in range(3):
            clock.advance(30)
            await one.turn()
        assert one.told == [("job.status_changed", "odd")]


def retrieval(job_id: str) -> JobScript:
    return job(job_id, step("InProgress", 90000), operation="PushToCOS", vault_job=VaultJob())


async def test_a_job_of_a_vault_that_is_not_there_is_neither_called_overdue_nor_reminded_of(
    clock: Clock, path: Path
) -> None:
    rules = Rules(overdue_after=timedelta(minutes=20), remind_every=timedelta(minutes=10))
    given = Given(rules=rules, provider=cas_provider)
    vaults = VaultWorld({name: World([retrieval(f"in-{name}")]) for name in ("gone", "there")})
    async with (
        Simulation(World(), vaults=vaults, clock=clock) as sim,
        rig(sim, clock, path, given) as one,
    ):
        await one.turn()
        backup = vaults["gone"]
        vaults.remove("gone")
        for _ in range(46):
            clock.advance(30)
            await one.turn()
        assert [told for told in one.told if told[0] == "job.overdue"] == [
            ("job.overdue", "there/in-there")
        ]
        vaults.add("gone", backup)
        clock.advance(30)
        await one.turn()
        assert one.told[-1] == ("job.overdue", "gone/in-gone")
        vaults.remove("gone")
        told = len(one.told)
        for _ in range(30):
            clock.advance(30)
            await one.turn()
        assert {job_id for _, job_id in one.told[told:]} == {"there/in-there"}


async def test_jobs_that_are_held_back_are_told_of_though_another_vault_cannot_be_read(
    clock: Clock, path: Path
) -> None:
    given = Given(vanished_after=timedelta(minutes=10), provider=cas_provider)
    lost = World([retrieval(f"job-{n:02}") for n in range(JOBS)])
    vaults = VaultWorld({"lost": lost, "shut": World([retrieval("other")])})
    async with (
        Simulation(World(), vaults=vaults, clock=clock) as sim,
        rig(sim, clock, path, given) as one,
    ):
        await one.turn()
        told = len(one.told)
        sim.faults.add(DENIED, When(vault="shut"))
        for n in range(JOBS):
            lost.remove(f"job-{n:02}")
        for seconds in (30, 601, 30):
            clock.advance(seconds)
            await one.turn()
        assert "source.suspect" in [kind for kind, _ in one.told[told:]]


async def events(one: Rig) -> list[EventRow]:
    page = await one.store.events(EventFilter(), limit=100)
    return list(reversed(page.rows))
