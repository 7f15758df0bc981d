"""The series that this process counts for itself."""

from jobwatch.core.errors import CallResult
from jobwatch.core.plan import SweepKind
from tests.factories import NOW
from tests.overviews import shape
from tests.scrapes import lines, metrics, sample


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


def test_calls_sweeps_and_attempts_are_counted_as_they_happen() -> None:
    made = metrics()
    source = made.for_source("prod")
    source.called("ListJobs", CallResult.THROTTLED, 0.2)
    source.waited(1.5)
    source.paged(SweepKind.FULL)
    source.swept(SweepKind.FULL, 12.0)
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


def test_the_offset_of_the_clock_is_absent_until_it_is_learnt_and_may_be_nothing_or_negative() -> (
    None
):
    made, name = metrics([shape(), shape("other")]), "jobwatch_source_clock_offset_seconds"
    assert not lines(made, name)
    for offset in (0.0, -2.5):
        made.for_source("prod").clock(offset)
        assert sample(made, name, source="prod") == offset
    assert sample(made, name, source="other") is None
    made.for_source("prod").clock(None)
    made.for_source("other").clock(None)
    assert not lines(made, name)


def test_keys_that_do_not_expire_have_no_time_at_which_they_do() -> None:
    made, name = metrics(), "jobwatch_credentials_expiry_timestamp_seconds"
    assert not lines(made, name)
    made.for_source("prod").keys(NOW)
    assert sample(made, name, source="prod") == NOW.timestamp()
    made.for_source("prod").keys(None)
    assert not lines(made, name)
