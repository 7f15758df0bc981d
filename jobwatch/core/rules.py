"""When an unfinished job is a problem: the rules, each of which says since when it holds, or that it does not.

1. Only watched time counts, and only up to the last complete sweep: a rule never speaks about now.
2. A rule that is switched off holds for nothing.
3. A rule looks at what was recorded of one job and at nothing else.

Output that expires is no condition: it is told once, whatever nobody watched meanwhile, and nothing closes it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from jobwatch.core.conditions import (
    OF_THE_SOURCE,
    Condition,
    ConditionName,
    Judgement,
    Subject,
)
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import Phase, Snapshot
from jobwatch.core.watched import Gaps

HYSTERESIS = 0.75
"""A failing job stops failing at this share of the ratio: one that hovers at it is told once."""

UNREACHABLE_AT_LEAST = timedelta(minutes=5)
FAILURES_AT_LEAST = 2
FRESH_INTERVALS = 2
LONGEST_SWEEP = timedelta(days=1)
"""No sweep is judged by that ran for longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingRule:
    """Finished tasks fail at this ratio or more, once so many are finished."""

    ratio: float
    min_finished: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The thresholds of one source; None switches a rule off."""

    stalled_after: timedelta | None = None
    stuck_after: timedelta | None = None
    waiting_after: timedelta | None = None
    overdue_after: timedelta | None = None
    failing: FailingRule | None = None
    unreachable_after: timedelta | None = None
    expiring_before: timedelta | None = None
    remind_every: timedelta | None = None


NO_RULES = Rules()
NOTHING_OPEN: Mapping[Subject, Condition] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What may be judged by: the start of the last complete sweep, by our clock, and the time nobody watched."""

    data_at: datetime
    gaps: Gaps
    lifecycle: Lifecycle
    clock_offset: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """Which unfinished jobs any rule may hold for, so that the others need not be read.

    Read are running jobs without progress since `progressed_before`; jobs in one of the statuses `passing` since
    `stuck_before`; waiting ones since `waiting_before`; all that were created before `created_before`; and those that
    fail by `failing`. None asks for nobody.
    """

    progressed_before: datetime | None = None
    stuck_before: datetime | None = None
    waiting_before: datetime | None = None
    created_before: datetime | None = None
    failing: FailingRule | None = None
    passing: tuple[str, ...] = ()


def is_fresh(data_at: datetime, now: datetime, interval: timedelta) -> bool:
    """Whether a rule may speak: `interval` is how often data comes, by the settings or by how long a sweep takes."""
    return now - data_at <= FRESH_INTERVALS * interval


def horizon(rules: Rules, sight: Sight) -> Horizon:
    """What to read for these rules: watched time is never longer than time."""
    return Horizon(
        progressed_before=_before(sight.data_at, rules.stalled_after),
        stuck_before=_before(sight.data_at, rules.stuck_after),
        waiting_before=_before(sight.data_at, rules.waiting_after),
        created_before=_before(sight.data_at + sight.clock_offset, rules.overdue_after),
        failing=rules.failing,
        passing=sight.lifecycle.passing if rules.stuck_after is not None else (),
    )


class Window(NamedTuple):
    """A time that began after `after` and ends with `until`."""

    after: datetime
    until: datetime


def expiring(rules: Rules, cloud_now: datetime) -> Window | None:
    """When output expires that people are reminded of now: by the cloud's clock, and not once it is gone."""
    if rules.expiring_before is None:
        return None
    return Window(cloud_now, cloud_now + rules.expiring_before)


def _before(moment: datetime, after: timedelta | None) -> datetime | None:
    if after is None:
        return None
    # "At once" is for what the last sweep itself found, too, which it did after its start.
    return moment - after if after else moment + LONGEST_SWEEP


def judge_jobs(
    snapshots: Iterable[Snapshot],
    rules: Rules,
    sight: Sight,
    *,
    is_open: Mapping[Subject, Condition] = NOTHING_OPEN,
) -> Judgement:
    """What holds for these jobs. Ended ones hold nothing; all are judged but those that the cloud does not know.

    Of an unfinished job that DescribeJob called unknown nobody knows whether it works, waits or is gone.
    """
    holding: dict[Subject, datetime] = {}
    judged: set[Subject] = set()
    for snapshot in snapshots:
        if snapshot.unfinished and snapshot.missing_since is not None:
            continue
        for name in _RULES:
            subject = Subject(snapshot.key, name)
            judged.add(subject)
            opened = is_open.get(subject)
            since = holds(name, snapshot, rules, sight, is_open=opened is not None)
            if since is None and opened is not None:
                since = _before_a_step(opened, snapshot, rules, sight)
            if since is not None:
                holding[subject] = since
    return Judgement(holding=holding, judged=judged)


def _before_a_step(
    opened: Condition, snapshot: Snapshot, rules: Rules, sight: Sight
) -> datetime | None:
    """Since when an open condition holds where our clock stepped back behind its opening: it lasts as long as then."""
    if sight.data_at >= opened.opened_at:
        return None
    then = replace(sight, data_at=opened.opened_at)
    since = holds(opened.subject.name, snapshot, rules, then, is_open=True)
    return since if since == opened.since else None


