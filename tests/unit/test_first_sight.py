"""First sight is history, not news; and what it means to come late."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from jobwatch.core.diff import Authority, ChangeKind
from jobwatch.core.first_sight import HISTORY_SLACK, FirstSight, Watch, is_history, is_late
from jobwatch.core.model import Job, Snapshot
from tests.factories import DAY, EVERY, HOUR, MINUTE, NOW, SECOND, diff, job, snapshot, watch

BASELINE = NOW - DAY
LATE_AFTER = 3 * EVERY


def baselining(first_sight: timedelta | FirstSight) -> Watch:
    return watch(
        first_sight=first_sight,
        baselined=False,
        baseline_started_at=NOW,
        observed_at=NOW + MINUTE,
        watched_until=None,
    )


@pytest.mark.parametrize(
    ("first_sight", "seen", "history"),
    [
        (FirstSight.BASELINE, job("Active"), True),
        (FirstSight.BASELINE, job("Failed", ended_at=NOW), True),
        (FirstSight.BASELINE, job("Failed", ended_at=NOW + MINUTE), True),
        (FirstSight.BASELINE, job("Archived"), True),
        (FirstSight.EVERYTHING, job("Active"), False),
        (FirstSight.EVERYTHING, job("Failed", ended_at=NOW - 80 * DAY), False),
        (FirstSight.EVERYTHING, job("Failed", ended_at=None), False),
        (HOUR, job("Active"), True),
        (HOUR, job("Held"), True),
        (HOUR, job("Archived"), True),
        (HOUR, job("Failed", ended_at=NOW - HOUR), False),
        (HOUR, job("Failed", ended_at=NOW - HOUR - SECOND), True),
        (HOUR, job("Failed", ended_at=NOW + MINUTE), False),
        (HOUR, job("Failed", ended_at=None), True),
        (HOUR, job("Failed", ended_at=None, created_at=NOW), True),
        (timedelta(), job("Failed", ended_at=NOW), False),
        (timedelta(), job("Failed", ended_at=NOW - SECOND), True),
    ],
)
def test_while_the_baseline_is_taken_first_sight_decides(
    first_sight: timedelta | FirstSight, seen: Job, *, history: bool
) -> None:
    assert is_history(seen, baselining(first_sight)) is history
    (change,) = diff([], [seen], baselining(first_sight)).changes
    assert change.history is history


def test_an_unfinished_job_with_an_end_time_has_not_ended_within_first_sight() -> None:
    assert is_history(job("Active", ended_at=NOW - MINUTE), baselining(HOUR))


def test_a_baseline_that_takes_days_still_tells_what_ended_since_it_first_began() -> None:
    third_day = watch(
        baselined=False,
        baseline_started_at=NOW - 3 * DAY,
        watched_until=None,
        first_sight=HOUR,
    )
    assert not is_history(job("Failed", ended_at=NOW - 2 * DAY), third_day)
    assert not is_history(job("Failed", ended_at=NOW - 3 * DAY - HOUR), third_day)
    assert is_history(job("Failed", ended_at=NOW - 3 * DAY - HOUR - SECOND), third_day)


SLACK = timedelta(minutes=5)


@pytest.mark.parametrize("first_sight", [HOUR, FirstSight.BASELINE, FirstSight.EVERYTHING])
@pytest.mark.parametrize(
    ("seen", "offset", "history"),
    [
        (job("Active"), timedelta(), False),
        (job("New", created_at=BASELINE - 50 * DAY), timedelta(), False),
        (job("Archived", created_at=BASELINE - 50 * DAY), timedelta(), False),
        (job("Archived", ended_at=BASELINE - 50 * DAY), timedelta(), False),
        (job("Done", ended_at=NOW), timedelta(), False),
        (job("Done", ended_at=BASELINE - SLACK), timedelta(), False),
        (job("Done", ended_at=BASELINE - SLACK - SECOND), timedelta(), True),
        (job("Done", ended_at=BASELINE - SLACK - SECOND), SECOND, False),
        (job("Done", ended_at=BASELINE - SLACK - SECOND), -SECOND, False),
        (job("Done", ended_at=BASELINE - SLACK - 2 * SECOND), -SECOND, True),
        (job("Done", ended_at=None, created_at=NOW - HOUR), timedelta(), False),
        (job("Done", ended_at=None, created_at=BASELINE - DAY), timedelta(), True),
        (job("Done", ended_at=None, created_at=None), timedelta(), False),
        (job("Done", ended_at=NOW, created_at=BASELINE - DAY), timedelta(), False),
    ],
)
def test_after_the_baseline_only_an_end_from_well_before_it_is_history(
    seen: Job, offset: timedelta, *, history: bool, first_sight: timedelta | FirstSight
) -> None:
    now = watch(baseline_started_at=BASELINE, clock_offset=offset, first_sight=first_sight)
    assert is_history(seen, now) is history
    (change,) = diff([], [seen], now).changes
    assert change.history is history


def test_the_slack_around_the_baseline_is_five_minutes() -> None:
    assert HISTORY_SLACK == SLACK


@pytest.mark.parametrize("first_sight", [HOUR, FirstSight.BASELINE])
@pytest.mark.parametrize(
    ("before", "seen", "kind"),
    [
        ("Active", "Failed", ChangeKind.ENDED),
        ("New", "Active", ChangeKind.STATUS_CHANGED),
        ("Active", "Archived", ChangeKind.STATUS_CHANGED),
    ],
)
def test_first_sight_never_silences_a_job_that_has_a_snapshot(
    before: str, seen: str, kind: ChangeKind, first_sight: timedelta | FirstSight
) -> None:
    old_end = job(seen, ended_at=NOW - 30 * DAY if seen == "Failed" else None)
    (change,) = diff([snapshot(before)], [old_end], baselining(first_sight)).changes
    assert change.kind is kind
    assert not change.history


@pytest.mark.parametrize(
    ("status", "kind", "outcome", "started"),
    [
        ("New", ChangeKind.DISCOVERED, None, False),
        ("Held", ChangeKind.DISCOVERED, None, False),
        ("Active", ChangeKind.DISCOVERED, None, True),
        ("Archived", ChangeKind.DISCOVERED, None, False),
        ("Done", ChangeKind.ENDED, "succeeded", False),
        ("Failed", ChangeKind.ENDED, "failed", False),
        ("Cancelled", ChangeKind.ENDED, "cancelled", False),
    ],
)
@pytest.mark.parametrize("authority", Authority)
def test_a_first_sight_is_a_discovery_or_an_end(
    status: str, kind: ChangeKind, outcome: str | None, *, started: bool, authority: Authority
) -> None:
    seen = job(status)
    (change,) = diff([], [seen], authority=authority).changes
    ended = outcome is not None
    assert (change.kind, change.before, change.authority) == (kind, None, authority)
    assert change.after == Snapshot(
        job=seen,
        row=0,
        version=1,
        outcome=seen.outcome,
        first_seen_at=NOW,
        observed_at=NOW,
        status_since=seen.ended_at if ended and seen.ended_at else NOW,
        started_at=NOW if started else None,
        progressed_at=NOW,
        counted=ended,
    )
    assert (change.after.outcome or None) == outcome


def test_a_first_seen_end_without_an_end_time_has_its_status_since_now() -> None:
    (change,) = diff([], [job("Done", ended_at=None)]).changes
    assert change.after.status_since == NOW
    assert not change.late


GAP = {"watched_until": NOW - HOUR, "sweep_started_at": NOW}
"""Nobody watched for an hour."""


@pytest.mark.parametrize(
    ("ended_at", "fields", "late"),
    [
        pytest.param(NOW - 30 * MINUTE, GAP, True, id="ended in the gap"),
        pytest.param(NOW - HOUR, GAP, True, id="ended as the watch stopped"),
        pytest.param(NOW - 2 * HOUR, GAP, False, id="ended under watch"),
        pytest.param(
            NOW - HOUR - MINUTE,
            {**GAP, "watched_from": NOW - HOUR - MINUTE},
            True,
            id="ended behind the back of the last sweep",
        ),
        pytest.param(
            NOW - HOUR - MINUTE - SECOND,
            {**GAP, "watched_from": NOW - HOUR - MINUTE},
            False,
            id="ended before the last sweep",
        ),
        pytest.param(NOW - LATE_AFTER, GAP, False, id="recorded soon enough"),
        pytest.param(NOW - LATE_AFTER - SECOND, GAP, True, id="recorded just too late"),
        pytest.param(NOW + MINUTE, GAP, False, id="the cloud's clock is ahead"),
        pytest.param(None, GAP, False, id="no end time"),
        pytest.param(
            NOW - LATE_AFTER - MINUTE,
            {"watched_until": NOW - LATE_AFTER - MINUTE, "sweep_started_at": NOW - MINUTE},
            False,
            id="the gap is just short enough",
        ),
        pytest.param(
            NOW - LATE_AFTER - MINUTE,
            {"watched_until": NOW - LATE_AFTER - MINUTE, "sweep_started_at": NOW - MINUTE + SECOND},
            True,
            id="the gap is just too long",
        ),
        pytest.param(
            NOW - 10 * MINUTE,
            {"watched_until": NOW - 20 * MINUTE, "sweep_started_at": NOW - 20 * MINUTE + SECOND},
            False,
            id="no gap, but a sweep that takes long",
        ),
        pytest.param(
            NOW - 30 * MINUTE,
            {"watched_until": NOW - HOUR, "sweep_started_at": None},
            True,
            id="outside a sweep the gap lasts until now",
        ),
        pytest.param(
            NOW - LATE_AFTER - SECOND,
            {"watched_until": None},
            True,
            id="no complete sweep ever, ended long ago",
        ),
        pytest.param(
            NOW - LATE_AFTER,
            {"watched_until": None},
            False,
            id="no complete sweep ever, ended just now",
        ),
    ],
)
def test_late_means_ended_while_nobody_watched_and_recorded_well_after(
    ended_at: datetime | None, fields: dict[str, Any], *, late: bool
) -> None:
    seen = job("Failed", ended_at=ended_at)
    assert is_late(seen, watch(**fields)) is late
    (first_sight,) = diff([], [seen], watch(**fields)).changes
    (known,) = diff([snapshot("Active")], [seen], watch(**fields)).changes
    assert (first_sight.late, known.late) == (late, late)


def test_late_is_the_same_before_and_after_a_restart_because_it_comes_from_stored_times() -> None:
    seen = job("Failed", ended_at=NOW - 30 * MINUTE)
    first_try = watch(watched_until=NOW - HOUR, sweep_started_at=NOW - MINUTE)
    after_a_broken_sweep_and_a_restart = watch(watched_until=NOW - HOUR, sweep_started_at=NOW)
    assert is_late(seen, first_try)
    assert is_late(seen, after_a_broken_sweep_and_a_restart)


def test_an_unfinished_job_is_never_late_even_with_an_end_time() -> None:
    (change,) = diff([], [job("Active", ended_at=NOW - 30 * MINUTE)], watch(**GAP)).changes
    assert change.kind is ChangeKind.DISCOVERED
    assert not change.late
