"""A source that was taken out of the configuration leaves nobody called for something that nobody watches."""

import json
from datetime import timedelta
from pathlib import Path

from jobwatch.app.orphans import release_orphans
from jobwatch.core.rules import Rules
from jobwatch.simulator import faults
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store import Store
from jobwatch.store.settings import SqliteSettings
from jobwatch.store.values import DeliveryFilter, EventFilter
from tests.rig import Clock, Given, job, rig, step
from tests.unit.settings_cases import RECEIVER, SOURCE, read

RULES = Rules(waiting_after=timedelta(), unreachable_after=timedelta(minutes=1))


async def test_what_was_open_of_a_removed_source_is_closed_once_for_whoever_was_told(
    clock: Clock, path: Path, tmp_path: Path
) -> None:
    world = World([job("waits", step("Suspended"))])
    async with (
        Simulation(world, clock=clock) as sim,
        rig(sim, clock, path, Given(rules=RULES)) as one,
    ):
        await one.turn()
        sim.faults.add(faults.INTERNAL)
        for _ in range(4):
            clock.advance(60)
            await one.turn()
        assert sorted(kind for kind, _ in one.told) == ["job.waiting", "source.unreachable"]
    settings = read(tmp_path, SOURCE.replace("prod:", "other:") + RECEIVER).settings
    store = await Store.open(SqliteSettings(path=path), owner="next", clock=clock, exclusive=True)
    try:
        for _ in range(2):
            await release_orphans(store, settings)
        events = (await store.events(EventFilter(), limit=10)).rows
        closed = [
            each.type
            for each in events
            if (json.loads(each.body)["data"].get("condition") or {}).get("state") == "closed"
        ]
        assert sorted(closed) == ["job.waiting", "source.unreachable"]
        pending = await store.deliveries(DeliveryFilter(receiver="ops"), limit=10)
        assert sorted(each.event_type for each in pending.rows if not each.attempts) == sorted(
            closed
        )
    finally:
        await store.close()
