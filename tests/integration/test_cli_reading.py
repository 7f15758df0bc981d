"""Commands that look into a store, which `jobwatch once` filled from a simulated cloud."""

import json
from pathlib import Path

import pytest

from jobwatch.cli.ending import Exit, Failed
from jobwatch.cli.reading import job_name
from jobwatch.core.model import JobKey
from tests.cli_rig import HOSTILE, TAMED, fill_store, jobwatch, read


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_store(tmp_path_factory.mktemp("watched"))


def test_sources_are_shown_with_the_age_of_their_data(file: Path) -> None:
    done = jobwatch("sources", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = [line.split() for line in done.stdout.splitlines() if " prod " in line]
    assert "ago" in row
    (source,) = read("sources", "--config", file)["sources"]
    assert (source["name"], source["listed"], source["unfinished"]) == ("prod", 4, 1)
    assert source["all_data_at"].endswith("Z")


def test_jobs_are_listed_with_tasks_and_ages(file: Path) -> None:
    done = jobwatch("jobs", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith(" prod/")}
    assert set(rows) == {
        "prod/job-succeeded", "prod/job-failed", "prod/job-partly", "prod/-job-running",
    }  # fmt: skip
    assert "completed with failures" in rows["prod/job-partly"]
    assert "10 of 10, 6 failed" in rows["prod/job-partly"]
    assert "2 min ago" in rows["prod/job-succeeded"]
    assert "迁移历史账单" in rows["prod/job-succeeded"]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--unfinished"], {"-job-running"}),
        (["--finished"], {"job-succeeded", "job-failed", "job-partly"}),
        (["--phase", "running"], {"-job-running"}),
        (["--status", "Complete"], {"job-succeeded", "job-partly"}),
        (["--outcome", "completed_with_failures"], {"job-partly"}),
        (["--operation", "COSDeleteObject"], set()),
        (["--source", "prod", "--outcome", "failed"], {"job-failed"}),
    ],
)
def test_jobs_are_filtered(file: Path, options: list[str], ids: set[str]) -> None:
    jobs = read("jobs", "--config", file, *options)["jobs"]
    assert {job["id"] for job in jobs} == ids


def test_a_list_goes_on_where_its_cursor_says(file: Path) -> None:
    seen: list[str] = []
    options: list[str] = []
    while True:
        page = read("jobs", "--config", file, "--limit", "3", *options)
        seen += [job["id"] for job in page["jobs"]]
        if page["cursor"] is None:
            break
        options = ["--cursor", page["cursor"]]
    assert sorted(seen) == ["-job-running", "job-failed", "job-partly", "job-succeeded"]


@pytest.mark.parametrize("command", ["jobs", "deliveries"])
@pytest.mark.parametrize("cursor", ["nonsense", "9" * 80, "9.9." + "9" * 80])
def test_a_cursor_that_no_list_gave_is_bad_usage(file: Path, command: str, cursor: str) -> None:
    done = jobwatch(command, "--config", file, "--cursor", cursor)
    assert done.returncode == Exit.MISUSED
    assert done.stderr.startswith("jobwatch: --cursor ")


def test_nothing_that_fits_is_said_beside_the_output(file: Path) -> None:
    done = jobwatch("jobs", "--config", file, "--operation", "COSDeleteObject")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "jobwatch: no job fits\n")


@pytest.mark.parametrize("command", [["jobs", "--source", "prodd"], ["job", "prodd/x"]])
def test_a_source_that_is_none_is_bad_usage(file: Path, command: list[str]) -> None:
    done = jobwatch(*command, "--config", file)
    assert done.returncode == Exit.MISUSED
    assert done.stderr == "jobwatch: there is no source prodd; there are prod\n"


def test_a_job_is_shown_with_everything_known_of_it(file: Path) -> None:
    done = jobwatch("job", "prod/job-failed", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "Failed (failed)",
        "[red]Code[/]",
        "ops: wanted",
        "delivered",
        "http_5xx (HTTP 500)",
    ):
        assert words in done.stdout
    assert "(2 min" in done.stdout


def test_a_hostile_job_is_shown_tamed(file: Path) -> None:
    for command in (
        ["jobs"],
        ["job", "prod/job-failed"],
        ["explain", "prod/job-failed"],
        ["events"],
    ):
        done = jobwatch(*command, "--config", file)
        assert TAMED in done.stdout
        assert all(line.isprintable() for line in done.stdout.splitlines())


