"""`jobwatch explain` and `jobwatch job` over a store in which a job stalls and another one was lost."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobwatch.app.clock import utc_now
from jobwatch.cli.ending import Exit
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.cli_rig import (
    HOSTILE,
    TAMED,
    aside,
    child,
    configuration,
    fill_story,
    jobwatch,
    life,
    read,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_story(tmp_path_factory.mktemp("story"))


@pytest.fixture(scope="module")
def slow(file: Path) -> Any:
    return read("explain", "prod/job-slow", "--config", file)


@pytest.fixture(scope="module")
def lost(file: Path) -> Any:
    return read("explain", "prod/job-lost", "--config", file)


def notes_of(document: Any, words: str) -> str:
    """What stands below the one line of the story that begins so."""
    (line,) = [each for each in document["story"] if each["words"].startswith(words)]
    return "\n".join(line["notes"])


def test_a_story_is_told_in_order_of_time(slow: Any, lost: Any) -> None:
    for document in (slow, lost):
        times = [line["at"] for line in document["story"]]
        assert times == sorted(times)
    assert [line["kind"] for line in slow["story"]] == [
        "cloud", "change", "attempt", "condition", "condition",
    ]  # fmt: skip


def test_a_change_names_who_is_told_and_who_is_not_and_why(slow: Any) -> None:
    seen = notes_of(slow, "first seen: Active")
    assert "ops wants it" in seen
    assert "chat does not want this type" in seen
    assert "ListJobs said so" in seen


def test_an_event_that_could_not_get_its_detail_says_why(lost: Any) -> None:
    assert "without detail: AccessDenied" in notes_of(lost, "ended: Active → Failed (failed)")


def test_every_attempt_is_told_with_its_answer(lost: Any) -> None:
    tried = [line["words"] for line in lost["story"] if line["kind"] == "attempt"]
    assert any(
        "ops, job.failed: http_5xx (HTTP 200" in words and "try 1" in words for words in tried
    )


def test_conditions_open_and_remind_in_the_story(slow: Any) -> None:
    words = [line["words"] for line in slow["story"] if line["kind"] == "condition"]
    assert words[0].startswith("stalled: opened, it holds since ")
    assert words[1] == "stalled: reminded of, 1 time so far"
    assert "job.stalled" in notes_of(slow, "stalled: opened")


def test_every_rule_says_why_it_holds_or_does_not(slow: Any) -> None:
    rules = slow["rules"]
    assert set(rules) == {"stalled", "stuck", "waiting", "overdue", "failing"}
    assert (rules["stalled"]["holds"], rules["stalled"]["open"]) == (True, True)
    assert rules["stalled"]["words"] == "1 h 45 min watched without progress, 30 min are too many"
    assert rules["overdue"]["words"] == "switched off"
    assert rules["waiting"]["words"] == "it waits for no person"
    assert rules["failing"]["words"] == "2 tasks are finished, 100 are asked for"


def test_no_rule_speaks_of_a_job_that_has_ended(file: Path, lost: Any) -> None:
    assert lost["rules"] == {}
    done = jobwatch("explain", "prod/job-lost", "--config", file)
    assert "nothing: the job has ended" in done.stdout


def test_what_comes_next_is_told_the_earliest_first(slow: Any, lost: Any) -> None:
    words = [each["words"] for each in slow["next"]]
    assert "source prod is swept" in words
    assert "people are reminded that it is stalled" in words
    assert [each["words"] for each in lost["next"]] == [
        "ops is sent job.failed again, after 1 try",
        "chat is sent job.failed",
    ] or [each["words"] for each in lost["next"]] == [
        "chat is sent job.failed",
        "ops is sent job.failed again, after 1 try",
    ]
    times = [each["at"] for each in slow["next"]]
    assert times == sorted(times)


def test_a_story_is_shown_for_people_without_anything_that_steers_a_terminal(file: Path) -> None:
    for width in ("80",):
        done = child("explain", "prod/job-slow", "--config", file, env={"COLUMNS": width})
        assert (done.returncode, done.stderr) == (0, "")
        assert TAMED in done.stdout
        assert all(line.isprintable() for line in done.stdout.splitlines())
        for title in ("What happened", "What the rules say", "What comes next"):
            assert title in done.stdout
        assert max(map(len, done.stdout.splitlines()[3:])) <= int(width)


def test_the_json_of_a_story_holds_the_words_as_they_are(slow: Any) -> None:
    assert slow["job"]["description"] == HOSTILE


def test_a_job_says_how_fast_it_works_and_what_is_wrong_with_it(file: Path) -> None:
    done = jobwatch("job", "prod/job-slow", "--config", file)
    assert "1.0 tasks an hour" in done.stdout
    assert "at this pace" in done.stdout
    assert "stalled since" in done.stdout
    assert "reminded of 1 time" in done.stdout
    shown = read("job", "prod/job-slow", "--config", file)
    # Two of ten tasks in two hours: eight more take eight.
    assert shown["forecast"]["rate"] == pytest.approx(2 / 7200, rel=0.01)
    assert shown["forecast"]["done_at"].endswith("Z")
    (condition,) = shown["conditions"]
    assert (condition["name"], condition["reminders"]) == ("stalled", 1)
    assert condition["closed_at"] is None


def test_an_ended_job_has_no_pace(file: Path) -> None:
    shown = read("job", "prod/job-lost", "--config", file)
    assert shown["forecast"] == {"rate": None, "done_at": None}
    assert "at this pace" not in jobwatch("job", "prod/job-lost", "--config", file).stdout


def test_a_job_that_nobody_knows_has_no_story(file: Path) -> None:
    done = jobwatch("explain", "prod/nobody", "--config", file)
    assert (done.returncode, done.stdout) == (Exit.FAILED, "")
    assert done.stderr == "jobwatch: source prod knows no job nobody\n"


def test_events_of_conditions_say_how_the_condition_stands(file: Path) -> None:
    done = jobwatch("events", "--type", "job.stalled", "--config", file)
    first, second = done.stdout.splitlines()
    assert "stalled: opened, it holds since" in first
    assert "stalled: reminded of, 1 time so far" in second
    assert "new →" not in done.stdout


async def test_what_a_real_sweep_judged_is_explained(tmp_path: Path) -> None:
    async with Simulation(World([life("job-waits", "Suspended")]), clock=utc_now) as simulation:
        hooks = {"ops": simulation.hook_url()}
        file = configuration(tmp_path, endpoint=simulation.endpoint, hooks=hooks)
        tree = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump({**tree, "rules": {"waiting_after": "0s"}}))
        assert (await aside("sources", "sweep", "prod", "--config", file)).returncode == 0
        done = await aside("explain", "prod/job-waits", "--config", file, "--output", "json")
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)
    (condition,) = shown["conditions"]
    assert (condition["name"], condition["closed_at"]) == ("waiting", None)
    assert "ops wants it" in notes_of(shown, "waiting: opened, it holds since ")
    assert shown["rules"]["waiting"]["holds"]
    assert "ops is sent job.waiting" in [each["words"] for each in shown["next"]]
