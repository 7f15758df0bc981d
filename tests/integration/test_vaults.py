"""A source of several vaults: each is read by itself, and one that breaks hides none of the others."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.first_sight import FirstSight
from jobwatch.core.model import JobKey, Outcome
from jobwatch.core.plan import SweepKind
from jobwatch.providers.cas import Cas, CasSettings
from jobwatch.simulator import faults
from jobwatch.simulator.faults import When
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.vault_job import VaultJob
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World
from tests.rig import Clock, Given, Rig, job, rig, step

EVERY = timedelta(minutes=5)
FULL_EVERY = timedelta(minutes=30)
PAGE = 4


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def retrieval(job_id: str, seconds: float | None, end: str = "Succeeded") -> JobScript:
    """A retrieval that ends so many seconds after it began; None for ever."""
    steps = [step("InProgress", seconds)] + ([] if seconds is None else [step(end)])
    return job(
        job_id, *steps, total=0, operation="ArchiveRetrieval", vault_job=VaultJob(archive_id="a-1")
    )


def vaults(**jobs: Sequence[JobScript]) -> VaultWorld:
    return VaultWorld({name: World(scripts) for name, scripts in jobs.items()})


@asynccontextmanager
async def watched(world: VaultWorld, clock: Clock, path: Path, *names: str) -> AsyncIterator[Rig]:
    """A CAS source on small pages, read from its beginning."""

    def provider(simulation: Simulation) -> Cas:
        return Cas(
            CasSettings(
                kind="cas",
                region="ap-chengdu",
                vaults=names or ("*",),
                endpoint=simulation.endpoint,
            )
        )

    given = Given(
        every=EVERY,
        full_every=FULL_EVERY,
        page_size=PAGE,
        first_sight=FirstSight.EVERYTHING,
        provider=provider,
    )
    options = Options(quirks=Quirks(page_size=PAGE))
    async with (
        Simulation(World(), vaults=world, clock=clock, options=options) as simulation,
        rig(simulation, clock, path, given) as one,
    ):
        yield one


async def turns(one: Rig, number: int = 1) -> None:
    """Some intervals of the daemon's life."""
    for _ in range(number):
        while await one.poll() <= timedelta():
            pass
        await one.details()
        await one.deliver()
        one.clock.advance(EVERY.total_seconds() * 1.1)


def asked(one: Rig, since: int = 0) -> list[str]:
    """The paths that were asked for, after so many."""
    return [call.question.path for call in list(one.simulation.cloud.calls)[since:]]


async def outcome(one: Rig, vault: str, job_id: str) -> Outcome | None:
    known = await one.store.known(one.source.lease, [JobKey(vault, job_id)])
    return known[JobKey(vault, job_id)].outcome


async def test_every_vault_is_read_page_by_page_and_hot_sweeps_ask_for_running_jobs_alone(
    clock: Clock, path: Path
) -> None:
    many = [retrieval(f"-old_{n}", 1) for n in range(3 * PAGE)]
    world = vaults(backup=[*many, retrieval("-soon", 700)], ledgers=[retrieval("_later", 5000)])
    async with watched(world, clock, path) as one:
        clock.advance(5)
        await turns(one)
        state = await one.state()
        assert (state.listed, state.unfinished) == (14, 2)
        assert state.last_sweep
        assert (state.last_sweep.kind, state.last_sweep.scopes) == (SweepKind.FULL, 2)

        before = len(one.simulation.cloud.calls)
        await turns(one)
        assert asked(one, before) == ["/-/vaults/backup/jobs", "/-/vaults/ledgers/jobs"]
        state = await one.state()
        assert state.last_sweep
        assert state.last_sweep.kind == SweepKind.HOT

        await turns(one, 2)
        assert ("job.succeeded", "backup/-soon") in one.told
        told = one.event("job.succeeded", "backup/-soon")["data"]
        assert told["job"]["scope"] == "backup"
        assert told["job"]["progress"] is None
        assert told["detail"]["fields"]["archive_id"] == "a-1"
        assert told["job"]["output_expires_at"] == "2026-11-22T12:11:40Z"
        assert len(one.told) == len(set(one.told))


async def test_two_vaults_may_have_a_job_of_the_same_name(clock: Clock, path: Path) -> None:
    world = vaults(backup=[retrieval("same", 400)], ledgers=[retrieval("same", 400, "Failed")])
    async with watched(world, clock, path) as one:
        await turns(one, 3)
        ended = [told for told in one.told if told[0] in {"job.succeeded", "job.failed"}]
        assert sorted(ended) == [("job.failed", "ledgers/same"), ("job.succeeded", "backup/same")]


