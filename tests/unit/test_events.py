"""What is worth telling, and how urgent it is."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from jobwatch.core.diff import Change, ChangeKind
from jobwatch.core.events import (
    DETAIL_PATIENCE,
    ENDINGS,
    GROUPS,
    PROBLEMS,
    EventType,
    JobEvent,
    Severity,
    event_for,
)
from jobwatch.core.model import Job, Outcome, Snapshot
from tests.factories import (
    ENDED_JOBS,
    NOW,
    SECOND,
    TABLE,
    change,
    event,
    job,
    origin,
    progress,
    snapshot,
)

NOT_TOLD = (ChangeKind.PROGRESSED, ChangeKind.MISSING, ChangeKind.REFUSED)

ENDING_TYPES = {
    Outcome.SUCCEEDED: EventType.SUCCEEDED,
    Outcome.COMPLETED_WITH_FAILURES: EventType.COMPLETED_WITH_FAILURES,
    Outcome.FAILED: EventType.FAILED,
    Outcome.CANCELLED: EventType.CANCELLED,
}

CELLS = {
    ChangeKind.DISCOVERED: dict.fromkeys([None, *Outcome], EventType.DISCOVERED),
    ChangeKind.STATUS_CHANGED: dict.fromkeys([None, *Outcome], EventType.STATUS_CHANGED),
    ChangeKind.REOPENED: dict.fromkeys([None, *Outcome], EventType.STATUS_CHANGED),
    ChangeKind.ENDED: {None: EventType.STATUS_CHANGED, Outcome.VANISHED: EventType.STATUS_CHANGED}
    | ENDING_TYPES,
    ChangeKind.OUTCOME_CHANGED: {
        None: EventType.STATUS_CHANGED,
        Outcome.VANISHED: EventType.STATUS_CHANGED,
    }
    | ENDING_TYPES,
} | {kind: dict.fromkeys([None, *Outcome]) for kind in NOT_TOLD}
"""Kind of change and outcome: what is told. Cells that cannot be reached tell a change of status, never an end."""


@pytest.mark.parametrize(("kind", "outcome"), list(product(ChangeKind, [None, *Outcome])))
def test_every_cell_of_kind_and_outcome_tells_what_the_table_says(
    kind: ChangeKind, outcome: Outcome | None
) -> None:
    seen = ENDED_JOBS[outcome] if outcome in ENDED_JOBS else job("Active")
    after = snapshot(of=seen, outcome=outcome)
    told = event_for(change(kind, after=after), TABLE, origin())
    assert (told.type if told else None) == CELLS[kind][outcome]


@pytest.mark.parametrize("kind", ChangeKind)
def test_history_tells_nothing(kind: ChangeKind) -> None:
    assert event_for(change(kind, history=True), TABLE, origin()) is None


def told(kind: ChangeKind, seen: Job, before: Snapshot | None = None, **fields: Any) -> JobEvent:
    after = snapshot(of=seen, observed_at=NOW - SECOND)
    found = event_for(Change(kind=kind, before=before, after=after, **fields), TABLE, origin())
    assert found is not None
    return found


def test_an_event_carries_the_change_it_tells() -> None:
    before, seen = snapshot("Active"), job("Failed")
    end = told(ChangeKind.ENDED, seen, before, late=True)
    assert end == JobEvent(
        type=EventType.FAILED,
        severity=Severity.CRITICAL,
        origin=origin(),
        snapshot=snapshot(of=seen, observed_at=NOW - SECOND),
        previous_status="Active",
        observed_at=NOW - SECOND,
        late=True,
        needs_detail=True,
    )


def test_a_first_seen_job_had_no_status_before() -> None:
    assert told(ChangeKind.DISCOVERED, job("New")).previous_status is None


@pytest.mark.parametrize(
    ("kind", "seen", "severity"),
    [
        (ChangeKind.ENDED, job("Done", progress=progress(10)), Severity.INFO),
        (ChangeKind.ENDED, job("Done", progress=None), Severity.INFO),
        (ChangeKind.ENDED, job("Done", progress=progress(9, failed=1)), Severity.WARNING),
        (ChangeKind.ENDED, job("Done", progress=progress(1, failed=9)), Severity.WARNING),
        (ChangeKind.ENDED, job("Done", progress=progress(0, failed=10)), Severity.CRITICAL),
        (
            ChangeKind.OUTCOME_CHANGED,
            job("Done", progress=progress(0, failed=1)),
            Severity.CRITICAL,
        ),
        (ChangeKind.ENDED, job("Failed"), Severity.CRITICAL),
        (ChangeKind.ENDED, job("Cancelled"), Severity.INFO),
        (ChangeKind.DISCOVERED, job("Held"), Severity.INFO),
        (ChangeKind.DISCOVERED, job("Archived"), Severity.INFO),
        (ChangeKind.STATUS_CHANGED, job("Active"), Severity.INFO),
        (ChangeKind.REOPENED, job("Active"), Severity.INFO),
    ],
)
def test_severity_says_how_urgent_an_event_is(
    kind: ChangeKind, seen: Job, severity: Severity
) -> None:
    assert told(kind, seen).severity is severity


@pytest.mark.parametrize(
    ("kind", "word", "waits"),
    [
        (ChangeKind.ENDED, "Done", True),
        (ChangeKind.ENDED, "Failed", True),
        (ChangeKind.ENDED, "Cancelled", True),
        (ChangeKind.OUTCOME_CHANGED, "Done", True),
        (ChangeKind.DISCOVERED, "Held", True),
        (ChangeKind.STATUS_CHANGED, "Held", True),
        (ChangeKind.REOPENED, "Held", True),
        (ChangeKind.DISCOVERED, "New", False),
        (ChangeKind.STATUS_CHANGED, "Active", False),
        (ChangeKind.REOPENED, "Active", False),
        (ChangeKind.STATUS_CHANGED, "Archived", False),
    ],
)
def test_endings_and_jobs_that_wait_for_a_person_are_told_with_detail(
    kind: ChangeKind, word: str, *, waits: bool
) -> None:
    assert told(kind, job(word)).needs_detail is waits


def test_detail_is_waited_for_two_minutes() -> None:
    assert timedelta(minutes=2) == DETAIL_PATIENCE


def test_the_groups_are_those_of_the_contract() -> None:
    assert {word: set(types) for word, types in GROUPS.items()} == {
        "endings": {
            "job.succeeded",
            "job.completed_with_failures",
            "job.failed",
            "job.cancelled",
        },
        "problems": {"job.completed_with_failures", "job.failed"},
    }
    assert PROBLEMS < ENDINGS


@pytest.mark.parametrize("type_", EventType)
def test_an_ending_knows_that_it_is_one(type_: EventType) -> None:
    assert event(type=type_).ending is (type_ in ENDINGS)
