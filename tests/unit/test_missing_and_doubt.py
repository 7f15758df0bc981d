"""Absence needs proof, and a doubted listing is settled once."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from jobwatch.core.absence import missing
from jobwatch.core.diff import (
    TOLD_KINDS,
    Agreement,
    Authority,
    Change,
    ChangeKind,
    agreement,
    refuse,
)
from jobwatch.core.index import JobIndex
from jobwatch.core.model import Job, Outcome, Snapshot
from tests.factories import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    TABLE,
    diff,
    job,
    progress,
    snapshot,
    watch,
)

PROOF = 10 * MINUTE


def no_such_job(before: Snapshot, at: datetime = NOW) -> Change | None:
    return missing(before, watch(observed_at=at), vanished_after=PROOF)


def noted(before: Snapshot, at: datetime = NOW) -> Snapshot:
    change = no_such_job(before, at)
    assert change is not None
    return change.after


def test_the_first_no_such_job_begins_a_proof_and_tells_nobody() -> None:
    known = snapshot("Active", version=4)
    change = no_such_job(known)
    assert change is not None
    assert change.kind is ChangeKind.MISSING
    assert change.kind not in TOLD_KINDS
    assert change.authority is Authority.DESCRIBE
    assert change.before == known
    assert (change.after.missing_since, change.after.missing_proved_at) == (NOW, None)
    assert (change.after.version, change.after.observed_at) == (5, NOW)
    assert change.after.unfinished
    assert change.after.job.status == "Active"
    assert not change.history
    assert not change.late


@pytest.mark.parametrize(
    ("after", "proved"),
    [
        (timedelta(), False),
        (SECOND, False),
        (PROOF - SECOND, False),
        (PROOF, True),
        (PROOF + SECOND, True),
        (9 * HOUR, True),
    ],
)
def test_only_a_second_no_such_job_far_enough_from_the_first_completes_the_proof(
    after: timedelta, *, proved: bool
) -> None:
    once = noted(snapshot("Active"))
    change = no_such_job(once, NOW + after)
    if not proved:
        assert change is None
        return
    assert change is not None
    assert change.kind is ChangeKind.MISSING
    assert change.after.missing_since == NOW
    assert change.after.missing_proved_at == NOW + after
    assert change.after.observed_at == NOW + after
    assert change.after.version == once.version + 1


def test_a_no_such_job_forgets_which_listing_was_refused() -> None:
    assert noted(replace(snapshot("Active"), refused=7)).refused == 0


def test_a_proof_is_completed_once() -> None:
    proved = noted(noted(snapshot("Active")), NOW + PROOF)
    assert no_such_job(proved, NOW + PROOF) is None
    assert no_such_job(proved, NOW + 9 * HOUR) is None
    assert no_such_job(proved, NOW - 9 * HOUR) is None, (
        "a clock that steps back proves nothing anew"
    )


@pytest.mark.parametrize("authority", Authority)
@pytest.mark.parametrize("seen", [job("Active"), job("Active", fingerprint=5), job("Paused")])
@pytest.mark.parametrize("proved", [False, True])
def test_any_sighting_between_begins_the_proof_again(
    authority: Authority, seen: Job, *, proved: bool
) -> None:
    gone = noted(snapshot("Active"))
    if proved:
        gone = noted(gone, NOW + PROOF)
    (sighting,) = diff([gone], [seen], authority=authority).changes
    assert (sighting.after.missing_since, sighting.after.missing_proved_at) == (None, None)
    assert sighting.kind in (ChangeKind.PROGRESSED, ChangeKind.STATUS_CHANGED)

    again = noted(sighting.after, NOW + 2 * PROOF)
    assert (again.missing_since, again.missing_proved_at) == (NOW + 2 * PROOF, None)


def test_a_missing_job_that_is_listed_again_with_its_old_bytes_is_parsed_again() -> None:
    known = snapshot(of=job("Active", fingerprint=0xABC), row=1)
    index = JobIndex(seed=0)
    index.load([(1, 0xABC, False)])

    gone = noted(known)
    index.learn(1, gone.refused or gone.job.fingerprint)

    skipped_as_unchanged = 0xABC in index.known.slots
    assert not skipped_as_unchanged, "the sighting never reaches diff_page, and the proof goes on"
    assert gone.job.fingerprint == 0, "nor after a restart, when the index is read from the store"


def test_an_end_that_is_listed_after_a_no_such_job_is_told_like_any_other() -> None:
    gone = noted(snapshot("Active"))
    (change,) = diff([gone], [job("Failed")]).changes
    assert change.kind is ChangeKind.ENDED
    assert change.after.missing_since is None


def test_a_clock_that_was_ahead_when_the_proof_began_does_not_stall_it() -> None:
    from_the_future = snapshot("Active", missing_since=NOW + 400 * HOUR)
    again = no_such_job(from_the_future, NOW)
    assert again is not None, "a time that cannot have been written yet begins the proof again"
    assert again.after.missing_since == NOW
    proved = no_such_job(again.after, NOW + PROOF)
    assert proved is not None
    assert proved.after.missing_proved_at == NOW + PROOF


def refused(before: Snapshot, listed: Job) -> Snapshot:
    change = refuse(before, listed, watch())
    assert change.kind is ChangeKind.REFUSED
    assert change.kind not in TOLD_KINDS
    assert change.authority is Authority.DESCRIBE
    assert change.before == before
    return change.after


ENDED = snapshot(of=job("Done", fingerprint=1), version=3)
STALE = job("Active", fingerprint=2)


def test_a_refused_listing_changes_nothing_but_what_is_remembered_of_it() -> None:
    after = refused(ENDED, STALE)
    assert after == replace(ENDED, version=4, observed_at=NOW, refused=2)
    assert after.outcome is Outcome.SUCCEEDED


def test_a_refused_listing_is_not_asked_about_again() -> None:
    known = refused(ENDED, STALE)
    found = diff([known], [STALE])
    assert found.changes == ()
    assert found.doubted == ()
    (kept,) = found.same
    assert kept.job == replace(ENDED.job, fingerprint=2)
    assert (kept.refused, kept.version) == (2, known.version)


@pytest.mark.parametrize(
    "other",
    [replace(STALE, fingerprint=3), replace(STALE, fingerprint=0), job("Failed", fingerprint=3)],
)
def test_a_refused_listing_that_changes_again_is_asked_about_again(other: Job) -> None:
    assert diff([refused(ENDED, STALE)], [other]).doubted == (other,)


def test_a_listing_whose_bytes_cannot_be_compared_is_never_taken_for_the_refused_one() -> None:
    nameless = job("Active", fingerprint=0)
    known = refused(ENDED, nameless)
    assert known.refused == 0
    assert diff([known], [nameless]).doubted == (nameless,)


def test_the_true_listing_after_a_refused_one_is_nothing_new() -> None:
    known = refused(ENDED, STALE)
    found = diff([known], [ENDED.job])
    assert found.changes == ()
    assert found.doubted == ()
    assert found.same == (replace(known, job=ENDED.job),)


def test_whatever_describe_job_confirms_later_forgets_the_refusal() -> None:
    known = refused(ENDED, STALE)
    (reopened,) = diff(
        [known], [replace(STALE, fingerprint=0)], authority=Authority.DESCRIBE
    ).changes
    assert reopened.kind is ChangeKind.REOPENED
    assert reopened.after.refused == 0

    (again,) = diff([reopened.after], [job("Done", fingerprint=1)]).changes
    assert again.kind is ChangeKind.ENDED


def test_a_refused_listing_shows_that_the_job_is_on_the_list() -> None:
    back = refused(replace(ENDED, left_at=NOW - HOUR), STALE)
    assert back.left_at is None


@pytest.mark.parametrize(
    ("recorded", "answer", "stands"),
    [
        (job("Done"), job("Done"), Agreement.AGREES),
        (job("Done"), job("Done", priority=99, progress=progress(10)), Agreement.AGREES),
        (job("Held"), job("Held"), Agreement.AGREES),
        (job("Archived"), job("Archived"), Agreement.AGREES),
        (job("Done"), job("Done", progress=progress(9, failed=1)), Agreement.NEWS),
        (job("Done", progress=progress(9, failed=1)), job("Done"), Agreement.NEWS),
        (job("Done", progress=progress(9, failed=1)), job("Done", progress=None), Agreement.AGREES),
        (job("Done"), job("Failed"), Agreement.NEWS),
        (job("Held"), job("Active"), Agreement.NEWS),
        (job("Held"), job("Done"), Agreement.NEWS),
        (job("Active"), job("Paused"), Agreement.NEWS),
        (job("Paused"), job("Active"), Agreement.NEWS),
        (job("Held"), job("Archived"), Agreement.NEWS),
        (job("Archived"), job("New"), Agreement.NEWS),
        (job("Archived"), job("Done"), Agreement.NEWS),
        (job("Held"), job("New"), Agreement.BEHIND),
        (job("Done"), job("Active"), Agreement.BEHIND),
        (job("Cancelled"), job("Archived"), Agreement.BEHIND),
    ],
)
def test_an_answer_agrees_or_is_newer_or_lags(
    recorded: Job, answer: Job, stands: Agreement
) -> None:
    assert agreement(snapshot(of=recorded), answer, TABLE) is stands


def test_describe_job_alone_does_not_reopen_a_vanished_job() -> None:
    gone = snapshot("Active", outcome=Outcome.VANISHED)
    assert agreement(gone, job("Active"), TABLE) is Agreement.BEHIND
