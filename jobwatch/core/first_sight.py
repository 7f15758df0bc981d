"""What the first sight of a job is worth: news, or history; and what is late.

First sight is history, not news, as `first_sight` says. It silences only jobs without a snapshot.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jobwatch.core.model import Job
from jobwatch.core.watched import INTERVALS_ALLOWED, NO_GAPS, Gaps

HISTORY_SLACK = timedelta(minutes=5)


class FirstSight(StrEnum):
    """What a source with an empty store tells, besides a duration."""

    BASELINE = "baseline"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the present sweep knows about time.

    `observed_at` is now. `baseline_started_at` is when the first sweep that completed, or is still trying to,
    began; `baselined` says that it completed. `gaps` are the times in which nobody watched, the one that the
    present sweep ends among them. `clock_offset` is the cloud's clock minus ours.
    """

    observed_at: datetime
    every: timedelta
    first_sight: timedelta | FirstSight
    baseline_started_at: datetime
    baselined: bool
    gaps: Gaps = NO_GAPS
    clock_offset: timedelta = timedelta()


def is_history(job: Job, watch: Watch) -> bool:
    """Whether a first-seen job is history (recorded, not told).

    1. While the baseline is being taken, `first_sight` decides: everything is news, nothing is, or only what
       ended within the duration.
    2. Afterwards an unfinished job is news, and so is one that ended after the baseline began, give or take five
       minutes and the clocks' difference. Without an end time, the creation time stands in; without both: news.
    """
    if not watch.baselined:
        if isinstance(watch.first_sight, FirstSight):
            return watch.first_sight is FirstSight.BASELINE
        return (
            not job.terminal
            or job.ended_at is None
            or job.ended_at < watch.baseline_started_at - watch.first_sight
        )
    if not job.terminal:
        return False
    reference = job.ended_at or job.created_at
    slack = HISTORY_SLACK + abs(watch.clock_offset)
    return reference is not None and reference < watch.baseline_started_at - slack


def is_late(job: Job, watch: Watch) -> bool:
    """Whether the job ended while nobody watched, and is recorded more than three intervals after its end.

    The end is a time of the cloud's clock, the gaps are times of ours.
    """
    if not job.terminal or job.ended_at is None:
        return False
    ended_at = job.ended_at - watch.clock_offset
    late = watch.observed_at - ended_at > INTERVALS_ALLOWED * watch.every
    return late and watch.gaps.covers(ended_at)
