"""The files of `deploy/` as tests read them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
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
    """What a panel or a note of a dashboard asks Prometheus for, and whether about now alone."""

    board: str
    panel: str
    expression: str
    instant: bool

    def filled(self, **values: str) -> str:
        """The expression as Grafana sends it, with these values of its variables."""
        return re.sub(
            r"\$([A-Za-z_]\w*)|\$\{(\w+)\}",
            lambda found: values[found[1] or found[2]],
            self.expression,
        )


def dashboard(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def panels(path: Path) -> list[dict[str, Any]]:
    """Every panel of a dashboard, those in folded rows after their heading."""
    found = []
    for panel in dashboard(path)["panels"]:
        found += [panel, *panel.get("panels", ())]
    return found


def notes(path: Path) -> list[dict[str, Any]]:
    """The notes that a dashboard asks Prometheus for; Grafana's own one is left out."""
    listed = dashboard(path)["annotations"]["list"]
    return [each for each in listed if not each.get("builtIn")]


def queries(path: Path) -> list[Query]:
    """Every question of a dashboard, those of its notes included."""
    asked = [
        (f"{panel['title']} {target['refId']}", target)
        for panel in panels(path)
        for target in panel.get("targets", ())
    ]
    asked += [(each["name"], each["target"]) for each in notes(path)]
    return [
        Query(
            board=path.stem,
            panel=name,
            expression=target["expr"],
            instant=target.get("instant", False),
        )
        for name, target in asked
    ]


def variables(path: Path) -> dict[str, tuple[str, str]]:
    """The variables of a dashboard that ask Prometheus, by name: a selector, and the label whose values it wants."""
    found = {}
    for each in dashboard(path)["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", each.get("definition", ""))
        if asked:
            found[each["name"]] = (asked[1], asked[2])
    return found
