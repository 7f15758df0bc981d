"""Snapshot versus observation: what changed, and whose word it takes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobwatch.core.diff import (
    TOLD_KINDS,
    Authority,
    ChangeKind,
)
from jobwatch.core.model import Job, Outcome, Snapshot
from tests.factories import (
    ENDED_JOBS,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    diff,
    job,
    progress,
    snapshot,
    watch,
)

LISTING, DESCRIBE = Authority.LISTING, Authority.DESCRIBE


@pytest.mark.parametrize("seen", ["Active", "Melted", "New"])
def test_a_listing_alone_does_not_lead_out_of_a_status_that_nobody_knows(seen: str) -> None:
    known = snapshot("Archived")
    listed = diff([known], [job(seen)], authority=LISTING)
    assert (listed.changes, listed.doubted) == ((), (job(seen),))
    (change,) = diff([known], [job(seen)], authority=DESCRIBE).changes
    assert change.kind is ChangeKind.STATUS_CHANGED


@pytest.mark.parametrize(
    ("before", "seen", "kind"),
    [
        ("New", "Active", ChangeKind.STATUS_CHANGED),
        ("New", "Held", ChangeKind.STATUS_CHANGED),
        ("Active", "Paused", ChangeKind.STATUS_CHANGED),
        ("New", "Done", ChangeKind.ENDED),
        ("Active", "Failed", ChangeKind.ENDED),
        ("Held", "Canceled", ChangeKind.ENDED),
        ("Active", "Archived", ChangeKind.STATUS_CHANGED),
        ("Archived", "Done", ChangeKind.ENDED),
    ],
)
@pytest.mark.parametrize("authority", Authority)
def test_an_unfinished_job_changes_on_anybodys_word_and_skipped_statuses_are_normal(
    before: str, seen: str, kind: ChangeKind, authority: Authority
) -> None:
    known = snapshot(before)
    found = diff([known], [job(seen)], authority=authority)
    (change,) = found.changes
    assert change.kind is kind
    assert change.before == known
    assert change.after.job == job(seen)
    assert change.authority is authority
    assert not change.history
    assert found.doubted == ()
    assert found.same == ()


def test_a_listing_that_shows_an_earlier_stage_is_doubted_and_describe_job_believed() -> None:
    known = snapshot("Active")
    assert diff([known], [job("New")]).doubted == (job("New"),)
    (change,) = diff([known], [job("New")], authority=DESCRIBE).changes
    assert change.kind is ChangeKind.STATUS_CHANGED


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        ("Active", ChangeKind.REOPENED),
        ("New", ChangeKind.REOPENED),
        ("Archived", ChangeKind.REOPENED),
        ("Failed", ChangeKind.OUTCOME_CHANGED),
        ("Cancelled", ChangeKind.OUTCOME_CHANGED),
    ],
)
def test_an_ended_job_changes_only_on_the_word_of_describe_job(seen: str, kind: ChangeKind) -> None:
    known, other = snapshot("Done"), job(seen)

    listed = diff([known], [other], authority=LISTING)
    assert listed.changes == ()
    assert listed.same == ()
    assert listed.doubted == (other,)

    (change,) = diff([known], [other], authority=DESCRIBE).changes
    assert change.kind is kind
    assert change.after.outcome is other.outcome
    assert change.authority is DESCRIBE


@pytest.mark.parametrize("authority", Authority)
@pytest.mark.parametrize("status", ["Active", "Done", "Failed"])
def test_an_answer_without_counters_takes_none_away(status: str, authority: Authority) -> None:
    known = snapshot(of=job(status, progress=progress(4, failed=6)))
    found = diff([known], [job(status, progress=None)], authority=authority)
    assert found.changes == ()
    assert found.doubted == ()
    assert found.same == (known,)


def test_failed_tasks_that_a_listing_shows_after_the_end_are_doubted_and_then_a_new_outcome() -> (
    None
):
    known = snapshot(of=job("Done", progress=None))
    later = job("Done", progress=progress(succeeded=7, failed=3))
    assert known.outcome is Outcome.SUCCEEDED
    assert diff([known], [later], authority=LISTING).doubted == (later,)

    (change,) = diff([known], [later], authority=DESCRIBE).changes
    assert change.kind is ChangeKind.OUTCOME_CHANGED
    assert change.after.outcome is Outcome.COMPLETED_WITH_FAILURES


@pytest.mark.parametrize("recorded", ENDED_JOBS.values(), ids=ENDED_JOBS)
@pytest.mark.parametrize("listed", [*ENDED_JOBS.values(), job("Active"), job("Archived")])
def test_a_listing_by_itself_never_changes_how_a_job_ended(recorded: Job, listed: Job) -> None:
    found = diff([snapshot(of=recorded)], [listed], authority=LISTING)
    same_end = (recorded.status, recorded.outcome) == (listed.status, listed.outcome)
    assert found.doubted == (() if same_end else (listed,))
    assert all(each.kind is ChangeKind.PROGRESSED for each in found.changes)


@pytest.mark.parametrize(
    "fields",
    [
        {"progress": progress(succeeded=3)},
        {"progress": progress(total=12)},
        {"description": "renamed"},
        {"priority": 11},
        {"operation": "Restore"},
        {"created_at": NOW - 2 * HOUR},
        {"ended_at": NOW},
    ],
)
@pytest.mark.parametrize("status", ["Active", "Failed", "Archived"])
def test_other_fields_are_recorded_and_nobody_is_told(status: str, fields: dict[str, Any]) -> None:
    (change,) = diff([snapshot(status)], [job(status, **fields)]).changes
    assert change.kind is ChangeKind.PROGRESSED
    assert change.kind not in TOLD_KINDS
    assert change.after.job == job(status, **fields)
    assert change.after.status_since == snapshot(status).status_since
    assert not change.late


@pytest.mark.parametrize("status", ["New", "Active", "Done", "Failed", "Archived"])
@pytest.mark.parametrize("authority", Authority)
def test_equal_fields_are_no_change_and_only_the_new_bytes_are_remembered(
    status: str, authority: Authority
) -> None:
    known = snapshot(of=job(status, fingerprint=11))
    again = job(status, fingerprint=22)
    found = diff([known], [again], authority=authority)
    assert found.changes == ()
    assert found.doubted == ()
    assert found.same == (replace(known, job=again),)


def test_a_change_of_status_counts_from_now_and_an_end_from_the_clouds_own_time() -> None:
    known = snapshot("New")
    (moved,) = diff([known], [job("Active")]).changes
    (ended,) = diff([known], [job("Done", ended_at=NOW - 5 * MINUTE)]).changes
    (unsaid,) = diff([known], [job("Done", ended_at=None)]).changes
    (odd,) = diff([known], [job("Active", ended_at=NOW - 5 * MINUTE)]).changes
    since = [change.after.status_since for change in (moved, ended, unsaid, odd)]
    assert since == [NOW, NOW - 5 * MINUTE, NOW, NOW]


@pytest.mark.parametrize(
    ("before", "seen", "advanced"),
    [
        (progress(2), progress(3), True),
        (progress(2), progress(2, failed=1), True),
        (progress(2, failed=1), progress(3, failed=0), False),
        (progress(2), progress(2, total=99), False),
        (None, progress(0), False),
        (None, progress(1), True),
    ],
)
def test_progress_is_a_task_that_ended_not_any_other_number(
    before: Any, seen: Any, *, advanced: bool
) -> None:
    known = snapshot(of=job("Active", progress=before))
    (change,) = diff([known], [job("Active", progress=seen)]).changes
    assert change.after.progressed_at == (NOW if advanced else known.progressed_at)


def test_a_change_of_status_is_progress_even_with_equal_counters() -> None:
    (change,) = diff([snapshot("New")], [job("Active")]).changes
    assert change.after.progressed_at == NOW


def test_started_at_is_when_a_job_was_first_observed_running_and_stays() -> None:
    (started,) = diff([snapshot("New")], [job("Active")]).changes
    assert started.after.started_at == NOW

    later = watch(observed_at=NOW + HOUR)
    (paused,) = diff([started.after], [job("Paused")], later).changes
    (again,) = diff([paused.after], [job("Active")], later).changes
    (ended,) = diff([again.after], [job("Done")], later).changes
    assert {each.after.started_at for each in (paused, again, ended)} == {NOW}


@pytest.mark.parametrize("status", ["Held", "Paused", "Done", "Failed", "Archived"])
def test_a_job_never_seen_running_has_no_start(status: str) -> None:
    (change,) = diff([snapshot("New")], [job(status)]).changes
    assert change.after.started_at is None


def test_every_change_has_the_next_version_and_keeps_who_the_job_is() -> None:
    known = snapshot("New", version=41, row=7)
    (change,) = diff([known], [job("Active")]).changes
    assert (change.after.version, change.after.row) == (42, 7)
    assert change.after.first_seen_at == known.first_seen_at
    assert change.after.observed_at == NOW


def test_an_end_once_counted_stays_counted_through_reopening_and_a_second_end() -> None:
    (ended,) = diff([snapshot("Active")], [job("Done")]).changes
    (reopened,) = diff([ended.after], [job("Active")], authority=DESCRIBE).changes
    (second,) = diff([reopened.after], [job("Failed")]).changes
    assert [each.kind for each in (ended, reopened, second)] == [
        ChangeKind.ENDED,
        ChangeKind.REOPENED,
        ChangeKind.ENDED,
    ]
    assert ended.before is not None
    assert not ended.before.counted
    assert ended.after.counted
    assert reopened.after.counted
    assert reopened.after.unfinished
    assert second.after.counted


def test_an_unfinished_job_is_not_counted() -> None:
    (change,) = diff([snapshot("New")], [job("Active")]).changes
    assert not change.after.counted


@pytest.mark.parametrize("seen", [job("Active"), job("Done"), job("Cancelled")])
def test_a_vanished_job_that_a_listing_shows_again_is_asked_about(seen: Job) -> None:
    gone = snapshot("Active", outcome=Outcome.VANISHED, missing_since=NOW - HOUR)
    assert diff([gone], [seen]).doubted == (seen,)


def test_a_vanished_job_that_is_back_in_its_old_status_is_back_even_if_its_proof_was_cleared() -> (
    None
):
    gone = snapshot("Active", outcome=Outcome.VANISHED, counted=True)
    assert diff([gone], [job("Active")]).doubted == (job("Active"),)


def test_a_vanished_job_that_describe_job_shows_running_is_reopened() -> None:
    gone = snapshot("Active", outcome=Outcome.VANISHED, missing_since=NOW - HOUR, counted=True)
    (change,) = diff([gone], [job("Active")], authority=DESCRIBE).changes
    assert change.kind is ChangeKind.REOPENED
    assert change.after.missing_since is None
    assert change.after.counted


def test_two_ends_of_one_outcome_differ_in_status_alone() -> None:
    known = snapshot(of=replace(job("Failed"), status="Aborted"))
    (change,) = diff([known], [job("Failed")], authority=DESCRIBE).changes
    assert change.kind is ChangeKind.STATUS_CHANGED


def test_an_ended_job_back_on_the_list_is_noted_so_that_its_retention_starts_again() -> None:
    (change,) = diff([snapshot("Done", left_at=NOW - HOUR)], [job("Done")]).changes
    assert change.kind is ChangeKind.PROGRESSED
    assert change.after.left_at is None


def test_a_late_end_is_marked_and_other_changes_never_are() -> None:
    after_a_gap = watch(watched_until=NOW - HOUR)
    ended = job("Done", ended_at=NOW - 30 * MINUTE)
    moved = job("Paused", ended_at=NOW - 30 * MINUTE)
    (end,) = diff([snapshot("Active")], [ended], after_a_gap).changes
    (move,) = diff([snapshot("Active")], [moved], after_a_gap).changes
    (outcome,) = diff([snapshot("Failed")], [ended], after_a_gap, authority=DESCRIBE).changes
    assert [end.late, move.late, outcome.late] == [True, False, False]


def test_a_cloud_whose_clock_is_ahead_ends_a_job_in_our_future_and_nothing_breaks() -> None:
    ended_at = NOW + timedelta(minutes=7)
    (change,) = diff([snapshot("Active")], [job("Done", ended_at=ended_at)]).changes
    assert change.after.status_since == ended_at
    assert not change.late


def snapshots_differ_in(first: Snapshot, second: Snapshot) -> set[str]:
    return {name for name in Snapshot.__slots__ if getattr(first, name) != getattr(second, name)}


def test_a_change_touches_nothing_of_the_snapshot_but_what_it_says() -> None:
    known = snapshot("New", status_since=NOW - 9 * SECOND)
    (change,) = diff([known], [job("Active")]).changes
    assert snapshots_differ_in(known, change.after) == {
        "job",
        "version",
        "observed_at",
        "status_since",
        "started_at",
        "progressed_at",
    }
