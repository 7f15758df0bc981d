"""What is told after a store was restored from a backup: the page on the store promises these very things."""

import json
from datetime import timedelta
from pathlib import Path

from jobwatch.core.muting import Silence
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store import backup
from tests.rig import Clock, job, rig, step

MINUTE = 60.0


class Account:
    """Four running jobs, and a store whose backup knows the end of the first one alone."""

    def __init__(self, simulation: Simulation, clock: Clock, folder: Path) -> None:
        self.simulation, self.clock = simulation, clock
        self.path, self.saved = folder / "jobwatch.db", folder / "saved.db"

    async def told(self, *numbers: int, muted: bool = False) -> dict[str, tuple[str, bool]]:
        """Job → (id, late) of the endings that a daemon tells, which is started after these jobs ended."""
        self.clock.advance(10 * MINUTE)
        for number in numbers:
            self.simulation.world.set(
                f"job-{number}", self.clock(), status="Complete", succeeded=10, failed=0
            )
        self.simulation.sink.received.clear()
        async with rig(self.simulation, self.clock, self.path) as daemon:
            if muted:
                until = self.clock() + timedelta(minutes=15)
                await daemon.store.mute(Silence(source="*"), until=until)
            await daemon.turn()
        received = [json.loads(each.body) for each in self.simulation.sink.received]
        ended = [each for each in received if each["type"] == "job.succeeded"]
        return {each["subject"]: (each["id"], each["data"]["late"]) for each in ended}

    def restore(self) -> None:
        backup.restore(self.saved, self.path, owner="x", now=self.clock())


async def test_a_restored_store_tells_again_what_it_does_not_know(
    clock: Clock, tmp_path: Path
) -> None:
    world = World([job(f"job-{number}", step("Active")) for number in range(4)])
    async with Simulation(world, clock=clock) as simulation:
        account = Account(simulation, clock, tmp_path)
        assert await account.told() == {}
        assert set(await account.told(0)) == {"job-0"}
        backup.write_backup(account.path, account.saved)
        first = await account.told(2) | await account.told(1)
        assert set(first) == {"job-1", "job-2"}
        account.restore()
        again = await account.told()
        assert set(again) == set(first)
        assert all(late for _, late in again.values())
        assert again != first
        account.clock.advance(MINUTE)
        account.restore()
        assert await account.told(3, muted=True) == {}
        assert await account.told() == {}
