"""Strangers who say as much as they are listened to, on as many connections as there are, against the daemon as it is run."""

import asyncio
import os
import re
import socket
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port

MANY = 1024
TOKEN = "read-token-canary-0001"
MOST_MEMORY = 110 * 1024
"""Kibibytes that the daemon may grow by: with what it has, it stays below the 256 MB of its container."""

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(
    b"A%d: %s\r\n" % (n, b"a" * 1500) for n in range(60)
)
FORM = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
SAID = {
    "a head without end": HEAD,
    "a head behind a request": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD[:60_000],
    "the longest head": HEAD[: 31 * 1024],
    "a large form": FORM % (64 * 1024) + b"a" * 65_000,
    "the largest form": FORM % (32 * 1024) + b"a" * 32_000,
}

pytestmark = pytest.mark.timeout(120)


def memory_of(daemon: Daemon) -> int:
    assert daemon.process is not None
    status = Path(f"/proc/{daemon.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


async def said_by(port: int, data: bytes) -> socket.socket:
    loop = asyncio.get_running_loop()
    made = socket.socket()
    made.setblocking(False)  # noqa: FBT003
    await loop.sock_connect(made, ("127.0.0.1", port))
    with suppress(ConnectionError):  # being hung up on is as well
        await loop.sock_sendall(made, data)
    return made


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs proc(5)")  # noqa: PTH110
@pytest.mark.parametrize("data", [pytest.param(each, id=name) for name, each in SAID.items()])
async def test_nobody_without_a_token_makes_the_daemon_outgrow_its_container(
    tmp_path: Path, data: bytes
) -> None:
    async with Simulation(World(), clock=utc_now) as simulation:
        port = free_port()
        config = configuration(simulation, port)
        config["http"]["read_token"] = TOKEN
        daemon = Daemon(folder=tmp_path, config=config, port=port)
        daemon.start()
        held: list[socket.socket] = []
        try:
            await asyncio.to_thread(daemon.wait_ready)
            before = memory_of(daemon)
            for _ in range(8):
                held += await asyncio.gather(*(said_by(port, data) for _ in range(MANY // 8)))
            async with (
                aiohttp.ClientSession() as client,
                client.get(f"http://127.0.0.1:{port}/healthz") as answer,
            ):
                assert answer.status == 200
            assert memory_of(daemon) - before < MOST_MEMORY
        finally:
            for each in held:
                each.close()
            daemon.stop()
