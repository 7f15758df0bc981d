"""What the pages say of one job in a list: a value in, words out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from jobwatch.core.links import path_of
from jobwatch.core.model import Outcome, Phase, Progress
from jobwatch.store.glance_values import SeenJob
from jobwatch.store.values import ConditionRow, JobRow
from jobwatch.story.explaining import Pace
from jobwatch.story.fields import reasons
from jobwatch.story.phrases import length, pace, tasks
from jobwatch.web.pages.status_words import words

REASONS_TOLD = 2
A_MOMENT = timedelta(seconds=1)

_OUTCOMES = {
    Outcome.SUCCEEDED: "good",
    Outcome.COMPLETED_WITH_FAILURES: "warn",
    Outcome.FAILED: "bad",
    Outcome.VANISHED: "bad",
}
_PHASES = {
    Phase.WAITING: "warn",
    Phase.PAUSED: "warn",
    Phase.UNKNOWN: "warn",
    Phase.RUNNING: "busy",
}


class Tag(NamedTuple):
    """A word that catches the eye, and its tone: good, bad, warn, busy or idle. `since` is shown as an age."""

    tone: str
    words: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One job of a list. `href` leads to its page, `notes` are what is worth knowing of its course, `why` its reasons.

    `data_at` is set where what is told is older than it should be.
    """

    row: JobRow
    href: str
    tags: Sequence[Tag]
    notes: Sequence[str] = ()
    why: Sequence[str] = ()
    data_at: datetime | None = None

    @property
    def progress(self) -> Progress | None:
        """Counts of tasks, None where there is nothing to draw a bar of."""
        return self.row.snapshot.job.progress


def card(row: JobRow, *, notes: Sequence[str] = (), opened: Sequence[ConditionRow] = ()) -> Card:
    """A job as every list shows it; `opened` are the conditions that are open of it."""
    snapshot, job = row.snapshot, row.snapshot.job
    if snapshot.outcome is not None:
        tag = Tag(_OUTCOMES.get(snapshot.outcome, "idle"), words(snapshot.outcome.value))
    else:
        tag = Tag(_PHASES.get(job.phase, "idle"), job.status)
    problems = [Tag("bad", each.name, each.since) for each in opened]
    return Card(
        row=row,
        href=f"/jobs/{path_of(row.source, job.key)}",
        tags=(*problems, tag),
        notes=(*_counted(row), *notes),
        why=reasons(row.detail)[:REASONS_TOLD] if _tells_why(row) else (),
    )


def _tells_why(row: JobRow) -> bool:
    """Whether a reason is of interest: who succeeded or simply works has none that matters."""
    return row.snapshot.job.phase is Phase.WAITING or row.snapshot.outcome not in (
        None,
        Outcome.SUCCEEDED,
    )


def _counted(row: JobRow) -> Sequence[str]:
    progress = row.snapshot.job.progress
    if progress is None:
        return ()
    if not progress.total:
        return () if row.snapshot.outcome else ("tasks not counted yet",)
    return (f"{tasks(progress)} tasks" if not progress.failed else _with_failed(progress),)


def _with_failed(progress: Progress) -> str:
    return f"{progress.finished:,} of {progress.total:,} tasks, {progress.failed:,} failed"


def seen_card(seen: SeenJob, found: Pace, data_at: datetime | None, now: datetime) -> Card:
    """An unfinished job with its conditions and what its pace promises; `data_at` where that is old."""
    made = card(seen.row, notes=outlook(seen.row, found, now), opened=seen.conditions)
    return replace(made, data_at=data_at)


def outlook(row: JobRow, found: Pace, now: datetime) -> Sequence[str]:
    """When a running job will be done, and by what that is measured; nothing where nobody knows."""
    job, rate, over = row.snapshot.job, found.forecast.rate, found.over
    if job.phase is not Phase.RUNNING or job.progress is None or not job.progress.remaining:
        return ()
    if rate is None or over is None:
        return ()
    measured = length(over, units=1)
    if rate <= 0:
        return (f"no task finished in the last {measured}",)
    at_pace = f"at the pace of the last {measured} ({pace(rate)})"
    done_at = found.forecast.done_at
    if done_at is None:
        return (at_pace,)
    if done_at <= now:
        return (f"due to be done by now, {at_pace}",)
    left = done_at - now
    return (f"{f'about {length(left)} left' if left >= A_MOMENT else 'nearly done'}, {at_pace}",)
