"""What a delivery waits for, in a few words for a column: the first thing that keeps it, as far as the store says.

Law of this module: pure. What is due and kept by nothing that is known says for how long it has been due, because that
is what a person has to look into: no daemon runs, or it does not get round to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobwatch.cli.text import ago, length
from jobwatch.core.breaker import ReceiverState
from jobwatch.core.outbox import OPEN
from jobwatch.core.routing import RouteReason
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.values import DeliveryRow
from jobwatch.story.deliveries import rests_until

A_MOMENT = timedelta(seconds=5)
"""What is due since less than this is on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the receivers fare, by name; within how long each tells a flood in a digest; and who waits for whom.

    `behind` has for a delivery the number of an earlier one about the same job, which has to be told first.
    """

    receivers: Mapping[str, ReceiverRow] = field(default_factory=dict)
    gather: Mapping[str, timedelta] = field(default_factory=dict)
    behind: Mapping[int, int] = field(default_factory=dict)


def queued(rows: Iterable[DeliveryRow]) -> dict[int, int]:
    """Of these deliveries those that wait for another one of them, each with the one right before it."""
    last: dict[tuple[str, ...], int] = {}
    behind: dict[int, int] = {}
    for row in sorted(rows, key=lambda each: each.id):
        if row.state not in OPEN or not row.job_id:
            continue
        of_job = (row.receiver, row.source, row.scope, row.job_id)
        if of_job in last:
            behind[row.id] = last[of_job]
        last[of_job] = row.id
    return behind


def waiting_words(row: DeliveryRow, due_at: datetime, now: datetime, standing: Standing) -> str:
    """What a pending delivery waits for, or for how long it has been due."""
    receiver = standing.receivers.get(row.receiver)
    if receiver is not None and receiver.state is ReceiverState.PAUSED:
        return "receiver paused"
    if row.id in standing.behind:
        return f"after number {standing.behind[row.id]}"
    if receiver is not None and (words := _kept_by(receiver, due_at, now)):
        return words
    digest_at = _digest_at(row, due_at, standing.gather.get(row.receiver))
    if digest_at is not None and digest_at > now:
        return f"may wait for a digest, at most {length(digest_at - now)}"
    return f"due {ago(due_at, now)}" if due_at > now else due_in(due_at, now)


def due_in(at: datetime, now: datetime) -> str:
    """When something is due, or for how long it has been: `in 12 s`, `due now`, `due for 5 min`."""
    if at > now:
        return ago(at, now)
    return "due now" if now - at < A_MOMENT else f"due for {length(now - at)}"


def _kept_by(receiver: ReceiverRow, due_at: datetime, now: datetime) -> str:
    """What the receiver's breaker, or its own wish, does to a delivery; nothing where both let it go."""
    rest = rests_until(receiver)
    if rest is not None and rest > max(due_at, now):
        asked = receiver.held_until is not None and receiver.held_until >= rest
        why = "receiver asked for rest" if asked else "left alone, as it fails"
        return f"{why}, due {ago(rest, now)}"
    on_trial = receiver.state in (ReceiverState.FAILING, ReceiverState.HALF_OPEN)
    return "receiver is tried, one at a time" if on_trial and due_at <= now else ""


def _digest_at(row: DeliveryRow, due_at: datetime, every: timedelta | None) -> datetime | None:
    """When a digest would tell it at the latest. What was tried, or is sent by hand, waits for none."""
    fresh = not row.attempts and not row.manual and row.reason != RouteReason.DIGEST
    return due_at + every if every is not None and fresh else None
