"""The files of `deploy/` as tests read them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
DEMO = DEPLOY / "compose" / "demo"
PRODUCTION = DEPLOY / "compose" / "production"
DASHBOARDS = tuple(sorted((DEPLOY / "grafana").glob("*.json")))
UNIT = DEPLOY / "systemd" / "jobwatch.service"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file or folder of the repository, and where a container has it."""

    source: Path
    target: str
    read_only: bool


def mounts(folder: Path, service: Mapping[str, Any]) -> Iterator[Mount]:
    """What a service of a compose file has from the repository; named volumes are left out."""
    for volume in service.get("volumes", ()):
        if isinstance(volume, dict):
            source, target, read_only = volume["source"], volume["target"], volume["read_only"]
        else:
            source, target, *options = volume.split(":")
            read_only = options == ["ro"]
        if source.startswith("."):
            yield Mount(source=(folder / source).resolve(), target=target, read_only=read_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a panel of a dashboard asks Prometheus for."""

    panel: str
    expression: str

    def filled(self, **values: str) -> str:
        """The expression as Grafana sends it, with these values of its variables."""
        return re.sub(
            r"\$(\w+)|\$\{(\w+)\}", lambda found: values[found[1] or found[2]], self.expression
        )


def panels(dashboard: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dashboard.read_text(encoding="utf-8"))["panels"]
    return found


def queries(dashboard: Path) -> list[Query]:
    """Every question of a dashboard, those of its annotations included."""
    tree = json.loads(dashboard.read_text(encoding="utf-8"))
    asked = [
        Query(panel=f"{panel['title']} {target['refId']}", expression=target["expr"])
        for panel in tree["panels"]
        for target in panel.get("targets", ())
    ]
    notes = tree["annotations"]["list"]
    return asked + [Query(panel=each["name"], expression=each["expr"]) for each in notes]
