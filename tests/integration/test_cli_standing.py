"""Whoever asks why a message did not come is told by `deliveries`, `job` and `receivers`, on a narrow screen, too."""

import shutil
from pathlib import Path

import pytest

from jobwatch.cli.explaining import lines_table
from jobwatch.cli.screen import Screen
from jobwatch.story.lines import Kind, Line
from tests.cli_rig import fill_story, jobwatch
from tests.factories import NOW

WIDTH = 60
JOB = "prod/job-lost"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which some news waits for `chat`, and `ops` answered 500 when it was told."""
    return fill_story(tmp_path_factory.mktemp("filled"))


@pytest.fixture
def file(filled: Path, tmp_path: Path) -> Path:
    return shutil.copytree(filled.parent, tmp_path / "copied") / filled.name


def test_what_waits_for_a_paused_receiver_is_not_called_due_now(file: Path) -> None:
    asked = (["deliveries", "--receiver", "chat"], ["job", JOB])
    before = [jobwatch(*command, "--config", file).stdout for command in asked]
    assert all("pending, due" in shown for shown in before)
    assert jobwatch("receivers", "pause", "chat", "--config", file).returncode == 0
    assert jobwatch("receivers", "pause", "ops", "--config", file).returncode == 0
    for command in asked:
        shown = jobwatch(*command, "--config", file).stdout
        assert "pending, receiver paused" in shown
        assert "pending, due" not in shown


def test_one_receiver_is_shown_whole_on_a_narrow_screen(file: Path) -> None:
    jobwatch("receivers", "pause", "ops", "--config", file)
    done = jobwatch("receivers", "ops", "--config", file, env={"COLUMNS": str(WIDTH)})
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split("  ", 2) for line in done.stdout.splitlines()]
    shown = {name.strip(): said.strip() for _, name, said in lines}
    assert (shown["state"], shown["next try"]) == ("paused", "when resumed")
    assert shown["why"] == "by command"
    assert "http_5xx" in shown["last error"]
    assert all(len(line) <= WIDTH for line in done.stdout.splitlines())


def test_deliveries_to_a_receiver_that_is_not_configured_name_those_that_are(file: Path) -> None:
    done = jobwatch("deliveries", "--receiver", "nobody", "--config", file)
    assert done.returncode == 0, "a receiver that was taken out may have deliveries"
    assert "no receiver nobody is configured; there are " in done.stderr
    assert "chat" in done.stderr


def test_a_story_with_twenty_receivers_says_of_the_last_why_it_was_not_told() -> None:
    said = "; ".join(f"receiver_{number} does not want this type" for number in range(20))
    screen = Screen()
    screen.width = len(said) + WIDTH
    with screen.capture() as shown:
        screen.print(lines_table([Line(at=NOW, kind=Kind.EVENT, words="told", notes=(said,))]))
    assert "receiver_19 does not want this type" in shown.get()
