"""What the daemon itself makes of a store that was replaced under it, and of a disk that is full when it starts."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store import backup
from tests.cli_rig import aside
from tests.cli_rig import configuration as watched_once
from tests.daemon import PATIENCE, Daemon, configuration, free_port, get
from tests.faults.disk import in_memory
from tests.faults.test_kills import running_jobs
from tests.faults.test_receivers_from_outside import delivered, end
from tests.faults.test_storm_from_outside import until

pytestmark = pytest.mark.timeout(120)


async def test_a_daemon_that_finds_no_room_at_its_start_waits_unready_and_says_why(
    tmp_path: Path,
) -> None:
    async with Simulation(World(running_jobs(3)), clock=utc_now) as simulation:
        with in_memory(tmp_path, "4m") as small:
            port, store = free_port(), {"path": str(small.folder / "jobwatch.db")}
            config = configuration(simulation, port, store=store)
            daemon = Daemon(folder=tmp_path, config=config, port=port)
            small.fill()
            daemon.start()
            try:
                await until(lambda: "make room" in get(f"http://127.0.0.1:{port}/readyz")[1])
                assert get(f"http://127.0.0.1:{port}/readyz")[0] == 503
                assert get(f"http://127.0.0.1:{port}/healthz")[0] == 200
                small.make_room()
                await asyncio.to_thread(daemon.wait_ready)
                assert len(daemon.logged("store.awaited")) == 1
                assert await asyncio.to_thread(daemon.stop) == 0
            finally:
                if daemon.running:
                    daemon.kill()


async def test_the_page_says_that_the_disk_is_full_while_it_is_and_no_longer(
    tmp_path: Path,
) -> None:
    world = World(running_jobs(3))
    async with Simulation(world, clock=utc_now) as simulation:
        with in_memory(tmp_path, "4m") as small:
            port, store = free_port(), {"path": str(small.folder / "jobwatch.db")}
            config = configuration(simulation, port, store=store)
            daemon = Daemon(folder=tmp_path, config=config, port=port)
            daemon.start()
            try:
                await asyncio.to_thread(daemon.wait_ready)
                small.fill()
                end(world, 0)
                await until(lambda: "cannot work: the disk of the store" in said_at(port))
                assert "make room and jobwatch goes on by itself" in said_at(port)
                healthy = [
                    get(f"http://127.0.0.1:{port}/{path}")[0] for path in ("healthz", "readyz")
                ]
                assert healthy == [200, 200]  # a restart would not help: the runbook says so
                small.make_room()
                await until(lambda: "cannot work" not in said_at(port))
                assert await asyncio.to_thread(daemon.stop) == 0
            finally:
                if daemon.running:
                    daemon.kill()


async def test_a_source_that_is_overdue_for_a_full_disk_is_shown_with_the_reason(
    tmp_path: Path,
) -> None:
    """It was called overdue, and nothing said why: with a full disk no error can be kept."""
    async with Simulation(World(running_jobs(3)), clock=utc_now) as simulation:
        with in_memory(tmp_path, "4m") as small:
            file = watched_once(small.folder, endpoint=simulation.endpoint)
            shown: list[str | Path] = ["sources", "prod", "--config", file]
            assert (await aside("sources", "sweep", *shown[1:])).returncode == 0
            small.fill(leave=100_000)
            await until_overdue(shown)
            line, _ = [each for each in await said_by(shown) if each.split()[:1] == ["store"]]
            assert f"the disk of the store {small.folder}/jobwatch.db is full (" in line
            assert line.rstrip().endswith("KiB left); make room and jobwatch goes on by itself")
            small.make_room()
            told = await said_by(shown)
            assert "overdue" in words(told)
            assert not any("is full" in each for each in told)


async def said_by(command: list[str | Path]) -> list[str]:
    done = await aside(*command)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


async def until_overdue(command: list[str | Path]) -> None:
    async with asyncio.timeout(PATIENCE):
        while "overdue" not in words(await said_by(command)):
            await asyncio.sleep(0.2)


def words(lines: list[str]) -> list[str]:
    return " ".join(lines).split()


def said_at(port: int) -> str:
    return get(f"http://127.0.0.1:{port}/")[1]


async def test_a_daemon_whose_store_was_replaced_ends_and_the_next_goes_on_with_what_lies_there(
    tmp_path: Path,
) -> None:
    world = World(running_jobs(3))
    async with Simulation(world, clock=utc_now) as simulation:
        port = free_port()
        daemon = Daemon(folder=tmp_path, config=configuration(simulation, port), port=port)
        daemon.start()
        try:
            await asyncio.to_thread(daemon.wait_ready)
            end(world, 0)
            await until(lambda: delivered(daemon) == 1)
            saved, aside = tmp_path / "saved.db", tmp_path / "aside.db"
            await asyncio.to_thread(backup.write_backup, daemon.database, saved)
            daemon.database.rename(aside)
            saved.rename(daemon.database)
            end(world, 1)
            assert daemon.process is not None
            assert await asyncio.to_thread(daemon.process.wait, PATIENCE) == 1
            assert "was replaced by another file while jobwatch ran" in daemon.tail()
            assert "Traceback" not in daemon.tail()
            for path in (aside, daemon.database):
                with closing(sqlite3.connect(path)) as raw:
                    assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                    ended = raw.execute("SELECT count(*) FROM events WHERE ending").fetchone()
                    assert ended == (1,)
            daemon.start()
            await until(lambda: delivered(daemon) == 2)
            assert await asyncio.to_thread(daemon.stop) == 0
        finally:
            if daemon.running:
                daemon.kill()
    assert len(simulation.sink.received) == 2
