"""What is worth telling, and how urgent it is."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from jobwatch.core.absence import vanish
from jobwatch.core.conditions import ConditionName, ConditionNote, ConditionState
from jobwatch.core.diff import Change, ChangeKind
from jobwatch.core.events import (
    CONDITIONS,
    DETAIL_PATIENCE,
    ENDINGS,
    GROUPS,
    EventType,
    JobEvent,
    Severity,
    SourceEvent,
)
from jobwatch.core.model import Job, Outcome, Snapshot
from jobwatch.core.news import condition_event, event_for
from tests.factories import (
    ENDED_JOBS,
    HOUR,
    NOW,
    SECOND,
    TABLE,
    change,
    event,
    job,
    origin,
    progress,
    snapshot,
    watch,
)

NOT_TOLD = (ChangeKind.PROGRESSED, ChangeKind.MISSING, ChangeKind.REFUSED)

ENDING_TYPES = {
    Outcome.SUCCEEDED: EventType.SUCCEEDED,
    Outcome.COMPLETED_WITH_FAILURES: EventType.COMPLETED_WITH_FAILURES,
    Outcome.FAILED: EventType.FAILED,
    Outcome.CANCELLED: EventType.CANCELLED,
    Outcome.VANISHED: EventType.VANISHED,
}

CELLS = {
    ChangeKind.DISCOVERED: dict.fromkeys([None, *Outcome], EventType.DISCOVERED),
    ChangeKind.STATUS_CHANGED: dict.fromkeys([None, *Outcome], EventType.STATUS_CHANGED),
    ChangeKind.REOPENED: dict.fromkeys([None, *Outcome], EventType.STATUS_CHANGED),
    ChangeKind.ENDED: {None: EventType.STATUS_CHANGED} | ENDING_TYPES,
    ChangeKind.OUTCOME_CHANGED: {None: EventType.STATUS_CHANGED} | ENDING_TYPES,
    ChangeKind.VANISHED: {None: EventType.STATUS_CHANGED} | ENDING_TYPES,
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
        (ChangeKind.VANISHED, job("Failed"), Severity.CRITICAL),
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
            "job.vanished",
        },
        "problems": {
            "job.completed_with_failures",
            "job.failed",
            "job.vanished",
            "job.stalled",
            "job.stuck",
            "job.waiting",
            "job.overdue",
            "job.failing",
            "job.output_expiring",
            "source.unreachable",
            "source.suspect",
            "receiver.paused",
        },
    }


@pytest.mark.parametrize("type_", EventType)
def test_an_ending_knows_that_it_is_one(type_: EventType) -> None:
    assert event(type=type_).ending is (type_ in ENDINGS)


@pytest.mark.parametrize("status", ["New", "Held", "Active", "Archived"])
def test_a_vanished_job_is_told_at_once_because_describe_job_has_nothing_to_add(
    status: str,
) -> None:
    gone = event_for(vanish(snapshot(status), watch()), TABLE, origin())
    assert gone is not None
    assert (gone.type, gone.severity) == (EventType.VANISHED, Severity.CRITICAL)
    assert (gone.needs_detail, gone.late, gone.ending) == (False, False, True)
    assert (gone.previous_status, gone.snapshot.job.status) == (status, status)


JOB_CONDITIONS = {
    ConditionName.STALLED: EventType.STALLED,
    ConditionName.STUCK: EventType.STUCK,
    ConditionName.WAITING: EventType.WAITING,
    ConditionName.OVERDUE: EventType.OVERDUE,
    ConditionName.FAILING: EventType.FAILING,
}


def note(name: ConditionName, state: ConditionState = ConditionState.OPENED) -> ConditionNote:
    return ConditionNote(name=name, state=state, id="cnd_1", since=NOW - HOUR, reminder=0)


@pytest.mark.parametrize(("name", "type_"), JOB_CONDITIONS.items())
@pytest.mark.parametrize("state", ConditionState)
def test_a_condition_of_a_job_is_a_warning_until_it_closes(
    name: ConditionName, type_: EventType, state: ConditionState
) -> None:
    told_of = condition_event(note(name, state), snapshot("Held"), origin(), observed_at=NOW)
    closed = state is ConditionState.CLOSED
    assert told_of == JobEvent(
        type=type_,
        severity=Severity.INFO if closed else Severity.WARNING,
        origin=origin(),
        snapshot=snapshot("Held"),
        previous_status=None,
        observed_at=NOW,
        late=False,
        needs_detail=False,
        condition=note(name, state),
    )
    assert not told_of.ending


def test_every_condition_has_a_type_of_its_own() -> None:
    assert set(CONDITIONS) == set(ConditionName)
    assert len(set(CONDITIONS.values())) == len(CONDITIONS)
    assert {name: f"job.{name}" for name in JOB_CONDITIONS} == {
        name: CONDITIONS[name].value for name in JOB_CONDITIONS
    }


def test_what_a_source_has_to_say_is_about_no_job_and_never_an_end() -> None:
    told_of = SourceEvent(
        type=EventType.BASELINED, severity=Severity.INFO, origin=origin(), observed_at=NOW
    )
    assert (told_of.scope, told_of.job_id) == ("", "")
    assert (told_of.ending, told_of.late) == (False, False)
