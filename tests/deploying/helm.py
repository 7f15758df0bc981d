"""The chart as a real helm renders it, as values that tests compare.

Law of this module: helm is given values and nothing else of this machine; what it renders is read by a YAML parser and
never by eye.
"""

import base64
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from tests.programs import ROOT, program

CHART = ROOT / "deploy" / "helm" / "jobwatch"
CONFIG_FOLDER = "/etc/jobwatch"
SECRET_FOLDER = "/run/secrets/jobwatch"

MINIMAL: dict[str, Any] = {
    "config": {
        "sources": {
            "prod": {
                "provider": {
                    "kind": "cos-batch",
                    "region": "ap-chengdu",
                    "uin": "100000000001",
                    "appid": "1250000000",
                }
            }
        }
    }
}
"""The least that the chart takes: one source."""

Document = dict[str, Any]


class Strict(yaml.SafeLoader):
    """A key that is there twice is a mistake, as it is to Kubernetes; which of the two counts is anybody's guess."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001,FBT002 - as it is called
        keys = [key.value for key, _ in node.value]
        assert len({*keys}) == len(keys), f"twice: {sorted(keys)}"
        return super().construct_mapping(node, deep=deep)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What one `helm template` made."""

    text: str
    documents: tuple[Document, ...]

    def all(self, kind: str) -> list[Document]:
        return [each for each in self.documents if each["kind"] == kind]

    def one(self, kind: str) -> Document:
        """The document of a kind; dashboards are ConfigMaps as well, and come after that of jobwatch."""
        found = [each for each in self.all(kind) if "grafana_dashboard" not in labels(each)]
        assert len(found) == 1, f"{len(found)} of {kind}"
        return found[0]

    @property
    def pod(self) -> Document:
        template: Document = self.one("Deployment")["spec"]["template"]
        return template

    @property
    def container(self) -> Document:
        [container] = self.pod["spec"]["containers"]
        assert isinstance(container, dict)
        return container

    @property
    def configuration(self) -> str:
        """The text of jobwatch.yaml."""
        [text] = self.one("ConfigMap")["data"].values()
        return str(text)

    @property
    def secrets(self) -> dict[str, str]:
        """The files that the chart's own Secret holds."""
        data = self.one("Secret")["data"] if self.all("Secret") else {}
        return {name: base64.b64decode(each).decode() for name, each in data.items()}


def labels(document: Document) -> dict[str, str]:
    found: dict[str, str] = document["metadata"].get("labels", {})
    return found


def check_fields(document: Mapping[str, Any], version: str) -> None:
    """Raise where Kubernetes of this version does not know a field, or wants another kind of value."""
    kubernetes_validate.validate(document, version, strict=True)


def helm(
    *arguments: str, values: Mapping[str, Any] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run helm, whatever comes of it; values are handed to it as `--values -`."""
    given = () if values is None else ("--values", "-")
    return subprocess.run(
        [program("helm"), *arguments, *given],
        input=json.dumps(values), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def render(
    values: Mapping[str, Any], *options: str, release: str = "jobwatch", chart: Path = CHART
) -> Rendered:
    """Render the chart for a namespace called `watching`; the test fails where helm refuses."""
    done = helm("template", release, str(chart), "--namespace", "watching", *options, values=values)
    assert done.returncode == 0, done.stderr
    read = yaml.load_all(done.stdout, Loader=Strict)
    documents = tuple(each for each in read if each is not None)
    return Rendered(text=done.stdout, documents=documents)


def refused(values: Mapping[str, Any]) -> str:
    """What helm says to values that are wrong."""
    done = helm("template", "jobwatch", str(CHART), values=values)
    assert done.returncode != 0, done.stdout
    assert done.stdout == ""
    return done.stderr


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """One set of values over another, as helm lays them."""
    laid = dict(below)
    for key, value in above.items():
        known = laid.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            laid[key] = overlaid(known, value)
        else:
            laid[key] = value
    return laid
