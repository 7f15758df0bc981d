"""Rows about jobs: what runs, and what ended and how."""

from jobwatch.core import census
from jobwatch.metrics import table
from jobwatch.metrics.stored import CONDITIONS, OF_SOURCES, TASK_STATES
from tests.deploying.dashboards.asks import by, counted, merged, other, quantile_of_range, steps
from tests.deploying.dashboards.board import Section
from tests.deploying.dashboards.panels import Ask, Bars, Gauges, Lines, Link
from tests.deploying.dashboards.tables import Column, Table, in_words, leading
from tests.deploying.dashboards.words import ENDED, JOBS, NOT_READ, OUTCOMES, SOURCE, STATUSES

RUNNING = Section(
    title="What runs",
    panels=(
        Lines(
            title="Unfinished jobs by status",
            says="As of each source's last complete sweep. Suspended jobs wait for a person.",
            asks=(Ask(f"{by('status', merged(table.JOBS))} > 0", "{{status}}"),),
            width=8,
            stacked=True,
            words=STATUSES,
            decimals=0,
            empty="no unfinished job",
        ),
        Lines(
            title="Tasks of unfinished jobs",
            says="How much is done and how much is still to do. Red that grows means that jobs will end with failures.",
            asks=(Ask(by("state", merged(table.TASKS)), "{{state}}"),),
            width=8,
            stacked=True,
            words=TASK_STATES,
            decimals=0,
            empty=NOT_READ,
        ),
        Gauges(
            title="Progress of unfinished jobs",
            says="Tasks that are finished, of all tasks of unfinished jobs, by source. A source whose jobs count no tasks "
            "has no bar.",
            asks=(
                Ask(
                    f"{by('source', merged(table.TASKS, other('state', 'remaining')))} / "
                    f"({by('source', merged(table.TASKS))} > 0)",
                    "{{source}}",
                ),
            ),
            width=8,
            unit="percentunit",
            first="blue",
            empty="no tasks to do",
        ),
        Lines(
            title="Jobs in a condition",
            says="Unfinished jobs for which a condition is open. Each of them is an alert, and people were told.",
            asks=(Ask(by("condition", merged(table.JOBS_IN_CONDITION)), "{{condition}}"),),
            width=8,
            stacked=True,
            words=CONDITIONS,
            decimals=0,
            empty=NOT_READ,
        ),
        Table(
            title="Unfinished jobs",
            says="By source and status, and for how long the one that is longest in it has been so. A value leads to "
            "these jobs on jobwatch's page.",
            asks=(
                Ask(f"{by('source, status', merged(table.JOBS))} > 0"),
                Ask(f"time() - {by('source, status', merged(table.OLDEST_STATUS), 'min')}"),
            ),
            width=8,
            columns=(
                Column(field="source", shows=leading(JOBS, SOURCE)),
                Column(field="status", shows=in_words(*dict.fromkeys(STATUSES))),
                Column(field="A", title="jobs"),
                Column(field="B", title="longest for", shows={"unit": "s"}),
            ),
            sorted_by="longest for",
            empty="no unfinished job",
        ),
        Bars(
            title="Events",
            says="What was recorded, by type, in each step of time.",
            asks=(Ask(f"{steps(census.EVENTS, 'type')} > 0", "{{type}}"),),
            width=8,
            words=OF_SOURCES,
        ),
    ),
)

ENDINGS = Section(
    title="What ended, and how",
    panels=(
        Bars(
            title="Endings",
            says="Jobs that ended in each step of time, by how they ended. Orange: the cloud calls them complete, and "
            "tasks failed.",
            asks=(Ask(steps(census.FINISHED, "outcome"), "{{outcome}}"),),
            width=12,
            words=OUTCOMES,
            links=(
                Link("These jobs, with their reasons", "/jobs?outcome=${__field.labels.outcome}"),
            ),
            empty=NOT_READ,
        ),
        Bars(
            title="Tasks of jobs that ended",
            says="Counted when their job ends. Red: objects that were not copied, restored or deleted.",
            asks=(Ask(steps(census.TASKS_FINISHED, "result"), "{{result}}"),),
            width=12,
            words=TASK_STATES[:2],
            empty=NOT_READ,
        ),
        Table(
            title="Endings in the time range",
            says="How often, and when last, by source, operation and outcome. The counts are extrapolated to the edges of "
            "the range. Reasons are no metrics: an outcome leads to its jobs on jobwatch's page, where they stand.",
            asks=(
                Ask(f"{counted(census.FINISHED, 'source, operation, outcome')} > 0"),
                Ask(
                    f"time() - ({by('source, operation, outcome', merged(census.LAST_FINISHED), 'max')} > 0)"
                ),
            ),
            width=12,
            points=1000,
            columns=(
                Column(field="source", shows=leading(SOURCE)),
                Column(field="operation"),
                Column(field="outcome", shows={**in_words(*OUTCOMES), **leading(ENDED)}),
                Column(field="A", title="in the time range", shows={"decimals": 0}),
                Column(field="B", title="last, ago", shows={"unit": "s"}),
            ),
            sorted_by="in the time range",
            empty="no job has ended since it is watched",
        ),
        Table(
            title="How long jobs took",
            says="From creation to end, of the jobs that ended in the time range; half of them and 95 % took no longer.",
            asks=(
                Ask(quantile_of_range(0.5, census.DURATION, "source, outcome")),
                Ask(quantile_of_range(0.95, census.DURATION, "source, outcome")),
            ),
            width=6,
            unit="s",
            columns=(
                Column(field="source", shows=leading(SOURCE)),
                Column(field="outcome", shows=in_words(*OUTCOMES)),
                Column(field="A", title="half"),
                Column(field="B", title="95 %"),
            ),
            sorted_by="95 %",
            empty="no job ended in this time",
        ),
        Table(
            title="How long jobs wait",
            says="From creation to when a job was first seen running, of the time range; a wait within one interval may be "
            "rounded up to it.",
            asks=(
                Ask(quantile_of_range(0.5, census.WAIT, "source")),
                Ask(quantile_of_range(0.95, census.WAIT, "source")),
            ),
            width=6,
            unit="s",
            columns=(
                Column(field="source", shows=leading(SOURCE)),
                Column(field="A", title="half"),
                Column(field="B", title="95 %"),
            ),
            sorted_by="95 %",
            empty="no job began to run in this time",
        ),
    ),
)
