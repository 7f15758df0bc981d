"""From a job that fails to somebody who is told, through a real Prometheus and Alertmanager, across a kill -9.

The rules, routes and inhibitions are those of `deploy/prometheus`; only their waits are shorter, and the addresses those
of the test.
"""

import json
import subprocess
import threading
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobwatch.app.clock import utc_now
from jobwatch.simulator import faults
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port
from tests.deploying.alerting import PROMETHEUS, RULES
from tests.deploying.deployed import read
from tests.programs import program
from tests.prometheus import Prometheus, prometheus
from tests.rig import job, step

ABSENT_FOR = "12s"
"""Longer than a restart takes here."""
HELD = "60s"
"""Longer than everything between two scrapes takes here; shorter than the rules have it."""

pytestmark = pytest.mark.timeout(150)


@dataclass(slots=True)
class Phone:
    """Whoever Alertmanager tells: it keeps each notification, with the receiver it was for."""

    server: ThreadingHTTPServer = field(init=False)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def told(self, alert: str, status: str = "firing") -> list[str]:
        """Which receivers were told of it, one for each notification."""
        return [
            receiver
            for receiver, call in list(self.calls)
            for each in call["alerts"]
            if each["labels"]["alertname"] == alert and each["status"] == status
        ]


@contextmanager
def answering() -> Iterator[Phone]:
    phone = Phone()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            phone.calls.append((self.path.strip("/"), json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
            del format, args

    phone.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=phone.server.serve_forever)
    thread.start()
    try:
        yield phone
    finally:
        phone.server.shutdown()
        thread.join(20)
        phone.server.server_close()


def hurried() -> str:
    """The rules, held for less long."""
    document = read(RULES)
    for group in document["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
            if "keep_firing_for" in rule:
                rule["keep_firing_for"] = HELD
            if rule["alert"] == "JobwatchAbsent":
                rule["for"] = ABSENT_FOR
    return str(yaml.safe_dump(document))


def routes(phone: Phone) -> str:
    """The routes and inhibitions, to the test's own address and without their patience."""
    document = read(PROMETHEUS / "alertmanager.yml")
    document["route"] |= {"group_wait": "500ms", "group_interval": "1s"}
    for receiver in document["receivers"]:
        for hook in receiver["webhook_configs"]:
            hook["url"] = f"{phone.url}/{receiver['name']}"
    return str(yaml.safe_dump(document))


@contextmanager
def alertmanager(folder: Path, phone: Phone) -> Iterator[int]:
    """A running one; gives its port."""
    command, port = program("alertmanager"), free_port()
    folder.mkdir()
    (folder / "alertmanager.yml").write_text(routes(phone), encoding="utf-8")
    options = [
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([command, *options], stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.kill()
        process.wait(20)


@dataclass(slots=True, kw_only=True)
class Scene:
    """Everything there is: a cloud with a job at work, who watches it, who scrapes that, and who is told."""

    simulation: Simulation
    folder: Path
    server: Prometheus
    phone: Phone
    daemon: Daemon = field(init=False)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.daemon.port}"

    async def start(self) -> None:
        """Begin a life: the same store, another port."""
        port = free_port()
        config = configuration(self.simulation, port)
        # Three intervals have to be longer than the metrics are refreshed.
        config["sources"]["prod"] |= {"every": "3s", "full_sweep_every": "10s"}
        self.daemon = Daemon(folder=self.folder, config=config, port=port)
        self.daemon.start()
        await to_thread(self.daemon.wait_ready)
        self.server.scrape(self.address)

    async def told(self, alert: str, receiver: str) -> None:
        """Wait until somebody is told of an alert."""
        await self.server.until(lambda: self.phone.told(alert) == [receiver])

    def seen(self, query: str) -> bool:
        """Whether the present life says so."""
        found = self.server.query(query)
        return any(("instance", self.address) in labels for labels in found)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    scripts = [job("job-1", step("Active"), created=utc_now())]
    with answering() as phone, alertmanager(tmp_path / "alertmanager", phone) as port:
        async with (
            Simulation(World(scripts), clock=utc_now) as simulation,
            prometheus(tmp_path / "prometheus", hurried(), told_to(port)) as server,
        ):
            made = Scene(simulation=simulation, folder=tmp_path, server=server, phone=phone)
            try:
                yield made
            finally:
                if made.daemon.running:
                    made.daemon.kill()


def told_to(port: int) -> dict[str, Any]:
    """What Prometheus has to know of Alertmanager."""
    return {
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]}
    }


async def test_a_failure_is_told_once_across_a_kill_and_then_that_data_is_old_and_nobody_watches(
    scene: Scene,
) -> None:
    await scene.start()
    await scene.server.until(lambda: scene.seen("jobwatch_source_up == 1"))
    assert not scene.phone.told("JobwatchJobFailed")
    scene.simulation.world.set("job-1", utc_now(), status="Failed")
    await scene.told("JobwatchJobFailed", "on-call")
    await another_life(scene)
    await data_gets_old(scene)
    await nobody_watches(scene)
    # In all that time: no second notification, and no end that was none.
    assert scene.phone.told("JobwatchJobFailed") == ["on-call"]
    assert scene.phone.told("JobwatchJobFailed", "resolved") == []


async def another_life(scene: Scene) -> None:
    """It is killed, nothing is scraped for a moment, and it comes back elsewhere."""
    before = scene.address
    scene.daemon.kill()
    await scene.server.until(lambda: not scene.server.query("jobwatch_build_info"))
    await scene.start()
    assert scene.address != before
    failed = 'jobwatch_last_finished_timestamp_seconds{outcome="failed"} > 0'
    await scene.server.until(lambda: scene.seen(failed))
    assert scene.server.firing("JobwatchJobFailed", source="prod")


async def data_gets_old(scene: Scene) -> None:
    """The cloud answers nothing: that is told by the new life, and would be told after any news of the old one."""
    await scene.server.until(lambda: scene.seen("jobwatch_source_up == 1"))
    scene.simulation.faults.add(faults.DENIED)
    await scene.server.until(lambda: "on-call" in scene.phone.told("JobwatchDataOld"))
    assert scene.phone.told("JobwatchAbsent") == []


async def nobody_watches(scene: Scene) -> None:
    """Nothing is scraped any more."""
    scene.daemon.kill()
    await scene.told("JobwatchAbsent", "on-call")
