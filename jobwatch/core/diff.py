"""Snapshot versus observation: what changed.

1. Only (status, outcome) is compared to tell people something; skipped statuses are normal.
2. An ended job is never changed on a listing's word alone: the listing is doubted, and DescribeJob decides.
3. First sight is history, not news, as `first_sight` says. It silences only jobs without a snapshot.
4. Absence is never judged from a page, only from DescribeJob's own NoSuchJob (`core.absence`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from jobwatch.core.first_sight import Watch, is_history, is_late
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import Job, JobKey, Snapshot


class ChangeKind(StrEnum):
    """What a recorded change is."""

    DISCOVERED = "discovered"
    STATUS_CHANGED = "status_changed"
    ENDED = "ended"
    OUTCOME_CHANGED = "outcome_changed"
    REOPENED = "reopened"
    PROGRESSED = "progressed"
    MISSING = "missing"
    VANISHED = "vanished"
    REFUSED = "refused"


TOLD_KINDS = frozenset(
    {
        ChangeKind.DISCOVERED,
        ChangeKind.STATUS_CHANGED,
        ChangeKind.ENDED,
        ChangeKind.OUTCOME_CHANGED,
        ChangeKind.REOPENED,
        ChangeKind.VANISHED,
    }
)
"""Changes of status or outcome. The others are recorded and tell nobody anything."""


class Authority(StrEnum):
    """Whose word an observation is."""

    LISTING = "listing"
    DESCRIBE = "describe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference, ready to be recorded: `after` already has the next version.

    `history` silences it: it is recorded, and neither told nor counted. `late`: the job ended while nobody
    watched. `authority` says who told us.
    """

    kind: ChangeKind
    before: Snapshot | None
    after: Snapshot
    history: bool = False
    late: bool = False
    authority: Authority = Authority.LISTING


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDiff:
    """What a page says.

    `changes` are to be recorded. `doubted` are listings that take an end or a stage back; DescribeJob decides.
    `same` are snapshots whose job was on the page with other bytes and equal fields, with the new fingerprint:
    nothing to record.
    """

    changes: tuple[Change, ...] = ()
    doubted: tuple[Job, ...] = ()
    same: tuple[Snapshot, ...] = ()


def fold(jobs: Iterable[Job], lifecycle: Lifecycle) -> dict[JobKey, Job]:
    """One observation per job: the last one, unless it lags behind an earlier one of the same page."""
    folded: dict[JobKey, Job] = {}
    for job in jobs:
        earlier = folded.get(job.key)
        if earlier is None or not lifecycle.is_behind(job.status, earlier.status):
            folded[job.key] = job
    return folded


def diff_page(
    known: Mapping[JobKey, Snapshot],
    jobs: Iterable[Job],
    lifecycle: Lifecycle,
    watch: Watch,
    *,
    authority: Authority = Authority.LISTING,
) -> PageDiff:
    """Compare observations with what is known of the same jobs."""
    changes: list[Change] = []
    doubted: list[Job] = []
    same: list[Snapshot] = []
    for key, seen in fold(jobs, lifecycle).items():
        before = known.get(key)
        if before is None:
            changes.append(_first_sight(seen, lifecycle, watch, authority))
            continue
        job = with_counters(seen, before)
        if _alike(before, job) or (job.fingerprint and job.fingerprint == before.refused):
            same.append(replace(before, job=replace(before.job, fingerprint=job.fingerprint)))
        elif authority is Authority.LISTING and _goes_back(before, job, lifecycle):
            doubted.append(job)
        else:
            change = _change(before, job, watch, authority)
            changes.append(_started(change, lifecycle))
    return PageDiff(changes=tuple(changes), doubted=tuple(doubted), same=tuple(same))


def with_counters(job: Job, before: Snapshot) -> Job:
    """The observation, with the recorded counters where it has none: an answer without them takes none away."""
    return job if job.progress else replace(job, progress=before.job.progress)


def _alike(before: Snapshot, job: Job) -> bool:
    """Equal fields, and nothing left to take back: a job that was missing has been seen again."""
    return (
        before.missing_since is None
        and before.left_at is None
        and before.outcome == job.outcome
        and replace(before.job, fingerprint=job.fingerprint) == job
    )


