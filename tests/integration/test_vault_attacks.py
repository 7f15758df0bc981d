"""What went wrong with vaults once: a broken one that hid others, or was taken for read by whoever came next."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.first_sight import FirstSight
from jobwatch.core.rules import NO_RULES, Rules
from jobwatch.simulator import faults
from jobwatch.simulator.faults import When
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World
from tests.integration.test_vaults import EVERY, FULL_EVERY, PAGE, asked, retrieval, turns, vaults
from tests.rig import Clock, Given, Rig, cas_provider, rig


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@asynccontextmanager
async def watched(
    world: VaultWorld, clock: Clock, path: Path, *names: str, rules: Rules = NO_RULES
) -> AsyncIterator[Rig]:
    """A CAS source on small pages, read from its beginning."""
    given = Given(
        every=EVERY,
        full_every=FULL_EVERY,
        page_size=PAGE,
        first_sight=FirstSight.EVERYTHING,
        rules=rules,
        provider=lambda simulation: cas_provider(simulation, names or ("*",)),
    )
    options = Options(quirks=Quirks(page_size=PAGE))
    async with (
        Simulation(World(), vaults=world, clock=clock, options=options) as simulation,
        rig(simulation, clock, path, given) as one,
    ):
        yield one


async def test_a_vault_that_never_answers_hides_none_of_those_behind_it(
    clock: Clock, path: Path
) -> None:
    world = vaults(
        a=[retrieval("ill", None)], b=[retrieval("well", 400)], c=[retrieval("late", 2500)]
    )
    async with watched(world, clock, path) as one:
        await turns(one)
        data_at = (await one.state()).unfinished_data_at
        one.simulation.faults.add(faults.Reset(), When(call="list", vault="a"))
        await turns(one, 12)
        assert ("job.succeeded", "b/well") in one.told
        assert ("job.succeeded", "c/late") in one.told
        state = await one.state()
        assert state.unfinished_data_at == data_at
        assert state.last_error
        assert state.last_error.message.startswith('vault "a": ')
        one.simulation.faults.clear()
        await turns(one, 8)
        assert (await one.state()).failures == 0
        assert len(one.told) == len(set(one.told))


async def test_a_source_that_never_answers_is_not_asked_vault_by_vault(
    clock: Clock, path: Path
) -> None:
    world = vaults(**{f"v{n:02}": [retrieval("job", None)] for n in range(20)})
    async with watched(world, clock, path) as one:
        await turns(one)
        before = len(asked(one))
        one.simulation.faults.add(faults.INTERNAL, When(call="list"))
        await one.poll()
        assert set(asked(one, before)) == {"/-/vaults/v00/jobs", "/-/vaults/v01/jobs"}
        state = await one.state()
        assert state.last_error
        assert "vault" not in state.last_error.message


async def test_many_vaults_in_a_row_that_the_keys_may_not_read_hide_none_of_the_others(
    clock: Clock, path: Path
) -> None:
    world = vaults(
        **{f"a{n}": [retrieval("hidden", None)] for n in range(8)}, z=[retrieval("well", 400)]
    )
    async with watched(world, clock, path) as one:
        for n in range(8):
            one.simulation.faults.add(faults.DENIED, When(call="list", vault=f"a{n}"))
        await turns(one, 4)
        assert ("job.succeeded", "z/well") in one.told
        state = await one.state()
        assert state.last_error
        assert state.last_error.message.startswith('vault "a0" and 7 more: ')


async def test_a_sweep_of_vaults_that_all_refuse_shows_that_it_is_alive(
    clock: Clock, path: Path
) -> None:
    world = vaults(**{f"v{n}": [retrieval("job", None)] for n in range(7)})
    async with watched(world, clock, path) as one:
        one.simulation.faults.add(faults.DENIED, When(call="list"))
        signs: list[int] = []
        one.source.alive = lambda: signs.append(len(asked(one)))
        await one.poll()
        assert signs == list(range(signs[0], signs[0] + 7))


async def test_a_vault_that_broke_is_not_taken_for_read_by_the_next_process(
    clock: Clock, path: Path
) -> None:
    jobs = {name: [retrieval(f"{name}-{n}", None) for n in range(9)] for name in "abc"}
    world = vaults(**jobs)
    async with watched(world, clock, path) as one:
        one.simulation.faults.add(faults.DENIED, When(call="list", vault="a"))
        # The second page of the third vault: the sweep is put down there.
        one.simulation.faults.add(
            faults.INTERNAL, When(call="list", vault="c", nth=frozenset(range(2, 50)))
        )
        await turns(one)
        assert (await one.state()).failures
    async with watched(world, clock, path) as one:
        one.simulation.faults.add(faults.DENIED, When(call="list", vault="a"))
        await turns(one, 2)
        state = await one.state()
        assert state.failures
        assert state.all_data_at is None
        assert state.baselined_at is None


async def test_a_vault_that_was_configured_meanwhile_is_not_taken_for_read(
    clock: Clock, path: Path
) -> None:
    jobs = {name: [retrieval(f"{name}-{n}", None) for n in range(9)] for name in "abc"}
    world = vaults(**jobs)
    async with watched(world, clock, path, "b", "c") as one:
        one.simulation.faults.add(
            faults.INTERNAL, When(call="list", vault="c", nth=frozenset(range(2, 50)))
        )
        await turns(one)
        state = await one.state()
        assert state.walk
        assert state.walk.scope == "c"
    async with watched(world, clock, path, "a", "b", "c") as one:
        await turns(one)
        assert (await one.state()).listed == 27
        assert ("job.discovered", "a/a-0") in one.told


async def test_a_job_in_a_vault_that_is_gone_is_not_told_to_be_overdue(
    clock: Clock, path: Path
) -> None:
    rules = replace(NO_RULES, overdue_after=timedelta(hours=1))
    world = vaults(backup=[retrieval("open", None)], ledgers=[retrieval("slow", None)])
    async with watched(world, clock, path, rules=rules) as one:
        await turns(one)
        world.remove("backup")
        await turns(one, 20)
        assert [each for each in one.told if each[0] == "job.overdue"] == [
            ("job.overdue", "ledgers/slow")
        ]


async def test_a_status_that_is_refused_in_one_vault_is_not_asked_for_in_every_other(
    clock: Clock, path: Path
) -> None:
    world = vaults(**{f"v{n}": [retrieval("job", 700)] for n in range(6)})
    async with watched(world, clock, path) as one:
        await turns(one)
        before = len(asked(one))
        one.simulation.faults.add(faults.STATUS_REJECTED, When(call="list", filtered=True))
        await one.poll()
        paths = asked(one, before)
        assert paths[0] == "/-/vaults/v0/jobs"
        assert "/-/vaults/v1/jobs" not in paths[1:2]
        await turns(one, 4)
        assert len([each for each in one.told if each[0] == "job.succeeded"]) == 6


async def test_a_vault_that_could_never_be_read_silences_no_reminder_of_the_others(
    clock: Clock, path: Path
) -> None:
    rules = replace(NO_RULES, expiring_before=timedelta(hours=23, minutes=50))
    world = vaults(backup=[retrieval("hidden", None)], ledgers=[retrieval("gave", 400)])
    async with watched(world, clock, path, rules=rules) as one:
        one.simulation.faults.add(faults.DENIED, When(call="list", vault="backup"))
        await turns(one, 7)
        assert (await one.state()).baselined_at is None
        assert [each for each in one.told if each[0] == "job.output_expiring"] == [
            ("job.output_expiring", "ledgers/gave")
        ]
