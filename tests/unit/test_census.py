"""What recorded changes add to the stored counters, and that history adds nothing."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.census import (
    DELAYS,
    DETECTION_DELAY,
    DURATION,
    DURATIONS,
    FINISHED,
    LAST_FINISHED,
    OTHER,
    TASKS_FINISHED,
    TRANSITIONS,
    UNKNOWN_STATUS,
    WAIT,
    Counts,
    Series,
    count,
)
from jobwatch.core.diff import TOLD_KINDS, Authority, Change, ChangeKind
from jobwatch.core.model import Job, Outcome, Snapshot
from tests.factories import (
    ENDED_JOBS,
    HOUR,
    MINUTE,
    NOW,
    OPERATIONS,
    SECOND,
    TABLE,
    change,
    diff,
    job,
    progress,
    snapshot,
    watch,
)


def counted(*changes: Change) -> Counts:
    return count(changes, TABLE, OPERATIONS, recorded_at=NOW)


def changes_of(seen: Job, before: Snapshot | None = None, **fields: Any) -> tuple[Change, ...]:
    known = [] if before is None else [before]
    return diff(known, [seen], watch(), **fields).changes


def added(counts: Counts, name: str) -> dict[tuple[str, ...], float]:
    return {series.labels: n for series, n in counts.added.items() if series.name == name}


def observed(counts: Counts, name: str) -> dict[str, float]:
    """Buckets (by upper bound) and sum of a histogram, whatever its other labels."""
    return {labels[-1]: n for labels, n in added(counts, name).items()}


@pytest.mark.parametrize("outcome", ENDED_JOBS)
@pytest.mark.parametrize("before", [None, snapshot("Active")])
def test_an_end_counts_job_tasks_and_time_of_its_outcome(
    outcome: Outcome, before: Snapshot | None
) -> None:
    seen = ENDED_JOBS[outcome]
    assert seen.progress is not None
    counts = counted(*changes_of(seen, before))
    assert added(counts, FINISHED) == {("Copy", outcome.value): 1}
    assert counts.latest == {Series(LAST_FINISHED, ("Copy", outcome.value)): NOW.timestamp()}
    assert added(counts, TASKS_FINISHED) == {
        ("Copy", "succeeded"): seen.progress.succeeded,
        ("Copy", "failed"): seen.progress.failed,
    }
    assert added(counts, TRANSITIONS) == {("Copy", seen.status): 1}
    took = (HOUR - MINUTE).total_seconds()
    assert added(counts, DURATION) == {
        (outcome.value, "3600"): 1,
        (outcome.value, "sum"): took,
    }
    assert observed(counts, DETECTION_DELAY) == {"60": 1, "sum": 60.0}


@pytest.mark.parametrize("kind", ChangeKind)
def test_history_counts_nothing(kind: ChangeKind) -> None:
    assert counted(change(kind, history=True)) == Counts(counted().added, {})
    assert not counted(change(kind, history=True)).added


@pytest.mark.parametrize("kind", sorted(set(ChangeKind) - TOLD_KINDS))
def test_what_nobody_is_told_counts_nothing(kind: ChangeKind) -> None:
    counts = counted(change(kind, before=snapshot("Active")))
    assert not counts.added
    assert not counts.latest


def test_a_job_is_counted_as_finished_once_however_often_it_ends() -> None:
    (ended,) = changes_of(job("Done"), snapshot("Active"))
    (reopened,) = changes_of(job("Active"), ended.after, authority=Authority.DESCRIBE)
    (again,) = changes_of(job("Failed"), reopened.after)
    counts = counted(ended, reopened, again)
    assert added(counts, FINISHED) == {("Copy", "succeeded"): 1}
    assert added(counts, TRANSITIONS) == {
        ("Copy", "Done"): 1,
        ("Copy", "Active"): 1,
        ("Copy", "Failed"): 1,
    }
    assert list(counts.latest) == [Series(LAST_FINISHED, ("Copy", "succeeded"))]


def test_a_new_outcome_of_an_ended_job_is_no_second_end_and_no_transition() -> None:
    known = snapshot(of=job("Done", progress=None))
    (corrected,) = changes_of(
        job("Done", progress=progress(4, failed=6)), known, authority=Authority.DESCRIBE
    )
    assert corrected.kind is ChangeKind.OUTCOME_CHANGED
    counts = counted(corrected)
    assert not counts.added
    assert not counts.latest


def test_an_end_seen_as_history_that_reopens_and_ends_again_is_never_counted() -> None:
    baseline = watch(baselined=False, baseline_started_at=NOW, first_sight=timedelta())
    (old,) = diff([], [job("Done", ended_at=NOW - HOUR)], baseline).changes
    (reopened,) = changes_of(job("Active"), old.after, authority=Authority.DESCRIBE)
    (again,) = changes_of(job("Done"), reopened.after)
    assert old.history
    assert not added(counted(old, reopened, again), FINISHED)


def test_a_job_of_the_baseline_that_ends_under_watch_is_counted() -> None:
    baseline = watch(baselined=False, baseline_started_at=NOW, first_sight=timedelta())
    (old,) = diff([], [job("Active")], baseline).changes
    counts = counted(old, *changes_of(job("Done"), old.after))
    assert old.history
    assert added(counts, FINISHED) == {("Copy", "succeeded"): 1}
    assert added(counts, TRANSITIONS) == {("Copy", "Done"): 1}


@pytest.mark.parametrize(
    ("operation", "label"),
    [("Copy", "Copy"), ("Restore", "Restore"), ("copy", OTHER), ("Melt", OTHER), ("", OTHER)],
)
def test_an_operation_that_is_not_in_the_table_is_other(operation: str, label: str) -> None:
    counts = counted(*changes_of(job("Done", operation=operation), snapshot("Active")))
    assert added(counts, FINISHED) == {(label, "succeeded"): 1}
    assert added(counts, TRANSITIONS) == {(label, "Done"): 1}


@pytest.mark.parametrize("before", [None, snapshot("Active")])
def test_an_unknown_status_is_counted_and_labelled_unknown(before: Snapshot | None) -> None:
    counts = counted(*changes_of(job("Archived"), before))
    assert added(counts, TRANSITIONS) == {("Copy", "unknown"): 1}
    assert added(counts, UNKNOWN_STATUS) == {(): 1}


def test_a_known_status_is_not_counted_as_unknown() -> None:
    assert not added(counted(*changes_of(job("Active"))), UNKNOWN_STATUS)


def test_transitions_are_counted_by_the_new_status() -> None:
    counts = counted(
        *changes_of(job("New", id="a")),
        *changes_of(job("Active", id="b")),
        *changes_of(job("Active"), snapshot("New")),
    )
    assert added(counts, TRANSITIONS) == {("Copy", "New"): 1, ("Copy", "Active"): 2}
    assert not counts.latest


@pytest.mark.parametrize(
    ("seen", "before", "waits"),
    [
        (job("Active"), snapshot("New"), {"3600": 1, "sum": 3600.0}),
        (job("Active"), None, {"3600": 1, "sum": 3600.0}),
        (job("Active", created_at=NOW + MINUTE), None, {"10": 1, "sum": 0.0}),
        (job("Active", created_at=None), None, {}),
        (job("Active"), snapshot("Paused", started_at=NOW - MINUTE), {}),
        (job("Paused"), snapshot("Active", started_at=NOW - MINUTE), {}),
        (job("Done"), snapshot("New"), {}),
        (job("New"), None, {}),
    ],
)
def test_the_wait_is_from_creation_to_the_first_sight_of_running_once(
    seen: Job, before: Snapshot | None, waits: dict[str, float]
) -> None:
    assert observed(counted(*changes_of(seen, before)), WAIT) == waits


@pytest.mark.parametrize(
    ("fields", "duration", "delay"),
    [
        ({"created_at": None}, {}, {"60": 1, "sum": 60.0}),
        ({"ended_at": None}, {}, {}),
        (
            {"created_at": NOW, "ended_at": NOW - SECOND},
            {"10": 1, "sum": 0.0},
            {"1": 1, "sum": 1.0},
        ),
        ({"ended_at": NOW + MINUTE}, {"7200": 1, "sum": 3660.0}, {"1": 1, "sum": 0.0}),
    ],
)
def test_times_that_are_missing_are_left_out_and_negative_ones_count_as_nothing(
    fields: dict[str, Any], duration: dict[str, float], delay: dict[str, float]
) -> None:
    counts = counted(*changes_of(job("Done", **fields), snapshot("Active")))
    assert observed(counts, DETECTION_DELAY) == delay
    assert observed(counts, DURATION) == duration


def test_a_late_end_has_a_duration_and_no_detection_delay() -> None:
    (ended,) = diff(
        [snapshot("Active")],
        [job("Done", ended_at=NOW - 30 * MINUTE)],
        watch(watched_until=NOW - 50 * MINUTE),
    ).changes
    assert ended.late
    counts = counted(ended)
    assert not added(counts, DETECTION_DELAY)
    assert observed(counts, DURATION) == {"1800": 1, "sum": 1800.0}


def test_an_end_without_counters_counts_no_tasks() -> None:
    never_counted = snapshot(of=job("Active", progress=None))
    counts = counted(*changes_of(job("Done", progress=None), never_counted))
    assert not added(counts, TASKS_FINISHED)
    assert added(counts, FINISHED) == {("Copy", "succeeded"): 1}


@pytest.mark.parametrize(
    ("seconds", "bound"),
    [(0, "10"), (10, "10"), (10.001, "30"), (2592000, "2592000"), (2592001, "+Inf")],
)
def test_a_value_falls_into_the_first_bucket_that_holds_it(seconds: float, bound: str) -> None:
    seen = job("Done", created_at=NOW - timedelta(seconds=seconds), ended_at=NOW)
    counts = counted(*changes_of(seen, snapshot("Active")))
    assert observed(counts, DURATION) == {bound: 1, "sum": seconds}


def test_buckets_and_outcomes_are_those_of_the_contract() -> None:
    assert (
        *(10, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 28800),
        *(86400, 259200, 604800, 2592000),
    ) == DURATIONS
    assert DELAYS == (1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)
    assert {outcome.value for outcome in Outcome} == {
        "succeeded",
        "completed_with_failures",
        "failed",
        "cancelled",
        "vanished",
    }


@given(
    ends=st.lists(
        st.tuples(st.sampled_from(list(ENDED_JOBS)), st.sampled_from(["Copy", "Restore", "Melt"])),
        max_size=20,
    )
)
def test_a_batch_counts_what_its_changes_count_alone(ends: list[tuple[Outcome, str]]) -> None:
    changes = [
        change
        for n, (outcome, operation) in enumerate(ends)
        for change in changes_of(
            job(
                ENDED_JOBS[outcome].status,
                id=str(n),
                operation=operation,
                progress=ENDED_JOBS[outcome].progress,
            )
        )
    ]
    together = counted(*changes)
    assert sum(added(together, FINISHED).values()) == len(ends)
    total = counted().added
    for each in changes:
        total.update(counted(each).added)
    assert together.added == total
