"""While no call goes out to a source, whoever looks is told until when, and why."""

from pathlib import Path

import pytest

from jobwatch.simulator import faults
from jobwatch.simulator.faults import Say
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.rig import Clock, job, rig, step

WAIT = Say(status=503, code="ServiceUnavailable", headers=(("Retry-After", "300"),))


@pytest.mark.parametrize(
    ("fault", "reason"), [(faults.INTERNAL, "breaker_open"), (WAIT, "retry_after")]
)
async def test_a_source_that_is_left_alone_says_why(
    fault: Say, reason: str, clock: Clock, path: Path
) -> None:
    world = World([job("a", step("Active", 9000, done=1.0))])
    async with Simulation(world, clock=clock) as simulation, rig(simulation, clock, path) as one:
        await one.turn()
        simulation.faults.add(fault)
        for _ in range(3):
            clock.advance(30)
            await one.turn()
        spending = (await one.state()).spending
        assert spending is not None
        assert spending.withheld_until is not None
        assert spending.withheld_until > clock.now
        assert spending.withheld_reason == reason
