"""SIGTERM while a receiver says nothing: the daemon stops in its time, and no attempt is burnt."""

import asyncio
from pathlib import Path

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator.receiver import Manner, Received, Reply
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port
from tests.rig import job, step

pytestmark = pytest.mark.timeout(120)


async def test_what_hangs_when_the_daemon_is_told_to_stop_is_given_back_and_told_by_the_next_one(
    tmp_path: Path,
) -> None:
    world = World([job("job-1", step("Failed"), created=utc_now())])
    async with Simulation(world, clock=utc_now) as simulation:
        arrived = asyncio.Event()

        async def note(_: Received) -> None:
            arrived.set()

        simulation.sink.always("/ops", Reply(status=200, manner=Manner.STALL, hook=note))
        port = free_port()
        receiver = configuration(simulation, port)["receivers"]["ops"] | {"timeout": "30s"}
        config = configuration(simulation, port, receivers={"ops": receiver})
        daemon = Daemon(folder=tmp_path, config=config, port=port)
        await asyncio.to_thread(daemon.start)
        async with asyncio.timeout(30):
            await arrived.wait()
        assert await asyncio.to_thread(daemon.stop) == 0
        assert daemon.query("SELECT state, attempts FROM deliveries") == [("pending", 0)]
        assert daemon.query("SELECT count(*) FROM attempts") == [(0,)]
        simulation.sink.always("/ops", None)
        known = len(simulation.sink.received)
        await asyncio.to_thread(daemon.start)
        try:
            await simulation.sink.wait_for(known + 1, within=30)
        finally:
            await asyncio.to_thread(daemon.stop)
        first, again = simulation.sink.received
        assert (first.id, first.body) == (again.id, again.body)
        assert daemon.query("SELECT state, attempts FROM deliveries") == [("delivered", 1)]
