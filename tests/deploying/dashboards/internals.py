"""The dashboard for who runs jobwatch: sweeps, calls, the outbox and receivers, the store and the loop."""

from jobwatch.core.errors import CallResult
from jobwatch.metrics import table
from tests.deploying.dashboards.asks import buckets, by, chosen, everywhere, merged, quantile, rate
from tests.deploying.dashboards.board import Board, Section
from tests.deploying.dashboards.panels import Ask, Heatmap, Lines, Stat
from tests.deploying.dashboards.program import PROGRAM, loop_lag
from tests.deploying.dashboards.telling import TELLING
from tests.deploying.dashboards.words import (
    ANY,
    EITHER_WAY,
    EXPIRY,
    INTERVALS,
    LAG,
    NOT_READ,
    SKEW,
    SOME,
    THROTTLED,
    WAITED,
    ages_in_intervals,
)

THROTTLED_ALONE = 'result="throttled"'
FAILED_ALONE = 'result!="ok"'
UNASKED = "nothing was asked yet, or jobwatch is not scraped"
REFUSED = f"sum without (instance, pod) ({chosen(table.RELOAD_SUCCESSFUL)} == bool 0)"
KEYS_LEFT = f"{merged(table.KEYS_EXPIRY)} - time()"
OFFSET = f"max without (instance, pod) (abs({chosen(table.CLOCK_OFFSET)}))"


WELL = Section(
    title="Is jobwatch well?",
    panels=(
        Stat(
            title="jobwatch",
            says="Replicas that are scraped. With none, nobody watches.",
            asks=(Ask(f"sum({merged(table.BUILD_INFO)})"),),
            width=3,
            first="red",
            steps=((1, "green"),),
            empty="absent",
            unknown="red",
        ),
        Stat(
            title="Sources nobody holds",
            says="Each source is watched by the replica that holds its lease. One that nobody holds for more than a minute is "
            "not watched.",
            asks=(Ask(f"sum({by('source', everywhere(table.LEASE_HELD))} == bool 0)"),),
            width=3,
            steps=ANY,
            empty="no source yet",
        ),
        Stat(
            title="Event loop lag, 95 %",
            says="How much later than asked the event loop came back, of the worst replica. Long lags delay everything, and "
            "make /healthz fail in the end: too little processor, or a slow disk.",
            asks=(Ask(f"max({loop_lag(0.95)})"),),
            width=3,
            unit="s",
            steps=LAG,
            empty="not scraped long enough",
        ),
        Stat(
            title="Store errors",
            says="Uses of the store that failed within the time range. The log says why: a full disk, a lost volume, a "
            "database that is away.",
            asks=(Ask(f"sum({rate(table.STORE_ERRORS, window='$__range', how='increase')})"),),
            width=3,
            steps=ANY,
            decimals=0,
            empty="not scraped long enough",
        ),
        Stat(
            title="Configurations refused",
            says="Replicas that run on an older configuration, because the newer one has mistakes. `jobwatch check` names "
            "them.",
            asks=(Ask(f"sum({REFUSED})"),),
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
            unknown="green",
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
            says="Whether single jobs found no room within `metrics.per_job.limit`: they are counted anew every few seconds, so "
            "that only 0 or not matters. They are watched all the same.",
            asks=(Ask(f"60 * sum({rate(table.SERIES_DROPPED)})"),),
            width=3,
            steps=SOME,
            decimals=0,
            empty="not scraped long enough",
        ),
    ),
)

SWEEPING = Section(
    title="Sweeps",
    panels=(
        Lines(
            title="Sweep duration, 95 % of the last hour",
            says="How long complete sweeps took. hot: unfinished jobs only; full: everything. Longer than the interval of the "
            "source means that it cannot be kept.",
            asks=(
                Ask(
                    quantile(0.95, table.SWEEP_DURATION, "source, kind", window="1h"),
                    "{{source}}: {{kind}}",
                ),
            ),
            width=8,
            unit="s",
            empty="no sweep ended in the last hour",
        ),
        Lines(
            title="Complete sweeps each minute",
            says="A source with none is not swept, or no sweep of it ends well.",
            asks=(
                Ask(
                    f"60 * {by('source, kind', rate(f'{table.SWEEP_DURATION}_count', window='15m'))}",
                    "{{source}}: {{kind}}",
                ),
            ),
            width=8,
            empty="no sweep ended yet",
        ),
        Lines(
            title="Pages read each minute",
            says="Each page is a call. A sweep that never ends reads pages and is not counted beside.",
            asks=(
                Ask(f"60 * {by('source, kind', rate(table.SWEEP_PAGES))}", "{{source}}: {{kind}}"),
            ),
            width=8,
            empty=UNASKED,
        ),
        Lines(
            title="Age of data, in intervals",
            says="Since the start of the last complete sweep, by how often it is meant to be read. Above the line at 3 it is "
            "an alert.",
            asks=(Ask(by("source, scope", ages_in_intervals(), "max"), "{{source}}: {{scope}}"),),
            width=12,
            steps=INTERVALS,
            decimals=1,
            empty=NOT_READ,
        ),
        Lines(
            title="Leases by replica",
            says="1 where a replica holds the lease of a source and watches it. Two lines at 1 for one source would be wrong.",
            asks=(
                Ask(
                    by("instance, source", chosen(table.LEASE_HELD), "max"),
                    "{{source}}: {{instance}}",
                ),
            ),
            width=12,
            decimals=0,
            empty="no source yet",
        ),
    ),
)

