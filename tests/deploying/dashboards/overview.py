"""The dashboard for who owns the jobs: what runs, what ended and how, how fresh that is, and who was told."""

from jobwatch.core import census
from jobwatch.core.errors import CallResult
from jobwatch.core.outbox import SETTLED, Result
from jobwatch.metrics import table
from tests.deploying.dashboards.asks import by, counted, merged, other, rate, steps
from tests.deploying.dashboards.board import Board, Section
from tests.deploying.dashboards.freshness import FRESH
from tests.deploying.dashboards.jobs import ENDINGS, RUNNING
from tests.deploying.dashboards.panels import Ask, Bars, Lines, Stat
from tests.deploying.dashboards.tables import PROGRESS, Column, Table, in_words, judged, leading
from tests.deploying.dashboards.words import (
    ANY,
    BAD,
    DEAD,
    INTERVALS,
    NEWS,
    ONE_JOB,
    OUTCOMES,
    SOME,
    STATES,
    STATUSES,
    ages_in_intervals,
)

WELL = Section(
    title="Is all well?",
    panels=(
        Stat(
            title="jobwatch",
            says="Replicas that are scraped. With none, nothing here is news and nobody watches.",
            asks=(Ask(f"sum({merged(table.BUILD_INFO)})"),),
            width=3,
            first="red",
            steps=((1, "green"),),
            empty="absent",
            unknown="red",
        ),
        Stat(
            title="Sources not up",
            says="A sweep failed or is overdue, or the first is not done. What stands below of their jobs is old.",
            asks=(Ask(f"sum({merged(table.SOURCE_UP)} == bool 0)"),),
            width=3,
            steps=ANY,
            empty="no source yet",
        ),
        Stat(
            title="Oldest data, in intervals",
            says="How old the oldest data is, measured by how often it is meant to be read. From 3 on it is an alert. "
            "Sources that were never read are left out; they are not up.",
            asks=(Ask(f"max({ages_in_intervals()})"),),
            width=3,
            steps=INTERVALS,
            decimals=1,
            empty="never read",
        ),
        Stat(
            title="Open conditions",
            says="Jobs that are stalled, stuck, waiting for a person, overdue or failing. A job may be in several.",
            asks=(Ask(f"sum({merged(table.JOBS_IN_CONDITION)})"),),
            width=3,
            steps=SOME,
            empty="never read",
        ),
        Stat(
            title="Ended badly",
            says="Jobs that failed, vanished, or completed with failed tasks, in the time range. The table of endings "
            "below says where, and leads to the reasons.",
            asks=(Ask(counted(census.FINISHED, more=BAD)),),
            width=3,
            steps=ANY,
            decimals=0,
            points=1000,
            empty="never read",
        ),
        Stat(
            title="Oldest news not told",
            says="Age of the oldest delivery that waits. Over 15 minutes it is an alert.",
            asks=(Ask(f"max({merged(table.OUTBOX_OLDEST)})"),),
            width=3,
            unit="s",
            steps=NEWS,
            empty="no receiver",
        ),
        Stat(
            title="News given up",
            says="Dead deliveries that are kept. `jobwatch redeliver` sends them again.",
            asks=(Ask(f"sum({merged(table.OUTBOX_DEAD)})"),),
            width=3,
            steps=ANY,
            empty="no receiver",
        ),
        Stat(
            title="Receivers not active",
            says="Receivers that fail, are tried again or are paused: nobody is told by them now.",
            asks=(Ask(f"sum({merged(table.RECEIVER_STATE, other('state', 'active'))})"),),
            width=3,
            steps=SOME,
            empty="no receiver",
        ),
    ),
)

