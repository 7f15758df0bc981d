"""What both dashboards share: words that labels have, thresholds that alerts have, and where values lead."""

from jobwatch.core.model import Outcome
from jobwatch.metrics import table
from jobwatch.providers import cas, cos_batch
from tests.deploying.dashboards.asks import merged
from tests.deploying.dashboards.colours import Steps
from tests.deploying.dashboards.panels import Link

STATUSES = (*cos_batch.LIFECYCLE.statuses, *cas.LIFECYCLE.statuses, "unknown")
OUTCOMES = tuple(each.value for each in Outcome)
STATES = ("active", "half_open", "failing", "paused")
BAD = 'outcome=~"failed|vanished|completed_with_failures"'
NOT_READ = "no data: nothing was read yet, or jobwatch is not scraped"

ANY: Steps = ((1, "red"),)
SOME: Steps = ((1, "orange"),)
INTERVALS: Steps = ((2, "yellow"), (3, "red"))
"""In intervals of the source: from three on it is an alert."""
LAG: Steps = ((0.1, "yellow"), (0.5, "red"))
EITHER_WAY: Steps = ((-30, "yellow"), (-10, "green"), (10, "yellow"), (30, "red"))
SKEW: Steps = ((10, "yellow"), (30, "red"))
EXPIRY: Steps = ((300, "yellow"), (600, "green"))
THROTTLED: Steps = ((0.02, "yellow"), (0.1, "red"))
WAITED: Steps = ((0.2, "yellow"), (0.5, "red"))
NEWS: Steps = ((600, "yellow"), (900, "red"))
"""In seconds: from 900 on it is an alert."""

JOBS = Link(
    "Unfinished jobs of this source", "/jobs?source=${__data.fields.source}&show=unfinished"
)
ENDED = Link(
    "These jobs, with their reasons",
    "/jobs?source=${__data.fields.source}&outcome=${__data.fields.outcome}",
)
SOURCE = Link("This source on jobwatch's page", "/?source=${__data.fields.source}")
DEAD = Link(
    "What was given up, with the last answer",
    "/api/v1/deliveries?receiver=${__data.fields.receiver}&state=dead",
)
ONE_JOB = Link("This job's story", "/jobs/${__data.fields.story}")


def age(scope: str = "") -> str:
    """How long ago the last complete sweep began; a source that was never read has none."""
    return f"time() - ({merged(table.SOURCE_DATA, scope)} > 0)"


def ages_in_intervals() -> str:
    return f"({age()}) / {merged(table.SOURCE_INTERVAL)}"
