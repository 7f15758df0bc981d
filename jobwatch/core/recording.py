"""From changes, and from what is worth telling without one, to the batch that the store writes in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from jobwatch.core.census import Counts, count
from jobwatch.core.conditions import ConditionState, Move
from jobwatch.core.diff import Change
from jobwatch.core.documents import detail_document
from jobwatch.core.events import DETAIL_PATIENCE, Event, EventType, JobEvent
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import JobDetail, JobKey, Origin
from jobwatch.core.news import event_for
from jobwatch.core.routing import Routed, Subscription, route, route_closing
from jobwatch.core.rules import NO_RULES, Rules

NO_DETAILS: Mapping[JobKey, JobDetail] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change, the event it deserves, and who is told.

    `detail_until` is when the event is released at the latest; None releases it at once. `detail` is what DescribeJob
    said, where the change comes from its answer.
    """

    change: Change
    event: JobEvent | None = None
    routes: tuple[Routed, ...] = ()
    detail_until: datetime | None = None
    detail: JobDetail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An event that no change of a job brought, and who is told. `move` is the step of the condition it tells."""

    event: Event
    routes: tuple[Routed, ...] = ()
    move: Move | None = None

    @property
    def expiring(self) -> int | None:
        """The row of the job whose output it tells to expire: marked in the same transaction, it is told once."""
        event = self.event
        if isinstance(event, JobEvent) and event.type is EventType.OUTPUT_EXPIRING:
            return event.snapshot.row
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction writes for one source. `sweep` is the one that brought it, None where none did."""

    entries: tuple[Entry, ...] = ()
    notices: tuple[Notice, ...] = ()
    counts: Counts
    recorded_at: datetime
    sweep: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.entries or self.notices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a source's changes are judged with: constant while the configuration is."""

    origin: Origin
    lifecycle: Lifecycle
    operations: tuple[str, ...]
    subscriptions: Sequence[Subscription] = field(default=())
    rules: Rules = NO_RULES

    @property
    def place(self) -> str:
        """The name of the source among all installations: what the ids of its conditions are made of."""
        return f"{self.origin.instance}/{self.origin.source}"


def batch_for(
    changes: Iterable[Change],
    desk: Desk,
    *,
    recorded_at: datetime,
    notices: Iterable[Notice] = (),
    details: Mapping[JobKey, JobDetail] = NO_DETAILS,
    clock_offset: timedelta = timedelta(),
) -> Batch:
    """Decide everything that is written with these changes.

    `details` are the answers of DescribeJob that the changes come from: nobody has to ask again. `clock_offset` is the
    cloud's clock minus ours.
    """
    changes = tuple(changes)
    return Batch(
        entries=tuple(
            _entry(change, desk, recorded_at, details.get(change.after.key)) for change in changes
        ),
        notices=tuple(notices),
        counts=count(
            changes,
            desk.lifecycle,
            desk.operations,
            recorded_at=recorded_at,
            clock_offset=clock_offset,
        ),
        recorded_at=recorded_at,
    )


def notice_for(event: Event, desk: Desk, move: Move | None = None) -> Notice:
    """Who is told of this event; the closing of a condition goes to whoever was told of its opening."""
    if move is None:
        return Notice(event=event, routes=route(event, desk.subscriptions))
    if move.state is ConditionState.CLOSED:
        routes = route_closing(move.condition.told, desk.subscriptions)
        return Notice(event=event, routes=routes, move=move)
    routes = route(event, desk.subscriptions)
    told = {*move.condition.told, *(each.receiver for each in routes if each.wanted)}
    condition = replace(move.condition, told=tuple(sorted(told)))
    return Notice(event=event, routes=routes, move=Move(move.state, condition))


def _entry(change: Change, desk: Desk, recorded_at: datetime, detail: JobDetail | None) -> Entry:
    event = event_for(change, desk.lifecycle, desk.origin)
    if event is None:
        return Entry(change=change, detail=detail)
    if detail is not None:
        event = replace(event, needs_detail=False, detail=detail_document(detail))
    return Entry(
        change=change,
        event=event,
        routes=route(event, desk.subscriptions),
        detail_until=recorded_at + DETAIL_PATIENCE if event.needs_detail else None,
        detail=detail,
    )
