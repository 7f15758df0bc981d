"""What an attack on the store and on what is read from it found, each named for what went wrong."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.cli.ending import Exit
from jobwatch.core.first_sight import is_late
from jobwatch.providers.values import read_time
from tests.cli_rig import fill_story, jobwatch, read
from tests.factories import SECOND, job, watch


def test_an_end_at_the_end_of_time_does_not_stop_its_source() -> None:
    """Some servers mean by it that there is none; it could not be corrected by a clock that is behind."""
    ended = job("Failed", ended_at=read_time("9999-12-31T23:59:59Z"))
    assert not is_late(ended, watch(clock_offset=-2 * SECOND))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return fill_story(tmp_path)


def _sql(file: Path, *statements: str) -> None:
    connection = sqlite3.connect(file.with_name("jobwatch.db"))
    with connection:
        for each in statements:
            connection.execute(each)
    connection.close()


def test_what_a_later_version_remembers_of_a_source_does_not_keep_this_one_from_starting(
    file: Path,
) -> None:
    _sql(
        file,
        "UPDATE sources SET last_sweep = json_set(last_sweep, '$.later', 1)",
        "UPDATE sources SET spending = json_remove(spending, '$.rate')",
    )
    (source,) = read("sources", "--config", file)["sources"]
    assert source["last_sweep"]["pages"] == 11
    done = jobwatch("sources", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")


def test_samples_from_before_a_clock_stepped_back_make_no_pace(file: Path) -> None:
    ahead = int((utc_now() + timedelta(days=2)).timestamp()) * 1_000_000
    before = read("job", "prod/job-slow", "--config", file)["forecast"]
    _sql(
        file,
        "INSERT INTO progress_samples (source_id, row, at, total, succeeded, failed) "
        f"SELECT source_id, row, {ahead} + n, 10, 2 + n, 0 FROM jobs, "
        "(SELECT 1 AS n UNION SELECT 2) WHERE job_id = 'job-slow'",
    )
    after = read("job", "prod/job-slow", "--config", file)["forecast"]
    assert after == before


def test_a_receiver_that_no_database_can_name_is_one_without_deliveries(file: Path) -> None:
    """A shell hands over bytes that are no UTF-8 as lone surrogates."""
    done = jobwatch("deliveries", "--receiver", "\udcff", "--config", file)
    assert done.returncode == 0
    assert done.stderr.startswith("jobwatch: no delivery fits; no receiver \ufffd is configured;")


def test_a_store_that_breaks_while_it_is_read_does_not_keep_sources_from_being_called(
    file: Path,
) -> None:
    _sql(file, "ALTER TABLE sources RENAME TO lost")
    done = jobwatch("check", "--online", "--config", file)
    assert done.returncode == Exit.UNREADABLE  # nothing listens there
    assert "ListJobs" in done.stdout
