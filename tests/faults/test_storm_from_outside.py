"""The daemon as its users run it, in a storm of SlowDown, stopped and continued by the machine in the middle of it."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator import faults
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port, get
from tests.rig import job, step

STORM = 20.0
STOPPED = 6.0
PATIENCE = 60.0
"""Seconds: two openings of the breaker, the second of which may have begun as the storm ended."""
CALLS = 12
"""Four tries and one more before the breaker opens for fifteen seconds; one probe; and some for a slow machine."""

pytestmark = pytest.mark.timeout(180)


async def until(done: Callable[[], bool], within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not done():
            await asyncio.sleep(0.1)


async def up(daemon: Daemon) -> bool:
    status, text = await asyncio.to_thread(get, f"http://127.0.0.1:{daemon.port}/metrics")
    assert status == 200
    return 'jobwatch_source_up{source="prod"} 1.0' in text


async def is_up(daemon: Daemon, *, wanted: bool) -> None:
    async with asyncio.timeout(PATIENCE):
        while await up(daemon) is not wanted:
            await asyncio.sleep(0.2)


async def test_a_daemon_stopped_and_continued_in_a_storm_tells_every_ending_once(
    tmp_path: Path,
) -> None:
    names = [f"job-{number}" for number in range(8)]
    began = utc_now() - timedelta(minutes=1)
    world = World([job(name, step("Active", 90_000, done=1.0), created=began) for name in names])
    async with Simulation(world, clock=utc_now) as simulation:
        port = free_port()
        daemon = Daemon(folder=tmp_path, config=configuration(simulation, port), port=port)
        daemon.start()
        try:
            await asyncio.to_thread(daemon.wait_ready)
            await is_up(daemon, wanted=True)
            await weather_the_storm(daemon, simulation, names)
            assert await asyncio.to_thread(daemon.stop) == 0
        finally:
            if daemon.running:
                daemon.kill()
    assert not daemon.logged("loop.failed"), daemon.tail()


async def weather_the_storm(daemon: Daemon, simulation: Simulation, names: list[str]) -> None:
    sink, world = simulation.sink, simulation.world
    simulation.faults.add(faults.SLOW_DOWN)
    asked, process = simulation.cloud.asked, daemon.process
    assert process is not None
    for name in names[:3]:
        world.set(name, utc_now(), status="Complete")
    await is_up(daemon, wanted=False)
    await asyncio.sleep((STORM - STOPPED) / 2)
    process.send_signal(signal.SIGSTOP)
    for name in names[3:5]:
        world.set(name, utc_now(), status="Failed")
    await asyncio.sleep(STOPPED)
    process.send_signal(signal.SIGCONT)
    await asyncio.sleep((STORM - STOPPED) / 2)
    assert sink.events == []
    assert not await up(daemon)
    assert simulation.cloud.asked - asked <= CALLS

    simulation.faults.clear()
    await until(lambda: len(sink.events) >= 5)
    await is_up(daemon, wanted=True)
    world.set(names[5], utc_now(), status="Cancelled")
    await until(lambda: len(sink.events) >= 6)
    told = Counter((event["type"], event["subject"]) for event in sink.events)
    assert told == Counter(
        [("job.succeeded", name) for name in names[:3]]
        + [("job.failed", name) for name in names[3:5]]
        + [("job.cancelled", names[5])]
    )
