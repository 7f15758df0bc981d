"""What the series say: values, zeros, and what is absent."""

from collections.abc import Callable, Iterable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobwatch.core import census
from jobwatch.core.census import Series
from jobwatch.core.errors import CallResult
from jobwatch.core.events import EventType
from jobwatch.core.model import Outcome
from jobwatch.core.outbox import Result
from jobwatch.core.overview import OutboxDepth, Overview, SeriesValue, SourceState
from jobwatch.metrics import Metrics, SourceShape
from tests.factories import MINUTE, NOW, OPERATIONS, SECOND, TABLE
from tests.overviews import census_row, overview, shape, state

TEXT = "text/plain"


def metrics(
    sources: Iterable[SourceShape] = (shape(),),
    receivers: Iterable[str] = ("ops",),
    monotonic: Callable[[], float] = lambda: 0.0,
) -> Metrics:
    return Metrics(tuple(sources), tuple(receivers), monotonic=monotonic)


def shown(given: Overview | None = None) -> Metrics:
    made = metrics()
    made.show(given if given is not None else overview())
    return made


def lines(made: Metrics, *names: str) -> list[str]:
    """The lines of these metrics, comments and all."""
    text = made.render(TEXT, "").body.decode()
    return [line for line in text.splitlines() if _name(line) in names]


def _name(line: str) -> str:
    if line.startswith("#"):
        return line.split(" ")[2] if line.count(" ") > 1 else ""
    name = line.partition("{")[0].partition(" ")[0]
    for suffix in ("_bucket", "_count", "_sum"):
        name = name.removesuffix(suffix)
    return name


def sample(made: Metrics, name: str, **labels: str) -> float | None:
    """One value, by name and all labels, read by the library's own parser."""
    text = made.render(TEXT, "").body.decode()
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            if each.name == name and each.labels == labels:
                return each.value
    return None


def test_a_counter_is_written_with_help_type_and_sorted_labels() -> None:
    made = shown(
        overview(series=(SeriesValue("prod", Series(census.EVENTS, ("job.failed",)), 3.0),))
    )
    written = lines(made, "jobwatch_events_total")
    assert written[:2] == [
        "# HELP jobwatch_events_total Events recorded.",
        "# TYPE jobwatch_events_total counter",
    ]
    assert 'jobwatch_events_total{source="prod",type="job.failed"} 3.0' in written


def test_stored_histograms_are_cumulated_with_all_bounds() -> None:
    stored = (("2", 4.0), ("10", 1.0), ("+Inf", 2.0), ("sum", 9000.5))
    series = tuple(
        SeriesValue("prod", Series(census.DETECTION_DELAY, (bound,)), value)
        for bound, value in stored
    )
    assert lines(shown(overview(series=series)), "jobwatch_detection_delay_seconds")[1:] == [
        "# TYPE jobwatch_detection_delay_seconds histogram",
        'jobwatch_detection_delay_seconds_bucket{le="1.0",source="prod"} 0.0',
        'jobwatch_detection_delay_seconds_bucket{le="2.0",source="prod"} 4.0',
        'jobwatch_detection_delay_seconds_bucket{le="5.0",source="prod"} 4.0',
        'jobwatch_detection_delay_seconds_bucket{le="10.0",source="prod"} 5.0',
        'jobwatch_detection_delay_seconds_bucket{le="30.0",source="prod"} 5.0',
        'jobwatch_detection_delay_seconds_bucket{le="60.0",source="prod"} 5.0',
        'jobwatch_detection_delay_seconds_bucket{le="120.0",source="prod"} 5.0',
        'jobwatch_detection_delay_seconds_bucket{le="300.0",source="prod"} 5.0',
        'jobwatch_detection_delay_seconds_bucket{le="900.0",source="prod"} 5.0',
        'jobwatch_detection_delay_seconds_bucket{le="3600.0",source="prod"} 5.0',
        'jobwatch_detection_delay_seconds_bucket{le="+Inf",source="prod"} 7.0',
        'jobwatch_detection_delay_seconds_count{source="prod"} 7.0',
        'jobwatch_detection_delay_seconds_sum{source="prod"} 9000.5',
    ]


def test_a_bound_that_the_table_lost_counts_for_the_next_one_up() -> None:
    series = (SeriesValue("ops", Series(census.DELIVERY_LAG, ("45",)), 2.0),)
    made = shown(overview(series=series))
    bucket = "jobwatch_delivery_lag_seconds_bucket"
    assert sample(made, bucket, receiver="ops", le="30.0") == 0
    assert sample(made, bucket, receiver="ops", le="60.0") == 2


def test_labelled_histograms_have_no_series_until_they_are_used() -> None:
    made = shown()
    names = ("jobwatch_job_duration_seconds", "jobwatch_sweep_duration_seconds")
    assert [line for line in lines(made, *names) if not line.startswith("#")] == []


