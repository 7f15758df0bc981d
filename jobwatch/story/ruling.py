"""What each rule says of a job now, and why it does not hold. Pure.

Law: `core.rules.holds` decides; this module only finds words for what it decided.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobwatch.core.conditions import ConditionName
from jobwatch.core.model import Phase, Snapshot
from jobwatch.core.rules import HYSTERESIS, JOB_CONDITIONS, Rules, Sight, holds
from jobwatch.story.phrases import length

OFF = "switched off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule says: `since` is None where it does not hold, `opened` that the condition is open."""

    rule: ConditionName
    since: datetime | None
    opened: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One job before one rule."""

    job: Snapshot
    rules: Rules
    sight: Sight
    opened: bool


def verdicts(
    job: Snapshot, rules: Rules, sight: Sight, opened: Collection[ConditionName]
) -> Sequence[Verdict]:
    """What every rule says of an unfinished job; nothing of one that has ended."""
    if not job.unfinished:
        return ()
    return [
        Verdict(
            rule=name,
            since=holds(name, job, rules, sight, is_open=name in opened),
            opened=name in opened,
            words=_WORDS[name](_Case(job=job, rules=rules, sight=sight, opened=name in opened)),
        )
        for name in JOB_CONDITIONS
    ]


def _watched(case: _Case, since: datetime, after: timedelta, what: str) -> str:
    watched = case.sight.gaps.watched(since, case.sight.data_at)
    if watched >= after:
        return f"{length(watched)} watched {what}, {length(after)} are too many"
    return f"{length(watched)} of {length(after)} watched {what}"


def _stalled(case: _Case) -> str:
    after, job = case.rules.stalled_after, case.job
    progress = job.job.progress
    if after is None:
        return OFF
    if progress is None:
        return "the cloud counts no tasks of it"
    if not case.sight.lifecycle.works(job.job.status):
        return f"a job in status {job.job.status} is not at work"
    if progress.total and not progress.remaining:
        return "every task is counted"
    return _watched(case, job.progressed_at or job.status_since, after, "without progress")


def _stuck(case: _Case) -> str:
    after, status = case.rules.stuck_after, case.job.job.status
    if after is None:
        return OFF
    if not case.sight.lifecycle.is_passing(status):
        return f"a job may stay in status {status}"
    return _watched(case, case.job.status_since, after, f"in status {status}")


def _waiting(case: _Case) -> str:
    after = case.rules.waiting_after
    if after is None:
        return OFF
    if case.job.job.phase is not Phase.WAITING:
        return "it waits for no person"
    return _watched(case, case.job.status_since, after, "waiting for a person")


def _overdue(case: _Case) -> str:
    after, created_at = case.rules.overdue_after, case.job.job.created_at
    if after is None:
        return OFF
    if created_at is None:
        return "the cloud tells no time of its creation"
    return _watched(case, created_at - case.sight.clock_offset, after, "since its creation")


def _failing(case: _Case) -> str:
    rule, progress = case.rules.failing, case.job.job.progress
    if rule is None:
        return OFF
    if progress is None:
        return "the cloud counts no tasks of it"
    if progress.finished < rule.min_finished:
        return f"{progress.finished:,} tasks are finished, {rule.min_finished:,} are asked for"
    ratio = rule.ratio * (HYSTERESIS if case.opened else 1.0)
    failed = progress.failed_ratio or 0.0
    limit = (
        f"it closes below {100 * ratio:.3g} %"
        if case.opened
        else f"{100 * ratio:.3g} % are too many"
    )
    return f"{100 * failed:.3g} % of the finished tasks failed, {limit}"


_WORDS: dict[ConditionName, Callable[[_Case], str]] = {
    ConditionName.STALLED: _stalled,
    ConditionName.STUCK: _stuck,
    ConditionName.WAITING: _waiting,
    ConditionName.OVERDUE: _overdue,
    ConditionName.FAILING: _failing,
}
