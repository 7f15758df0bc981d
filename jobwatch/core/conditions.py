"""Conditions: what opens, is reminded of, and closes under one id.

1. A condition opens when it holds and is not open, and closes when it holds no more. Both are told once: what is
   open stands in the store.
2. Whoever was told an opening is told its closing, whatever it wants by then.
3. A reminder is due `remind_every` after the last time anybody was told.
4. Where the data is too old to judge by, a condition stays as it is.
"""

import base64
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from jobwatch.core.model import JobKey

OF_THE_SOURCE = JobKey("", "")
"""The key of a condition that is about the source itself: no job has an empty id."""


class ConditionName(StrEnum):
    """Everything that can be open."""

    STALLED = "stalled"
    STUCK = "stuck"
    WAITING = "waiting"
    OVERDUE = "overdue"
    FAILING = "failing"
    UNREACHABLE = "unreachable"
    SUSPECT = "suspect"
    PAUSED = "paused"


class ConditionState(StrEnum):
    """What is told of a condition."""

    OPENED = "opened"
    REMINDED = "reminded"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionNote:
    """A condition as an event tells it. `since` is when it began to hold, `reminder` counts reminders from 1."""

    name: ConditionName
    state: ConditionState
    id: str
    since: datetime
    reminder: int = 0


class Subject(NamedTuple):
    """What a condition is about: one of its names, of one job or of the source."""

    key: JobKey
    name: ConditionName


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One open condition as it is kept. `told` are the receivers that were told of it and are told when it closes."""

    id: str
    subject: Subject
    since: datetime
    opened_at: datetime
    reminded_at: datetime | None = None
    reminders: int = 0
    told: tuple[str, ...] = ()

    def note(self, state: ConditionState) -> ConditionNote:
        """What is told of it."""
        return ConditionNote(
            name=self.subject.name,
            state=state,
            id=self.id,
            since=self.since,
            reminder=self.reminders,
        )


class Move(NamedTuple):
    """A step of a condition: `condition` is what it is afterwards."""

    state: ConditionState
    condition: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What holds now, by what could be judged.

    `holding` says since when. `judged` are the subjects that were looked at: an open condition outside of it stays
    as it is.
    """

    holding: Mapping[Subject, datetime]
    judged: Collection[Subject]


def moves(
    judgement: Judgement,
    open_conditions: Iterable[Condition],
    *,
    place: str,
    now: datetime,
    remind_every: timedelta | None,
) -> list[Move]:
    """The steps that lead from what is open to what holds. `place` names the source among all installations."""
    known = {each.subject: each for each in open_conditions}
    steps: list[Move] = []
    for subject, condition in known.items():
        if subject in judgement.holding:
            if _reminder_due(condition, remind_every, now):
                reminded = replace(condition, reminded_at=now, reminders=condition.reminders + 1)
                steps.append(Move(ConditionState.REMINDED, reminded))
        elif subject in judgement.judged:
            steps.append(Move(ConditionState.CLOSED, condition))
    for subject, since in judgement.holding.items():
        if subject not in known:
            opened = Condition(
                id=condition_id(place, subject, now), subject=subject, since=since, opened_at=now
            )
            steps.append(Move(ConditionState.OPENED, opened))
    return steps


def _reminder_due(condition: Condition, every: timedelta | None, now: datetime) -> bool:
    if every is None:
        return False
    last = condition.reminded_at or condition.opened_at
    # A last time far ahead was written before a clock stepped back: it is due, lest nobody is reminded for years.
    return abs(now - last) >= every


def condition_id(place: str, subject: Subject, opened_at: datetime) -> str:
    """The id of a condition: the same whoever computes it, another one each time it opens."""
    parts = (place, subject.key.scope, subject.key.id, subject.name.value, opened_at.isoformat())
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()
    return "cnd_" + base64.b32encode(digest).decode().lower()[:26]
