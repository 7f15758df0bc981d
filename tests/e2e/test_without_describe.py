"""What docs/permissions.md says of keys that may list jobs and not describe one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator import faults
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port

pytestmark = pytest.mark.timeout(120)
PATIENCE = 60.0


def job(name: str, takes: timedelta, ago: timedelta, end: str = "Complete") -> JobScript:
    steps = (Step("Active", takes, done=1.0), Step(end))
    return JobScript(id=name, created_at=utc_now() - ago, steps=steps)


@asynccontextmanager
async def watched(
    place: Path, *jobs: JobScript, **more: Any
) -> AsyncIterator[tuple[Simulation, Daemon]]:
    """A daemon that watches these jobs with such keys."""
    async with Simulation(World(jobs), clock=utc_now) as simulation:
        simulation.faults.add(faults.DENIED, faults.When(call="describe"))
        port = free_port()
        daemon = Daemon(folder=place, config=configuration(simulation, port, **more), port=port)
        daemon.start()
        try:
            await asyncio.to_thread(daemon.wait_ready)
            yield simulation, daemon
        finally:
            daemon.stop()


async def until(daemon: Daemon, found: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline, daemon.tail()
        await asyncio.sleep(0.2)


async def test_in_a_large_account_an_ending_costs_a_reading_of_the_whole_list(
    tmp_path: Path,
) -> None:
    a_day, a_minute = timedelta(days=1), timedelta(minutes=1)
    many = [job(f"old-{number:05d}", a_minute, a_day) for number in range(11_000)]
    soon = job("soon", timedelta(seconds=12), timedelta(), "Failed")
    async with watched(tmp_path, *many, soon) as (_, daemon):
        await until(daemon, lambda: [
            each for each in daemon.logged("event.released") if each["job"] == "soon"
        ])  # fmt: skip
        [released] = [each for each in daemon.logged("event.released") if each["job"] == "soon"]
        [recorded] = [each for each in daemon.logged("event.recorded") if each["job"] == "soon"]
        await until(daemon, lambda: [
            each for each in daemon.logged("sweep.finished") if each["sweep"] == recorded["sweep"]
        ])  # fmt: skip
        [sweep] = [
            each for each in daemon.logged("sweep.finished") if each["sweep"] == recorded["sweep"]
        ]
    assert (recorded["type"], released["detail_error"]) == ("job.failed", "AccessDenied")
    assert (sweep["kind"], sweep["reason"], sweep["listed"]) == ("full", "proof_needed", 11_001)


async def test_a_job_that_is_missing_is_not_called_vanished_and_breaks_each_sweep(
    tmp_path: Path,
) -> None:
    jobs = [job(f"job-{number}", timedelta(hours=1), timedelta()) for number in range(3)]
    rules = {"unreachable_after": "3s"}
    async with watched(tmp_path, *jobs, rules=rules) as (simulation, daemon):
        simulation.faults.add(faults.Hidden(job_id="job-1"))
        await until(daemon, lambda: len(daemon.logged("sweep.failed")) > 2)
        failed = daemon.logged("sweep.failed")[-1]
        await until(
            daemon,
            lambda: daemon.query("SELECT 1 FROM events WHERE type = 'source.unreachable'"),
        )
        assert not daemon.query("SELECT 1 FROM events WHERE type = 'job.vanished'")
    assert (failed["error_class"], failed["code"]) == ("denied", "AccessDenied")
