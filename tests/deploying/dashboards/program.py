"""The row about the program: the loop, the store, the configuration, and the scrapes themselves."""

from jobwatch.core import census
from jobwatch.metrics import table
from tests.deploying.dashboards.asks import by, chosen, merged, rate, steps
from tests.deploying.dashboards.board import Section
from tests.deploying.dashboards.panels import Ask, Bars, Lines
from tests.deploying.dashboards.tables import Column, Table, in_words_for
from tests.deploying.dashboards.words import ANY, LAG, SOME, STATUSES

ABSENT = "jobwatch is not scraped"


def loop_lag(share: float) -> str:
    """By replica: one loop that hangs is not made good by another that does not."""
    lag = f"rate({chosen(f'{table.LOOP_LAG}_bucket')}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by (instance, le) ({lag}))"


def of_scrapes(metric: str) -> str:
    """A series that Prometheus itself writes of a scrape, of jobwatch's scrapes alone."""
    return f"{metric} and on (job, instance) {chosen(table.BUILD_INFO)}"


PROGRAM = Section(
    title="The program",
    panels=(
        Table(
            title="Replicas",
            says="What runs where, since when its configuration holds, and how many sources it watches. A replica that watches "
            "none stands by.",
            asks=(
                Ask(by("instance, version, python", chosen(table.BUILD_INFO), "max")),
                Ask(f"time() - {by('instance', chosen(table.RELOAD_SUCCESS_AT), 'max')}"),
                Ask(by("instance", chosen(table.RELOAD_SUCCESSFUL), "min")),
                Ask(by("instance", chosen(table.LEASE_HELD))),
            ),
            width=12,
            columns=(
                Column(field="instance", title="replica"),
                Column(field="version"),
                Column(field="python"),
                Column(field="B", title="configuration holds for", shows={"unit": "s"}),
                Column(
                    field="C", title="newest taken up", shows=in_words_for({"0": "no", "1": "yes"})
                ),
                Column(field="D", title="sources watched", shows={"decimals": 0}),
            ),
            empty=ABSENT,
        ),
        Lines(
            title="Event loop lag",
            says="How much later than asked the event loop came back, by replica: 95 % came within so long. Above the line at "
            "0.5 s it is an alert: too little processor, or a slow disk.",
            asks=(Ask(loop_lag(0.95), "{{instance}}"),),
            width=12,
            unit="s",
            steps=LAG,
            empty=ABSENT,
        ),
        Lines(
            title="Size of the store",
            says="On disk. It grows with jobs and events until `retention` holds it.",
            asks=(Ask(merged(table.STORE_SIZE), "{{job}}"),),
            width=8,
            unit="bytes",
            empty="the store was not read yet",
        ),
        Lines(
            title="Age of the store",
            says="A line that falls is a store that was lost: everything is seen for the first time again, and old endings are "
            "not told. Within a day of it, it is an alert.",
            asks=(Ask(f"time() - {merged(table.STORE_CREATED)}", "{{job}}"),),
            width=8,
            unit="s",
            empty="the store was not read yet",
        ),
        Lines(
            title="Store errors each minute",
            says="Uses of the store that failed. Any is an alert; the log says why.",
            asks=(Ask(f"60 * {rate(table.STORE_ERRORS)}", "{{job}}"),),
            width=8,
            steps=ANY,
            empty=ABSENT,
        ),
        Bars(
            title="Changes of status",
            says="What sweeps noticed, by the new status, in each step of time.",
            asks=(Ask(f"{steps(census.TRANSITIONS, 'status')} > 0", "{{status}}"),),
            width=8,
            words=STATUSES,
            empty="no status changed in this time",
        ),
        Bars(
            title="Changes to a status that nobody knows",
            says="The cloud said a word that jobwatch's table lacks. Such jobs are watched on; the log has the word. Any means "
            "that jobwatch wants an update.",
            asks=(Ask(steps(census.UNKNOWN_STATUS, "source"), "{{source}}"),),
            width=8,
            steps=SOME,
            empty="no source yet",
        ),
        Lines(
            title="Series left out each minute",
            says="Single jobs that found no room within `metrics.per_job.limit`, counted anew every few seconds. Above 0 for "
            "long it is an alert: narrow down what is watched, or raise the limit.",
            asks=(Ask(f"60 * {by('reason', rate(table.SERIES_DROPPED))}", "{{reason}}"),),
            width=8,
            steps=SOME,
            empty=ABSENT,
        ),
        Lines(
            title="Series of each scrape",
            says="What this installation costs Prometheus, by replica. The page on metrics says how many there may be.",
            asks=(Ask(of_scrapes("scrape_samples_scraped"), "{{instance}}"),),
            width=12,
            decimals=0,
            empty=ABSENT,
        ),
        Lines(
            title="Duration of scrapes",
            says="By replica. Near the `scrape_timeout` of Prometheus, scrapes will be lost.",
            asks=(Ask(of_scrapes("scrape_duration_seconds"), "{{instance}}"),),
            width=12,
            unit="s",
            empty=ABSENT,
        ),
    ),
)
