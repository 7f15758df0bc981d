"""kill -9 around a reminder that output expires: it is told once, with one id."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.vault_job import VaultJob
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port
from tests.faults.test_kills import WRAPPER, Battle
from tests.rig import job, step

MOMENTS = ("before", "inside", "after")
TYPE = "job.output_expiring"

pytestmark = pytest.mark.timeout(120)


def retrieved(name: str) -> JobScript:
    """What it gave can be fetched for another hour."""
    return job(
        name,
        step("InProgress", 3600),
        step("Succeeded"),
        created=utc_now() - timedelta(hours=24),
        total=0,
        operation="ArchiveRetrieval",
        vault_job=VaultJob(),
    )


async def test_kills_around_a_reminder_tell_it_once(tmp_path: Path) -> None:
    vaults = VaultWorld({"backup": World()})
    async with Simulation(World(), vaults=vaults, clock=utc_now) as simulation:
        port = free_port()
        config = configuration(simulation, port, rules={"expiring_before": "2h"})
        provider = config["sources"]["prod"]["provider"]
        del provider["uin"], provider["appid"]
        provider |= {"kind": "cas", "vaults": ["*"]}
        config["receivers"]["ops"]["wants"] = {"types": [TYPE]}
        daemon = Daemon(folder=tmp_path, config=config, port=port)
        battle = Battle(simulation=simulation, daemon=daemon)
        try:
            await _kill_around_each(battle, vaults["backup"])
            names = {f"-{moment}" for moment in MOMENTS}
            await battle.start()
            await battle.until(lambda: _told(daemon) == dict.fromkeys(names, 1))
            await battle.until(lambda: len(simulation.sink.accepted) >= len(names))
            assert daemon.stop() == 0
        finally:
            if daemon.running:
                daemon.kill()
        ids = {each.id for each in simulation.sink.accepted}
        assert len(ids) == len(names)
        (counted,) = daemon.query(
            f"SELECT value FROM series WHERE name = 'jobwatch_events_total' AND labels LIKE '%{TYPE}%'"
        )
        assert counted == (len(names),)


async def _kill_around_each(battle: Battle, world: World) -> None:
    daemon = battle.daemon
    for moment in MOMENTS:
        world.add(retrieved(f"-{moment}"))
        daemon.program, daemon.environment = WRAPPER, {"DIE_IN": f"mark:{moment}:1"}
        daemon.start()
        await battle.until(lambda: not daemon.running)
        battle.killed()
        told = _told(daemon)
        assert told.get(f"-{moment}", 0) == (moment == "after")
    daemon.program, daemon.environment = ("-m", "jobwatch"), {}


def _told(daemon: Daemon) -> dict[str, int]:
    """How many reminders each job has in the store."""
    found = daemon.query(f"SELECT job_id FROM events WHERE type = '{TYPE}'")
    return dict(Counter(name for (name,) in found))
