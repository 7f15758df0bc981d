"""Ten thousand connections that ask for nothing, against the daemon as its users run it."""

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port
from tests.rig import job, step

MANY = 10_000
AT_ONCE = 250
FILES_OF_THE_DAEMON = 1024
"""What a service gets that asks for nothing; a quarter of it is for connections."""

MOST_MEMORY = 40 * 1024
"""Kibibytes that the daemon may grow by."""

SWEEPS = "jobwatch_sweep_pages_total"

pytestmark = pytest.mark.timeout(120)


@contextmanager
def many_files() -> Iterator[None]:
    """Let this process open more files than it attacks with, and the daemon, its child, only a usual number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = MANY + 1000
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"needs {needed} open files, and this process may have {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def hold(port: int, sent: bytes) -> list[socket.socket]:
    """So many connections as are made at once, each of which said this."""
    loop = asyncio.get_running_loop()

    async def connect() -> socket.socket:
        made = socket.socket()
        made.setblocking(False)  # noqa: FBT003
        await loop.sock_connect(made, ("127.0.0.1", port))
        await loop.sock_sendall(made, sent)
        return made

    found = await asyncio.gather(*(connect() for _ in range(AT_ONCE)), return_exceptions=True)
    return [each for each in found if isinstance(each, socket.socket)]


async def pages_swept(client: aiohttp.ClientSession) -> float:
    """What /metrics says; also that it answers, and with everything."""
    async with client.get("/metrics") as answer:
        assert answer.status == 200
        text = await answer.text()
    lines = [line for line in text.splitlines() if line.startswith(SWEEPS)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def healthy(client: aiohttp.ClientSession) -> None:
    async with client.get("/healthz") as answer:
        assert answer.status == 200, await answer.text()


def memory(daemon: Daemon) -> int:
    """Kibibytes in use."""
    assert daemon.process is not None
    status = Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0])


async def attack(daemon: Daemon) -> None:
    held: list[socket.socket] = []
    # Each probe comes anew, as kubelet's do: a connection that is kept might be the oldest one.
    anew = aiohttp.TCPConnector(force_close=True)
    timeout = aiohttp.ClientTimeout(total=5)
    url = f"http://127.0.0.1:{daemon.port}"
    try:
        async with aiohttp.ClientSession(url, connector=anew, timeout=timeout) as client:
            before, used = await pages_swept(client), memory(daemon)
            for turn in range(MANY // AT_ONCE):
                held += await hold(daemon.port, (b"", b"GET /metrics HT")[turn % 2])
                await healthy(client)
                if turn % 8 == 0:
                    await pages_swept(client)
            assert len(held) > MANY * 0.9
            async with asyncio.timeout(20):
                while await pages_swept(client) <= before:
                    await asyncio.sleep(0.2)
            assert memory(daemon) - used < MOST_MEMORY
    finally:
        for each in held:
            each.close()


async def test_ten_thousand_idle_connections_keep_neither_probes_nor_scrapes_nor_sweeps_away(
    tmp_path: Path,
) -> None:
    world = World([job("job-1", step("Active", 90_000, done=1.0), created=utc_now())])
    async with Simulation(world, clock=utc_now) as simulation:
        port = free_port()
        daemon = Daemon(
            folder=tmp_path,
            config=configuration(simulation, port),
            port=port,
            program=("-c", LIMITED, str(FILES_OF_THE_DAEMON)),
        )
        daemon.start()
        try:
            await asyncio.to_thread(daemon.wait_ready)
            with many_files():
                await attack(daemon)
            assert await asyncio.to_thread(daemon.stop) == 0
        finally:
            if daemon.running:
                daemon.kill()
    wrong = [line for line in daemon.log.read_text("utf-8").splitlines() if '"error"' in line]
    assert not wrong, wrong[:3]


LIMITED = """
import resource, sys
files = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
from jobwatch.cli import main
sys.argv[0] = "jobwatch"
main()
"""
