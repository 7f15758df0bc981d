"""The demo of `deploy/compose` without containers: its very files and commands, as processes on loopback."""

import json
import math
import os
import shutil
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.daemon import free_port, get
from tests.deployed import DASHBOARDS, DEMO, Query, mounts, queries, read
from tests.programs import program

PATIENCE = 75.0
AS_GRAFANA = {
    "source": ".*",
    "receiver": ".*",
    "__rate_interval": "30s",
    "__interval": "1m",
    "__range": "10m",
}

pytestmark = pytest.mark.timeout(150)


def alertmanager() -> str:
    """Debian gives it a name of its own."""
    found = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if found is None:
        reason = "alertmanager is not installed (Debian: apt-get install prometheus-alertmanager)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    assert found is not None
    return found


@contextmanager
def running(
    name: str, folder: Path, command: Sequence[str], **more: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that writes to a log beside the others, and ends with the block."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | more, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait(20)


@dataclass(slots=True, kw_only=True)
class Stage:
    """The services of the demo. `ports` are where they listen here, by their name there."""

    folder: Path
    compose: dict[str, Any] = field(
        default_factory=lambda: dict(read(DEMO / "compose.yaml")["services"])
    )
    ports: dict[str, int] = field(init=False)
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ports = {name: free_port() for name in self.compose}

    def at(self, name: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def commands(self) -> dict[str, list[str]]:
        """What each service runs: the arguments of its compose file, with the ports and places of this machine."""
        cloud = [str(each) for each in self.compose["cloud"]["command"]]
        cloud[cloud.index("--port") + 1] = str(self.ports["cloud"])
        receiver = next(mounts(DEMO, self.compose["receiver"])).source
        return {
            "cloud": [sys.executable, "-m", "jobwatch", *cloud],
            "receiver": [sys.executable, str(receiver), str(self.ports["receiver"]), "inbox.db"],
            "jobwatch": [sys.executable, "-m", "jobwatch", *self.compose["jobwatch"]["command"]],
            "alertmanager": [
                alertmanager(),
                f"--config.file={DEMO / 'alertmanager.yml'}",
                f"--web.listen-address=127.0.0.1:{self.ports['alertmanager']}",
                "--storage.path=alerts",
                "--cluster.listen-address=",
            ],
            "prometheus": [
                program("prometheus"),
                f"--config.file={self.scraping()}",
                f"--web.listen-address=127.0.0.1:{self.ports['prometheus']}",
                "--storage.tsdb.path=series",
            ],
        }

    def environment(self) -> dict[str, str]:
        """The configuration file itself, with other ports."""
        [file] = [mount.source for mount in mounts(DEMO, self.compose["jobwatch"])]
        sources = ("BATCH", "VAULT_JOBS")
        return {
            "JOBWATCH_CONFIG": str(file),
            "JOBWATCH_STORE__PATH": str(self.folder / "jobwatch.db"),
            "JOBWATCH_HTTP__LISTEN": f"127.0.0.1:{self.ports['jobwatch']}",
            "JOBWATCH_RECEIVERS__PRINTER__URL": self.at("receiver", "/"),
            **{
                f"JOBWATCH_SOURCES__{each}__PROVIDER__ENDPOINT": self.at("cloud")
                for each in sources
            },
            **self.compose["receiver"]["environment"],
        }

    def scraping(self) -> Path:
        """The configuration of Prometheus with the names of containers, and their places of files, made those here."""
        text = (DEMO / "prometheus.yml").read_text("utf-8")
        for name, port in (("alertmanager", 9093), ("jobwatch", 19870)):
            assert f'"{name}:{port}"' in text
            text = text.replace(f'"{name}:{port}"', f'"127.0.0.1:{self.ports[name]}"')
        for mount in mounts(DEMO, self.compose["prometheus"]):
            text = text.replace(mount.target, str(mount.source))
        made = self.folder / "prometheus.yml"
        made.write_text(text, encoding="utf-8")
        return made

    def alerts(self) -> list[Mapping[str, str]]:
        """The labels of what Alertmanager was told."""
        status, text = get(self.at("alertmanager", "/api/v2/alerts"))
        return [each["labels"] for each in json.loads(text)] if status == 200 else []

    def finds(self, query: Query) -> bool:
        """Whether a panel would show anything."""
        asked = urllib.parse.urlencode({"query": query.filled(**AS_GRAFANA)})
        status, text = get(self.at("prometheus", f"/api/v1/query?{asked}"))
        assert status != 400, text
        found = json.loads(text)["data"]["result"] if status == 200 else []
        return any(not math.isnan(float(each["value"][1])) for each in found)

    def told(self) -> str:
        return (self.folder / "receiver.log").read_text("utf-8", errors="replace")

    def until(self, what: Callable[[], object], missing: Callable[[], object]) -> None:
        """Wait until something is so; `missing` says what is not yet."""
        deadline = time.monotonic() + PATIENCE
        while not what():
            assert time.monotonic() < deadline, f"never came: {missing()}\n{self.tails()}"
            assert all(each.poll() is None for each in self.processes), self.tails()
            time.sleep(0.5)

    def tails(self) -> str:
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(
            f"{each.name}: {each.read_text(errors='replace')[-1500:]}" for each in logs
        )


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    program("prometheus")
    alertmanager()
    made = Stage(folder=tmp_path)
    with ExitStack() as stack:
        for name, command in made.commands().items():
            process = running(name, tmp_path, command, **made.environment())
            made.processes.append(stack.enter_context(process))
        yield made


def test_a_job_that_fails_is_printed_reaches_alertmanager_and_every_panel_shows_something(
    stage: Stage,
) -> None:
    def failed() -> bool:
        wanted = {"alertname": "JobwatchJobFailed", "source": "batch"}
        return any(wanted.items() <= labels.items() for labels in stage.alerts())

    stage.until(failed, stage.alerts)
    stage.until(lambda: "job.failed" in stage.told(), stage.told)
    asked = [query for board in DASHBOARDS for query in queries(board)]
    assert len(asked) > 20
    empty = asked

    def all_show_something() -> bool:
        nonlocal empty
        empty = [query for query in empty if not stage.finds(query)]
        return not empty

    stage.until(all_show_something, lambda: empty)


def test_grafana_is_given_the_prometheus_and_the_dashboards_that_there_are() -> None:
    services = read(DEMO / "compose.yaml")["services"]
    targets = {mount.target: mount.source for mount in mounts(DEMO, services["grafana"])}
    [source] = read(DEMO / "grafana" / "datasources.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    scraped = yaml.safe_load((DEMO / "prometheus.yml").read_text("utf-8"))["global"]
    assert source["jsonData"]["timeInterval"] == scraped["scrape_interval"]
    [provider] = read(DEMO / "grafana" / "dashboards.yaml")["providers"]
    folder = targets[provider["options"]["path"]]
    home = Path(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (folder / home.name) in DASHBOARDS
    for mount in ("datasources", "dashboards"):
        assert targets[f"/etc/grafana/provisioning/{mount}/jobwatch.yaml"].name == f"{mount}.yaml"
