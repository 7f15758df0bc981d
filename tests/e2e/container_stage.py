"""Containers of the image, started as the documentation says, and the cloud and the receiver that they reach."""

import asyncio
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobwatch.app.clock import utc_now
from jobwatch.simulator.receiver import WebhookSink
from jobwatch.simulator.simulation import DEMO_ACCOUNT, DEMO_CREDENTIALS, Server
from tests.daemon import free_port, get
from tests.deploying.image import IMAGE, ROOT, Engine
from tests.tls_front import Certificate, certificate, front

HOST = "host.containers.internal"
"""The name that podman gives the machine that a container runs on."""
SECRET = "whsec_YSBzZWNyZXQgb2YgdGhlIHRlc3Qgb2YgdGhlIGltYWdl"
PATIENCE = 60.0


def documented() -> list[str]:
    """The words of the first `docker run` that the page shows, behind `run` and up to the name of the image."""
    page = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^docker run (.*?[^\\])$", page, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    *words, image = shlex.split(found[1].replace("\\\n", " "))
    assert image == "jobwatch"
    return words


def replaced(words: list[str], values: Mapping[str, str]) -> list[str]:
    """The same with other values for some options. Each has to be there."""
    assert set(values) <= set(words)
    before = ["", *words]
    return [values.get(option, word) for option, word in zip(before, words, strict=False)]


@contextmanager
def simulated(jobs: int) -> Iterator[int]:
    """`jobwatch simulate` as a process on the host; its port."""
    port = free_port()
    options = ["--jobs", str(jobs), "--seed", "7", "--speed", "120", "--port", str(port)]
    with subprocess.Popen(
        [sys.executable, "-m", "jobwatch", "simulate", *options], stdout=subprocess.DEVNULL
    ) as process:
        try:
            while not get(f"http://127.0.0.1:{port}/")[0]:
                assert process.poll() is None
                time.sleep(0.05)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """A cloud and a receiver, behind TLS at ports that containers reach."""

    sink: WebhookSink
    trusted: Certificate
    cloud_port: int
    sink_port: int


@asynccontextmanager
async def reachable(cloud: int, folder: Path) -> AsyncIterator[Outside]:
    """Put a door with TLS before the cloud at this port, and before a receiver that verifies."""
    trusted = certificate(folder, HOST)
    trusted.file.chmod(0o444)
    sink = WebhookSink([SECRET], clock=utc_now)
    server = Server(sink.application())
    await server.start()
    receiver = int(server.url.rsplit(":", 1)[1])
    tls = trusted.context()
    async with (
        front(cloud, tls, host="0.0.0.0") as cloud_port,
        front(receiver, tls, host="0.0.0.0") as sink_port,
    ):
        yield Outside(sink=sink, trusted=trusted, cloud_port=cloud_port, sink_port=sink_port)
    await server.stop()


@dataclass(slots=True, kw_only=True)
class Stage:
    """The containers of a test, and what surrounds them."""

    engine: Engine
    outside: Outside
    volume: str
    port: int = field(default_factory=free_port)

    def start(self, name: str) -> float:
        """Start a container as the page says; gives how many seconds it took to be ready."""
        keys = {
            "TENCENTCLOUD_SECRET_ID": DEMO_CREDENTIALS.secret_id,
            "TENCENTCLOUD_SECRET_KEY": DEMO_CREDENTIALS.secret_key,
        }
        here = replaced(
            documented(),
            {
                "--name": name,
                "--publish": f"127.0.0.1:{self.port}:19870",
                "--volume": f"{self.volume}:/var/lib/jobwatch",
            },
        )
        settings = {
            **keys,
            "JOBWATCH_SOURCES__PROD__EVERY": "1s",
            "JOBWATCH_SOURCES__PROD__RATE_LIMIT__REQUESTS_PER_SECOND": "200",
            "JOBWATCH_SOURCES__PROD__FIRST_SIGHT": "baseline",
            "JOBWATCH_SOURCES__PROD__PROVIDER__UIN": DEMO_ACCOUNT.uin,
            "JOBWATCH_SOURCES__PROD__PROVIDER__APPID": DEMO_ACCOUNT.appid,
            "JOBWATCH_SOURCES__PROD__PROVIDER__ENDPOINT": f"https://{HOST}:{self.outside.cloud_port}",
            "JOBWATCH_RECEIVERS__OPS__URL": f"https://{HOST}:{self.outside.sink_port}/ops",
            "JOBWATCH_RECEIVERS__OPS__SECRETS": SECRET,
            "JOBWATCH_RECEIVERS__OPS__WANTS__TYPES": "endings,source.baselined",
            "JOBWATCH_EGRESS__CA_FILE": "/run/secrets/ca.pem",
        }
        given = [word for key, value in settings.items() for word in ("--env", f"{key}={value}")]
        mounts = [
            "--volume",
            f"{self.outside.trusted.file}:/run/secrets/ca.pem:ro",
            "--read-only-tmpfs=false",
        ]
        began = time.monotonic()
        self.engine.podman("run", *here, *given, *mounts, IMAGE)
        while get(f"http://127.0.0.1:{self.port}/readyz")[0] != 200:
            assert time.monotonic() - began < PATIENCE, self.said(name)
            assert self.engine.inspect("container", name)["State"]["Running"], self.said(name)
            time.sleep(0.05)
        return time.monotonic() - began

    def said(self, name: str) -> str:
        done = self.engine.try_podman("logs", name)
        return done.stdout + done.stderr

    def stop(self, name: str) -> dict[str, Any]:
        """Stop it as an engine does, by SIGTERM and its own grace; the state that it ended in."""
        self.engine.podman("stop", name)
        state: dict[str, Any] = self.engine.inspect("container", name)["State"]
        return state

    def told(self) -> list[dict[str, Any]]:
        return [each.event for each in self.outside.sink.accepted]

    async def endings(self, more: int) -> list[str]:
        """Wait for so many more endings; the ids of all that arrived, in their order."""
        wanted = self._endings() + more
        async with asyncio.timeout(PATIENCE):
            while self._endings() < wanted:
                await asyncio.sleep(0.05)
        return [each.id for each in self.outside.sink.accepted]

    def _endings(self) -> int:
        return sum(event["type"].startswith("job.") for event in self.told())