def test_every_stored_counter_starts_at_zero_for_every_bounded_label_set() -> None:
    made = shown()
    operations = (*OPERATIONS, "other")
    for operation in operations:
        for status in (*TABLE.statuses, "unknown"):
            labels = {"source": "prod", "operation": operation, "status": status}
            assert sample(made, "jobwatch_job_transitions_total", **labels) == 0
        for outcome in Outcome:
            labels = {"source": "prod", "operation": operation, "outcome": outcome}
            assert sample(made, "jobwatch_jobs_finished_total", **labels) == 0
            assert sample(made, "jobwatch_last_finished_timestamp_seconds", **labels) == 0
        for result in ("succeeded", "failed"):
            labels = {"source": "prod", "operation": operation, "result": result}
            assert sample(made, "jobwatch_tasks_finished_total", **labels) == 0
    for event in EventType:
        assert sample(made, "jobwatch_events_total", source="prod", type=event.value) == 0
    assert sample(made, "jobwatch_unknown_status_total", source="prod") == 0
    for settled in ("delivered", "dead", "superseded", "absorbed", "expired", "muted"):
        assert sample(made, "jobwatch_deliveries_total", receiver="ops", state=settled) == 0
    for tried in Result:
        labels = {"receiver": "ops", "result": tried.value}
        assert sample(made, "jobwatch_delivery_attempts_total", **labels) == 0


def test_every_process_counter_starts_at_zero_even_before_the_store_is_read() -> None:
    made = metrics()
    for call in ("ListJobs", "DescribeJob"):
        for result in CallResult:
            labels = {"source": "prod", "call": call, "result": result.value}
            assert sample(made, "jobwatch_api_requests_total", **labels) == 0
    for kind in ("hot", "full"):
        assert sample(made, "jobwatch_sweep_pages_total", source="prod", kind=kind) == 0
    assert sample(made, "jobwatch_api_rate_limit_wait_seconds_total", source="prod") == 0
    assert sample(made, "jobwatch_store_errors_total") == 0
    assert sample(made, "jobwatch_lease_held", source="prod") == 0


def test_stored_counters_are_absent_until_the_store_was_read() -> None:
    # 0 first and the stored value later would look like a burst to rate().
    made = metrics()
    assert not lines(made, "jobwatch_events_total", "jobwatch_deliveries_total")
    assert not lines(made, "jobwatch_source_data_timestamp_seconds", "jobwatch_outbox_pending")
    assert sample(made, "jobwatch_source_up", source="prod") == 0


def test_gauges_of_unfinished_jobs_are_zero_only_after_a_complete_sweep() -> None:
    labels = {"source": "prod", "operation": "Copy", "status": "Active"}
    never = state(unfinished_data_at=None, all_data_at=None)
    assert sample(shown(overview(sources=(never,))), "jobwatch_jobs", **labels) is None
    assert sample(shown(), "jobwatch_jobs", **labels) == 0


def test_gauges_of_unfinished_jobs_tell_the_census() -> None:
    made = shown(overview(census=(census_row(),)))
    labels = {"source": "prod", "operation": "Copy"}
    assert sample(made, "jobwatch_jobs", **labels, status="Active") == 2
    assert sample(made, "jobwatch_tasks", **labels, state="succeeded") == 30
    assert sample(made, "jobwatch_tasks", **labels, state="failed") == 4
    assert sample(made, "jobwatch_tasks", **labels, state="remaining") == 66


def test_operations_and_statuses_outside_the_tables_are_put_together() -> None:
    rows = (
        census_row(operation="Teleport", status="Dreaming", jobs=1, succeeded=5),
        census_row(operation="Shrink", status="Sleeping", jobs=2, succeeded=6),
    )
    made = shown(overview(census=rows))
    labels = {"source": "prod", "operation": "other"}
    assert sample(made, "jobwatch_jobs", **labels, status="unknown") == 3
    assert sample(made, "jobwatch_tasks", **labels, state="succeeded") == 11
    assert "Teleport" not in made.render(TEXT, "").body.decode()


def test_the_oldest_status_is_the_earliest_of_all_operations_and_absent_without_jobs() -> None:
    rows = (
        census_row(oldest_status_since=NOW - MINUTE),
        census_row(operation="Restore", oldest_status_since=NOW - 9 * MINUTE),
    )
    name = "jobwatch_job_oldest_status_since_timestamp_seconds"
    made = shown(overview(census=rows))
    oldest = sample(made, name, source="prod", status="Active")
    assert oldest == (NOW - 9 * MINUTE).timestamp()
    assert not lines(shown(), name)


