"""Series of single jobs, from the configuration to the page, by the daemon's own parts."""

from pathlib import Path

import yaml

from jobwatch.app.assembling import every_loop, open_parts
from jobwatch.app.clock import utc_now
from jobwatch.app.daemon import own_loops
from jobwatch.app.parts import open_store
from jobwatch.app.shapes import shapes
from jobwatch.loop import Pulse
from jobwatch.metrics import Metrics
from jobwatch.settings import load_settings
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.cli_rig import configuration
from tests.scrapes import lines

INFO, DROPPED = "jobwatch_job_info", "jobwatch_series_dropped_total"


async def pages(folder: Path, *limits: int | None) -> list[Metrics]:
    """What is shown of three active jobs after one sweep, for each limit; None leaves the key out."""
    world, shown = World(), []
    for name in ("a", "b", "c"):
        world.add(JobScript(id=name, created_at=utc_now(), steps=(Step("Active"),)))
    async with Simulation(world, clock=utc_now) as simulation:
        file = configuration(folder, endpoint=simulation.endpoint)
        tree = yaml.safe_load(file.read_text())
        for limit in limits:
            tree["metrics"] = {"per_job": {"enabled": True, "limit": limit}} if limit else {}
            file.write_text(yaml.safe_dump(tree))
            shown.append(await once(file))
    return shown


async def once(file: Path) -> Metrics:
    """One turn of the source's loop, one of the loop that refreshes."""
    settings = load_settings(file, {}).settings
    metrics, store = Metrics(shapes(settings), []), await open_store(settings)
    async with open_parts(settings, store, metrics, Pulse()) as parts:
        steps = {loop.name: loop.step for loop in [*own_loops(parts), *every_loop(parts)]}
        for name in ("poller:prod", "refresh"):
            await steps[name]()
    await store.close()
    return metrics


async def test_a_daemon_shows_single_jobs_where_somebody_asked_for_them(tmp_path: Path) -> None:
    none, two, all_ = await pages(tmp_path, None, 2, 10)
    for made, count, dropped in ((none, 0, 0), (two, 2, 1), (all_, 3, 0)):
        found = [line for line in lines(made, INFO) if not line.startswith("#")]
        assert len(found) == count
        assert all('scope="",' in line and 'status="Active"' in line for line in found)
        assert f'{DROPPED}{{reason="per_job_limit"}} {float(dropped)}' in lines(made, DROPPED)
