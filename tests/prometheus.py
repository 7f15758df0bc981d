"""A real Prometheus of a test's own: it scrapes what the test names, several times a second, and answers questions."""

import asyncio
import json
import subprocess
import urllib.parse
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.daemon import free_port, get
from tests.programs import program

OFTEN = "300ms"
PATIENCE = 60.0


def lint(page: bytes) -> str:
    """What `promtool check metrics` has to say about a page in the text format; "" if nothing."""
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"], input=page, capture_output=True, check=False
    )
    said = (checked.stdout + checked.stderr).decode()
    return said or ("" if checked.returncode == 0 else f"exit code {checked.returncode}")


def impatient(rules: Path) -> str:
    """The rules of a file as they are, but that nothing has to hold for a while first, or is held on to afterwards."""
    document = yaml.safe_load(rules.read_text(encoding="utf-8"))
    for group in document["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
            rule.pop("keep_firing_for", None)
    return str(yaml.safe_dump(document))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert that fires."""

    name: str
    labels: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Prometheus:
    """A running server. What it scrapes is what `scrape` was given last."""

    folder: Path
    port: int
    configuration: Mapping[str, Any] = field(default_factory=dict)
    process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self, rules: str) -> None:
        """Start it with these rules, and nothing to scrape."""
        self.folder.mkdir()
        (self.folder / "rules.yml").write_text(rules, encoding="utf-8")
        self.scrape()
        (self.folder / "prometheus.yml").write_text(
            yaml.safe_dump(
                {
                    "global": {
                        "scrape_interval": OFTEN,
                        "scrape_timeout": OFTEN,
                        "evaluation_interval": OFTEN,
                    },
                    "rule_files": ["rules.yml"],
                    "scrape_configs": [
                        {
                            "job_name": "jobwatch",
                            "file_sd_configs": [
                                {"files": ["targets.json"], "refresh_interval": "1s"}
                            ],
                        }
                    ],
                    **self.configuration,
                }
            ),
            encoding="utf-8",
        )
        with (self.folder / "prometheus.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={self.folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self.folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    "--storage.tsdb.retention.time=1h",
                ],
                stdout=log,
                stderr=log,
            )

    def scrape(self, *targets: str) -> None:
        """Scrape these hosts with ports from now on."""
        written = self.folder / "targets.json.new"
        written.write_text(json.dumps([{"targets": list(targets)}]), encoding="utf-8")
        written.replace(self.folder / "targets.json")

    def _ask(self, path: str, **parameters: str) -> Any:
        asked = urllib.parse.urlencode(parameters)
        status, text = get(f"http://127.0.0.1:{self.port}/api/v1/{path}?{asked}")
        if status != 200:
            assert self.process.poll() is None, self.tail()
            assert status != 400, text
            return None  # it begins
        return json.loads(text)["data"]

    def query(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """What an expression gives now: a value for each set of labels."""
        found = self._ask("query", query=expression) or {"result": []}
        return {
            frozenset(each["metric"].items()): float(each["value"][1]) for each in found["result"]
        }

    def firing(self, name: str, **labels: str) -> bool:
        """Whether an alert of this name and with these labels, whatever its others, fires now."""
        return any(
            alert.name == name and labels.items() <= alert.labels.items()
            for alert in self._firing()
        )

    def _firing(self) -> Iterable[Alert]:
        for each in (self._ask("alerts") or {"alerts": []})["alerts"]:
            if each["state"] == "firing":
                yield Alert(name=each["labels"]["alertname"], labels=each["labels"])

    def tail(self) -> str:
        return (self.folder / "prometheus.log").read_text(errors="replace")[-2000:]

    async def until(self, what: Callable[[], object]) -> None:
        """Wait until something that is asked of it is so."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not await asyncio.to_thread(what):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"never came:\n{list(self._firing())}\n{self.tail()}") from None


@asynccontextmanager
async def prometheus(
    folder: Path, rules: str = "groups: []", configuration: Mapping[str, Any] | None = None
) -> AsyncIterator[Prometheus]:
    """Start one in a folder that it may fill; it ends with the block. `configuration` is put over its own."""
    program("prometheus")
    server = Prometheus(folder=folder, port=free_port(), configuration=configuration or {})
    server.start(rules)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait(20)
