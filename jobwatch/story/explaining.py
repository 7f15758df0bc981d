"""Everything that can be said of one job at a moment: what happened, what the rules say, what comes next. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobwatch.core.conditions import ConditionName
from jobwatch.core.forecast import Forecast, Sample, forecast, measured_from
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.overview import SourceState
from jobwatch.core.rules import JOB_CONDITIONS, Rules, Sight, is_fresh
from jobwatch.story.coming import Due, coming
from jobwatch.story.lines import Known, Line, story
from jobwatch.story.phrases import instant, length, tasks
from jobwatch.story.ruling import Verdict, verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By which terms the jobs of a configured source are watched."""

    rules: Rules
    lifecycle: Lifecycle
    every: timedelta
    vanished_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The story of a job, told at `now`. `data_at` is when the rules' data is from, `fresh` that they may speak."""

    known: Known
    lines: Sequence[Line]
    rules: Sequence[Verdict]
    due: Sequence[Due]
    now: datetime
    data_at: datetime | None
    fresh: bool


def explain(known: Known, terms: Terms | None, now: datetime) -> Explained:
    """What can be said of the job. A source that is not configured any more (None) has no rules and no pace."""
    state = known.state
    data_at = state.unfinished_data_at if state else None
    took = state.last_sweep.took if state and state.last_sweep else timedelta()
    every = terms.every if terms else timedelta()
    return Explained(
        known=known,
        lines=story(known),
        rules=_verdicts(known, terms),
        due=_due(known, terms, now) if terms else (),
        now=now,
        data_at=data_at,
        fresh=data_at is not None and is_fresh(data_at, now, max(every, took)),
    )


def _verdicts(known: Known, terms: Terms | None) -> Sequence[Verdict]:
    state = known.state
    if terms is None or state is None or state.unfinished_data_at is None:
        return ()
    sight = Sight(
        data_at=state.unfinished_data_at,
        gaps=state.gaps,
        lifecycle=terms.lifecycle,
        clock_offset=state.clock_offset or timedelta(),
    )
    return verdicts(known.row.snapshot, terms.rules, sight, _open(known))


def _open(known: Known) -> frozenset[ConditionName]:
    names = {row.name for row in known.conditions if row.closed_at is None}
    return frozenset(each for each in JOB_CONDITIONS if each.value in names)


def _due(known: Known, terms: Terms, now: datetime) -> list[Due]:
    due = coming(known, vanished_after=terms.vanished_after, remind_every=terms.rules.remind_every)
    return [*due, *_due_output(known, terms.rules, now)]


def _due_output(known: Known, rules: Rules, now: datetime) -> Iterator[Due]:
    """When people are reminded of output that expires, by our clock; and when it does, by the cloud's."""
    job, before = known.row.snapshot.job, rules.expiring_before
    if job.output_expires_at is None or known.state is None:
        return
    expires_at = job.output_expires_at - (known.state.clock_offset or timedelta())
    if expires_at <= now:
        return
    untold = known.row.expiry_told_at is None
    if untold and before is not None:
        words = f"people are reminded: less than {length(before)} is left of the output then"
        yield Due(at=expires_at - before, words=words)
    silent = "; nobody is reminded, `expiring_before` is off" if untold and before is None else ""
    yield Due(at=expires_at, words=f"the output expires{silent}")


NO_FORECAST = Forecast()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a job works, and over how long that was measured; `over` is None where nothing can be said."""

    forecast: Forecast = NO_FORECAST
    over: timedelta | None = None


def pace_of(samples: Sequence[Sample], state: SourceState | None, now: datetime) -> Pace:
    """How fast an unfinished job works, up to the last complete sweep."""
    if state is None or state.unfinished_data_at is None:
        return Pace()
    # Samples ahead of now were taken before a clock stepped back, and are the newest for as long as the step was.
    known = [each for each in samples if each.at <= now]
    data_at = max([state.unfinished_data_at, *(each.at for each in known[-1:])])
    found = forecast(known, data_at)
    return Pace(
        forecast=found, over=None if found.rate is None else data_at - measured_from(known).at
    )


def summary(known: Known) -> str:
    """The job in one line: how it stands, since when."""
    snapshot = known.row.snapshot
    job = snapshot.job
    counted = f"; tasks: {tasks(job.progress)}" if job.progress else ""
    if snapshot.outcome is not None:
        lasted = job.ended_at - job.created_at if job.ended_at and job.created_at else None
        after = f" after {length(lasted)}" if lasted is not None else ""
        return f"{snapshot.outcome.value.replace('_', ' ')}{after}{counted}"
    return f"unfinished, in status {job.status} since {instant(snapshot.status_since)}{counted}"
