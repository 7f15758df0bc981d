"""The chart's files agree with each other and with what they were copied from; nothing is rendered here."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from jobwatch import __version__
from tests.deploying.deployed import DASHBOARDS, DEPLOY, read
from tests.deploying.helm import CHART
from tests.deploying.manifests import FOLDER

VALUES: dict[str, Any] = read(CHART / "values.yaml")
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text("utf-8"))
README = (CHART / "README.md").read_text("utf-8")
KUSTOMIZATION = (FOLDER / "kustomization.yaml").read_text("utf-8")

WHOLE = {
    "resources", "startupProbe", "livenessProbe", "readinessProbe", "podSecurityContext", "securityContext",
}  # fmt: skip
"""Values that the table shows as one, because they are Kubernetes' own."""

FREE = {
    "global", "config", "podSecurityContext", "securityContext", "affinity", "resources.requests", "resources.limits",
    "serviceMonitor.tlsConfig",
}  # fmt: skip
"""Values whose keys are checked by somebody else: Kubernetes, the operator, jobwatch."""


def leaves(values: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value that can be set by itself, with its default."""
    for key, value in values.items():
        here = f"{path}{key}"
        if isinstance(value, dict) and value and here not in WHOLE:
            yield from leaves(value, f"{here}.")
        else:
            yield here, value


def test_the_chart_has_the_version_of_the_program() -> None:
    chart = read(CHART / "Chart.yaml")
    assert (chart["apiVersion"], chart["name"]) == ("v2", "jobwatch")
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_the_rules_of_the_chart_are_those_of_prometheus() -> None:
    original = DEPLOY / "prometheus" / "rules.yaml"
    copy = CHART / "files" / "rules.yaml"
    assert copy.read_bytes() == original.read_bytes(), "make manifests"


def test_the_dashboards_of_the_chart_are_those_of_grafana() -> None:
    copies = {path.name: path.read_bytes() for path in (CHART / "files/dashboards").iterdir()}
    assert copies == {path.name: path.read_bytes() for path in DASHBOARDS}, "make manifests"


def test_the_table_of_values_is_values_yaml() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (`[^`]*`|see values.yaml) \|", README, re.MULTILINE)
    shown = {name: default.strip("`") for name, default in rows}
    assert len(shown) == len(rows)
    expected = dict(leaves(VALUES))
    assert list(shown) == list(expected)
    for name, default in expected.items():
        if name in WHOLE:
            assert shown[name] == "see values.yaml"
        else:
            assert yaml.safe_load(shown[name]) == default, name


def test_the_defaults_are_what_the_schema_allows_but_for_what_has_to_be_said() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert list(Draft7Validator(SCHEMA).iter_errors(VALUES)) == []


def test_the_schema_knows_every_value_and_no_other() -> None:
    assert set(known(SCHEMA)) - {"global", "enabled"} == {
        path for path in branches(VALUES) if not path.startswith("config.")
    } | {f"{probe}Probe.{key}" for probe in ("startup", "liveness", "readiness") for key in (
        "successThreshold", "terminationGracePeriodSeconds", "initialDelaySeconds",
    )} | {"resources.claims"}  # fmt: skip


def branches(values: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, value in values.items():
        here = f"{path}{key}"
        yield here
        if isinstance(value, dict) and here not in FREE:
            yield from branches(value, f"{here}.")


def known(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Every path that the schema names, down to the values whose keys are free."""
    for key, below in resolved(schema).get("properties", {}).items():
        here = f"{path}{key}"
        yield here
        if here not in FREE:
            yield from known(below, f"{here}.")


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = SCHEMA["definitions"][name] if name else schema
    return found


@pytest.mark.parametrize("path", sorted(set(known(SCHEMA)) - FREE))
def test_a_mapping_of_the_schema_says_which_keys_it_has(path: str) -> None:
    schema = SCHEMA
    for key in path.split("."):
        schema = resolved(schema)["properties"][key]
    schema = resolved(schema)
    if schema.get("type") == "object":
        assert "additionalProperties" in schema, path
        assert schema["additionalProperties"] in (False, {"type": "string"}) or path == "secrets"


def test_every_manifest_is_listed_or_left_out_on_purpose() -> None:
    listed = set(yaml.safe_load(KUSTOMIZATION)["resources"])
    left_out = set(re.findall(r"^#  - (\S+)$", KUSTOMIZATION, re.MULTILINE))
    there = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml", "values.yaml"}
    assert listed | left_out == there
    assert left_out == {"servicemonitor.yaml", "prometheusrule.yaml", "networkpolicy.yaml"}


def test_no_manifest_holds_a_secret() -> None:
    kinds = {
        document["kind"]
        for path in FOLDER.glob("*.yaml")
        if path.name != "values.yaml"
        for document in yaml.safe_load_all(path.read_text("utf-8"))
    }
    assert "Deployment" in kinds
    assert "Secret" not in kinds


def test_the_pod_that_restores_is_like_the_one_that_watches() -> None:
    watching = read(FOLDER / "deployment.yaml")["spec"]["template"]["spec"]
    restoring = read(FOLDER / "restore" / "pod.yaml")["spec"]
    for key in ("securityContext", "volumes", "automountServiceAccountToken", "enableServiceLinks"):
        assert restoring[key] == watching[key], key
    [one], [other] = watching["containers"], restoring["containers"]
    for key in ("env", "securityContext", "volumeMounts"):
        assert other[key] == one[key], key
    assert other["image"] == f"registry.example.com/team/jobwatch:{__version__}"


def test_the_page_on_kubernetes_names_the_version_that_there_is() -> None:
    page = (FOLDER / "README.md").read_text("utf-8")
    named = re.findall(r"team/jobwatch:([\w.]+)", page)
    assert named
    assert set(named) == {__version__}
