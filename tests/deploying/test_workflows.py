"""The workflows in `.github`: well formed, safe by the judgement of those who know, and made of commands that run here."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import ROOT, program, said_by

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: ([\w.-]+/[\w./-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+")
PUBLISHING = {
    "release.yml": {"index", "release"},
    "image.yml": {"publish"},
    "chart.yml": {"publish"},
}

each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.name)


def read(workflow: Path) -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for true; as text it stays what it is.
    found: dict[str, Any] = yaml.load(workflow.read_text("utf-8"), Loader=yaml.BaseLoader)
    return found


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    for job in read(workflow)["jobs"].values():
        yield from job.get("steps", ())


def lines() -> Iterator[str]:
    """Every line that a workflow gives to a shell."""
    for workflow in WORKFLOWS:
        for step in steps(workflow):
            yield from step.get("run", "").splitlines()


def test_actionlint_finds_nothing() -> None:
    assert said_by(program("actionlint"), *map(str, WORKFLOWS)) == ""


def test_zizmor_finds_nothing_as_an_auditor_and_nothing_is_hidden_from_it() -> None:
    said_by(program("zizmor"), "--quiet", "--offline", "--persona=auditor", str(GITHUB))
    assert not [file for file in GITHUB.rglob("*.yml") if "zizmor:" in file.read_text("utf-8")]


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
        ("vendor.github-issue-forms", sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml"))),
    ],
    ids=["workflows", "dependabot", "issues"],
)
def test_the_files_are_what_their_schemas_say(schema: str, files: list[Path]) -> None:
    assert files
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema)
    said_by(*command, *map(str, files))


def test_every_action_is_pinned_to_one_commit_that_is_the_same_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for workflow in WORKFLOWS:
        for line in re.findall(r"^.*\buses: (?!\$/).*$", workflow.read_text("utf-8"), re.MULTILINE):
            found = PINNED.search(line)
            assert found, f"{workflow.name}: {line.strip()}"
            pins.setdefault(found[1], set()).add(found[2])
    assert len(pins) > 5
    assert {name: commits for name, commits in pins.items() if len(commits) > 1} == {}


@each_workflow
def test_a_job_may_do_what_it_needs_ends_in_time_and_stands_in_nobodys_way(workflow: Path) -> None:
    read_in = read(workflow)
    assert read_in["permissions"] == {}
    assert "group" in read_in["concurrency"]
    for name, job in read_in["jobs"].items():
        assert job["permissions"], name
        assert "uses" in job or int(job["timeout-minutes"]) <= 75, name
        writes = {key for key, value in job["permissions"].items() if value == "write"}
        if "contents" in writes or "packages" in writes:
            assert name in PUBLISHING[workflow.name] or "uses" in job


@each_workflow
def test_no_checkout_leaves_a_token_behind(workflow: Path) -> None:
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


@each_workflow
def test_nothing_that_strangers_choose_is_pasted_into_a_shell(workflow: Path) -> None:
    assert [step for step in steps(workflow) if "${{" in step.get("run", "")] == []
    assert "pull_request_target" not in read(workflow)["on"]


def test_every_make_target_that_a_workflow_names_is_there() -> None:
    named = {
        found for line in lines() for found in re.findall(r"\bmake (?:--\S+ )*([a-z0-9-]+)", line)
    }
    targets = set(
        re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    )
    assert len(named) > 8
    assert named <= targets


def test_only_a_tag_publishes_and_only_after_every_test() -> None:
    release = read(GITHUB / "workflows" / "release.yml")
    assert release["on"] == {"push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}}
    jobs = release["jobs"]

    def before(name: str) -> set[str]:
        needs = jobs[name].get("needs", [])
        first = {needs} if isinstance(needs, str) else set(needs)
        return first.union(*(before(each) for each in first))

    for name in set(jobs) - {"version", "test"}:
        assert {"version", "test"} <= before(name)
    assert {"image", "chart", "packages"} <= before("release") & before("index")
    for name in ("image.yml", "chart.yml"):
        publish = read(GITHUB / "workflows" / name)["jobs"]["publish"]
        assert publish["if"] == "github.event_name == 'push' && github.ref_type == 'tag'"
        assert "push" not in read(GITHUB / "workflows" / name)["on"]


@pytest.mark.parametrize("released", [True, False])
def test_a_version_that_was_released_is_refused_wherever_its_tag_points_by_now(
    released: bool,  # noqa: FBT001 - a parameter of the test
    tmp_path: Path,
) -> None:
    first = read(GITHUB / "workflows" / "release.yml")["jobs"]["version"]["steps"]
    [script] = [step["run"] for step in first if "gh release view" in step.get("run", "")]
    said = tmp_path / "gh"
    said.write_text(f"#!/bin/sh\ntest $3 = v1.2.3 && exit {int(not released)}\n", encoding="utf-8")
    said.chmod(0o755)
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_REF_NAME": "v1.2.3"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, "was released already" in done.stdout) == (int(released), released)


def test_no_release_moves_what_another_release_is_called() -> None:
    publish = read(GITHUB / "workflows" / "image.yml")["jobs"]["publish"]
    [meta] = [step["with"] for step in publish["steps"] if step.get("id") == "meta"]
    assert meta["flavor"] == "latest=false"
    assert "latest" not in meta["tags"]


def test_every_lock_is_audited_and_each_week() -> None:
    audit = read(GITHUB / "workflows" / "audit.yml")
    assert audit["on"]["schedule"]
    made = subprocess.run(
        ["make", "--dry-run", "--old-file", ".venv/.installed", "audit"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    locks = {lock.name for lock in ROOT.glob("*.lock")}
    assert locks == set(re.findall(r"--requirement (\S+)", made.stdout))


def test_every_place_where_versions_are_pinned_is_looked_after() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text("utf-8"))["updates"]
    places = {(each["package-ecosystem"], each["directory"]) for each in updates}
    assert places == {
        *(("github-actions", "/"), ("docker", "/"), ("pip", "/"), ("npm", "/tests/node")),
    }
    assert all(each["cooldown"]["default-days"] >= 7 for each in updates)
