"""What comes next in the life of a job as jobwatch watches it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobwatch.core.events import DETAIL_PATIENCE
from jobwatch.core.outbox import OPEN, DeliveryState
from jobwatch.store.values import DeliveryRow
from jobwatch.story.lines import Known
from jobwatch.story.phrases import count, length


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What comes next, and when; None where that is not known."""

    at: datetime | None
    words: str


def coming(known: Known, *, vanished_after: timedelta, remind_every: timedelta | None) -> list[Due]:
    """What is due next, the earliest first."""
    due = [
        *_due_events(known),
        *_due_deliveries(known),
        *_due_watching(known, vanished_after),
        *_due_reminders(known, remind_every),
    ]
    return sorted(
        due, key=lambda each: (each.at is None, each.at or known.row.snapshot.observed_at)
    )


def _due_events(known: Known) -> Iterator[Due]:
    for each in known.told:
        if not each.event.released:
            at = each.event.recorded_at + DETAIL_PATIENCE
            yield Due(
                at=at, words=f"{each.event.type} is told at the latest, with detail or without"
            )


def _due_deliveries(known: Known) -> Iterator[Due]:
    for row, _ in known.deliveries:
        if row.state in OPEN:
            tried = f" again, after {count(row.attempts, 'try', 'tries')}" if row.attempts else ""
            words = f"{row.receiver} is sent {row.event_type}{tried}{_gathered(row, known)}"
            if row.receiver in known.paused:
                yield Due(at=None, words=f"{words}, once it is resumed: it is paused")
            else:
                yield _due_unless_left_alone(row, words, known.rests.get(row.receiver))


def _gathered(row: DeliveryRow, known: Known) -> str:
    """What was tried before, or is sent by hand, waits for no digest."""
    within = known.gather.get(row.receiver)
    if within is None or row.attempts or row.manual or row.state is not DeliveryState.PENDING:
        return ""
    return f", by itself or in a digest within {length(within)}"


def _due_unless_left_alone(row: DeliveryRow, words: str, rests_until: datetime | None) -> Due:
    """A delivery is due by itself, and its receiver may rest for longer."""
    if rests_until is None or row.due_at is None or row.due_at >= rests_until:
        return Due(at=row.due_at, words=words)
    return Due(at=rests_until, words=f"{words}, at the earliest: it is left alone till then")


def _due_watching(known: Known, vanished_after: timedelta) -> Iterator[Due]:
    snapshot, state = known.row.snapshot, known.state
    if not snapshot.unfinished or state is None:
        return
    yield Due(at=state.next_sweep_at, words=f"source {known.row.source} is swept")
    if snapshot.missing_since is not None and snapshot.missing_proved_at is None:
        at = snapshot.missing_since + vanished_after
        yield Due(at=at, words="the job is called gone if the cloud still knows no such job then")


def _due_reminders(known: Known, remind_every: timedelta | None) -> Iterator[Due]:
    for row in known.conditions:
        if row.closed_at is None and remind_every is not None:
            last = row.reminded_at or row.opened_at
            yield Due(at=last + remind_every, words=f"people are reminded that it is {row.name}")
