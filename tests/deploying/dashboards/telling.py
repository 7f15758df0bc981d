"""Rows about news on its way: the outbox and the receivers, from the inside."""

from jobwatch.core import census
from jobwatch.core.outbox import SETTLED, Result
from jobwatch.metrics import table
from tests.deploying.dashboards.asks import (
    buckets,
    by,
    counted,
    merged,
    only,
    quantile,
    quantile_of_range,
    steps,
)
from tests.deploying.dashboards.board import Section
from tests.deploying.dashboards.colours import mapping
from tests.deploying.dashboards.panels import Ask, Bars, Heatmap, Lines, Link, Timeline
from tests.deploying.dashboards.tables import Column, Table, in_words
from tests.deploying.dashboards.words import ANY, NEWS, STATES

NO_RECEIVER = "no receiver is configured"
DEAD_OF_LINE = Link(
    "What was given up, with the last answer",
    "/api/v1/deliveries?receiver=${__field.labels.receiver}&state=dead",
)
RESULTS = tuple(each.value for each in Result)


def _state() -> str:
    """The place of the state in `STATES`, for a series of each state is 1 or 0."""
    parts = (
        f"{place} * {by('receiver', merged(table.RECEIVER_STATE, only('state', state)), 'max')}"
        for place, state in enumerate(STATES)
    )
    return " + ".join(parts)


TELLING = Section(
    title="Outbox and receivers",
    panels=(
        Timeline(
            title="States of receivers",
            says="Failing: attempts fail, and pauses between them grow. half_open: one attempt decides. Paused: nothing is sent "
            "until somebody resumes it, or, where it said that it is gone, until it is configured anew.",
            asks=(Ask(_state(), "{{receiver}}"),),
            width=12,
            mappings=tuple(mapping({str(place): state for place, state in enumerate(STATES)})),
            empty=NO_RECEIVER,
        ),
        Lines(
            title="Age of the oldest news not told",
            says="By receiver. Above the line at 15 minutes it is an alert, unless the receiver is paused.",
            asks=(Ask(by("receiver", merged(table.OUTBOX_OLDEST), "max"), "{{receiver}}"),),
            width=12,
            unit="s",
            steps=NEWS,
            empty=NO_RECEIVER,
        ),
        Lines(
            title="Deliveries that wait",
            says="Not settled yet, by receiver.",
            asks=(Ask(by("receiver", merged(table.OUTBOX_PENDING)), "{{receiver}}"),),
            width=8,
            decimals=0,
            empty=NO_RECEIVER,
        ),
        Lines(
            title="Deliveries given up",
            says="Kept as long as `retention.dead_deliveries` says; `jobwatch redeliver` sends them again.",
            asks=(Ask(by("receiver", merged(table.OUTBOX_DEAD)), "{{receiver}}"),),
            width=8,
            decimals=0,
            steps=ANY,
            links=(DEAD_OF_LINE,),
            empty=NO_RECEIVER,
        ),
        Bars(
            title="Deliveries settled",
            says="In each step of time, by their final state. Red: given up.",
            asks=(Ask(steps(census.DELIVERIES, "state"), "{{state}}"),),
            width=8,
            words=tuple(sorted(SETTLED)),
            empty=NO_RECEIVER,
        ),
        Bars(
            title="Attempts",
            says="In each step of time, by how they ended.",
            asks=(Ask(f"{steps(census.ATTEMPTS, 'result')} > 0", "{{result}}"),),
            width=8,
            words=RESULTS,
            empty="nothing was sent in this time",
        ),
        Table(
            title="Attempts in the time range",
            says="By receiver and result; the page on receiving says what each result means and what follows from it.",
            asks=(Ask(f"{counted(census.ATTEMPTS, 'receiver, result')} > 0"),),
            width=8,
            points=1000,
            columns=(
                Column(field="receiver"),
                Column(field="result", shows=in_words(*RESULTS)),
                Column(field="A", title="attempts", shows={"decimals": 0}),
            ),
            sorted_by="attempts",
            empty="nothing was sent in this time",
        ),
        Lines(
            title="Attempt duration, 95 %",
            says="How long one attempt took. At the receiver's `timeout` it ends as a failure.",
            asks=(Ask(quantile(0.95, table.DELIVERY_DURATION, "receiver"), "{{receiver}}"),),
            width=8,
            unit="s",
            empty="nothing was sent in this time",
        ),
        Heatmap(
            title="Delivery delay",
            says="From the record of an event to its delivery.",
            asks=(Ask(buckets(census.DELIVERY_LAG), "{{le}}"),),
            width=16,
            unit="s",
            empty="nothing was delivered in this time",
        ),
        Table(
            title="Delivery delay by receiver",
            says="Of the time range: half of the deliveries, and 95 %, came within so long after the event was recorded.",
            asks=tuple(
                Ask(quantile_of_range(share, census.DELIVERY_LAG, "receiver"))
                for share in (0.5, 0.95)
            ),
            width=8,
            unit="s",
            columns=(
                Column(field="receiver"),
                Column(field="A", title="half"),
                Column(field="B", title="95 %"),
            ),
            sorted_by="95 %",
            empty="nothing was delivered in this time",
        ),
    ),
)
