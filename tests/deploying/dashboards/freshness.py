"""The row about how old what is shown is, and how late news comes."""

from jobwatch.core import census
from jobwatch.metrics import table
from tests.deploying.dashboards.asks import buckets, by, merged, quantile_of_range
from tests.deploying.dashboards.board import Section
from tests.deploying.dashboards.panels import Ask, Heatmap, Lines, Link
from tests.deploying.dashboards.tables import Column, Table, in_words_for, judged, leading
from tests.deploying.dashboards.words import (
    INTERVALS,
    JOBS,
    NOT_READ,
    SOURCE,
    age,
    ages_in_intervals,
)


def _delays(title: str, metric: str, label: str) -> Table:
    return Table(
        title=title,
        says="Of the time range: half of them, and 95 %, came within so long.",
        asks=tuple(Ask(quantile_of_range(share, metric, label)) for share in (0.5, 0.95)),
        width=4,
        unit="s",
        columns=(
            Column(field=label),
            Column(field="A", title="half"),
            Column(field="B", title="95 %"),
        ),
        sorted_by="95 %",
        empty="nothing in this time",
    )


FRESH = Section(
    title="How fresh it is",
    panels=(
        Table(
            title="Sources",
            says="Everything of a source that is not up is as old as its data. A source leads to jobwatch's page, which "
            "says why it cannot be read.",
            asks=(
                Ask(by("source, provider, region", merged(table.SOURCE_INFO), "max")),
                Ask(by("source", merged(table.SOURCE_UP), "min")),
                Ask(by("source", age('scope="unfinished"'), "max")),
                Ask(by("source", age('scope="all"'), "max")),
                Ask(by("source", ages_in_intervals(), "max")),
            ),
            width=12,
            columns=(
                Column(field="source", shows=leading(SOURCE, JOBS)),
                Column(field="provider"),
                Column(field="region"),
                Column(field="B", title="up", shows=in_words_for({"0": "no", "1": "yes"})),
                Column(field="C", title="unfinished jobs read, ago", shows={"unit": "s"}),
                Column(field="D", title="all jobs read, ago", shows={"unit": "s"}),
                Column(field="E", title="in intervals", shows={**judged(INTERVALS), "decimals": 1}),
            ),
            sorted_by="in intervals",
            empty=NOT_READ,
        ),
        Lines(
            title="Age of data, in intervals",
            says="Since the start of the last complete sweep, by how often it is meant to be read. Above the line at 3 it "
            "is an alert: sweeps fail, or take too long.",
            asks=(Ask(by("source, scope", ages_in_intervals(), "max"), "{{source}}: {{scope}}"),),
            width=12,
            steps=INTERVALS,
            decimals=1,
            links=(Link("This source on jobwatch's page", "/?source=${__field.labels.source}"),),
            empty=NOT_READ,
        ),
        Heatmap(
            title="Detection delay",
            says="From a job's end to its record here: mostly within one interval of the source. Longer ones are endings "
            "that a sweep came late for.",
            asks=(Ask(buckets(census.DETECTION_DELAY), "{{le}}"),),
            width=8,
            unit="s",
            empty="no job ended in this time",
        ),
        _delays("Detection delay by source", census.DETECTION_DELAY, "source"),
        Heatmap(
            title="Delivery delay",
            says="From the record of an event to its delivery: seconds, and as long as `digest.every` for digests. "
            "Minutes mean that a receiver fails or is slow.",
            asks=(Ask(buckets(census.DELIVERY_LAG), "{{le}}"),),
            width=8,
            unit="s",
            empty="nothing was delivered in this time",
        ),
        _delays("Delivery delay by receiver", census.DELIVERY_LAG, "receiver"),
    ),
)
