"""The daemon as a service: what a manager hears of one from its start to its end."""

import asyncio
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port
from tests.service_manager import Manager

PATIENCE = 30.0


class Minutes:
    """What a manager heard, in order, until something was so."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self.messages: list[str] = []

    def until(self, what: Callable[[list[str]], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not what(self.messages):
            assert time.monotonic() < deadline, self.messages
            time.sleep(0.02)
            self.messages += self._manager.heard()


@pytest.fixture
def manager() -> Iterator[Manager]:
    with tempfile.TemporaryDirectory() as folder:
        made = Manager(f"{folder}/notify", patience_usec=400_000)
        yield made
        made.close()


async def test_a_manager_hears_how_a_daemon_fares_from_its_start_to_its_end(
    tmp_path: Path, manager: Manager
) -> None:
    async with Simulation(World(), clock=utc_now) as simulation:
        port = free_port()
        daemon = Daemon(
            folder=tmp_path,
            config=configuration(simulation, port),
            port=port,
            environment=manager.environ,
        )
        daemon.start()
        try:
            await asyncio.to_thread(lives, daemon, Minutes(manager))
        finally:
            if daemon.running:
                daemon.kill()


def lives(daemon: Daemon, minutes: Minutes) -> None:
    minutes.until(lambda heard: any(each.startswith("READY=1\n") for each in heard))
    ready = next(each for each in minutes.messages if each.startswith("READY=1\n"))
    assert ready.split("\n")[1].startswith("STATUS=watching 1 source")
    assert minutes.messages[0].startswith("EXTEND_TIMEOUT_USEC=")
    minutes.until(lambda heard: "STATUS=watching 1 source" in heard)
    seen = minutes.messages.count("WATCHDOG=1")
    minutes.until(lambda heard: heard.count("WATCHDOG=1") > seen + 2)
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    minutes.until(
        lambda heard: any(each.startswith("RELOADING=1\nMONOTONIC_USEC=") for each in heard)
    )
    begun = max(at for at, each in enumerate(minutes.messages) if each.startswith("RELOADING=1"))
    minutes.until(lambda heard: any(each.startswith("READY=1\n") for each in heard[begun:]))
    daemon.process.send_signal(signal.SIGTERM)
    minutes.until(lambda heard: "STOPPING=1\nSTATUS=stopping" in heard)
    assert daemon.process.wait(PATIENCE) == 0
