"""Conditions open, are reminded of, and close; whoever is told of one hears of it under one id."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.conditions import (
    OF_THE_SOURCE,
    Condition,
    ConditionName,
    ConditionNote,
    ConditionState,
    Judgement,
    Move,
    Subject,
    condition_id,
    moves,
)
from jobwatch.core.events import EventType
from jobwatch.core.model import JobKey
from jobwatch.core.news import condition_event
from jobwatch.core.recording import Desk, notice_for
from jobwatch.core.routing import RouteReason, Selection, Subscription
from tests.factories import DAY, HOUR, MINUTE, NOW, OPERATIONS, SECOND, TABLE, origin, snapshot

PLACE = "jobwatch/prod"
REMIND = 12 * HOUR
OPENED, REMINDED, CLOSED = ConditionState.OPENED, ConditionState.REMINDED, ConditionState.CLOSED

STALLED = Subject(JobKey("", "job-1"), ConditionName.STALLED)
WAITING = Subject(JobKey("", "job-1"), ConditionName.WAITING)
UNREACHABLE = Subject(OF_THE_SOURCE, ConditionName.UNREACHABLE)
SUBJECTS = (STALLED, WAITING, UNREACHABLE)


def judgement(
    holding: Sequence[Subject] = (), *, judged: Sequence[Subject] = SUBJECTS
) -> Judgement:
    return Judgement(holding=dict.fromkeys(holding, NOW - HOUR), judged=frozenset(judged))


def step(
    found: Judgement,
    is_open: Sequence[Condition] = (),
    *,
    now: datetime = NOW,
    every: timedelta | None = REMIND,
) -> list[Move]:
    return moves(found, is_open, place=PLACE, now=now, remind_every=every)


def opened(subject: Subject = STALLED, *, at: datetime = NOW) -> Condition:
    (move,) = step(judgement([subject]), now=at)
    return move.condition


def test_what_holds_and_is_not_open_opens() -> None:
    (move,) = step(judgement([STALLED]))
    assert move == Move(
        OPENED,
        Condition(
            id=condition_id(PLACE, STALLED, NOW),
            subject=STALLED,
            since=NOW - HOUR,
            opened_at=NOW,
        ),
    )


def test_what_is_open_and_holds_is_told_once() -> None:
    assert step(judgement([STALLED]), [opened()]) == []


def test_what_is_open_and_holds_no_more_closes_as_it_was() -> None:
    known = replace(opened(), told=("ops",), reminders=3, reminded_at=NOW)
    assert step(judgement(), [known]) == [Move(CLOSED, known)]


def test_what_could_not_be_judged_stays_as_it_is() -> None:
    long_open = opened(at=NOW - 30 * DAY)
    assert step(judgement(judged=[WAITING]), [long_open]) == []
    assert step(judgement(judged=[]), [long_open]) == []


def test_each_condition_of_a_job_goes_its_own_way() -> None:
    found = step(judgement([WAITING, UNREACHABLE]), [opened(STALLED), opened(UNREACHABLE)])
    assert [(each.state, each.condition.subject) for each in found] == [
        (CLOSED, STALLED),
        (OPENED, WAITING),
    ]


@pytest.mark.parametrize(
    ("since_opening", "every", "due"),
    [
        (REMIND - SECOND, REMIND, False),
        (REMIND, REMIND, True),
        (9 * REMIND, REMIND, True),
        (9 * REMIND, None, False),
    ],
)
def test_a_reminder_is_due_after_its_pause(
    since_opening: timedelta, every: timedelta | None, *, due: bool
) -> None:
    found = step(judgement([STALLED]), [opened()], now=NOW + since_opening, every=every)
    assert [each.state for each in found] == ([REMINDED] if due else [])


def test_reminders_are_counted_and_each_starts_the_pause_anew() -> None:
    known = opened()
    (first,) = step(judgement([STALLED]), [known], now=NOW + 20 * HOUR)
    assert first.condition == replace(known, reminders=1, reminded_at=NOW + 20 * HOUR)
    assert step(judgement([STALLED]), [first.condition], now=NOW + 31 * HOUR) == []
    (second,) = step(judgement([STALLED]), [first.condition], now=NOW + 32 * HOUR)
    assert second.condition.reminders == 2


def test_each_condition_has_a_reminder_clock_of_its_own() -> None:
    older, younger = opened(STALLED), opened(WAITING, at=NOW + 6 * HOUR)
    holding = judgement([STALLED, WAITING])
    (first,) = step(holding, [older, younger], now=NOW + 12 * HOUR)
    assert first.condition.subject == STALLED
    (second,) = step(holding, [first.condition, younger], now=NOW + 18 * HOUR)
    assert second.condition.subject == WAITING


def test_a_clock_that_steps_back_neither_bursts_nor_silences_reminders() -> None:
    holding, known = judgement([STALLED]), opened(at=NOW + 400 * DAY)
    (due,) = step(holding, [known], now=NOW)
    assert due.state is REMINDED, "the next one would come in over a year"
    assert step(holding, [due.condition], now=NOW + MINUTE) == []

    a_little_ahead = opened(at=NOW + SECOND)
    assert step(holding, [a_little_ahead], now=NOW) == [], "two clocks that differ remind twice"


def test_an_id_is_the_same_whoever_computes_it_and_another_each_time_it_opens() -> None:
    assert condition_id(PLACE, STALLED, NOW) == "cnd_jyigxt22l2wbu27ww7qhjdaryq"
    assert re.fullmatch(r"cnd_[a-z2-7]{26}", condition_id(PLACE, STALLED, NOW))
    others = {
        condition_id(PLACE, STALLED, NOW + SECOND),
        condition_id(PLACE, WAITING, NOW),
        condition_id("jobwatch/test", STALLED, NOW),
        condition_id(PLACE, Subject(JobKey("vault", "job-1"), ConditionName.STALLED), NOW),
        condition_id(PLACE, Subject(JobKey("", "job-2"), ConditionName.STALLED), NOW),
        condition_id(PLACE, STALLED, NOW),
    }
    assert len(others) == 6


def test_an_id_can_be_computed_of_any_text_the_cloud_may_send() -> None:
    odd = Subject(JobKey("\ud800", "\x00\U0001f4a5"), ConditionName.STALLED)
    assert condition_id(PLACE, odd, NOW).startswith("cnd_")


@pytest.mark.parametrize("state", ConditionState)
def test_a_note_is_what_the_contract_shows_of_a_condition(state: ConditionState) -> None:
    known = replace(opened(), reminders=2)
    assert known.note(state) == ConditionNote(
        name=ConditionName.STALLED, state=state, id=known.id, since=NOW - HOUR, reminder=2
    )


JUDGEMENTS = st.lists(
    st.tuples(
        st.integers(1, 3000),
        st.sets(st.sampled_from(SUBJECTS)),
        st.sets(st.sampled_from(SUBJECTS)),
    ),
    max_size=30,
)
"""Minutes since the last judgement, what holds, and what was judged besides."""


@given(judgements=JUDGEMENTS, every=st.none() | st.just(REMIND))
def test_any_history_opens_and_closes_in_turn_under_one_id_and_reminds_no_more_than_asked(
    judgements: list[tuple[int, set[Subject], set[Subject]]], every: timedelta | None
) -> None:
    kept: dict[Subject, Condition] = {}
    told: dict[Subject, list[tuple[datetime, Move]]] = {subject: [] for subject in SUBJECTS}
    now = NOW
    for minutes, holding, besides in judgements:
        now += minutes * MINUTE
        found = judgement(sorted(holding), judged=sorted(holding | besides))
        made = step(found, list(kept.values()), now=now, every=every)
        assert len({move.condition.subject for move in made}) == len(made), "told twice at once"
        for move in made:
            told[move.condition.subject].append((now, move))
            if move.state is CLOSED:
                del kept[move.condition.subject]
            else:
                kept[move.condition.subject] = move.condition
        assert step(found, list(kept.values()), now=now, every=every) == [], "told again"
        assert holding <= set(kept)
        assert not (besides - holding) & set(kept)
    for history in told.values():
        assert_well_told(history, every)


def assert_well_told(history: Sequence[tuple[datetime, Move]], every: timedelta | None) -> None:
    steps = [move for _, move in history if move.state is not REMINDED]
    assert [move.state for move in steps] == [OPENED, CLOSED] * (len(steps) // 2) + [OPENED] * (
        len(steps) % 2
    )
    ids = [move.condition.id for move in steps if move.state is OPENED]
    assert len(set(ids)) == len(ids), "one that opens again is another one"
    last: datetime | None = None
    current, reminders = "", 0
    for at, move in history:
        if move.state is OPENED:
            current, reminders = move.condition.id, 0
        assert move.condition.id == current
        if move.state is REMINDED:
            assert every is not None
            assert last is not None
            assert at - last >= every
            reminders += 1
        assert move.condition.reminders == reminders
        last = at


SUBSCRIPTIONS = (
    Subscription(receiver="ops"),
    Subscription(receiver="picky", wants=Selection(types=frozenset({EventType.FAILED}))),
)


def desk(*subscriptions: Subscription) -> Desk:
    return Desk(
        origin=origin(), lifecycle=TABLE, operations=OPERATIONS, subscriptions=subscriptions
    )


def notice(move: Move, at: Desk) -> tuple[Move, list[RouteReason]]:
    note = move.condition.note(move.state)
    event = condition_event(note, snapshot("Active"), at.origin, observed_at=NOW)
    found = notice_for(event, at, move)
    assert found.event is event
    assert found.move is not None
    return found.move, [each.reason for each in found.routes]


def test_an_opening_remembers_whom_it_was_told() -> None:
    move, reasons = notice(Move(OPENED, opened()), desk(*SUBSCRIPTIONS))
    assert reasons == [RouteReason.WANTED, RouteReason.TYPE_NOT_WANTED]
    assert move == Move(OPENED, replace(opened(), told=("ops",)))


def test_a_reminder_adds_whom_it_was_told_to_whom_the_opening_was_told() -> None:
    known = replace(opened(), told=("earlier",))
    move, _ = notice(Move(REMINDED, known), desk(*SUBSCRIPTIONS))
    assert move.condition.told == ("earlier", "ops")


def test_a_closing_goes_to_whom_was_told_though_they_want_it_no_more() -> None:
    known = replace(opened(), told=("picky",))
    move, reasons = notice(Move(CLOSED, known), desk(*SUBSCRIPTIONS))
    assert reasons == [RouteReason.NOT_TOLD_OPENING, RouteReason.TOLD_OPENING]
    assert move == Move(CLOSED, known)


def test_an_event_without_a_condition_is_routed_like_any_other() -> None:
    at = desk(*SUBSCRIPTIONS)
    event = condition_event(opened().note(OPENED), snapshot("Active"), at.origin, observed_at=NOW)
    found = notice_for(event, at)
    assert found.move is None
    assert [each.wanted for each in found.routes] == [True, False]


def test_the_place_of_a_condition_tells_installations_and_sources_apart() -> None:
    assert desk().place == PLACE
