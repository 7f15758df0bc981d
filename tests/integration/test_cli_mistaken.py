"""At three in the morning a person can look, although a secret is broken or its file is gone."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.cli_rig import fill_story, jobwatch

LOOKING = (
    ["sources"],
    ["jobs"],
    ["job", "prod/job-slow"],
    ["explain", "prod/job-slow"],
    ["events"],
    ["deliveries"],
    ["receivers"],
    ["mutes"],
    ["mute", "--source", "prod", "--for", "1h", "--reason", "known"],
    ["receivers", "pause", "ops"],
    ["receivers", "resume", "ops"],
    ["redeliver", "--receiver", "ops", "--since", "1h"],
)
STRICT = (["check"], ["run"], ["once"], ["receivers", "test", "ops"], ["sources", "sweep", "prod"])
WARNED = "jobwatch: warning: receivers.ops.secrets[0] ("


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_story(tmp_path_factory.mktemp("filled"))


@pytest.fixture
def broken(filled: Path, tmp_path: Path) -> Path:
    """The same with a key that is none, and a file that is gone."""
    file = shutil.copytree(filled.parent, tmp_path / "copied") / filled.name
    tree = yaml.safe_load(file.read_text())
    tree["receivers"]["ops"]["secrets"] = ["whsec_canary"]
    tree["heartbeat"] = {"url_file": "gone"}
    file.write_text(yaml.safe_dump(tree))
    return file


def test_who_looks_is_warned_and_sees_what_there_is(filled: Path, broken: Path) -> None:
    for command in LOOKING:
        done = jobwatch(*command, "--config", broken)
        assert done.returncode == 0, done
        first, second, last = done.stderr.splitlines()[:3]
        assert second.startswith(WARNED), done.stderr
        assert first.startswith("jobwatch: warning: heartbeat.url_file ("), done.stderr
        assert (
            last == "jobwatch: warning: `jobwatch check` refuses this configuration, not only warns"
        )
        assert "canary" not in done.stdout + done.stderr
    well = jobwatch("jobs", "--output", "json", "--config", filled)
    assert jobwatch("jobs", "--output", "json", "--config", broken).stdout == well.stdout


@pytest.mark.parametrize("command", STRICT, ids=" ".join)
def test_who_watches_or_sends_is_refused(command: list[str], broken: Path) -> None:
    done = jobwatch(*command, "--config", broken)
    assert (done.returncode, done.stdout) == (2, "")
    assert "receivers.ops.secrets[0] (" in done.stderr
    assert "warning" not in done.stderr


def test_nobody_looks_into_a_store_that_may_be_another(broken: Path) -> None:
    broken.write_text(broken.read_text() + "storee: {path: other.db}\n")
    done = jobwatch("jobs", "--config", broken)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean `store`?" in done.stderr