def _goes_back(before: Snapshot, job: Job, lifecycle: Lifecycle) -> bool:
    """Whether a listing contradicts an end, or may lag behind what DescribeJob showed before it."""
    if before.outcome is not None:
        return _contradicts_an_end(before, job)
    recorded = before.job.status
    if lifecycle.row(recorded) is None:
        # Nobody knows what comes before a status that is not in the table. An end comes before nothing.
        return job.status != recorded and not job.terminal
    return lifecycle.is_behind(job.status, recorded)


def _contradicts_an_end(before: Snapshot, job: Job) -> bool:
    return (job.status, job.outcome) != (before.job.status, before.outcome)


def _started(change: Change, lifecycle: Lifecycle) -> Change:
    """The change, with the time when the job was first observed at work."""
    after = change.after
    if after.started_at is not None or not lifecycle.works(after.job.status):
        return change
    return replace(change, after=replace(after, started_at=after.observed_at))


def _first_sight(job: Job, lifecycle: Lifecycle, watch: Watch, authority: Authority) -> Change:
    after = Snapshot(
        job=job,
        version=1,
        outcome=job.outcome,
        first_seen_at=watch.observed_at,
        observed_at=watch.observed_at,
        status_since=_since(job, watch),
        started_at=watch.observed_at if lifecycle.works(job.status) else None,
        progressed_at=watch.observed_at,
        counted=job.terminal,
    )
    return Change(
        kind=ChangeKind.ENDED if job.terminal else ChangeKind.DISCOVERED,
        before=None,
        after=after,
        history=is_history(job, watch),
        late=is_late(job, watch),
        authority=authority,
    )


def _change(before: Snapshot, job: Job, watch: Watch, authority: Authority) -> Change:
    kind = _kind(before, job)
    moved = job.status != before.job.status
    advanced = moved or _finished(job) != _finished(before.job)
    after = replace(
        before,
        job=job,
        version=before.version + 1,
        outcome=job.outcome,
        observed_at=watch.observed_at,
        status_since=_since(job, watch) if moved else before.status_since,
        progressed_at=watch.observed_at if advanced else before.progressed_at,
        counted=before.counted or job.terminal,
        refused=0,
        missing_since=None,
        missing_proved_at=None,
        left_at=None,
    )
    late = kind is ChangeKind.ENDED and is_late(job, watch)
    return Change(kind=kind, before=before, after=after, late=late, authority=authority)


def _kind(before: Snapshot, job: Job) -> ChangeKind:
    if before.outcome is None and job.outcome is not None:
        return ChangeKind.ENDED
    if before.outcome is not None and job.outcome is None:
        return ChangeKind.REOPENED
    if before.outcome != job.outcome:
        return ChangeKind.OUTCOME_CHANGED
    return ChangeKind.STATUS_CHANGED if before.job.status != job.status else ChangeKind.PROGRESSED


def _finished(job: Job) -> int:
    return job.progress.finished if job.progress else 0


def _since(job: Job, watch: Watch) -> datetime:
    """When the present status began: the cloud's own time for an end, else when we saw it."""
    return job.ended_at if job.terminal and job.ended_at else watch.observed_at


def refuse(before: Snapshot, listed: Job, watch: Watch) -> Change:
    """Remember a listing that DescribeJob contradicted, so that it is not asked about again."""
    after = replace(
        before,
        version=before.version + 1,
        observed_at=watch.observed_at,
        refused=listed.fingerprint,
        left_at=None,
    )
    return Change(kind=ChangeKind.REFUSED, before=before, after=after, authority=Authority.DESCRIBE)


class Agreement(StrEnum):
    """How a DescribeJob answer, asked for detail, stands to the snapshot."""

    AGREES = "agrees"
    NEWS = "news"
    BEHIND = "behind"


def agreement(snapshot: Snapshot, job: Job, lifecycle: Lifecycle) -> Agreement:
    """Judge an answer: the same status and outcome, something newer, or an answer that lags behind.

    An ended job that the answer shows unfinished lags: only a listing and DescribeJob together reopen a job.
    """
    job = with_counters(job, snapshot)
    if (snapshot.job.status, snapshot.outcome) == (job.status, job.outcome):
        return Agreement.AGREES
    if snapshot.outcome is not None and job.outcome is None:
        return Agreement.BEHIND
    if lifecycle.is_behind(job.status, snapshot.job.status):
        return Agreement.BEHIND
    return Agreement.NEWS
