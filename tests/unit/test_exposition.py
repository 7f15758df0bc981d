"""How /metrics is written: to the letter what the client library would write, only faster."""

import gzip

import prometheus_client
import pytest
from prometheus_client.openmetrics import exposition as openmetrics_writer
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from jobwatch.core import census
from jobwatch.core.census import Series
from jobwatch.core.errors import CallResult
from jobwatch.core.overview import SeriesValue, SingleJob
from jobwatch.core.plan import SweepKind
from jobwatch.metrics import Metrics
from jobwatch.metrics.exposition import Format, accepts_gzip, choose_format
from jobwatch.metrics.table import ROWS, Kept
from tests.factories import NOW, progress
from tests.overviews import census_row, overview, shape

TEXT = "text/plain"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)

HOSTILE = 'a"b\\c\nd} 1\n# EOF\u202e\U0001f4a3'


def everything(region: str = HOSTILE) -> Metrics:
    """Every metric with a value, one label of them hostile."""
    made = Metrics([shape(region=region)], ["ops"])
    series = [
        SeriesValue("prod", Series(census.DURATION, ("failed", "60")), 1e9),
        SeriesValue("prod", Series(census.DURATION, ("failed", "sum")), 1.5),
        SeriesValue("prod", Series(census.WAIT, ("10",)), 1.0),
        SeriesValue("prod", Series(census.DETECTION_DELAY, ("+Inf",)), 2.0),
        SeriesValue("ops", Series(census.DELIVERY_LAG, ("1",)), 1.0),
    ]
    lone = SingleJob("prod", "", "job-1", "Copy", "Active", None, progress(3, 1))
    made.show(overview(series=tuple(series), census=(census_row(),), jobs=(lone,)))
    source = made.for_source("prod")
    source.called("ListJobs", CallResult.OK, 0.2)
    source.swept(SweepKind.HOT, 0.2)
    source.clock(-1.25)
    source.keys(NOW)
    made.attempted("ops", 0.3)
    made.configured(NOW)
    return made


@pytest.mark.parametrize("region", ["ap-chengdu", HOSTILE])
def test_both_formats_are_what_the_client_library_writes(region: str) -> None:
    made = everything(region)
    oracle = prometheus_client.generate_latest(made.registry)
    assert made.render(TEXT, "").body == oracle
    oracle = openmetrics_writer.generate_latest(made.registry)  # type: ignore[no-untyped-call]
    assert made.render(OPENMETRICS, "").body == oracle


def test_hostile_labels_are_read_back_as_they_were() -> None:
    text = everything().render(OPENMETRICS, "").body.decode()
    read = openmetrics_parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    families = {family.name: family for family in read}
    assert families["jobwatch_source_info"].samples[0].labels["region"] == HOSTILE


def test_every_row_of_the_table_is_shown_and_nothing_else() -> None:
    text = everything().render(TEXT, "").body.decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert sorted(families) == sorted(row.family for row in ROWS)
    for row in ROWS:
        family = families[row.family]
        assert (family.type, family.documentation) == (row.type, row.help)
        for each in family.samples:
            assert set(each.labels) - {"le"} == set(row.labels)


def test_store_series_are_aggregated_by_max_and_process_series_by_sum() -> None:
    assert {(row.kept, row.aggregation) for row in ROWS} == {
        (Kept.STORE, "max"),
        (Kept.PROCESS, "sum"),
    }


def test_names_follow_the_conventions() -> None:
    for row in ROWS:
        assert row.name.startswith("jobwatch_")
        assert row.name.endswith("_total") == (row.type == "counter")
        assert bool(row.buckets) == (row.type == "histogram")
        assert row.help.endswith(".")


def test_creation_times_and_the_global_registry_stay_out_of_it() -> None:
    everything()
    assert "_created" not in everything().render(OPENMETRICS, "").body.decode().replace(
        "store_created", ""
    )
    assert b"jobwatch" not in prometheus_client.generate_latest(prometheus_client.REGISTRY)


def test_a_collector_that_fails_is_never_half_a_scrape() -> None:
    made = Metrics([shape()], ["ops"])
    broken = SeriesValue("prod", Series(census.EVENTS, ("job.failed", "one too many")), 1.0)
    made.show(overview(series=(broken,)))
    with pytest.raises(ValueError, match="zip"):
        made.render(TEXT, "")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/plain; version=0.0.4", Format.TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Format.TEXT),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format.OPENMETRICS),
        # What Prometheus 3 asks for.
        (PROMETHEUS_3, Format.OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", Format.TEXT),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.7", Format.TEXT),
        ("application/openmetrics-text;q=0", Format.TEXT),
        ("application/openmetrics-text;q=rubbish;;=,", Format.TEXT),
        ("APPLICATION/OpenMetrics-Text", Format.OPENMETRICS),
    ],
)
def test_the_format_follows_the_accept_header(accept: str, chosen: Format) -> None:
    assert choose_format(accept) is chosen


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*", True),
        ("identity", False),
    ],
)
def test_gzip_follows_the_accept_encoding_header(header: str, accepted: bool) -> None:  # noqa: FBT001
    assert accepts_gzip(header) is accepted


def test_a_compressed_scrape_says_the_same() -> None:
    made = everything()
    plain, packed = made.render(TEXT, ""), made.render(TEXT, "gzip")
    assert (plain.encoding, packed.encoding) == (None, "gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert plain.content_type == "text/plain; version=0.0.4; charset=utf-8"
