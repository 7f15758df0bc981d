"""A running daemon as a real Prometheus sees it: its first failure, and the documented alerts across a kill -9."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator import faults
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port
from tests.prometheus import Prometheus, impatient, prometheus
from tests.rig import job, step

ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yaml"
FAILED = 'jobwatch_jobs_finished_total{outcome="failed"}'
INCREASE = f"increase({FAILED}[1m]) > 0"

pytestmark = pytest.mark.timeout(120)


@dataclass(slots=True, kw_only=True)
class Scene:
    """A simulated account with jobs at work, and the daemon that watches it; one life after the other."""

    simulation: Simulation
    folder: Path
    daemon: Daemon = field(init=False)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.daemon.port}"

    async def start(self, **more: Any) -> None:
        """Begin a life: the same store, another port."""
        port = free_port()
        config = configuration(self.simulation, port, **more)
        # Three intervals have to be longer than the metrics are refreshed.
        config["sources"]["prod"] |= {"every": "3s", "full_sweep_every": "10s"}
        self.daemon = Daemon(folder=self.folder, config=config, port=port)
        self.daemon.start()
        await asyncio.to_thread(self.daemon.wait_ready)

    def fail(self, job_id: str) -> None:
        self.simulation.world.set(job_id, utc_now(), status="Failed")

    async def recorded(self, failures: int) -> None:
        """Wait until so many failures stand in the store."""
        name = "jobwatch_jobs_finished_total"
        async with asyncio.timeout(30):
            while await asyncio.to_thread(self.daemon.counter, name) < failures:
                await asyncio.sleep(0.05)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    scripts = [
        job(name, step("Active"), created=utc_now(), operation=operation)
        for name, operation in (("job-1", "COSPutObjectCopy"), ("job-2", "COSDeleteObject"))
    ]
    async with Simulation(World(scripts), clock=utc_now) as simulation:
        made = Scene(simulation=simulation, folder=tmp_path)
        try:
            yield made
        finally:
            if made.daemon.running:
                made.daemon.kill()


def of_instance(found: dict[frozenset[tuple[str, str]], float], target: str) -> list[float]:
    return [value for labels, value in found.items() if ("instance", target) in labels]


async def test_increase_sees_the_first_failure_and_alerts_outlive_a_kill_under_another_address(
    scene: Scene, tmp_path: Path
) -> None:
    async with prometheus(tmp_path / "prometheus", impatient(ALERTS)) as server:
        await scene.start()
        await first_failure(scene, server)
        before = scene.target
        await failure_that_nobody_scraped(scene, server)
        await killed_while_the_cloud_is_down(scene)
        assert scene.target != before
        server.scrape(scene.target)
        await new_instance_alerts(scene, server)
        scene.simulation.faults.clear()
        await server.until(lambda: not server.firing("JobwatchDataOld"))
        await server.until(lambda: not server.firing("JobwatchSourceDown"))
        assert server.firing("JobwatchJobFailed", operation="COSDeleteObject")


async def first_failure(scene: Scene, server: Prometheus) -> None:
    """A counter that begins at 0 lets `increase` see the very first failure; one that began at 1 would not."""
    server.scrape(scene.target)
    await server.until(lambda: of_instance(server.query(f"{FAILED} == 0"), scene.target))
    await server.until(lambda: server.query("jobwatch_source_up == 1"))
    assert not server.firing("JobwatchJobFailed")
    scene.fail("job-1")
    await server.until(lambda: of_instance(server.query(INCREASE), scene.target))
    await server.until(lambda: server.firing("JobwatchJobFailed", operation="COSPutObjectCopy"))


async def failure_that_nobody_scraped(scene: Scene, server: Prometheus) -> None:
    """The old address is scraped no more when the second job fails: only another life can tell of it."""
    server.scrape()
    await server.until(lambda: not server.query("jobwatch_build_info"))
    scene.fail("job-2")
    await scene.recorded(2)
    scene.daemon.kill()


async def killed_while_the_cloud_is_down(scene: Scene) -> None:
    scene.simulation.faults.add(faults.DENIED)
    await scene.start()


async def new_instance_alerts(scene: Scene, server: Prometheus) -> None:
    await server.until(lambda: server.firing("JobwatchJobFailed", operation="COSDeleteObject"))
    await server.until(lambda: server.firing("JobwatchDataOld", scope="unfinished"))
    await server.until(lambda: server.firing("JobwatchSourceDown", source="prod"))
    known = server.query("jobwatch_source_up")
    assert {dict(labels)["instance"] for labels in known} == {scene.target}
    # To `increase`, the counter of the new address began at its present value: what `last_finished` is for.
    assert of_instance(server.query(FAILED), scene.target)
    assert not of_instance(server.query(INCREASE), scene.target)