@pytest.mark.parametrize(
    ("known", "up"),
    [
        pytest.param(state(), 1, id="the last sweep succeeded and the data is young"),
        pytest.param(state(failures=1), 0, id="the last sweep failed"),
        pytest.param(state(all_data_at=None), 0, id="before the first complete sweep"),
        pytest.param(state(all_data_at=NOW - 30 * MINUTE), 1, id="three intervals old"),
        pytest.param(
            state(all_data_at=NOW - 30 * MINUTE - SECOND), 0, id="older than three intervals"
        ),
    ],
)
def test_a_source_is_up_while_its_data_is_fresh(known: SourceState, up: int) -> None:
    made = shown(overview(sources=(known,)))
    assert sample(made, "jobwatch_source_up", source="prod") == up


def test_a_source_goes_down_by_itself_when_nobody_reads_the_store_any_more() -> None:
    clock = [0.0]
    made = metrics(monotonic=lambda: clock[0])
    made.show(overview())
    clock[0] = 24 * 60.0
    assert sample(made, "jobwatch_source_up", source="prod") == 1
    clock[0] = 26 * 60.0
    assert sample(made, "jobwatch_source_up", source="prod") == 0


def test_a_source_tells_its_data_and_how_old_it_may_be() -> None:
    made = shown()
    data = "jobwatch_source_data_timestamp_seconds"
    unfinished_at = (NOW - 12 * SECOND).timestamp()
    assert sample(made, data, source="prod", scope="unfinished") == unfinished_at
    assert sample(made, data, source="prod", scope="all") == (NOW - 5 * MINUTE).timestamp()
    interval = "jobwatch_source_interval_seconds"
    assert sample(made, interval, source="prod", scope="unfinished") == 30
    assert sample(made, interval, source="prod", scope="all") == 600
    info = {"source": "prod", "provider": "cos-batch", "region": "ap-chengdu"}
    assert sample(made, "jobwatch_source_info", **info) == 1


def test_a_source_that_was_never_read_has_data_at_zero() -> None:
    made = shown(overview(sources=()))
    data = "jobwatch_source_data_timestamp_seconds"
    assert sample(made, data, source="prod", scope="all") == 0
    assert sample(made, "jobwatch_source_up", source="prod") == 0


def test_the_outbox_is_told_with_the_age_of_its_oldest_delivery() -> None:
    clock = [100.0]
    made = metrics(receivers=("ops", "idle"), monotonic=lambda: clock[0])
    made.show(overview(outbox=(OutboxDepth("ops", 7, 2, NOW - 40 * SECOND),)))
    clock[0] += 5
    assert sample(made, "jobwatch_outbox_pending", receiver="ops") == 7
    assert sample(made, "jobwatch_outbox_dead", receiver="ops") == 2
    assert sample(made, "jobwatch_outbox_oldest_age_seconds", receiver="ops") == 45
    assert sample(made, "jobwatch_outbox_oldest_age_seconds", receiver="idle") == 0


def test_a_source_or_receiver_no_longer_configured_is_not_shown() -> None:
    made = shown(
        overview(
            sources=(state(), state("retired")),
            series=(
                SeriesValue("retired", Series(census.UNKNOWN_STATUS), 3.0),
                SeriesValue("retired", Series(census.DELIVERIES, ("dead",)), 3.0),
                SeriesValue("prod", Series("jobwatch_from_the_future_total", ("x",)), 3.0),
            ),
            census=(census_row(source="retired"),),
            outbox=(OutboxDepth("retired", 1, 1, NOW),),
        )
    )
    text = made.render(TEXT, "").body.decode()
    assert "retired" not in text
    assert "future" not in text


def test_calls_sweeps_and_attempts_are_counted_as_they_happen() -> None:
    made = metrics()
    source = made.for_source("prod")
    source.called("ListJobs", CallResult.THROTTLED, 0.2)
    source.waited(1.5)
    source.paged("full")
    source.swept("full", 12.0)
    made.attempted("ops", 0.3)
    made.store_failed()
    made.loop_lagged(0.002)
    made.lease("prod", held=True)
    call = {"source": "prod", "call": "ListJobs"}
    assert sample(made, "jobwatch_api_requests_total", **call, result="throttled") == 1
    duration = "jobwatch_api_request_duration_seconds_bucket"
    assert sample(made, duration, **call, le="0.1") == 0
    assert sample(made, duration, **call, le="0.25") == 1
    assert sample(made, "jobwatch_api_rate_limit_wait_seconds_total", source="prod") == 1.5
    assert sample(made, "jobwatch_sweep_pages_total", source="prod", kind="full") == 1
    swept = {"source": "prod", "kind": "full"}
    assert sample(made, "jobwatch_sweep_duration_seconds_sum", **swept) == 12
    assert sample(made, "jobwatch_delivery_duration_seconds_count", receiver="ops") == 1
    assert sample(made, "jobwatch_store_errors_total") == 1
    assert sample(made, "jobwatch_event_loop_lag_seconds_bucket", le="0.0025") == 1
    assert sample(made, "jobwatch_lease_held", source="prod") == 1
