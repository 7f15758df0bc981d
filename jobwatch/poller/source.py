"""A watched source: its settings as the poller needs them, and everything its task works with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobwatch.client import ApiClient
from jobwatch.core.errors import JobwatchError
from jobwatch.core.first_sight import FirstSight, Watch
from jobwatch.core.index import JobIndex
from jobwatch.core.model import Job, JobKey
from jobwatch.core.overview import SourceState
from jobwatch.core.recording import Desk
from jobwatch.loop import Bell
from jobwatch.metrics import SourceMetrics
from jobwatch.store import Store
from jobwatch.store.values import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When and how a source is swept: its settings, as the poller needs them."""

    every: timedelta
    first_sight: timedelta | FirstSight
    vanished_after: timedelta


@dataclass(slots=True, kw_only=True)
class Source:
    """One watched listing and everything its task works with.

    `inbox` holds what the detailer found out beyond the snapshots, with the versions of those; `bell` wakes the
    source for it. `recorded` is called after events were recorded, `alive` after every step of a long sweep.
    `unsettled` are the errors that left doubts of the present sweep open. `index_sure` is false while the index may
    lack what the store has.
    """

    name: str
    pace: Pace
    desk: Desk
    client: ApiClient
    store: Store
    lease: Lease
    index: JobIndex
    metrics: SourceMetrics
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    recorded: Callable[[], None]
    alive: Callable[[], None]
    bell: Bell = field(default_factory=Bell)
    inbox: dict[JobKey, tuple[Job, int]] = field(default_factory=dict)
    unsettled: list[JobwatchError] = field(default_factory=list)
    attempted: bool = False
    index_sure: bool = True


async def load_index(store: Store, lease: Lease) -> JobIndex:
    """Read back what the store knows of a source's listing."""
    index = JobIndex(store.fingerprint_seed)
    async for rows in store.index(lease):
        index.load(rows)
    return index


def watch_for(source: Source, state: SourceState, now: datetime) -> Watch:
    """What a sweep that starts now knows about time."""
    return Watch(
        observed_at=now,
        every=source.pace.every,
        first_sight=source.pace.first_sight,
        baseline_started_at=state.baseline_started_at or now,
        baselined=state.baselined_at is not None,
        watched_until=state.watched_until,
        watched_from=state.unfinished_data_at,
        sweep_started_at=now,
    )
