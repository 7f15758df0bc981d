"""Containers of the image, started as the documentation says, and the cloud and the receiver that they reach."""

import asyncio
import re
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobwatch.simulator.receiver import WebhookSink
from jobwatch.simulator.simulation import DEMO_ACCOUNT, DEMO_CREDENTIALS
from tests.daemon import free_port, get
from tests.deploying.image import IMAGE, ROOT, Engine
from tests.tls_front import Certificate

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


@dataclass(slots=True, kw_only=True)
class Stage:
    """What surrounds the containers of a test: a cloud, a receiver, and the way to reach both."""

    engine: Engine
    sink: WebhookSink
    volume: str
    trusted: Certificate
    cloud_port: int
    sink_port: int
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
            "JOBWATCH_SOURCES__PROD__PROVIDER__ENDPOINT": f"https://{HOST}:{self.cloud_port}",
            "JOBWATCH_RECEIVERS__OPS__URL": f"https://{HOST}:{self.sink_port}/ops",
            "JOBWATCH_RECEIVERS__OPS__SECRETS": SECRET,
            "JOBWATCH_RECEIVERS__OPS__WANTS__TYPES": "endings,source.baselined",
            "JOBWATCH_EGRESS__CA_FILE": "/run/secrets/ca.pem",
        }
        given = [word for key, value in settings.items() for word in ("--env", f"{key}={value}")]
        mounts = [
            "--volume",
            f"{self.trusted.file}:/run/secrets/ca.pem:ro",
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
        return [each.event for each in self.sink.accepted]

    async def endings(self, more: int) -> list[str]:
        """Wait for so many more endings; the ids of all that arrived, in their order."""
        wanted = self._endings() + more
        async with asyncio.timeout(PATIENCE):
            while self._endings() < wanted:
                await asyncio.sleep(0.05)
        return [each.id for each in self.sink.accepted]

    def _endings(self) -> int:
        return sum(event["type"].startswith("job.") for event in self.told())