CALLING = Section(
    title="Calls to the cloud",
    panels=(
        Lines(
            title="Calls each minute",
            says="By how they ended. Failed ones are tried again.",
            asks=(Ask(f"60 * {by('result', rate(table.API_REQUESTS))} > 0", "{{result}}"),),
            width=8,
            stacked=True,
            words=tuple(each.value for each in CallResult),
            empty=UNASKED,
        ),
        Lines(
            title="Share of calls that were throttled",
            says="Above the line at 10 % it is an alert: the account is asked too much, by jobwatch or somebody else.",
            asks=(
                Ask(
                    f"{by('source', rate(table.API_REQUESTS, THROTTLED_ALONE, window='15m'))} / "
                    f"{by('source', rate(table.API_REQUESTS, window='15m'))}",
                    "{{source}}",
                ),
            ),
            width=8,
            unit="percentunit",
            steps=THROTTLED,
            empty=UNASKED,
        ),
        Lines(
            title="Waiting for our own rate limit",
            says="Seconds of each second. Above the line at 0.5 it is an alert: a sweep spends most of its time waiting, and "
            "rate_limit is too low for so many jobs.",
            asks=(Ask(by("source", rate(table.API_WAIT, window="15m")), "{{source}}"),),
            width=8,
            unit="percentunit",
            steps=WAITED,
            empty=UNASKED,
        ),
        Lines(
            title="Call duration, 95 %",
            says="By call. Ten seconds and more are timeouts of the cloud's.",
            asks=(Ask(quantile(0.95, table.API_DURATION, "call"), "{{call}}"),),
            width=8,
            unit="s",
            empty=UNASKED,
        ),
        Heatmap(
            title="Call durations",
            says="How many calls took how long. Two bands mean that some part of the cloud, or of the way there, is slow.",
            asks=(Ask(buckets(table.API_DURATION), "{{le}}"),),
            width=8,
            unit="s",
            empty=UNASKED,
        ),
        Lines(
            title="Calls that failed, each minute",
            says="By source and result. Denied: keys or permissions. Not found: a job or a vault that is gone.",
            asks=(
                Ask(
                    f"60 * {by('source, result', rate(table.API_REQUESTS, FAILED_ALONE))}",
                    "{{source}}: {{result}}",
                ),
            ),
            width=8,
            empty=UNASKED,
        ),
        Lines(
            title="Clock offset by source",
            says="How far the cloud's clock is ahead of ours. Calls are signed with the time, and the cloud refuses what is 15 "
            "minutes off. Above 30 s, either way, it is an alert.",
            asks=(Ask(by("source", merged(table.CLOCK_OFFSET), "max"), "{{source}}"),),
            width=12,
            unit="s",
            least=None,
            first="red",
            steps=EITHER_WAY,
            empty="no answer told the time yet",
        ),
        Lines(
            title="Keys expire in, by source",
            says="A saw: keys are renewed ahead of their expiry. A line that falls below 5 minutes is an alert. Keys that do "
            "not expire have no line.",
            asks=(Ask(by("source", KEYS_LEFT, "min"), "{{source}}"),),
            width=12,
            unit="s",
            least=None,
            first="red",
            steps=EXPIRY,
            empty="no source has keys that expire",
        ),
    ),
)

INTERNALS = Board(
    uid="jobwatch-internals",
    title="jobwatch: internals",
    says="How jobwatch itself fares: sweeps, calls, the outbox and receivers, the store and the event loop.",
    sections=(WELL, SWEEPING, CALLING, TELLING, PROGRAM),
)
