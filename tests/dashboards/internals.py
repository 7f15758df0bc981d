"""The dashboard for who runs jobwatch: sweeps, calls, the outbox and receivers, the store and the loop."""

from jobwatch.core import census
from jobwatch.core.errors import CallResult
from jobwatch.metrics import table
from tests.dashboards.asks import by, chosen, merged, quantile, rate
from tests.dashboards.board import Board, Section
from tests.dashboards.panels import Ask, Heatmap, Lines, Stat, Steps
from tests.dashboards.program import PROGRAM
from tests.dashboards.telling import TELLING
from tests.dashboards.words import ANY, INTERVALS, NOT_READ, SOME, ages_in_intervals

DAY = 86400
UNASKED = "nothing was asked yet, or jobwatch is not scraped"
LAG: Steps = ((0.1, "yellow"), (0.5, "red"))
EXPIRY: Steps = ((600, "yellow"), (1800, "green"))
SKEW: Steps = ((30, "yellow"), (300, "red"))
KEYS_LEFT = f"{merged(table.KEYS_EXPIRY)} - time()"
OFFSET = f"abs({merged(table.CLOCK_OFFSET)})"


def loop_lag(share: float) -> str:
    """The worst replica's: one loop that hangs is not made good by another that does not."""
    lag = f"rate({chosen(f'{table.LOOP_LAG}_bucket')}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by (instance, le) ({lag}))"


WELL = Section(
    title="Is jobwatch well?",
    panels=(
        Stat(
            title="Replicas",
            says="Processes that are scraped. With none, nobody watches.",
            asks=(Ask(f"sum({merged(table.BUILD_INFO)})"),),
            width=3,
            first="red",
            steps=((1, "green"),),
            empty="absent",
        ),
        Stat(
            title="Sources nobody holds",
            says="Each source is watched by the replica that holds its lease. One that nobody holds for more than a minute is "
            "not watched.",
            asks=(Ask(f"sum({by('source', merged(table.LEASE_HELD))} == bool 0)"),),
            width=3,
            steps=ANY,
            empty="no source yet",
        ),
        Stat(
            title="Event loop lag, 99 %",
            says="How much later than asked the event loop came back, of the worst replica. Long lags delay everything, and "
            "make /healthz fail in the end: too little processor, or a slow disk.",
            asks=(Ask(f"max({loop_lag(0.99)})"),),
            width=3,
            unit="s",
            steps=LAG,
            empty="not scraped long enough",
        ),
        Stat(
            title="Store errors",
            says="Uses of the store that failed within the time range. The log says why: a full disk, a lost volume, a "
            "database that is away.",
            asks=(Ask(f"sum({increase_of_range(table.STORE_ERRORS)})"),),
            width=3,
            steps=ANY,
            decimals=0,
            empty="not scraped long enough",
        ),
        Stat(
            title="Configurations refused",
            says="Replicas that run on an older configuration, because the newer one has mistakes. `jobwatch check` names "
            "them.",
            asks=(Ask(f"sum(sum without (instance, pod) ({chosen(table.RELOAD_SUCCESSFUL)} == bool 0))"),),
            width=3,
            steps=ANY,
            empty="absent",
        ),
        Stat(
            title="Keys expire in",
            says="Of the source whose keys expire first. They are renewed ahead of it; what comes near 0 is not renewed. Keys "
            "that do not expire are left out.",
            asks=(Ask(f"min({KEYS_LEFT})"),),
            width=3,
            unit="s",
            first="red",
            steps=EXPIRY,
            empty="never",
        ),
        Stat(
            title="Clock offset",
            says="How far the cloud's clock and ours are apart, at most. Calls are signed with the time: from 15 minutes on "
            "they are refused, and times of events are wrong long before.",
            asks=(Ask(f"max({OFFSET})"),),
            width=3,
            unit="s",
            steps=SKEW,
            empty="no answer yet",
        ),
        Stat(
            title="Jobs without series",
            says="Single jobs that found no room within `metrics.per_job.limit`, each minute. They are watched all the same.",
            asks=(Ask(f"sum({merged_rate(table.SERIES_DROPPED)})"),),
            width=3,
            steps=SOME,
            decimals=0,
            empty="not scraped long enough",
        ),
    ),
)