def test_json_holds_the_hostile_words_as_they_are_and_steers_no_terminal(file: Path) -> None:
    done = jobwatch("job", "prod/job-failed", "--config", file, "--output", "json")
    shown = json.loads(done.stdout)
    assert shown["job"]["description"] == HOSTILE
    assert shown["detail"]["failures"] == [{"code": "[red]Code[/]", "message": HOSTILE}]
    assert done.stdout.isascii()


def test_the_json_of_a_job_tells_its_changes_and_deliveries(file: Path) -> None:
    shown = read("job", "prod/job-failed", "--config", file)
    assert shown["job"]["outcome"] == "failed"
    (change,) = shown["changes"]
    assert change["routes"] == {"ops": "wanted", "deaf": "wanted"}
    states = {each["receiver"]: each["state"] for each in shown["deliveries"]}
    assert states == {"ops": "delivered", "deaf": "pending"}
    tries = {each["receiver"]: each["tries"] for each in shown["deliveries"]}
    assert [each["result"] for each in tries["deaf"]] == ["http_5xx"]


@pytest.mark.parametrize("command", ["job", "explain"])
def test_a_job_whose_id_begins_with_a_hyphen_can_be_named(file: Path, command: str) -> None:
    assert read(command, "prod/-job-running", "--config", file)["job"]["id"] == "-job-running"


def test_what_was_there_before_anybody_watched_is_explained_as_history(file: Path) -> None:
    (seen,) = [
        line
        for line in read("explain", "prod/-job-running", "--config", file)["story"]
        if line["words"] == "first seen"
    ]
    assert "history" in seen["notes"][0]


def test_a_job_that_nobody_knows_is_a_failure(file: Path) -> None:
    done = jobwatch("job", "prod/nobody", "--config", file)
    assert (done.returncode, done.stdout) == (Exit.FAILED, "")
    assert done.stderr == "jobwatch: source prod knows no job nobody\n"


def test_events_come_like_a_log_the_newest_last(file: Path) -> None:
    shown = read("events", "--config", file)["events"]
    positions = [event["position"] for event in shown]
    assert positions == sorted(positions)
    assert {event["type"] for event in shown} == {
        "job.succeeded", "job.failed", "job.completed_with_failures", "source.baselined",
    }  # fmt: skip
    assert all(event["released"] for event in shown)
    assert read("events", "--config", file, "--limit", "2")["events"] == shown[-2:]


@pytest.mark.parametrize("name", ["job-failed", "prod/job-failed"])
def test_events_of_one_job(file: Path, name: str) -> None:
    (event,) = read("events", "--config", file, "--job", name)["events"]
    assert event["event"]["subject"] == "job-failed"
    assert read("events", "--config", file, "--job", f"prod/other/{name[-10:]}")["events"] == []


def test_events_of_one_type(file: Path) -> None:
    (event,) = read("events", "--config", file, "--type", "job.failed")["events"]
    assert event["job_id"] == "job-failed"


def test_deliveries_are_listed_with_what_receivers_answered(file: Path) -> None:
    shown = read("deliveries", "--config", file, "--receiver", "deaf")["deliveries"]
    assert {each["state"] for each in shown} == {"pending"}
    assert {each["last_status"] for each in shown} == {500}
    done = jobwatch("deliveries", "--config", file, "--state", "pending")
    assert "http_5xx (HTTP 500)" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("text", "source", "key"),
    [
        ("prod/id", "prod", JobKey("", "id")),
        ("prod/-id", "prod", JobKey("", "-id")),
        ("vault_jobs/photos/-id", "vault_jobs", JobKey("photos", "-id")),
    ],
)
def test_a_job_is_named_by_source_scope_and_id(text: str, source: str, key: JobKey) -> None:
    named = job_name(text)
    assert (named.source, named.key) == (source, key)


@pytest.mark.parametrize("text", ["", "/", "prod", "prod/", "/id"])
def test_what_names_no_job_is_refused_with_what_would(text: str) -> None:
    with pytest.raises(Failed, match="SOURCE/ID"):
        job_name(text)
