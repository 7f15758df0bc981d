"""docs/http.md, tried: its examples with curl, its scrape configuration with a real Prometheus, its numbers."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from jobwatch.app.clock import utc_now
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.web.entrance.access import Reason
from jobwatch.web.serving.connections import BODY_BYTES, HEAD_BYTES, MOST, MOST_WITH_TLS, Limits
from jobwatch.web.serving.protocol import MOST_HEADERS
from tests.daemon import Daemon, configuration, free_port
from tests.documents.shown import fenced
from tests.programs import program
from tests.prometheus import prometheus
from tests.rig import job, step

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^(curl .*)  # (\d+)$", PAGE, re.MULTILINE)
READ, OPERATE = "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "f9e8d7c6b5a493827160f5e4d3c2b1a0"


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    """A daemon with both tokens in files."""
    (tmp_path / "read-token").write_text(READ + "\n", encoding="ascii")
    (tmp_path / "operate-token").write_text(OPERATE + "\n", encoding="ascii")
    world = World([job("job-1", step("Active", 90_000, done=1.0), created=utc_now())])
    async with Simulation(world, clock=utc_now) as simulation:
        port = free_port()
        http = {
            "listen": f"127.0.0.1:{port}",
            "read_token_file": "read-token",
            "operate_token_file": "operate-token",
        }
        config = configuration(simulation, port, http=http)
        running = Daemon(folder=tmp_path, config=config, port=port)
        running.start()
        try:
            await asyncio.to_thread(running.wait_ready)
            yield running
            assert await asyncio.to_thread(running.stop) == 0
        finally:
            if running.running:
                running.kill()


def tried(command: str, daemon: Daemon) -> str:
    """The HTTP status that a command ends with."""
    told = command.replace("localhost:19870", f"127.0.0.1:{daemon.port}")
    told = told.replace("curl ", "curl --silent --output /dev/null --write-out '%{http_code}' ", 1)
    ran = subprocess.run(
        ["bash", "-c", told], cwd=daemon.folder, capture_output=True, text=True, check=True
    )
    return ran.stdout


async def test_the_examples_answer_as_the_page_says(daemon: Daemon) -> None:
    program("curl")
    assert len(EXAMPLES) >= 7
    for command, status in EXAMPLES:
        assert await asyncio.to_thread(tried, command, daemon) == status, command
    (daemon.folder / "read-token").write_text(READ[::-1] + "\n", encoding="ascii")
    assert await asyncio.to_thread(tried, EXAMPLES[2][0], daemon) == "200"
    log = daemon.log.read_text(encoding="utf-8")
    assert READ not in log
    assert OPERATE not in log
    assert {each["reason"] for each in daemon.logged("request.denied")} == {
        "no_token",
        "token_only_reads",
    }


async def test_prometheus_scrapes_with_the_configuration_of_the_page(
    daemon: Daemon, tmp_path: Path
) -> None:
    block = fenced(PAGE.split("<!-- scrape -->\n", 1)[1], "yml")[0]
    scraping = yaml.safe_load(block.replace("localhost:19870", f"127.0.0.1:{daemon.port}"))
    scraping["scrape_configs"][0]["scrape_interval"] = "300ms"
    scraping["scrape_configs"][0]["scrape_timeout"] = "300ms"
    async with prometheus(tmp_path / "prometheus", configuration=scraping) as server:
        shutil.copy(daemon.folder / "read-token", server.folder)
        await server.until(lambda: server.query("jobwatch_build_info"))


def test_the_page_gives_the_limits_of_the_code() -> None:
    limits, page = Limits(), " ".join(PAGE.split("## Limits", 1)[1].split())
    for told in (
        f"16 to {MOST}; with TLS to {MOST_WITH_TLS}",
        f"of TLS | {limits.head:.0f} s; 8190 bytes a line, {MOST_HEADERS} headers",
        f"both | {(HEAD_BYTES + BODY_BYTES) // 1024} KiB",
        f"body | {limits.body:.0f} s, {BODY_BYTES // 1024} KiB",
        f"until an answer begins | {limits.work:.0f} s",
        f"until an answer was taken | {limits.answer:.0f} s",
        f"between two requests | {limits.idle:.0f} s",
    ):
        assert told in page


def test_the_page_has_every_reason_of_a_refusal() -> None:
    allowed = {
        *(Reason.OPEN, Reason.READING_IS_OPEN, Reason.READ_TOKEN, Reason.OPERATE_TOKEN),
        *(Reason.SESSION, Reason.LOOPBACK),
    }
    named = set(re.findall(r"^\| `([a-z_]+)` \| \d+ \|", PAGE, re.MULTILINE))
    assert named == {each.value for each in Reason if each not in allowed}
