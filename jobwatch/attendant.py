"""Tells the other receivers when one is paused, now and then while it stays so, and when that is over.

Law: level-triggered. Who is paused stands in the store, and so does what was told of it: the difference is told, once,
whoever restarts. A receiver is never told of itself.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.conditions import (
    Condition,
    ConditionName,
    ConditionState,
    Judgement,
    Move,
    Subject,
    moves,
)
from jobwatch.core.errors import StaleWrite
from jobwatch.core.events import EventType, ReceiverEvent, Severity
from jobwatch.core.model import JobKey
from jobwatch.core.news import condition_severity
from jobwatch.core.recording import Desk, Notice, notice_for
from jobwatch.store.outbox_values import ReceiverRow

EVERY = timedelta(seconds=5)

log = structlog.get_logger()


class Ledger(Protocol):
    """The part of the store that the attendant uses."""

    async def receivers(self, names: Collection[str]) -> list[ReceiverRow]: ...

    async def paused_receivers(self) -> dict[str, datetime | None]: ...

    async def receiver_conditions(self) -> list[Condition]: ...

    async def tell_own(self, notices: Sequence[Notice], at: datetime) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendant:
    """Who looks after the configured `receivers`.

    `desk` is that of jobwatch itself: its origin names no source. `told` wakes whoever delivers: there is news, or somebody was resumed.
    """

    receivers: Collection[str]
    desk: Desk
    store: Ledger
    clock: Callable[[], datetime]
    told: Callable[[], None]


async def attend(attendant: Attendant) -> timedelta:
    """Compare who is paused with what was told of it, and tell the difference. Returns the pause until the next look."""
    now, desk = attendant.clock(), attendant.desk
    opened = await attendant.store.receiver_conditions()
    paused = await attendant.store.paused_receivers()
    steps = moves(
        _judgement(
            {name: paused[name] or now for name in attendant.receivers if name in paused}, opened
        ),
        opened,
        place=desk.origin.instance,
        now=now,
        remind_every=desk.rules.remind_every,
    )
    if not steps:
        return EVERY
    about = {step.condition.subject.key.id for step in steps} & set(attendant.receivers)
    rows = {row.name: row for row in await attendant.store.receivers(about)}
    steps = [step for step in steps if _still(step, rows)]
    notices = [_notice(step, rows, desk, now) for step in steps]
    try:
        await attendant.store.tell_own(notices, now)
    except StaleWrite:  # another replica told it: what it wrote is read at the next look
        return EVERY
    for step in steps:
        _report(step, rows)
    attendant.told()
    return EVERY


def _still(step: Move, rows: Mapping[str, ReceiverRow]) -> bool:
    """Whether a step holds: who was resumed meanwhile is not told of as paused."""
    row = rows.get(step.condition.subject.key.id)
    paused = row is not None and row.state is ReceiverState.PAUSED
    return paused or step.state is ConditionState.CLOSED


def _judgement(paused: Mapping[str, datetime], opened: Iterable[Condition]) -> Judgement:
    """Who is paused, since when. Whoever is no longer configured is not."""
    holding = {_subject(name): since for name, since in paused.items()}
    return Judgement(holding=holding, judged={each.subject for each in opened})


def _subject(receiver: str) -> Subject:
    return Subject(JobKey("", receiver), ConditionName.PAUSED)


def _notice(step: Move, rows: Mapping[str, ReceiverRow], desk: Desk, now: datetime) -> Notice:
    name, note = step.condition.subject.key.id, step.condition.note(step.state)
    row = rows.get(name, ReceiverRow(name=name, state=ReceiverState.ACTIVE))
    over = step.state is ConditionState.CLOSED
    event = ReceiverEvent(
        type=EventType.PAUSED,
        severity=condition_severity(note, Severity.CRITICAL),
        origin=desk.origin,
        receiver=name,
        observed_at=now,
        condition=note,
        reason="" if over else row.reason or "",
        error="" if over else row.last_error,
        pending=row.pending,
    )
    return notice_for(event, desk, step)


def _report(step: Move, rows: Mapping[str, ReceiverRow]) -> None:
    name = step.condition.subject.key.id
    row = rows.get(name)
    if step.state is ConditionState.CLOSED:
        log.info("receiver.resumed", receiver=name, reason="resumed" if row else "removed")
    elif row is not None:
        log.warning(
            "receiver.paused",
            receiver=name,
            reason=row.reason,
            pending=row.pending,
            state=step.state,
        )