def holds(
    name: ConditionName, snapshot: Snapshot, rules: Rules, sight: Sight, *, is_open: bool = False
) -> datetime | None:
    """Since when a condition holds for a job; None where it does not."""
    return _RULES[name](snapshot, rules, sight, is_open) if snapshot.unfinished else None


def _lasting(since: datetime, after: timedelta | None, sight: Sight) -> datetime | None:
    if after is None or sight.gaps.watched(since, sight.data_at) < after:
        return None
    return since


def _stalled(job: Snapshot, rules: Rules, sight: Sight, _is_open: bool) -> datetime | None:  # noqa: FBT001
    """At work, and nothing was finished for so long. Not without counters, nor when every task is counted."""
    progress = job.job.progress
    if progress is None or not sight.lifecycle.works(job.job.status):
        return None
    if progress.total and not progress.remaining:
        return None
    return _lasting(job.progressed_at or job.status_since, rules.stalled_after, sight)


def _stuck(job: Snapshot, rules: Rules, sight: Sight, _is_open: bool) -> datetime | None:  # noqa: FBT001
    """In a status that a job only passes through."""
    passing = sight.lifecycle.is_passing(job.job.status)
    return _lasting(job.status_since, rules.stuck_after if passing else None, sight)


def _waiting(job: Snapshot, rules: Rules, sight: Sight, _is_open: bool) -> datetime | None:  # noqa: FBT001
    """Until a person confirms it."""
    waits = job.job.phase is Phase.WAITING
    return _lasting(job.status_since, rules.waiting_after if waits else None, sight)


def _overdue(job: Snapshot, rules: Rules, sight: Sight, _is_open: bool) -> datetime | None:  # noqa: FBT001
    """Unfinished for so long since its creation, which is a time of the cloud's clock."""
    if job.job.created_at is None:
        return None
    return _lasting(job.job.created_at - sight.clock_offset, rules.overdue_after, sight)


def _failing(job: Snapshot, rules: Rules, _sight: Sight, is_open: bool) -> datetime | None:  # noqa: FBT001
    """Too many of its finished tasks failed."""
    rule, progress = rules.failing, job.job.progress
    if rule is None or progress is None or progress.finished < rule.min_finished:
        return None
    # A ratio of zero still takes one failure.
    ratio = rule.ratio * (HYSTERESIS if is_open else 1.0)
    failing = progress.failed > 0 and (progress.failed_ratio or 0.0) >= ratio
    return job.observed_at if failing else None


_RULES: dict[ConditionName, Callable[[Snapshot, Rules, Sight, bool], datetime | None]] = {
    ConditionName.STALLED: _stalled,
    ConditionName.STUCK: _stuck,
    ConditionName.WAITING: _waiting,
    ConditionName.OVERDUE: _overdue,
    ConditionName.FAILING: _failing,
}
"""One rule for each condition of a job."""

JOB_CONDITIONS = tuple(_RULES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a source fares: its present row of failures, and how many of its unfinished jobs are gone."""

    failures: int = 0
    failing_since: datetime | None = None
    suspect_since: datetime | None = None


def judge_source(standing: Standing, rules: Rules, now: datetime) -> Judgement:
    """What holds for a source: that it cannot be swept, and that it is not to be believed.

    Only a complete sweep proves that a source can be swept again: a row of failures that begins anew, after downtime or
    after our clock stepped back, is no recovery.
    """
    subjects = {
        ConditionName.UNREACHABLE: _unreachable(standing, rules.unreachable_after, now),
        ConditionName.SUSPECT: standing.suspect_since,
    }
    holding = {
        Subject(OF_THE_SOURCE, name): since for name, since in subjects.items() if since is not None
    }
    judged = {Subject(OF_THE_SOURCE, name) for name in subjects}
    if standing.failures and rules.unreachable_after is not None:
        judged &= holding.keys() | {Subject(OF_THE_SOURCE, ConditionName.SUSPECT)}
    return Judgement(holding=holding, judged=frozenset(judged))


def _unreachable(standing: Standing, after: timedelta | None, now: datetime) -> datetime | None:
    since = standing.failing_since
    if after is None or since is None or standing.failures < FAILURES_AT_LEAST:
        return None
    return since if now - since >= after else None


def unreachable_auto(every: timedelta) -> timedelta:
    """What `unreachable_after: auto` is: five minutes, or three intervals where that is longer."""
    return max(UNREACHABLE_AT_LEAST, 3 * every)


def both(judgements: Iterable[Judgement]) -> Judgement:
    """Several judgements as one."""
    every = list(judgements)
    return Judgement(
        holding={subject: since for each in every for subject, since in each.holding.items()},
        judged=frozenset(_all(every)),
    )


def _all(judgements: Iterable[Judgement]) -> Iterator[Subject]:
    for each in judgements:
        yield from each.judged
