"""The series of single jobs: who is shown, what is absent, and what hostile names cannot do."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser

from jobwatch.app.daemon import REFRESH
from jobwatch.app.shapes import shapes, single_jobs
from jobwatch.core.errors import CallResult
from jobwatch.core.model import Progress
from jobwatch.core.overview import NO_SINGLE_JOBS, SingleJob
from jobwatch.metrics import Metrics
from jobwatch.metrics.process import DropReason
from jobwatch.metrics.stored import LONGEST
from jobwatch.settings import Settings
from tests.factories import progress
from tests.overviews import overview, shape
from tests.scrapes import lines, metrics, sample, shown

INFO, RATIO, TASKS = (
    *("jobwatch_job_info", "jobwatch_job_progress_ratio"),
    "jobwatch_job_tasks",
)
DROPPED = "jobwatch_series_dropped_total"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def lone(**fields: Any) -> SingleJob:
    plain: dict[str, Any] = {"source": "prod", "scope": "", "id": "job-1", "operation": "Copy"}
    return SingleJob(**(plain | {"status": "Active", "progress": progress(3, 1)} | fields))


def shown_jobs(*jobs: SingleJob) -> Metrics:
    return shown(overview(jobs=jobs))


def series(made: Metrics, name: str) -> list[str]:
    return [line for line in lines(made, name) if not line.startswith("#")]


def settings(**per_job: Any) -> Settings:
    provider = {"kind": "cos-batch", "region": "ap-chengdu", "uin": "1", "appid": "2"}
    tree: dict[str, Any] = {"sources": {"prod": {"provider": provider}}}
    return Settings(**tree, metrics={"per_job": per_job})


def test_a_job_is_shown_with_its_progress_and_its_tasks() -> None:
    made, name = shown_jobs(lone()), {"source": "prod", "scope": "", "job_id": "job-1"}
    info = {"operation": "Copy", "status": "Active", "outcome": ""}
    assert sample(made, INFO, **name, **info) == 1
    assert sample(made, RATIO, **name) == 0.4
    for state, tasks in (("succeeded", 3), ("failed", 1), ("remaining", 6)):
        assert sample(made, TASKS, **name, state=state) == tasks


def test_an_ended_job_tells_how_it_ended() -> None:
    made = shown_jobs(lone(status="Done", outcome="completed_with_failures"))
    (line,) = series(made, INFO)
    assert 'outcome="completed_with_failures"' in line
    assert 'status="Done"' in line


@pytest.mark.parametrize(
    ("done", "tasks", "ratios"),
    [(None, 0, 0), (progress(), 3, 0), (Progress(total=0, succeeded=0, failed=0), 3, 0)],
)
def test_what_is_not_counted_is_absent_rather_than_nothing(
    done: Progress | None, tasks: int, ratios: int
) -> None:
    made = shown_jobs(lone(progress=done))
    assert len(series(made, INFO)) == 1
    assert (len(series(made, TASKS)), len(series(made, RATIO))) == (tasks, ratios)


def test_there_are_none_unless_they_are_asked_for() -> None:
    made = shown()
    assert not [each for name in (INFO, RATIO, TASKS) for each in lines(made, name)]


def test_the_same_id_in_two_vaults_is_two_jobs() -> None:
    made = shown_jobs(lone(scope="photos"), lone(scope="films", progress=progress(9)))
    for scope, ratio in (("photos", 0.4), ("films", 0.9)):
        assert sample(made, RATIO, source="prod", scope=scope, job_id="job-1") == ratio


def test_words_of_the_cloud_are_bounded_here_too() -> None:
    made = shown_jobs(lone(operation="Teleport", status="Dreaming"))
    (line,) = series(made, INFO)
    assert 'operation="other"' in line
    assert 'status="unknown"' in line


def test_a_job_of_a_source_that_is_not_configured_is_not_shown() -> None:
    assert not lines(shown_jobs(lone(source="retired")), INFO)


@pytest.mark.parametrize(
    "hostile",
    ['a"b\\c', "a\nb 1\n# EOF", "\x00\x1b[2J", "\u202egnp.exe", "\ud800", "\r\n", "", "-id", "Ä"],
)
def test_a_hostile_id_forges_no_line_and_no_label(hostile: str) -> None:
    made = shown_jobs(lone(id=hostile, scope=hostile))
    text = made.render(OPENMETRICS, "").body.decode()
    read = openmetrics_parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    (info,) = [family for family in read if family.name == INFO]
    (found,) = info.samples
    assert found.labels["job_id"] == found.labels["scope"]
    assert len(found.labels["job_id"]) == len(hostile)
    assert not found.labels["job_id"] or found.labels["job_id"].isprintable()
    if hostile.isprintable():
        assert found.labels["job_id"] == hostile


def test_names_that_are_one_once_they_are_cut_are_one_series() -> None:
    first, second = (lone(id="x" * LONGEST + each, status=each) for each in ("New", "Active"))
    made = shown_jobs(first, second)
    (line,) = series(made, INFO)
    assert 'status="New"' in line
    assert len(series(made, TASKS)) == 3


def test_counts_beyond_all_measure_are_written_as_numbers() -> None:
    huge = 2**63 - 1
    made = shown_jobs(lone(progress=Progress(total=1, succeeded=huge, failed=huge)))
    name = {"source": "prod", "scope": "", "job_id": "job-1"}
    assert sample(made, RATIO, **name) == 1
    assert sample(made, TASKS, **name, state="remaining") == 0
    assert sample(made, TASKS, **name, state="succeeded") == float(huge)


def test_jobs_without_room_are_counted_at_every_refresh() -> None:
    made = metrics()
    for reason in DropReason:
        assert sample(made, DROPPED, reason=reason.value) == 0
    made.show(overview(jobs_left_out=7))
    made.show(overview())
    made.show(overview(jobs_left_out=2))
    assert sample(made, DROPPED, reason="per_job_limit") == 9


def test_jobs_are_asked_for_of_the_configured_sources_and_only_on_demand() -> None:
    assert single_jobs(settings()) == NO_SINGLE_JOBS
    assert single_jobs(settings(enabled=False, limit=5)) == NO_SINGLE_JOBS
    assert single_jobs(settings(enabled=True, limit=5)) == (5, ("prod",))


def test_a_source_counts_the_calls_of_its_own_provider_alone() -> None:
    calls = ("ListVaults", "ListJobs", "DescribeJob")
    made = metrics([shape(), shape("vault_jobs", calls=calls)])
    for source, known in (("prod", calls[1:]), ("vault_jobs", calls)):
        for call in calls:
            for result in CallResult:
                labels = {"source": source, "call": call, "result": result.value}
                counted = sample(made, "jobwatch_api_requests_total", **labels)
                assert counted == (0 if call in known else None), labels


def test_the_shape_of_a_source_has_the_calls_of_its_provider() -> None:
    assert [each.calls for each in shapes(settings())] == [("ListJobs", "DescribeJob")]


def test_store_series_are_refreshed_at_least_every_fifteen_seconds() -> None:
    # The rest of the time is for reading: a census of very many unfinished jobs takes seconds.
    assert timedelta() < REFRESH <= timedelta(seconds=10)
