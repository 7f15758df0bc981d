"""`jobwatch mute`, `mutes` and `unmute`, beside a daemon that holds the store and without one."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.cli.ending import Exit
from jobwatch.store import Store
from jobwatch.store.settings import SqliteSettings
from tests.cli_rig import HOSTILE, TAMED, aside, fill_story, jobwatch, read
from tests.contract.watcher import Clock, Watcher
from tests.factories import HOUR, job

REASON = ("--for", "8h", "--reason", "planned work")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two jobs, of which one is unfinished; four deliveries wait."""
    return fill_story(tmp_path_factory.mktemp("muted"))


def explained(file: Path, name: str) -> str:
    document = read("explain", name, "--config", file)
    return "\n".join("\n".join([line["words"], *line["notes"]]) for line in document["story"])


def test_a_mute_says_what_it_silences_until_when_and_explain_says_which_it_was(file: Path) -> None:
    done = jobwatch("mute", "--job", "prod/job-slow", *REASON, "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    first, until, fits = done.stdout.splitlines()
    number = first.split()[1].rstrip(":")
    assert first == f"mute {number}: job prod/job-slow"
    assert until.strip().startswith("until ")
    assert "(in 7 h 59 min)" in until
    assert fits.strip().startswith("1 unfinished job fits now; ")
    story = explained(file, "prod/job-slow")
    assert f"not sent: muted (mute {number}: planned work)" in story
    shown = jobwatch("deliveries", "--state", "muted", "--config", file).stdout
    assert f"mute {number}: planned work" in shown
    waiting = read("deliveries", "--state", "pending", "--config", file)["deliveries"]
    assert {each["job_id"] for each in waiting} == {"job-lost"}


def test_mutes_are_listed_and_ended(file: Path) -> None:
    asked = ("mute", "--source", "other-*", "--description", HOSTILE, *REASON)
    done = jobwatch(*asked, "--config", file, "--output", "json")
    made = json.loads(done.stdout)
    assert (made["unfinished_jobs"], made["waiting_deliveries"]) == (0, 0)
    assert "no source fits other-*; there are prod" in done.stderr
    number = str(made["mute"]["id"])
    listed = read("mutes", "--config", file)["mutes"]
    assert made["mute"] in listed
    shown = jobwatch("mutes", "--config", file).stdout
    assert f"source other-*, description {TAMED}" in shown
    ended = jobwatch("unmute", number, "--config", file)
    assert ended.stdout.startswith(f"mute {number} has ended")
    assert number not in [str(each["id"]) for each in read("mutes", "--config", file)["mutes"]]
    again = jobwatch("unmute", number, "--config", file)
    assert (again.returncode, again.stdout) == (Exit.FAILED, "")
    assert "`jobwatch mutes` lists those that do" in again.stderr
    over: Any = read("mutes", "--ended", "--config", file)["mutes"][0]
    assert (str(over["id"]), over["holds"]) == (number, False)
    assert "ended 20" in jobwatch("mutes", "--ended", "--config", file).stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (REASON, "say what to mute"),
        (("--source", "", *REASON), "--source is empty"),
        (("--source", "prod", "--for", "8h", "--reason", " "), "--reason is empty"),
        (("--source", "nobody", *REASON), "there is no source nobody; there are prod"),
        (("--job", "prod", *REASON), "prod names no job"),
        (("--job", "nobody/job", *REASON), "there is no source nobody"),
        (("--job", "prod/job", "--source", "prod", *REASON), "leave --source out"),
        (("--source", "prod", "--for", "59s", "--reason", "x"), "from 1m to 90d"),
        (("--source", "prod", "--for", "91d", "--reason", "x"), "from 1m to 90d"),
        (("--source", "prod", "--for", "8h"), "--reason"),
        (("--source", "prod", "--reason", "x"), "--for"),
    ],
)
def test_a_mute_that_makes_no_sense_is_refused_in_words(
    file: Path, options: tuple[str, ...], says: str
) -> None:
    before = read("mutes", "--ended", "--config", file)
    done = jobwatch("mute", *options, "--config", file)
    assert (done.returncode, done.stdout) == (Exit.MISUSED, "")
    assert says in done.stderr
    assert read("mutes", "--ended", "--config", file) == before


def test_a_job_that_was_not_seen_yet_is_muted_with_a_doubt(file: Path) -> None:
    done = jobwatch("mute", "--job", "prod/to-come", *REASON, "--config", file)
    assert done.returncode == Exit.DONE
    assert done.stderr == "jobwatch: no job prod/to-come was seen yet; the mute waits for it\n"


async def test_a_mute_beside_a_daemon_holds_for_what_it_records_next(file: Path) -> None:
    settings = SqliteSettings(path=file.parent / "jobwatch.db")
    store = await Store.open(settings, owner="daemon", clock=utc_now, exclusive=True)
    try:
        lease = await store.acquire("prod", lease=HOUR)
        assert lease is not None
        done = await aside("mute", "--job", "prod/job-new", *REASON, "--config", file)
        assert done.returncode == Exit.DONE
        await Watcher(store, lease, Clock(utc_now())).sees(job(id="job-new"))
    finally:
        await store.close()
    shown = await aside("explain", "prod/job-new", "--config", file)
    assert "ops does not hear of it: muted" in shown.stdout
