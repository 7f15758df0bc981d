"""The dashboards are what Grafana's own schema allows, and the compiler that says so sees what is not."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deploying.deployed import DASHBOARDS, dashboard
from tests.programs import NODE, node_module, program

Tree = dict[str, Any]

OPTIONS = {
    "noEmit": True,
    "strict": True,
    "skipLibCheck": True,
    "module": "preserve",
    "moduleResolution": "bundler",
    "target": "es2022",
    "types": [],
}


def first(tree: Tree, kind: str) -> Tree:
    """The first panel of a kind."""
    found: Tree = next(panel for panel in tree["panels"] if panel["type"] == kind)
    return found


def column(tree: Tree) -> Tree:
    """The first override of the first table."""
    found: Tree = first(tree, "table")["fieldConfig"]["overrides"][0]["properties"][0]
    return found


MISTAKES: dict[str, Callable[[Tree], object]] = {
    "no such field of a dashboard": lambda tree: tree.update(colour="red"),
    "the number of the schema as a text": lambda tree: tree.update(schemaVersion="41"),
    "no such kind of panel": lambda tree: first(tree, "stat").update(type="statistic"),
    "no such option of a panel": lambda tree: first(tree, "stat")["options"].update(size=3),
    "no such word of an option": lambda tree: first(tree, "stat")["options"].update(
        colorMode="wild"
    ),
    "an option of another kind": lambda tree: first(tree, "table")["options"].update(
        graphMode="area"
    ),
    "no such way to draw": lambda tree: first(tree, "timeseries")["fieldConfig"]["defaults"][
        "custom"
    ].update(drawStyle="dots"),
    "no such field of a legend": lambda tree: first(tree, "timeseries")["options"]["legend"].update(
        where="left"
    ),
    "a threshold that is a text": lambda tree: first(tree, "stat")["fieldConfig"]["defaults"][
        "thresholds"
    ]["steps"][1].update(value="1"),
    "no description": lambda tree: first(tree, "table").pop("description"),
    "no unit": lambda tree: first(tree, "stat")["fieldConfig"]["defaults"].pop("unit"),
    "a property of a column that is none": lambda tree: column(tree).update(id="colour"),
    "a panel that is wider than text": lambda tree: first(tree, "stat")["gridPos"].update(w="3"),
    "no such kind of variable": lambda tree: tree["templating"]["list"][0].update(type="guess"),
    "a note without a question": lambda tree: tree["annotations"]["list"][1].pop("target"),
    "a link without a tooltip": lambda tree: tree["links"][0].pop("tooltip"),
}


def broken(mistake: Callable[[Tree], object]) -> Tree:
    """A dashboard of few panels, with a mistake in it."""
    [overview] = [path for path in DASHBOARDS if path.stem == "overview"]
    tree = dashboard(overview)
    tree["panels"] = [first(tree, kind) for kind in ("stat", "timeseries", "table")]
    mistake(tree)
    return tree


def compiled(folder: Path, trees: dict[str, Tree]) -> dict[str, list[str]]:
    """What the compiler finds wrong with each of these dashboards."""
    (folder / "node_modules").symlink_to(node_module("@grafana/schema").parents[1])
    (folder / "dashboard.ts").write_text((NODE / "dashboard.ts").read_text("utf-8"), "utf-8")
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}), "utf-8")
    for name, tree in trees.items():
        (folder / f"{name}.ts").write_text(
            "import type { OurDashboard } from './dashboard';\n"
            f"export const tree: OurDashboard = {json.dumps(tree)};\n",
            "utf-8",
        )
    command = [program("tsc"), "--project", str(folder), "--pretty", "false"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    said = done.stdout + done.stderr
    assert not re.search(r"(?:^|/)dashboard\.ts\(", said), said
    found: dict[str, list[str]] = {name: [] for name in trees}
    for name, error in re.findall(
        r"^(?:.*/)?(\w+)\.ts\(.*?\): (error .*)$", said, flags=re.MULTILINE
    ):
        found[name].append(error)
    return found


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """One run of the compiler for all: it reads the schema but once."""
    trees = {path.stem: dashboard(path) for path in DASHBOARDS}
    trees |= {"few_panels": broken(lambda _tree: None)}
    trees |= {name_of(label): broken(mistake) for label, mistake in MISTAKES.items()}
    return compiled(tmp_path_factory.mktemp("types"), trees)


def name_of(label: str) -> str:
    return "wrong_" + label.replace(" ", "_")


@pytest.mark.parametrize("name", [*(path.stem for path in DASHBOARDS), "few_panels"])
def test_a_dashboard_is_what_the_schema_of_grafana_allows(
    name: str, verdicts: dict[str, list[str]]
) -> None:
    assert verdicts[name] == []


@pytest.mark.parametrize("label", MISTAKES)
def test_a_mistake_in_a_dashboard_is_found(label: str, verdicts: dict[str, list[str]]) -> None:
    assert verdicts[name_of(label)]
