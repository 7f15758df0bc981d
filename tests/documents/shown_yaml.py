"""Whose configuration a block of YAML is, and what that program or its schema says about it."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.deploying.helm import check_fields
from tests.documents.shown import ROOT
from tests.programs import program, said_by
from tests.unit.settings_cases import SOURCE

Reader = Callable[[Mapping[str, Any], Path], None]
CHART = ROOT / "deploy" / "helm" / "jobwatch"


def _written(document: Mapping[str, Any], folder: Path, name: str) -> str:
    file = folder / name
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return str(file)


def rules(document: Mapping[str, Any], folder: Path) -> None:
    said_by(program("promtool"), "check", "rules", _written(document, folder, "rules.yml"))


def prometheus(document: Mapping[str, Any], folder: Path) -> None:
    """Files that it names are those of the reader."""
    here = {key: value for key, value in document.items() if key != "rule_files"}
    file = _written(here, folder, "prometheus.yml")
    said_by(program("promtool"), "check", "config", "--syntax-only", file)


def relabelling(document: Mapping[str, Any], folder: Path) -> None:
    prometheus({"scrape_configs": [{"job_name": "jobwatch", **document}]}, folder)


def outline(document: Mapping[str, Any], folder: Path) -> None:
    """The head of a thing in Kubernetes."""
    del folder
    for part in document["metadata"].values():
        assert isinstance(part, str) or all(isinstance(each, str) for each in part.values())


def alertmanager(document: Mapping[str, Any], folder: Path) -> None:
    said_by(program("amtool"), "check-config", _written(document, folder, "alertmanager.yml"))


def compose(document: Mapping[str, Any], folder: Path) -> None:
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    said_by(*command, _written(document, folder, "compose.yaml"))


def kubernetes(document: Mapping[str, Any], folder: Path) -> None:
    """Kinds of Kubernetes itself by its schemas; those of operators by their outline."""
    if "." in document["apiVersion"] and not document["apiVersion"].split("/")[0].endswith(
        ".k8s.io"
    ):
        assert {"kind", "metadata", "spec"} <= {*document}
        return
    del folder
    check_fields(document, "1.33")


def jobwatch(document: Mapping[str, Any], folder: Path) -> None:
    """A part of a configuration whose files are the reader's: by the schema."""
    del folder
    schema = json.loads((ROOT / "config" / "jobwatch.schema.json").read_text("utf-8"))
    jsonschema.validate({**yaml.safe_load(SOURCE), **document}, schema)


def grafana(document: Mapping[str, Any], folder: Path) -> None:
    del folder
    assert document["apiVersion"] == 1
    for each in document.get("providers", ()):
        assert {"name", "type", "options"} <= {*each}
    for each in document.get("datasources", ()):
        assert {"name", "type", "url"} <= {*each}


def values(document: Mapping[str, Any], folder: Path) -> None:
    """Values of the chart, by its own schema."""
    del folder
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    jsonschema.validate(document, {**schema, "required": []})


KINDS: tuple[tuple[frozenset[str], Reader], ...] = (
    (frozenset({"groups"}), rules),
    (frozenset({"scrape_configs"}), prometheus),
    (frozenset({"rule_files"}), prometheus),
    (frozenset({"route", "receivers"}), alertmanager),
    (frozenset({"apiVersion", "kind"}), kubernetes),
    (frozenset({"metadata"}), outline),
    (frozenset({"relabel_configs"}), relabelling),
    (frozenset({"apiVersion", "providers"}), grafana),
    (frozenset({"apiVersion", "datasources"}), grafana),
    (frozenset({"services"}), compose),
)


def kind_of(document: Mapping[str, Any]) -> Reader | None:
    """What reads such a document; None where nobody is known who does."""
    for keys, reader in KINDS:
        if keys <= {*document}:
            return reader
    schema = json.loads((ROOT / "config" / "jobwatch.schema.json").read_text("utf-8"))
    if {*document} <= {*schema["properties"]}:
        return jobwatch
    chart = CHART / "values.yaml"
    known = yaml.safe_load(chart.read_text("utf-8")) if chart.exists() else {}
    return values if {*document} <= {*known} else None
