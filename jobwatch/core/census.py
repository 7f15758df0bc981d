"""What is counted when a change is recorded: the store's own counters and histograms.

They move in the transaction that records the change, so they survive restarts exactly and count a job's end once.
History enters none of them. Gauges of unfinished jobs are not moved but read from the recorded snapshots.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from jobwatch.core.diff import TOLD_KINDS, Change, ChangeKind
from jobwatch.core.lifecycle import UNKNOWN, Lifecycle

OTHER = "other"
_END_KINDS = frozenset({ChangeKind.ENDED, ChangeKind.VANISHED})

DURATIONS = (10, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800, 2592000)
DELAYS = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)
"""Upper bounds of histogram buckets, in seconds (contract section 4)."""

TRANSITIONS = "jobwatch_job_transitions_total"
FINISHED = "jobwatch_jobs_finished_total"
LAST_FINISHED = "jobwatch_last_finished_timestamp_seconds"
TASKS_FINISHED = "jobwatch_tasks_finished_total"
EVENTS = "jobwatch_events_total"
UNKNOWN_STATUS = "jobwatch_unknown_status_total"
DURATION = "jobwatch_job_duration_seconds"
WAIT = "jobwatch_job_wait_seconds"
DETECTION_DELAY = "jobwatch_detection_delay_seconds"
DELIVERIES = "jobwatch_deliveries_total"
ATTEMPTS = "jobwatch_delivery_attempts_total"
DELIVERY_LAG = "jobwatch_delivery_lag_seconds"


class Series(NamedTuple):
    """One stored series of a source or a receiver: the metric's name and its other labels' values, in order.

    A histogram is kept as one series per bucket that was ever hit (last label: its upper bound, not cumulative)
    and one with the last label "sum".
    """

    name: str
    labels: tuple[str, ...] = ()


class Counts(NamedTuple):
    """What to add to counters, and what to set gauges of time to (if later than they are)."""

    added: Counter[Series]
    latest: dict[Series, float]


def observe(
    added: Counter[Series], name: str, labels: tuple[str, ...], value: float, bounds: Iterable[int]
) -> None:
    """Count one observation of a histogram; `value` in seconds, negative ones (clocks) as 0."""
    value = max(0.0, value)
    bound = next((str(limit) for limit in bounds if value <= limit), "+Inf")
    added[Series(name, (*labels, bound))] += 1
    added[Series(name, (*labels, "sum"))] += value  # type: ignore[assignment]  # Counter's stub knows int alone


def count(
    changes: Iterable[Change],
    lifecycle: Lifecycle,
    operations: Iterable[str],
    *,
    recorded_at: datetime,
    clock_offset: timedelta = timedelta(),
) -> Counts:
    """What a batch of changes adds to the counters of its source. `clock_offset` is the cloud's clock minus ours."""
    counts = Counts(Counter(), {})
    known = frozenset(operations)
    for change in changes:
        if not change.history and change.kind in TOLD_KINDS:
            operation = change.after.job.operation if change.after.job.operation in known else OTHER
            _count_transition(counts, change, lifecycle, operation)
            _count_end(counts, change, operation, recorded_at, clock_offset)
    return counts


def _count_transition(counts: Counts, change: Change, lifecycle: Lifecycle, operation: str) -> None:
    before, after = change.before, change.after
    if before is None or before.job.status != after.job.status:
        label = lifecycle.label(after.job.status)
        counts.added[Series(TRANSITIONS, (operation, label))] += 1
        if label == UNKNOWN:
            counts.added[Series(UNKNOWN_STATUS)] += 1
    started_now = after.started_at is not None and (before is None or before.started_at is None)
    if started_now and after.started_at and after.job.created_at:
        waited = (after.started_at - after.job.created_at).total_seconds()
        observe(counts.added, WAIT, (), waited, DURATIONS)


def _count_end(
    counts: Counts,
    change: Change,
    operation: str,
    recorded_at: datetime,
    clock_offset: timedelta,
) -> None:
    after = change.after
    already = change.before is not None and change.before.counted
    if change.kind not in _END_KINDS or already or after.outcome is None:
        return
    outcome, job = after.outcome.value, after.job
    counts.added[Series(FINISHED, (operation, outcome))] += 1
    counts.latest[Series(LAST_FINISHED, (operation, outcome))] = recorded_at.timestamp()
    if job.progress is not None:
        counts.added[Series(TASKS_FINISHED, (operation, "succeeded"))] += job.progress.succeeded
        counts.added[Series(TASKS_FINISHED, (operation, "failed"))] += job.progress.failed
    if job.ended_at is not None:
        if job.created_at is not None:
            took = (job.ended_at - job.created_at).total_seconds()
            observe(counts.added, DURATION, (outcome,), took, DURATIONS)
        if not change.late:
            delay = (recorded_at + clock_offset - job.ended_at).total_seconds()
            observe(counts.added, DETECTION_DELAY, (), delay, DELAYS)
