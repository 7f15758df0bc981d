"""What it takes to call a job gone, and what becomes of one that comes back."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.absence import SUSPECT_AT_LEAST, is_suspect, missing, vanish
from jobwatch.core.diff import TOLD_KINDS, Authority, ChangeKind
from jobwatch.core.events import EventType
from jobwatch.core.model import Job, Outcome, Snapshot
from jobwatch.core.news import event_for
from jobwatch.core.recording import Desk, batch_for
from tests.factories import (
    ENDED_JOBS,
    HOUR,
    MINUTE,
    NOW,
    OPERATIONS,
    TABLE,
    diff,
    job,
    origin,
    snapshot,
    watch,
)

PROOF = 10 * MINUTE
DESK = Desk(origin=origin(), lifecycle=TABLE, operations=OPERATIONS)


def finished(known: list[Snapshot], *, seen: list[Job]) -> float:
    changes = diff(known, seen, authority=Authority.DESCRIBE).changes
    added = batch_for(changes, DESK, recorded_at=NOW).counts.added
    return sum(n for series, n in added.items() if series.name.endswith("jobs_finished_total"))


def proved(status: str = "Active") -> Snapshot:
    before = snapshot(status, missing_since=NOW - PROOF, version=3)
    change = missing(before, watch(), vanished_after=PROOF)
    assert change is not None
    assert change.after.missing_proved_at == NOW
    return change.after


def vanished(status: str = "Active") -> Snapshot:
    return vanish(proved(status), watch()).after


def test_a_job_that_is_called_gone_keeps_its_last_status_and_gets_an_outcome() -> None:
    before = proved()
    change = vanish(before, watch(observed_at=NOW + MINUTE))
    assert change.kind is ChangeKind.VANISHED
    assert change.kind in TOLD_KINDS
    assert (change.before, change.authority) == (before, Authority.DESCRIBE)
    assert change.after == replace(
        before,
        outcome=Outcome.VANISHED,
        version=before.version + 1,
        observed_at=NOW + MINUTE,
        counted=True,
    )
    assert (change.history, change.late) == (False, False)


@pytest.mark.parametrize("status", ["New", "Held", "Active", "Paused", "Archived"])
def test_a_vanished_job_that_is_listed_as_it_was_is_asked_about_and_then_told(status: str) -> None:
    gone = vanished(status)
    assert not gone.unfinished
    found = diff([gone], [job(status)])
    assert found.changes == ()
    assert found.doubted == (job(status),)

    (back,) = diff([gone], [job(status)], authority=Authority.DESCRIBE).changes
    assert back.kind is ChangeKind.REOPENED
    assert (back.after.outcome, back.after.counted) == (None, True)
    assert (back.after.missing_since, back.after.missing_proved_at) == (None, None)
    told = event_for(back, TABLE, origin())
    assert told is not None
    assert told.type is EventType.STATUS_CHANGED


@pytest.mark.parametrize("outcome", ENDED_JOBS)
def test_a_vanished_job_that_comes_back_ended_is_told_and_counted_no_second_time(
    outcome: Outcome,
) -> None:
    end = ENDED_JOBS[outcome]
    (back,) = diff([vanished()], [end], authority=Authority.DESCRIBE).changes
    assert (back.kind, back.after.outcome) == (ChangeKind.OUTCOME_CHANGED, outcome)
    told = event_for(back, TABLE, origin())
    assert told is not None
    assert told.type.value == f"job.{outcome.value}"
    assert finished([vanished()], seen=[end]) == 0


def test_a_job_that_came_back_and_ends_is_told_and_counted_no_second_time() -> None:
    (back,) = diff([vanished()], [job("Active")], authority=Authority.DESCRIBE).changes
    (end,) = diff([back.after], [job("Failed")]).changes
    assert end.kind is ChangeKind.ENDED
    assert event_for(end, TABLE, origin()) is not None
    assert finished([back.after], seen=[job("Failed")]) == 0


def test_a_job_that_came_back_needs_a_whole_proof_to_vanish_again() -> None:
    (back,) = diff([vanished()], [job("Active")], authority=Authority.DESCRIBE).changes
    change = missing(back.after, watch(observed_at=NOW + HOUR), vanished_after=PROOF)
    assert change is not None
    assert change.after.missing_proved_at is None


def test_vanishing_counts_a_job_as_finished_once() -> None:
    counts = batch_for([vanish(proved(), watch())], DESK, recorded_at=NOW).counts
    found = {series.labels: n for series, n in counts.added.items() if "finished" in series.name}
    assert found[("Copy", "vanished")] == 1
    again = vanish(replace(proved(), counted=True), watch())
    added = batch_for([again], DESK, recorded_at=NOW).counts.added
    assert not [series for series in added if series.name.endswith("jobs_finished_total")]


def test_with_no_time_asked_between_them_it_still_takes_two_answers() -> None:
    at_once = 0 * MINUTE
    first = missing(snapshot("Active"), watch(), vanished_after=at_once)
    assert first is not None
    assert first.after.missing_proved_at is None
    second = missing(first.after, watch(), vanished_after=at_once)
    assert second is not None
    assert second.after.missing_proved_at == NOW


ANSWERS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["gone", "there"])), max_size=20)
"""Minutes since the last answer of DescribeJob, and what it was."""


@given(answers=ANSWERS)
def test_a_proof_is_complete_only_after_an_unbroken_row_of_answers_that_is_long_enough(
    answers: list[tuple[int, str]],
) -> None:
    known, now = snapshot("Active"), NOW
    began: datetime | None = None
    for minutes, answer in answers:
        now += minutes * MINUTE
        seen = watch(observed_at=now)
        if answer == "gone":
            change = missing(known, seen, vanished_after=PROOF)
            known = change.after if change else known
            complete = began is not None and now - began >= PROOF
            began = began or now
        else:
            changes = diff([known], [job("Active")], seen, Authority.DESCRIBE).changes
            known = changes[0].after if changes else known
            complete, began = False, None
        assert known.missing_since == began
        assert known.unfinished, "nothing but `vanish` calls a job gone"
        if answer == "there":
            assert known.missing_proved_at is None
        elif complete:
            assert known.missing_proved_at is not None
        elif began == now:
            assert known.missing_proved_at is None


@pytest.mark.parametrize(
    ("gone", "unfinished", "suspect"),
    [
        (0, 0, False),
        (1, 1, False),
        (9, 9, False),
        (10, 10, True),
        (10, 19, True),
        (10, 20, False),
        (50, 100, False),
        (51, 100, True),
        (1000, 1_000_000, False),
    ],
)
def test_a_source_is_suspect_where_ten_and_more_than_half_of_its_jobs_are_gone(
    gone: int, unfinished: int, *, suspect: bool
) -> None:
    assert is_suspect(missed=gone, unfinished=unfinished) is suspect
    assert SUSPECT_AT_LEAST == 10
