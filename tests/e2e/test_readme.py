"""What the README promises to a newcomer, run as written."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.documents.shown import fenced
from tests.e2e import reader

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.timeout(300)


def test_make_demo_tells_a_failure_with_its_reasons_and_ends_by_itself() -> None:
    demo = subprocess.run(
        ["make", "demo", "ARGS=--for 40s"],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("JOBWATCH_")},
    )  # fmt: skip
    assert demo.returncode == 0, demo.stderr
    for told in ("job.succeeded", "job.completed_with_failures", "job.failed"):
        assert f"● {told}" in demo.stdout
    failed = told_of(demo.stdout, "job.failed  “copy logs to the other region”")
    assert re.search(r"why +\w+: .+", failed)
    assert "signature verified" in failed
    fetched = told_of(demo.stdout, "job.succeeded  “fetch the ledger of 2019”")
    assert "vault_jobs/backup/" in fetched
    assert re.search(r"output +to be fetched until 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", fetched)
    assert "tasks" not in fetched
    lost = told_of(demo.stdout, "job.failed  “fetch the ledger of 2018”")
    assert re.search(r"why +The archive was deleted", lost)
    assert "output" not in lost
    assert "tasks" not in lost
    soon = told_of(demo.stdout, "job.output_expiring  “fetch the ledger of 2017”")
    assert "to be fetched until" in soon
    assert re.search(r"http://127\.0\.0\.1:\d+/metrics", demo.stdout)
    assert "Traceback" not in demo.stdout + demo.stderr


def told_of(printed: str, headline: str) -> str:
    """The block of one event."""
    return printed.split(f"● {headline}", 1)[1].split("\n\n", 1)[0]


def test_the_configurations_of_the_readme_are_accepted(tmp_path: Path) -> None:
    shown = fenced(README, "yaml")
    assert shown
    for number, block in enumerate(shown):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block, encoding="utf-8")
        check = subprocess.run(
            [ROOT / ".venv/bin/jobwatch", "check", "--config", str(path)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert check.returncode == 0, check.stderr


def test_every_command_of_the_readme_is_run_here_or_where_the_quick_start_is() -> None:
    shown = [
        line.split("#", 1)[0].strip()
        for block in fenced(README, "sh")
        for line in block.splitlines()
    ]
    assert "make demo" in shown
    run_here = {"make demo"}
    makes_this_run = {"make test"}
    assert {*shown} <= run_here | makes_this_run | {*reader.lines(), *reader.ELSEWHERE}