TOLD = Section(
    title="Who is told",
    panels=(
        Table(
            title="Receivers",
            says="Why one fails or is paused stands on jobwatch's page. A paused receiver is told nothing, and what waits "
            "for it is kept.",
            asks=(
                Ask(f"{by('receiver, state', merged(table.RECEIVER_STATE), 'max')} == 1"),
                Ask(by("receiver", merged(table.OUTBOX_PENDING))),
                Ask(by("receiver", merged(table.OUTBOX_OLDEST), "max")),
                Ask(by("receiver", merged(table.OUTBOX_DEAD))),
                Ask(counted(census.DELIVERIES, "receiver", 'state="delivered"')),
                Ask(counted(census.ATTEMPTS, "receiver", 'result!="ok"')),
            ),
            width=12,
            points=1000,
            columns=(
                Column(field="receiver", shows=leading(DEAD)),
                Column(field="state", shows=in_words(*STATES)),
                Column(field="B", title="wait"),
                Column(field="C", title="oldest waits", shows={**judged(NEWS), "unit": "s"}),
                Column(field="D", title="given up", shows={**judged(ANY), **leading(DEAD)}),
                Column(field="E", title="delivered", shows={"decimals": 0}),
                Column(field="F", title="failed attempts", shows={"decimals": 0}),
            ),
            empty="no receiver is configured",
        ),
        Bars(
            title="Deliveries settled",
            says="In each step of time. Red: given up. Superseded, absorbed and expired ones were overtaken by later news, "
            "muted ones silenced by somebody.",
            asks=(Ask(steps(census.DELIVERIES, "state"), "{{state}}"),),
            width=6,
            words=tuple(sorted(SETTLED)),
            empty="no receiver is configured",
        ),
        Bars(
            title="Delivery attempts",
            says="In each step of time, by how they ended. Anything but ok is tried again, or given up.",
            asks=(Ask(f"{steps(census.ATTEMPTS, 'result')} > 0", "{{result}}"),),
            width=6,
            words=tuple(each.value for each in Result),
            empty="nothing was sent in this time",
        ),
        Lines(
            title="Calls to the cloud that failed",
            says="Each minute, by result. Throttled: the account is asked too much, by whomever. Denied: keys or "
            "permissions are wrong. A few others now and then are tried again and do no harm.",
            asks=(
                Ask(
                    f"60 * {by('result', rate(table.API_REQUESTS, other('result', 'ok')))}",
                    "{{result}}",
                ),
            ),
            width=12,
            words=tuple(each.value for each in CallResult if each.value != "ok"),
            empty="nothing was asked yet, or jobwatch is not scraped",
        ),
        Lines(
            title="Deliveries that wait",
            says="By receiver. A line that only grows is a receiver that takes nothing.",
            asks=(Ask(by("receiver", merged(table.OUTBOX_PENDING)), "{{receiver}}"),),
            width=12,
            decimals=0,
            empty="no receiver is configured",
        ),
    ),
)

WITH_STORY = (
    f'label_replace(label_join({merged(table.JOB_INFO)}, "story", "/", "source", "scope", "job_id"), '
    '"story", "$1/$2", "story", "(.*)//(.*)")'
)
"""`story` is the job's name as the command line and the page have it: SOURCE/ID, or SOURCE/VAULT/ID."""
KEYS = "source, scope, job_id"

SINGLE = Section(
    title="Single jobs (metrics.per_job.enabled: true)",
    collapsed=True,
    panels=(
        Table(
            title="Single jobs",
            says="Unfinished jobs and those that ended in the last 15 minutes, at most `metrics.per_job.limit`. A job leads "
            "to its story on jobwatch's page.",
            asks=(
                Ask(by(f"{KEYS}, story, operation, status, outcome", WITH_STORY, "max")),
                Ask(by(KEYS, merged(table.JOB_PROGRESS), "max")),
                *(
                    Ask(by(KEYS, merged(table.JOB_TASKS, f'state="{state}"'), "max"))
                    for state in ("failed", "remaining")
                ),
            ),
            width=24,
            height=10,
            columns=(
                Column(field="story", title="job", shows=leading(ONE_JOB)),
                Column(field="operation"),
                Column(field="status", shows=in_words(*dict.fromkeys(STATUSES))),
                Column(field="outcome", shows=in_words(*OUTCOMES)),
                Column(field="B", title="progress", shows=PROGRESS),
                Column(field="C", title="failed tasks", shows=judged(SOME)),
                Column(field="D", title="tasks to do"),
            ),
            sorted_by="failed tasks",
            empty="Switched off: set metrics.per_job.enabled: true in jobwatch's configuration",
        ),
    ),
)

OVERVIEW = Board(
    uid="jobwatch-overview",
    title="jobwatch: overview",
    says="What runs, what ended and how, how fresh that is, and who was told.",
    sections=(WELL, RUNNING, ENDINGS, FRESH, TOLD, SINGLE),
)
