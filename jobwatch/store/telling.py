"""Events with their numbers and documents, as rows of events and deliveries."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from jobwatch.core.census import DELIVERIES, EVENTS, Series
from jobwatch.core.documents import document
from jobwatch.core.encoding import encode
from jobwatch.core.events import Event
from jobwatch.core.muting import Mute, answer
from jobwatch.core.outbox import DeliveryState
from jobwatch.core.routing import Routed, RouteReason
from jobwatch.store import series
from jobwatch.store.bulk import insert_many
from jobwatch.store.columns import MICROSECOND, clean, to_json, to_micros
from jobwatch.store.outbox_tables import deliveries, events
from jobwatch.store.values import Lease

_EVENT = (
    "id",
    "source_id",
    "sequence",
    "type",
    "severity",
    "scope",
    "job_id",
    "ending",
    "recorded_at",
    "observed_at",
    "late",
    "detail_until",
    "released_at",
    "condition_id",
    "body",
    "routes",
    "sweep",
)
_DELIVERY = (
    "event_id",
    "receiver",
    "source_id",
    "scope",
    "job_id",
    "sequence",
    "ending",
    "closing",
    "state",
    "reason",
    "due_at",
    "deadline",
    "created_at",
    "settled_at",
    "last_answer",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event with its number.

    `unaware` receivers are routed to, and not told that a condition closed. Where it is `muted`, nobody is told.
    """

    event: Event
    routes: tuple[Routed, ...]
    sequence: int
    id: str
    body: bytes
    detail_until: datetime | None = None
    with_change: bool = True
    condition_id: str | None = None
    closing: bool = False
    unaware: frozenset[str] = frozenset()
    muted: Mute | None = None

    @property
    def receivers(self) -> list[str]:
        """Who is told."""
        if self.muted is not None:
            return []
        return [
            each.receiver
            for each in self.routes
            if each.wanted and each.receiver not in self.unaware
        ]

    @property
    def reasons(self) -> dict[str, str]:
        """Why each receiver is told, or is not."""
        return {each.receiver: self._reason(each) for each in self.routes}

    def _reason(self, routed: Routed) -> str:
        if routed.wanted and routed.receiver in self.unaware:
            return DeliveryState.SUPERSEDED.value
        return (RouteReason.MUTED if routed.wanted and self.muted else routed.reason).value


def numbered(event: Event, sequence: int) -> tuple[str, bytes]:
    """The id of an event with this number, and its document."""
    draft = document(event, sequence)
    return str(draft["id"]), encode(draft)


def write_events(
    connection: Connection,
    lease: Lease,
    told: Iterable[Told],
    at: datetime,
    sweep: str | None,
) -> None:
    """Write events. Those without a change keep their routes themselves."""
    recorded_at = to_micros(at)
    rows = [
        (
            each.id,
            lease.source_id,
            each.sequence,
            each.event.type.value,
            each.event.severity.value,
            clean(each.event.scope),
            clean(each.event.job_id),
            each.event.ending,
            recorded_at,
            to_micros(each.event.observed_at),
            each.event.late,
            to_micros(each.detail_until),
            None if each.detail_until else recorded_at,
            each.condition_id,
            each.body,
            None if each.with_change else to_json(each.reasons),
            sweep,
        )
        for each in told
    ]
    if rows:
        insert_many(connection, events, _EVENT, rows)


def write_deliveries(
    connection: Connection, lease: Lease, told: Iterable[Told], at: datetime, now: datetime
) -> int:
    """Write a delivery for every receiver that is told, or would be but for a mute. Returns how many."""
    moments = to_micros(at), to_micros(now)
    muted: Counter[str] = Counter()
    rows = [
        (
            each.id,
            routed.receiver,
            lease.source_id,
            clean(each.event.scope),
            clean(each.event.job_id),
            each.sequence,
            each.event.ending,
            each.closing,
            *_standing(each, routed, moments, muted),
        )
        for each in told
        for routed in each.routes
        if routed.wanted and routed.receiver not in each.unaware
    ]
    if rows:
        insert_many(connection, deliveries, _DELIVERY, rows)
    _count_muted(connection, muted)
    return len(rows)


def _standing(
    told: Told, routed: Routed, moments: tuple[int | None, int | None], muted: Counter[str]
) -> tuple[object, ...]:
    """State, reason and times of a new delivery; a muted one is counted for its receiver."""
    at, now = moments
    budget = routed.give_up_after
    deadline = None if at is None or budget is None else at + budget // MICROSECOND
    if told.muted is None:
        return DeliveryState.PENDING.value, routed.reason.value, now, deadline, at, None, None
    muted[routed.receiver] += 1
    why = clean(answer(told.muted))
    state, reason = DeliveryState.MUTED.value, RouteReason.MUTED.value
    return state, reason, None, deadline, at, now, why


def _count_muted(connection: Connection, muted: Counter[str]) -> None:
    label = Series(DELIVERIES, (DeliveryState.MUTED.value,))
    series.add(connection, {("receiver", name, label): count for name, count in muted.items()})


def counted(told: Sequence[Told]) -> Counter[Series]:
    """What these events add to the counters of their source."""
    return Counter(Series(EVENTS, (each.event.type.value,)) for each in told)
