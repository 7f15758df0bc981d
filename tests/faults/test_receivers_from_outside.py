"""Receivers that are stopped, that die and come back, and a disk that is full while their answers are written down."""

import asyncio
import json
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator.receiver import Received, Reply
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import PATIENCE, Daemon, configuration, free_port, get
from tests.faults.test_kills import running_jobs
from tests.faults.test_storm_from_outside import until

JOBS = 9
FULL = 3.0
"""Seconds without room on the disk: several turns of the notifier and of the source."""

pytestmark = pytest.mark.timeout(180)


@dataclass(slots=True, kw_only=True)
class Other:
    """The receiver's process, and what it wrote down."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        return self.folder / "received"

    def start(self) -> None:
        program = Path(__file__).parent / "receiver_process.py"
        self.process = subprocess.Popen([sys.executable, program, str(self.port), self.file])
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if get(f"http://127.0.0.1:{self.port}/")[0]:
                return
            time.sleep(0.05)
        raise AssertionError("the receiver does not listen")

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait(PATIENCE)

    def received(self) -> list[tuple[str, str]]:
        lines = self.file.read_text(encoding="utf-8").splitlines() if self.file.exists() else []
        entries = [json.loads(line) for line in lines]
        assert all(each["valid"] for each in entries)
        return [(each["id"], each["body"]) for each in entries]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    made = Other(folder=tmp_path)
    made.start()
    yield made
    made.signal(signal.SIGCONT)
    made.signal(signal.SIGKILL)


def tried(daemon: Daemon, result: str) -> int:
    return int(daemon.query(f"SELECT count(*) FROM attempts WHERE result = '{result}'")[0][0])


def delivered(daemon: Daemon) -> int:
    return int(daemon.query("SELECT count(*) FROM deliveries WHERE state = 'delivered'")[0][0])


def end(world: World, *numbers: int) -> None:
    for number in numbers:
        world.set(f"job-{number:04}", utc_now(), status="Complete", succeeded=10, failed=0)


async def test_a_receiver_that_is_stopped_or_dies_is_told_everything_when_it_is_back(
    tmp_path: Path, other: Other
) -> None:
    world = World(running_jobs(JOBS))
    async with Simulation(world, clock=utc_now) as simulation:
        port = free_port()
        config = configuration(simulation, port)
        config["receivers"]["ops"] |= {
            "url": f"http://127.0.0.1:{other.port}/ops",
            "timeout": "1s",
        }
        daemon = Daemon(folder=tmp_path, config=config, port=port)
        daemon.start()
        try:
            await asyncio.to_thread(daemon.wait_ready)
            end(world, 0, 1, 2)
            await until(lambda: delivered(daemon) == 3)
            other.signal(signal.SIGSTOP)
            end(world, 3, 4, 5)
            await until(lambda: tried(daemon, "timeout") == 3)
            other.signal(signal.SIGCONT)
            await until(lambda: delivered(daemon) == 6)
            other.signal(signal.SIGKILL)
            end(world, 6, 7, 8)
            await until(lambda: tried(daemon, "connect") == 3)
            other.start()
            await until(lambda: delivered(daemon) == JOBS)
            assert await asyncio.to_thread(daemon.stop) == 0
        finally:
            if daemon.running:
                daemon.kill()
    check_received(daemon, other)


def check_received(daemon: Daemon, other: Other) -> None:
    """Told twice is only what it took without an answer in time, with the same bytes."""
    events = dict(daemon.query("SELECT id, body FROM events WHERE type = 'job.succeeded'"))
    times = Counter(other.received())
    assert {(id_, body.decode()) for id_, body in events.items()} == set(times)
    unanswered = {
        id_
        for (id_,) in daemon.query(
            "SELECT d.event_id FROM attempts a JOIN deliveries d ON d.id = a.delivery_id "
            "WHERE a.result = 'timeout'"
        )
    }
    assert {id_ for (id_, _), number in times.items() if number > 1} <= unanswered
    assert max(times.values()) <= 2
    assert daemon.counter("jobwatch_deliveries_total") == JOBS


async def test_a_disk_that_is_full_while_answers_are_settled_costs_no_delivery_and_no_repetition(
    tmp_path: Path,
) -> None:
    """The limit on the size of a file stands in for the disk's end: the next page that is written finds no room."""
    world = World(running_jobs(JOBS))
    async with Simulation(world, clock=utc_now) as simulation:
        port = free_port()
        daemon = Daemon(folder=tmp_path, config=configuration(simulation, port), port=port)
        daemon.start()
        full = asyncio.Event()

        async def fill(_received: Received) -> None:
            """No file grows from here on; the log of the daemon is smaller than that, and goes on."""
            if not full.is_set():
                limit_files(daemon, (tmp_path / "jobwatch.db-wal").stat().st_size)
                full.set()

        try:
            await asyncio.to_thread(daemon.wait_ready)
            simulation.sink.script("/ops", *[Reply(hook=fill)] * 3)
            end(world, 0, 1, 2)
            async with asyncio.timeout(PATIENCE):
                await full.wait()
            end(world, 3, 4, 5)
            await asyncio.sleep(FULL)
            assert delivered(daemon) == 0
            assert daemon.running
            limit_files(daemon, resource.RLIM_INFINITY)
            end(world, 6, 7, 8)
            await until(lambda: delivered(daemon) == JOBS)
            assert await asyncio.to_thread(daemon.stop) == 0
        finally:
            if daemon.running:
                daemon.kill()
    ids = Counter(received.id for received in simulation.sink.received)
    assert len(ids) == JOBS
    assert set(ids.values()) == {1}
    assert daemon.counter("jobwatch_deliveries_total") == JOBS
    assert daemon.query("PRAGMA integrity_check") == [("ok",)]
    loops = {entry["loop"] for entry in daemon.logged("step.failed")}
    assert "notifier:ops" in loops, "no settlement ever met the full disk"


def limit_files(daemon: Daemon, size: int) -> None:
    assert daemon.process is not None
    _, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size, hard))
