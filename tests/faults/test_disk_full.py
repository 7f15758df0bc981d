"""A volume that is full, that turns read-only, or that is so at the start: the daemon goes on, and tells once."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobwatch.app.clock import utc_now
from jobwatch.core.errors import StoreError
from jobwatch.simulator.receiver import Received, Reply
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store import backup, copying
from tests.cli_rig import Done, child
from tests.contract.databases import Stores
from tests.contract.test_store_upgrades import filled
from tests.contract.watcher import Clock
from tests.daemon import PATIENCE, Daemon, configuration, free_port, get
from tests.faults.disk import Volume, in_memory, on_a_loop_device
from tests.faults.test_kills import running_jobs
from tests.faults.test_receivers_from_outside import end
from tests.faults.test_storm_from_outside import until

JOBS = 9
WITHOUT = 3.0
"""Seconds without a writable disk: several turns of the notifier and of the source."""

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Volume]:
    with in_memory(tmp_path, "4m") as volume:
        yield volume


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Volume]:
    with on_a_loop_device(tmp_path) as volume:
        yield volume


def settings(simulation: Simulation, volume: Volume, port: int = 0) -> dict[str, Any]:
    """Everything on the volume but the log of the daemon."""
    return configuration(simulation, port, store={"path": str(volume.folder / "jobwatch.db")})


@asynccontextmanager
async def watching(simulation: Simulation, volume: Volume, folder: Path) -> AsyncIterator[Daemon]:
    port = free_port()
    daemon = Daemon(folder=folder, config=settings(simulation, volume, port), port=port)
    daemon.start()
    try:
        await asyncio.to_thread(daemon.wait_ready)
        yield daemon
        assert await asyncio.to_thread(daemon.stop) == 0
    finally:
        if daemon.running:
            daemon.kill()


def series(daemon: Daemon, name: str) -> float:
    _, page = get(f"http://127.0.0.1:{daemon.port}/metrics")
    return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(name))


def lines(daemon: Daemon) -> int:
    return len(daemon.log.read_bytes().splitlines())


async def outlives(daemon: Daemon, simulation: Simulation, world: World, volume: Volume) -> None:
    """Let jobs end while nothing can be written, and see what the daemon shows of it meanwhile."""
    end(world, 3, 4, 5)
    late = {f"job-{number:04}" for number in (3, 4, 5)}
    before = lines(daemon)
    await until(lambda: series(daemon, "jobwatch_store_errors_total") > 0)
    await asyncio.sleep(WITHOUT)
    assert get(f"http://127.0.0.1:{daemon.port}/healthz")[0] == 200
    assert series(daemon, 'jobwatch_source_up{source="prod"}') == 0.0
    told = {each["subject"] for each in simulation.sink.events}
    assert not told & late, "what is not recorded is not told"
    assert lines(daemon) - before < 20
    (failed, *_) = daemon.logged("step.failed")
    assert f"the store {volume.folder}/jobwatch.db" in failed["error"]


def check_told_once(simulation: Simulation, volume: Volume) -> None:
    ids = Counter(received.id for received in simulation.sink.received)
    assert len(ids) == JOBS
    assert set(ids.values()) == {1}
    with closing(sqlite3.connect(volume.folder / "jobwatch.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        counted = "SELECT sum(value) FROM series WHERE name = 'jobwatch_deliveries_total'"
        assert raw.execute(counted).fetchone() == (JOBS,)


def delivered(volume: Volume) -> int:
    with closing(sqlite3.connect(volume.folder / "jobwatch.db", timeout=5)) as raw:
        asked = "SELECT count(*) FROM deliveries WHERE state = 'delivered'"
        return int(raw.execute(asked).fetchone()[0])


async def test_a_disk_that_is_full_after_sending_and_before_settling_costs_and_repeats_nothing(
    tmp_path: Path, small: Volume
) -> None:
    """What was sent is settled once there is room: it is kept in memory meanwhile."""
    world = World(running_jobs(JOBS))
    async with Simulation(world, clock=utc_now) as simulation:
        full = asyncio.Event()

        async def fill(_received: Received) -> None:
            if not full.is_set():
                small.fill()
                full.set()

        simulation.sink.script("/ops", *[Reply(hook=fill)] * 3)
        async with watching(simulation, small, tmp_path) as daemon:
            end(world, 0, 1, 2)
            async with asyncio.timeout(PATIENCE):
                await full.wait()
            await outlives(daemon, simulation, world, small)
            assert any("is full" in each["error"] for each in daemon.logged("step.failed"))
            small.make_room()
            end(world, 6, 7, 8)
            await until(lambda: delivered(small) == JOBS)
        check_told_once(simulation, small)


async def test_a_volume_that_turns_read_only_costs_and_repeats_nothing(
    tmp_path: Path, failing: Volume
) -> None:
    """A file system that its kernel gave up is mounted anew, and the daemon started again."""
    world = World(running_jobs(JOBS))
    async with Simulation(world, clock=utc_now) as simulation:
        async with watching(simulation, failing, tmp_path) as daemon:
            end(world, 0, 1, 2)
            await until(lambda: delivered(failing) == 3)
            failing.turn_read_only()
            await outlives(daemon, simulation, world, failing)
        assert "Traceback" not in daemon.tail()
        failing.mount_anew()
        end(world, 6, 7, 8)
        async with watching(simulation, failing, tmp_path):
            await until(lambda: delivered(failing) == JOBS)
        check_told_once(simulation, failing)


def command(folder: Path, config: dict[str, Any], *words: str) -> Done:
    file = folder / "jobwatch.yaml"
    file.write_text(yaml.safe_dump(config))
    return child(*words, "--config", file)


@pytest.mark.parametrize("there", [False, True])
async def test_a_disk_that_is_full_at_the_start_is_named_and_recovers(
    tmp_path: Path, small: Volume, *, there: bool
) -> None:
    """A store is there already, or there is none."""
    world = World(running_jobs(JOBS))
    async with Simulation(world, clock=utc_now) as simulation:
        config = settings(simulation, small)
        if there:
            done = await asyncio.to_thread(command, tmp_path, config, "once")
            assert done.returncode == 0, done.stderr
        small.fill()
        for words in (["once"], ["jobs"]) if there else (["once"],):
            done = await asyncio.to_thread(command, tmp_path, config, *words)
            assert done.returncode == 1, done.stderr
            (said,) = [line for line in done.stderr.splitlines() if line.startswith("jobwatch:")]
            assert str(small.folder) in said
            assert "make room" in said
        small.make_room()
        done = await asyncio.to_thread(command, tmp_path, config, "once")
        assert done.returncode == 0, done.stderr


async def test_a_volume_that_is_read_only_at_the_start_is_refused(
    tmp_path: Path, failing: Volume
) -> None:
    async with Simulation(World(running_jobs(JOBS)), clock=utc_now) as simulation:
        config = settings(simulation, failing)
        done = await asyncio.to_thread(command, tmp_path, config, "once")
        assert done.returncode == 0, done.stderr
        failing.turn_read_only()
        for words in (["once"], ["jobs"], ["run"]):
            done = await asyncio.to_thread(command, tmp_path, config, *words)
            assert done.returncode == 2
            (said,) = [line for line in done.stderr.splitlines() if line.startswith("jobwatch:")]
            assert "Read-only file system" in said
            assert "mount the volume" in said


async def test_a_migration_that_finds_no_room_changes_nothing_and_is_made_later(
    small: Volume,
) -> None:
    """With so little room, it breaks off at one place or another."""
    stores = Stores(Clock())
    stores.use_file(small.folder / "jobwatch.db")
    await filled(stores)
    before = stores.path.read_bytes()
    for leave in range(0, 96 * 1024, 16 * 1024):
        small.fill(leave=leave)
        with pytest.raises(StoreError, match="make room"):
            await stores.open()
        small.make_room()
        with closing(sqlite3.connect(stores.path)) as raw:
            assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    assert stores.path.read_bytes()[4096:] == before[4096:]
    assert (await stores.open()).store_id == "s"
    await stores.close()


async def test_a_backup_that_finds_no_room_leaves_the_one_before_and_nothing_else(
    tmp_path: Path, small: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it begins, or on the way."""
    stores = Stores(Clock())
    stores.use_file(tmp_path / "jobwatch.db")
    await (await stores.open()).close()
    saved = small.folder / "saved.db"
    saved.write_bytes(b"the one before")
    small.fill(leave=64 * 1024)
    with pytest.raises(StoreError, match=r"needs up to .* make room, or write it elsewhere"):
        backup.write_backup(stores.path, saved)
    small.make_room()

    def fill() -> None:
        if not small.is_full:
            small.fill()

    monkeypatch.setattr(copying, "STEP", 50)
    with pytest.raises(StoreError, match=r"is full .* make room, or write the copy elsewhere"):
        backup.write_backup(stores.path, saved, fill)
    small.make_room()
    assert saved.read_bytes() == b"the one before"
    assert [each.name for each in small.folder.iterdir()] == ["saved.db"]
