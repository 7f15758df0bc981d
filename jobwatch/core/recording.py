"""From changes to the one batch that the store writes in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jobwatch.core.census import Counts, count
from jobwatch.core.diff import Change
from jobwatch.core.events import DETAIL_PATIENCE, JobEvent, event_for
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import Origin
from jobwatch.core.routing import Routed, Subscription, route


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change, the event it deserves, and who is told.

    `detail_until` is when the event is released at the latest; None releases it at once.
    """

    change: Change
    event: JobEvent | None = None
    routes: tuple[Routed, ...] = ()
    detail_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction writes for one source."""

    entries: tuple[Entry, ...]
    counts: Counts
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a source's changes are judged with: constant while the configuration is."""

    origin: Origin
    lifecycle: Lifecycle
    operations: tuple[str, ...]
    subscriptions: Sequence[Subscription] = field(default=())


def batch_for(changes: Iterable[Change], desk: Desk, *, recorded_at: datetime) -> Batch:
    """Decide everything that is written with these changes."""
    changes = tuple(changes)
    return Batch(
        entries=tuple(_entry(change, desk, recorded_at) for change in changes),
        counts=count(changes, desk.lifecycle, desk.operations, recorded_at=recorded_at),
        recorded_at=recorded_at,
    )


def _entry(change: Change, desk: Desk, recorded_at: datetime) -> Entry:
    event = event_for(change, desk.lifecycle, desk.origin)
    if event is None:
        return Entry(change=change)
    return Entry(
        change=change,
        event=event,
        routes=route(event, desk.subscriptions),
        detail_until=recorded_at + DETAIL_PATIENCE if event.needs_detail else None,
    )
