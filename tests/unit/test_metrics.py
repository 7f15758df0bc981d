"""What the series say: values, zeros, and what is absent."""

from jobwatch.core import census
from jobwatch.core.breaker import ReceiverState
from jobwatch.core.census import Series
from jobwatch.core.events import OF_JOBWATCH, EventType
from jobwatch.core.model import Outcome
from jobwatch.core.outbox import Result
from jobwatch.core.overview import (
    ConditionCount,
    OutboxDepth,
    SeriesValue,
)
from tests.factories import MINUTE, NOW, OPERATIONS, SECOND, TABLE
from tests.overviews import census_row, overview, shape, state
from tests.scrapes import TEXT, lines, metrics, sample, shown


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
        counted = sample(made, "jobwatch_events_total", source="prod", type=event.value)
        assert counted == (None if event in OF_JOBWATCH else 0)
    assert sample(made, "jobwatch_unknown_status_total", source="prod") == 0
    for settled in ("delivered", "dead", "superseded", "absorbed", "expired", "muted"):
        assert sample(made, "jobwatch_deliveries_total", receiver="ops", state=settled) == 0
    for tried in Result:
        labels = {"receiver": "ops", "result": tried.value}
        assert sample(made, "jobwatch_delivery_attempts_total", **labels) == 0


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


def test_conditions_are_zero_for_every_operation_only_after_a_complete_sweep() -> None:
    name = "jobwatch_jobs_in_condition"
    never = state(unfinished_data_at=None, all_data_at=None)
    assert not lines(shown(overview(sources=(never,))), name)
    made = shown()
    for operation in (*OPERATIONS, "other"):
        for condition in ("stalled", "stuck", "waiting", "overdue", "failing"):
            labels = {"source": "prod", "operation": operation, "condition": condition}
            assert sample(made, name, **labels) == 0


def test_jobs_in_a_condition_are_told_within_bounded_labels() -> None:
    counts = (
        ConditionCount("prod", "Copy", "stalled", 3),
        ConditionCount("prod", "Teleport", "stalled", 1),
        ConditionCount("prod", "Shrink", "stalled", 2),
        ConditionCount("prod", "Copy", "unreachable", 1),
        ConditionCount("prod", "Copy", "haunted", 1),
        ConditionCount("retired", "Copy", "stuck", 1),
    )
    made = shown(overview(conditions=counts))
    name, labels = "jobwatch_jobs_in_condition", {"source": "prod", "condition": "stalled"}
    assert sample(made, name, **labels, operation="Copy") == 3
    assert sample(made, name, **labels, operation="other") == 3
    text = made.render(TEXT, "").body.decode()
    for stranger in ("Teleport", "Shrink", "unreachable", "haunted", "retired"):
        assert f'"{stranger}"' not in text


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


def test_no_scope_is_meant_to_be_swept_more_often_than_the_source_is() -> None:
    made = metrics([shape(every=5 * MINUTE, full_every=MINUTE)])
    interval = "jobwatch_source_interval_seconds"
    assert sample(made, interval, source="prod", scope="unfinished") == 300
    assert sample(made, interval, source="prod", scope="all") == 300


def test_the_outbox_is_told_with_the_age_of_its_oldest_delivery() -> None:
    clock = [100.0]
    made = metrics(receivers=("ops", "idle"), monotonic=lambda: clock[0])
    made.show(overview(outbox=(OutboxDepth("ops", 7, 2, NOW - 40 * SECOND),)))
    clock[0] += 5
    assert sample(made, "jobwatch_outbox_pending", receiver="ops") == 7
    assert sample(made, "jobwatch_outbox_dead", receiver="ops") == 2
    assert sample(made, "jobwatch_outbox_oldest_age_seconds", receiver="ops") == 45
    assert sample(made, "jobwatch_outbox_oldest_age_seconds", receiver="idle") == 0


def test_a_receiver_is_in_one_state_and_active_as_long_as_nothing_is_known() -> None:
    for known in (None, *ReceiverState):
        made = shown(overview(receivers={} if known is None else {"ops": known}))
        for state_ in ReceiverState:
            labels = {"receiver": "ops", "state": state_.value}
            expected = state_ is (known or ReceiverState.ACTIVE)
            assert sample(made, "jobwatch_receiver_state", **labels) == expected


def test_a_receiver_that_is_not_configured_is_in_no_state() -> None:
    made = shown(overview(receivers={"retired": ReceiverState.PAUSED}))
    written = lines(made, "jobwatch_receiver_state")
    assert any('receiver="ops"' in line for line in written)
    assert not any("retired" in line for line in written)
    assert not lines(metrics(), "jobwatch_receiver_state")


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


def test_every_type_of_event_of_this_version_is_counted_from_zero() -> None:
    made = shown()
    jobs = ("vanished", "stalled", "stuck", "waiting", "overdue", "failing")
    for name in (*(f"job.{each}" for each in jobs), "source.unreachable", "source.suspect"):
        assert sample(made, "jobwatch_events_total", source="prod", type=name) == 0
    vanished = {"source": "prod", "operation": "Copy", "outcome": "vanished"}
    assert sample(made, "jobwatch_jobs_finished_total", **vanished) == 0
