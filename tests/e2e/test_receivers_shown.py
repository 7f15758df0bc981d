"""What the pages on receivers show is run: the test of every receiver, and alerts in a real Alertmanager."""

import asyncio
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.formats import FORMATS, FormatName
from tests.daemon import free_port
from tests.documents.receiver_pages import page, sections, sent
from tests.documents.receiver_pages_written import TESTING
from tests.documents.receiver_tries import REMOVED, tried
from tests.documents.shown import fenced
from tests.programs import program


@pytest.mark.parametrize("name", FORMATS)
async def test_a_page_shows_what_the_test_of_its_receiver_prints(name: FormatName) -> None:
    done = await tried(name)
    assert (done.returncode, done.stderr) == (0, "")
    assert [done.stdout] == fenced(sections(name, "en")[TESTING], "text")


async def test_the_index_shows_a_test_that_was_accepted_and_one_that_was_not() -> None:
    well, gone = await tried("wecom"), await tried("wecom", REMOVED)
    assert (well.returncode, gone.returncode) == (0, 1)
    assert fenced(page("index"), "text") == [well.stdout, gone.stdout + gone.stderr]


class Alertmanager:
    """One that runs."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        file = folder / "alertmanager.yml"
        file.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        self.process = subprocess.Popen(
            [
                program("alertmanager"), f"--config.file={file}", f"--storage.path={folder}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
                "--cluster.listen-address=",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def asked(self, path: str, body: bytes | None = None) -> Any:
        kind = {"Content-Type": "application/json"}
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}{path}", data=body, headers=kind), timeout=10
        ) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    async def begun(self) -> None:
        async with asyncio.timeout(20):
            while True:
                try:
                    self.asked("/api/v2/status")
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    return

    def active(self) -> list[str]:
        return sorted(each["annotations"]["summary"] for each in self.asked("/api/v2/alerts"))


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    server = Alertmanager(tmp_path)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait(20)


def now(body: bytes) -> bytes:
    """The same as if the sample's moment were a minute ago: an alert of the far past is over at once."""
    at = utc_now() - timedelta(minutes=1)
    for stamp, moment in (("2026-11-21T20:00:00Z", at), ("2026-11-21T19:00:00Z", at)):
        body = body.replace(stamp.encode(), f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode())
    return body


async def test_alertmanager_takes_the_alerts_of_the_template_and_closes_what_closed(
    alertmanager: Alertmanager,
) -> None:
    (yaml,) = fenced(sections("template", "en")["Prometheus Alertmanager"], "yaml")
    await alertmanager.begun()
    for event in ("job.stalled.opened", "job.failed", "source.unreachable.opened"):
        alertmanager.asked("/api/v2/alerts", now(sent(yaml, event).body))
    stalled = "Job stalled: nightly copy of the archive (prod)"
    active = alertmanager.active()
    assert len(active) == 3
    assert stalled in active
    alertmanager.asked("/api/v2/alerts", now(sent(yaml, "job.stalled.closed").body))
    assert len(alertmanager.active()) == 2
    assert stalled not in alertmanager.active()