@pytest.mark.parametrize(
    "trouble",
    [
        faults.DENIED,
        faults.HTML_200,
        faults.Raw(body=b"{}"),
        faults.BadToken(kind=faults.Tokens.REPEATED),
    ],
)
async def test_a_vault_that_cannot_be_read_hides_none_of_the_others_and_proves_nothing(
    trouble: faults.Act, clock: Clock, path: Path
) -> None:
    ill = [retrieval("lost", None), *(retrieval(f"ill-{n}", None) for n in range(2 * PAGE))]
    world = vaults(backup=ill, ledgers=[retrieval("well", 400)], tapes=[retrieval("late", 2500)])
    async with watched(world, clock, path) as one:
        await turns(one)
        data_at = (await one.state()).unfinished_data_at
        one.simulation.faults.add(trouble, When(call="list", vault="backup"))
        world["backup"].remove("lost")
        await turns(one, 12)
        state = await one.state()
        assert state.unfinished_data_at == data_at
        assert state.failures > 1
        assert state.last_error
        assert state.last_error.message.startswith('vault "backup": ')
        assert ("job.succeeded", "ledgers/well") in one.told
        assert ("job.succeeded", "tapes/late") in one.told
        assert await outcome(one, "backup", "lost") is None
        assert "/-/vaults/backup/jobs/lost" not in asked(one)

        one.simulation.faults.clear()
        await turns(one, 8)
        state = await one.state()
        assert state.failures == 0
        assert await outcome(one, "backup", "lost") is Outcome.VANISHED
        assert [each for each in one.told if each[0] == "job.vanished"] == [
            ("job.vanished", "backup/lost")
        ]


async def test_a_vault_that_is_gone_proves_nothing_about_its_jobs_and_is_named(
    clock: Clock, path: Path
) -> None:
    world = vaults(backup=[retrieval("open", None)], ledgers=[retrieval("well", None)])
    async with watched(world, clock, path) as one:
        await turns(one)
        gone = world["backup"]
        world.remove("backup")
        await turns(one, 14)
        state = await one.state()
        assert state.failures == 0
        assert state.last_sweep
        assert state.last_sweep.missing == ("backup",)
        assert state.unfinished == 2
        assert not [each for each in one.told if each[0] == "job.vanished"]
        assert "/-/vaults/backup/jobs/open" not in asked(one)

        world.add("backup", gone)
        gone.set("open", clock(), status="Failed")
        await turns(one, 7)
        assert ("job.failed", "backup/open") in one.told
        state = await one.state()
        assert state.last_sweep
        assert state.last_sweep.missing == ()


async def test_a_new_vault_is_found_by_the_next_full_sweep(clock: Clock, path: Path) -> None:
    world = vaults(backup=[retrieval("one", None)])
    async with watched(world, clock, path) as one:
        await turns(one)
        world.add("tapes", World([retrieval("new", 100)]))
        await turns(one, 7)
        assert ("job.succeeded", "tapes/new") in one.told


async def test_vaults_named_without_a_glob_are_never_asked_for(clock: Clock, path: Path) -> None:
    world = vaults(backup=[retrieval("one", 400)], ledgers=[retrieval("two", 400)])
    async with watched(world, clock, path, "ledgers") as one:
        await turns(one, 4)
        assert "/-/vaults" not in asked(one)
        assert one.told == [("job.discovered", "ledgers/two"), ("job.succeeded", "ledgers/two")]


async def test_a_named_vault_that_does_not_exist_is_an_error_that_names_it(
    clock: Clock, path: Path
) -> None:
    world = vaults(backup=[retrieval("one", 400)])
    async with watched(world, clock, path, "backup", "typo") as one:
        await turns(one, 4)
        state = await one.state()
        assert state.last_error
        assert 'vault "typo"' in state.last_error.message
        assert state.last_error.code == "ResourceNotFoundException"
        assert ("job.succeeded", "backup/one") in one.told


async def test_an_account_without_vaults_is_a_source_without_jobs(clock: Clock, path: Path) -> None:
    world = vaults()
    async with watched(world, clock, path) as one:
        await turns(one, 3)
        state = await one.state()
        assert (state.failures, state.listed) == (0, 0)
        assert state.baselined_at is not None
        world.add("backup", World([retrieval("one", 900)]))
        await turns(one, 6)
        assert ("job.succeeded", "backup/one") in one.told


async def test_a_full_sweep_cut_short_goes_on_in_the_vault_where_it_stood(
    clock: Clock, path: Path
) -> None:
    jobs = {name: [retrieval(f"{name}-{n}", None) for n in range(9)] for name in "abc"}
    world = vaults(**jobs)
    async with watched(world, clock, path) as one:
        # The fifth listing is the second page of the second vault.
        rest = frozenset(range(5, 50))
        one.simulation.faults.add(faults.INTERNAL, When(call="list", nth=rest))
        await turns(one)
        state = await one.state()
        assert state.walk
        assert (state.walk.scope, state.walk.listed) == ("b", 13)
        told = one.told
    async with watched(world, clock, path) as one:
        await turns(one)
        paths = asked(one)
        assert "/-/vaults/a/jobs" not in paths[:3]
        state = await one.state()
        assert state.listed == 27
        await turns(one, 2)
        assert sorted(told + one.told) == sorted(
            ("job.discovered", f"{name}/{name}-{n}") for name in "abc" for n in range(9)
        )
