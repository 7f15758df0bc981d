"""The demo of `deploy/compose` without containers: its very files and commands, as processes on loopback."""

import json
import math
import os
import re
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

from jobwatch.app.clock import utc_now
from tests.daemon import free_port, get
from tests.deploying.deployed import (
    DASHBOARDS,
    DEMO,
    Query,
    mounts,
    panels,
    queries,
    read,
    variables,
)
from tests.e2e.neighbours import beside_them, neighbours
from tests.programs import program

PATIENCE = 75.0
STEP = 5
AS_GRAFANA = {
    **dict.fromkeys(("job", "instance", "source", "receiver"), ".*"),
    "__rate_interval": f"{4 * STEP}s",
    "__interval": f"{STEP}s",
    "__range": "10m",
}
"""What Grafana puts in for the variables, over ten minutes of a server that scrapes as often as the demo's."""

pytestmark = pytest.mark.timeout(150)


def shows(series: Mapping[str, Any]) -> bool:
    """Whether a series of an answer has a number."""
    points = series.get("values") or [series["value"]]
    return any(not math.isnan(float(value)) for _, value in points)


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
    beside: str
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
                program("alertmanager"),
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
            **beside_them(self.beside, self.at("cloud")),
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

    def asked(self, path: str, **parameters: str) -> Any:
        """What Prometheus says to a question; nothing while it begins."""
        url = self.at("prometheus", f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        status, text = get(url)
        assert status != 400, f"{parameters}: {text}"
        return json.loads(text)["data"] if status == 200 else None

    def answers(self, query: Query) -> list[Mapping[str, str]]:
        """The labels of everything that a panel would show: about now, or about its range of time."""
        expression = query.filled(**AS_GRAFANA)
        if query.instant:
            found = self.asked("query", query=expression)
        else:
            now = int(utc_now().timestamp())
            times = {"start": str(now - 600), "end": str(now), "step": str(STEP)}
            found = self.asked("query_range", query=expression, **times)
        return [each["metric"] for each in found["result"] if shows(each)] if found else []

    def values(self, selector: str, label: str) -> list[str]:
        """What a variable of a dashboard offers."""
        asked = {"match[]": selector.replace("$job", AS_GRAFANA["job"])}
        found: list[str] = self.asked(f"label/{label}/values", **asked)
        return found

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
    program("alertmanager")
    with ExitStack() as stack:
        made = Stage(folder=tmp_path, beside=stack.enter_context(neighbours()))
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
    every_panel_shows_something(stage)
    variables_offer_something(stage)
    links_lead_to_pages(stage)


def every_panel_shows_something(stage: Stage) -> None:
    """Each question by itself, those of the notes included."""
    empty = [query for board in DASHBOARDS for query in queries(board)]
    assert len(empty) > 80

    def all_show_something() -> bool:
        nonlocal empty
        empty = [query for query in empty if not stage.answers(query)]
        return not empty

    stage.until(all_show_something, lambda: [f"{each.board}: {each.panel}" for each in empty])


def variables_offer_something(stage: Stage) -> None:
    offered = {
        name: stage.values(*asked)
        for board in DASHBOARDS
        for name, asked in variables(board).items()
    }
    assert {name: sorted(values) for name, values in offered.items()} == {
        "job": ["jobwatch"],
        "source": ["batch", "borrowed", "vault_jobs"],
        "receiver": ["gone", "printer"],
        "instance": [f"127.0.0.1:{stage.ports['jobwatch']}"],
    }


def links_lead_to_pages(stage: Stage) -> None:
    """Every link of a panel, filled in with what the panel shows, is answered by jobwatch's own page or API."""
    tried = set()
    for board in DASHBOARDS:
        told = {query.panel.removesuffix(" A"): query for query in queries(board)}
        for panel in panels(board):
            for url in links(panel):
                shown = stage.answers(told[panel["title"]])[:3]
                assert shown, panel["title"]
                tried |= {filled(url, stage.at("jobwatch"), labels) for labels in shown}
    assert len(tried) > 10
    assert {url: get(url)[0] for url in tried} == dict.fromkeys(tried, 200)


def links(panel: Mapping[str, Any]) -> Iterator[str]:
    """Where the values of a panel lead, before anything is filled in."""
    config = panel.get("fieldConfig", {"defaults": {}, "overrides": ()})
    yield from (link["url"] for link in config["defaults"].get("links", ()))
    for each in config["overrides"]:
        for found in each["properties"]:
            if found["id"] == "links":
                yield from (link["url"] for link in found["value"])


def filled(url: str, page: str, labels: Mapping[str, str]) -> str:
    """A link of a panel for one of the things that it shows, encoded as Grafana does it."""
    found = re.sub(
        r"\$\{__(?:data\.fields|field\.labels)\.(\w+)\}",
        lambda field: urllib.parse.quote(labels[field[1]]),
        url.replace("${jobwatch_url:raw}", page),
    )
    assert "$" not in found, url
    return found


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
