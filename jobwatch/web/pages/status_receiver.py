"""What the status page says of one receiver: a value in, sentences out. Never its URL, which nobody hands to the pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobwatch.core.breaker import ReceiverState
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.story.deliveries import rests_until
from jobwatch.story.phrases import count, length
from jobwatch.story.words import WHY_NOT_SENT, said
from jobwatch.web.pages.status_source import Note, Standing
from jobwatch.web.pages.status_words import age

SLOW = timedelta(minutes=10)
"""What waits for longer than this is trouble: the heartbeat falls silent by the same measure."""

_STATES = {
    ReceiverState.PAUSED: Standing("bad", "paused"),
    ReceiverState.FAILING: Standing("bad", "failing"),
    ReceiverState.HALF_OPEN: Standing("warn", "tried again"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverView:
    """One configured receiver: its format, and how it fares."""

    format: str
    row: ReceiverRow


def fares(view: ReceiverView, now: datetime) -> Standing:
    """How a receiver fares: what keeps it from being told, or else what it has still to be told."""
    row = view.row
    if row.state in _STATES:
        return _STATES[row.state]
    if row.dead:
        return Standing("bad", f"{row.dead:,} given up")
    if row.pending:
        slow = row.oldest_at is not None and now - row.oldest_at > SLOW
        return Standing("bad" if slow else "busy", f"{row.pending:,} waiting")
    return Standing("good", "all told")


def receiver_notes(view: ReceiverView, now: datetime) -> list[Note]:
    """Everything worth saying of a receiver: why it is left alone first, then its queue, then what it said last."""
    return [*_left_alone(view.row, now), *_queue(view.row, now), *_past(view.row, now)]


def _left_alone(row: ReceiverRow, now: datetime) -> Iterator[Note]:
    if row.state is ReceiverState.PAUSED:
        since = f" for {age(row.paused_at, now)}" if row.paused_at else ""
        why = f": {said(WHY_NOT_SENT, row.reason)}" if row.reason else ""
        order = f"jobwatch receivers resume {row.name}"
        yield Note("error", f"paused{since}{why}; resume it with {order}")
    elif row.state is ReceiverState.FAILING:
        why = f": {said(WHY_NOT_SENT, row.reason)}" if row.reason else ""
        since = f" for {age(row.failing_since, now)}" if row.failing_since else ""
        failures = f", {count(row.failures, 'failure')} in a row" if row.failures else ""
        yield Note("error", f"failing{since}{failures}{why}")
    until = rests_until(row)
    if until is not None and until > now and row.state is not ReceiverState.PAUSED:
        yield Note("caution", f"left alone for another {length(until - now)}")


def _queue(row: ReceiverRow, now: datetime) -> Iterator[Note]:
    oldest = f", the oldest for {age(row.oldest_at, now)}" if row.oldest_at else ""
    yield Note("plain", f"{row.pending:,} waiting{oldest}")
    if row.dead:
        yield Note("error", f"{row.dead:,} given up and kept; jobwatch redeliver sends them again")


def _past(row: ReceiverRow, now: datetime) -> Iterator[Note]:
    ago = f"{age(row.last_success_at, now)} ago" if row.last_success_at else "nothing yet"
    yield Note("faint", f"last accepted: {ago}")
    if row.last_error:
        yield Note("faint", f"last error: {row.last_error}")
