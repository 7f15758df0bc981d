"""From changes to the one batch that a transaction writes."""

from datetime import timedelta

from jobwatch.core.absence import vanish
from jobwatch.core.census import Series, count
from jobwatch.core.diff import Change, ChangeKind
from jobwatch.core.events import ENDINGS, EventType, Severity, SourceEvent
from jobwatch.core.recording import Batch, Desk, Entry, Notice, batch_for, notice_for
from jobwatch.core.routing import Routed, RouteReason, Selection, Subscription
from tests.factories import (
    MINUTE,
    NOW,
    OPERATIONS,
    TABLE,
    change,
    diff,
    job,
    origin,
    snapshot,
    watch,
)

SUBSCRIPTIONS = (
    Subscription(receiver="ops", wants=Selection(types=ENDINGS), give_up_after=MINUTE),
    Subscription(receiver="all"),
)
DESK = Desk(origin=origin(), lifecycle=TABLE, operations=OPERATIONS, subscriptions=SUBSCRIPTIONS)


def entry_of(one: Change, desk: Desk = DESK) -> Entry:
    (entry,) = batch_for([one], desk, recorded_at=NOW).entries
    return entry


def test_an_ending_is_routed_and_waits_two_minutes_for_its_detail() -> None:
    (ended,) = diff([snapshot("Active")], [job("Failed")]).changes
    entry = entry_of(ended)
    assert entry.change is ended
    assert entry.event is not None
    assert entry.event.type is EventType.FAILED
    assert entry.event.origin == origin()
    assert entry.detail_until == NOW + timedelta(minutes=2)
    assert entry.routes == (
        Routed(receiver="ops", reason=RouteReason.WANTED, give_up_after=MINUTE),
        Routed(receiver="all", reason=RouteReason.WANTED),
    )


def test_a_job_first_seen_waiting_for_a_person_is_told_with_detail() -> None:
    (held,) = diff([], [job("Held")]).changes
    entry = entry_of(held)
    assert entry.event is not None
    assert entry.event.type is EventType.DISCOVERED
    assert entry.detail_until == NOW + timedelta(minutes=2)


def test_what_needs_no_detail_is_released_at_once_and_a_refusal_keeps_its_reason() -> None:
    (moved,) = diff([snapshot("New")], [job("Active")]).changes
    entry = entry_of(moved)
    assert entry.detail_until is None
    assert [each.reason for each in entry.routes] == [
        RouteReason.TYPE_NOT_WANTED,
        RouteReason.WANTED,
    ]


def test_what_nobody_hears_is_recorded_without_event_or_routes() -> None:
    for silent in (change(history=True), change(ChangeKind.PROGRESSED), change(ChangeKind.MISSING)):
        assert entry_of(silent) == Entry(change=silent)


def test_a_batch_keeps_the_order_of_its_changes_and_counts_them_together() -> None:
    changes = diff([], [job("New", id="b"), job("Failed", id="a"), job("Done", id="c")]).changes
    batch = batch_for(iter(changes), DESK, recorded_at=NOW)
    assert [entry.change for entry in batch.entries] == list(changes)
    assert batch.counts == count(changes, TABLE, OPERATIONS, recorded_at=NOW)
    assert Series("jobwatch_jobs_finished_total", ("Copy", "failed")) in batch.counts.added
    assert batch.recorded_at == NOW


def test_no_changes_make_an_empty_batch() -> None:
    assert batch_for([], DESK, recorded_at=NOW) == Batch(
        entries=(), counts=count([], TABLE, (), recorded_at=NOW), recorded_at=NOW
    )


def test_without_receivers_events_are_still_recorded() -> None:
    desk = Desk(origin=origin(), lifecycle=TABLE, operations=OPERATIONS)
    entry = entry_of(change(), desk)
    assert entry.event is not None
    assert entry.routes == ()


def test_a_vanished_job_is_released_at_once_because_there_is_nobody_to_ask() -> None:
    entry = entry_of(vanish(snapshot("Active"), watch()))
    assert entry.event is not None
    assert entry.event.type is EventType.VANISHED
    assert entry.detail_until is None
    assert all(each.wanted for each in entry.routes)


BASELINED = SourceEvent(
    type=EventType.BASELINED, severity=Severity.INFO, origin=origin(), observed_at=NOW
)


def test_what_no_change_brought_is_routed_by_itself() -> None:
    notice = notice_for(BASELINED, DESK)
    assert notice == Notice(
        event=BASELINED,
        routes=(
            Routed(receiver="ops", reason=RouteReason.TYPE_NOT_WANTED, give_up_after=MINUTE),
            Routed(receiver="all", reason=RouteReason.WANTED),
        ),
    )


def test_a_batch_with_a_notice_alone_is_written_and_counts_no_job() -> None:
    notice = notice_for(BASELINED, DESK)
    batch = batch_for([], DESK, recorded_at=NOW, notices=iter([notice]))
    assert batch.notices == (notice,)
    assert not batch.empty
    assert not batch.counts.added
    assert batch_for([], DESK, recorded_at=NOW).empty
    assert not batch_for([change()], DESK, recorded_at=NOW).empty


def test_the_delay_of_an_end_is_measured_by_one_clock() -> None:
    (ended,) = diff([snapshot("Active")], [job("Failed", ended_at=NOW + MINUTE)]).changes
    ahead = batch_for([ended], DESK, recorded_at=NOW, clock_offset=2 * MINUTE)
    assert ahead.counts == count(
        [ended], TABLE, OPERATIONS, recorded_at=NOW, clock_offset=2 * MINUTE
    )
    delay = Series("jobwatch_detection_delay_seconds", ("sum",))
    assert ahead.counts.added[delay] == 60
    assert batch_for([ended], DESK, recorded_at=NOW).counts.added[delay] == 0
