"""A hundred thousand jobs, as a busy account lists them."""

from pathlib import Path

import pytest

from jobwatch.core.first_sight import FirstSight
from jobwatch.core.plan import SweepKind
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.integration.watching_rig import Calls, last_sweep
from tests.rig import START, Clock, Given, rig


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobwatch.db"


async def test_a_hot_sweep_of_a_real_account_costs_a_call_for_each_status(
    clock: Clock, path: Path
) -> None:
    world = World.generate(start=START, jobs=100_050, unfinished=50)
    given = Given(first_sight=FirstSight.BASELINE)
    async with Simulation(world, clock=clock) as cloud, rig(cloud, clock, path, given) as one:
        await one.poll()
        first = await last_sweep(one)
        assert (first.kind, first.pages) == (SweepKind.FULL, 101)
        for _ in range(3):
            clock.advance(33)
            calls = Calls(one)
            await one.poll()
            assert (await last_sweep(one)).kind == SweepKind.HOT
            assert len(calls.all) <= 12 + len(calls.described)
            assert len(calls.described) <= 10
