"""What the commands say of jobs in scopes without counters, and of output that expires."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobwatch.app.clock import utc_now
from jobwatch.core.model import Job, JobKey
from jobwatch.core.news import expiring_event
from jobwatch.core.plan import SweepKind
from jobwatch.core.recording import notice_for
from jobwatch.store import Store
from jobwatch.store.settings import SqliteSettings
from jobwatch.store.values import SweepReport
from tests import factories
from tests.cli_rig import HOSTILE, TAMED, configuration, jobwatch, slowly
from tests.contract.watcher import Clock, Watcher
from tests.factories import HOUR, MINUTE

LEFT = 90 * MINUTE
TOLD, UNTOLD, RUNS, TWICE = "-told", "-untold", "-runs", "-twice"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output")
    written = slowly(configuration(folder, hooks={"ops": "https://hooks.example.com/ops"}))
    asyncio.run(_fill(folder / "jobwatch.db"))
    return written


@pytest.fixture(scope="module")
def ruled(file: Path) -> Path:
    """The same with the rule switched on."""
    tree = yaml.safe_load(file.read_text())
    tree["rules"] = {"expiring_before": "1h"}
    tree["store"] = {"kind": "sqlite", "path": str(file.parent / "jobwatch.db")}
    copy = file.with_name("ruled.yaml")
    copy.write_text(yaml.safe_dump(tree))
    return copy


async def _fill(path: Path) -> None:
    clock = Clock(utc_now() - HOUR)
    store = await Store.open(SqliteSettings(path=path), owner="test", clock=clock, exclusive=True)
    watcher = await Watcher.start(store, clock)
    ended = (_ended(each, clock()) for each in (TOLD, UNTOLD))
    running = _job("Active", RUNS, scope=HOSTILE)
    await watcher.sees(*ended, running, *(_job("Active", TWICE, scope=each) for each in "ab"))
    snapshot = (await store.known(watcher.lease, [JobKey("photos", TOLD)])).popitem()[1]
    event = expiring_event(snapshot, watcher.desk.origin, observed_at=clock())
    await watcher.tells(notice_for(event, watcher.desk))
    report = SweepReport(
        kind=SweepKind.FULL,
        started_at=utc_now(),
        finished_at=utc_now(),
        listed=5,
        unfinished=3,
        next_sweep_at=utc_now() + HOUR,
    )
    await store.finish_sweep(watcher.lease, report)
    await store.close()


def _job(status: str, job_id: str, **more: Any) -> Job:
    created_at = utc_now() - 2 * HOUR
    fields: dict[str, Any] = {"id": job_id, "progress": None, "priority": None} | more
    return factories.job(status, created_at=created_at, **fields)


def _ended(job_id: str, at: datetime) -> Job:
    expires_at = utc_now() + LEFT + timedelta(seconds=30)
    return _job("Done", job_id, scope="photos", ended_at=at, output_expires_at=expires_at)


def read(*arguments: str | Path) -> dict[str, Any]:
    done = jobwatch(*arguments, "--output", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_programs_read_the_scope_and_the_expiry_of_every_job(file: Path) -> None:
    rows = {each["id"]: each for each in read("jobs", "--config", file)["jobs"]}
    assert {rows[each]["scope"] for each in (TOLD, UNTOLD)} == {"photos"}
    expires_at = datetime.fromisoformat(rows[TOLD]["output_expires_at"])
    assert LEFT - 5 * MINUTE < expires_at - utc_now() < LEFT + MINUTE
    assert rows[TOLD]["expiry_told_at"] is not None
    assert rows[UNTOLD]["expiry_told_at"] is None
    assert rows[RUNS]["output_expires_at"] is None
    assert rows[RUNS]["progress"] is None
    for command in ("job", "explain"):
        found = read(command, f"prod/photos/{TOLD}", "--config", file)["job"]
        assert found == rows[TOLD], command


@pytest.mark.parametrize("command", ["job", "explain"])
def test_an_id_names_its_job_with_its_scope_and_alone_where_no_other_has_it(
    file: Path, command: str
) -> None:
    for name in (f"prod/photos/{UNTOLD}", f"prod/{UNTOLD}", f"prod/b/{TWICE}"):
        done = jobwatch(command, name, "--config", file)
        assert done.returncode == 0, (name, done.stderr)
    assert f"prod/b/{TWICE}" in done.stdout


@pytest.mark.parametrize("command", ["job", "explain"])
def test_an_id_of_several_scopes_is_answered_with_the_names_of_the_jobs(
    file: Path, command: str
) -> None:
    done = jobwatch(command, f"prod/{TWICE}", "--config", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert [f"prod/{scope}/{TWICE}" in done.stderr for scope in "ab"] == [True, True]


def test_a_job_that_is_in_no_scope_is_not_known(file: Path) -> None:
    for name in ("prod/-none", f"prod/c/{TWICE}"):
        done = jobwatch("job", name, "--config", file)
        assert (done.returncode, "knows no job" in done.stderr) == (1, True), name


def test_people_read_when_output_expires_and_whether_they_were_reminded(file: Path) -> None:
    told = jobwatch("job", f"prod/{TOLD}", "--config", file).stdout
    assert "photos" in told
    assert "(in 1 h 30 min)" in told
    assert "reminded of it" in told
    assert "reminded of it" not in jobwatch("job", f"prod/{UNTOLD}", "--config", file).stdout


def test_without_counters_nothing_prints_a_ratio_a_bar_or_a_time_of_the_end(file: Path) -> None:
    page = jobwatch("job", f"prod/{RUNS}", "--config", file).stdout
    shown = {line.strip().split("  ")[0]: line.rstrip() for line in page.splitlines()}
    for field in ("progress", "last progress"):
        assert shown[field].endswith("–"), shown[field]  # noqa: RUF001  the dash for people
    assert not set("█░%") & set(page)
    assert not {"pace", "done", "output"} & set(shown)
    assert TAMED in shown["scope"]
    listed = jobwatch("jobs", "--config", file).stdout
    assert not set("█░%") & set(listed)
    assert read("job", f"prod/a/{TWICE}", "--config", file)["forecast"] == {
        "rate": None,
        "done_at": None,
    }


def test_explain_shows_the_reminder_with_its_reasons_and_what_comes_next(ruled: Path) -> None:
    told = read("explain", f"prod/{TOLD}", "--config", ruled)
    (line,) = [
        each for each in told["story"] if each["words"].startswith("told: its output expires")
    ]
    assert line["notes"] == [
        f"job.output_expiring {line['event_id']}: ops wants it; chat does not want this type"
    ]
    assert [each["words"] for each in told["next"] if "output" in each["words"]][-1] == (
        "the output expires"
    )
    untold = read("explain", f"prod/{UNTOLD}", "--config", ruled)["next"]
    words = [each["words"] for each in untold if "output" in each["words"]]
    assert words == [
        "people are reminded: less than 1 h is left of the output then",
        "the output expires",
    ]
    moments = [datetime.fromisoformat(each["at"]) for each in untold[-2:]]
    assert moments[1] - moments[0] == HOUR


def test_explain_says_that_nobody_is_reminded_where_the_rule_is_off(file: Path) -> None:
    (due,) = [
        each
        for each in read("explain", f"prod/{UNTOLD}", "--config", file)["next"]
        if "output" in each["words"]
    ]
    assert due["words"] == "the output expires; nobody is reminded, `expiring_before` is off"


def test_the_events_of_a_job_are_found_by_its_id_alone_and_a_reminder_says_what_expires(
    file: Path,
) -> None:
    for name in (f"prod/{TOLD}", f"prod/photos/{TOLD}"):
        listed = jobwatch("events", "--job", name, "--config", file)
        assert listed.returncode == 0, listed.stderr
        assert "job.output_expiring" in listed.stdout, name
        assert "output expires 20" in listed.stdout
    elsewhere = jobwatch("events", "--job", f"prod/c/{TOLD}", "--config", file)
    assert "job.output_expiring" not in elsewhere.stdout


def test_a_mute_of_a_job_by_its_id_alone_is_one_of_the_job_in_its_vault(file: Path) -> None:
    words = ("--for", "1h", "--reason", "known", "--config", file)
    muted = read("mute", "--job", f"prod/{UNTOLD}", *words)
    assert muted["mute"]["job"] == f"photos/{UNTOLD}"
    several = jobwatch("mute", "--job", f"prod/{TWICE}", *words)
    assert several.returncode == 2
    assert f"prod/a/{TWICE}" in several.stderr
