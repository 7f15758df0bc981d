"""A watched source: its settings as the poller needs them, and everything its task works with."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from structlog.contextvars import bound_contextvars

from jobwatch.client import ApiClient
from jobwatch.core.errors import JobwatchError
from jobwatch.core.first_sight import FirstSight, Watch
from jobwatch.core.index import JobIndex
from jobwatch.core.ledger import Ledger
from jobwatch.core.model import Job, JobKey, JobPage
from jobwatch.core.overview import SourceKeys, SourceState, Spending, WalkState
from jobwatch.core.paging import Cursor
from jobwatch.core.plan import Facts, sweep_id, trusted
from jobwatch.core.recording import Desk
from jobwatch.core.watched import open_gap
from jobwatch.loop import Bell
from jobwatch.metrics import SourceMetrics
from jobwatch.poller.sound import Sound
from jobwatch.store import Store
from jobwatch.store.values import Learnt, Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When and how a source is swept: its settings, as the poller needs them. `page_size` is the provider's."""

    every: timedelta
    full_every: timedelta
    first_sight: timedelta | FirstSight
    vanished_after: timedelta
    page_size: int


@dataclass(slots=True, kw_only=True)
class FullWalk:
    """A full sweep under way: it may be interrupted between two pages, and goes on where it stood.

    It reads `scopes` one after the other; `at` is the place of the present one, and `cursor` stands in that. `sound`
    tells which of them could be read to their end.
    `whole`: every page since `started_at` was shown to the present index, so that what was not seen is absent.
    `listed` is counted without the last page, the one that is asked for again where an absence could not be settled:
    `last` counts that. `before` was counted when the present scope began, of jobs and of pages. `restarted`: the cursor
    was seen to begin anew.
    """

    started_at: datetime
    cursor: Cursor
    scopes: tuple[str, ...] = ("",)
    at: int = 0
    whole: bool = True
    listed: int = 0
    last: int = 0
    before: tuple[int, int] = (0, 0)
    restarted: bool = False
    sound: Sound = field(init=False)

    def __post_init__(self) -> None:
        self.sound = Sound(self.scopes, resumes=True)

    @property
    def begun(self) -> bool:
        """Whether there is anything to go on from."""
        return self.at > 0 or self.cursor.asked is not None

    @property
    def pages(self) -> int:
        """How many pages were read."""
        return self.before[1] + self.cursor.pages

    def count(self, page: JobPage) -> None:
        """Count what a page lists that the cursor was shown."""
        passed = page.next_token and page.next_token == self.cursor.asked
        self.last = 0 if passed else page.listed
        self.listed += page.listed - self.last

    def count_anew(self) -> None:
        """Forget what was counted in the present scope: it begins anew."""
        self.listed, self.last, self.restarted = self.before[0], 0, True

    def next_scope(self) -> None:
        """Go on to the next scope."""
        self.listed, self.last = self.listed + self.last, 0
        self.before = (self.listed, self.pages)
        self.at, self.cursor, self.restarted = self.at + 1, Cursor(), False


@dataclass(slots=True, kw_only=True)
class Source:
    """One watched listing and everything its task works with.

    `inbox` holds what the detailer found out beyond the snapshots, with the versions of those; `bell` wakes the
    source for it. `recorded` is called after events were recorded, `alive` after every step of a long sweep.
    `keys` tells what the source signs with, `seconds` is a monotonic clock.

    `scopes` are those that the last full sweep found, None before one of this process asked.
    `unsettled` are the errors that left doubts of the present sweep open. `index_sure` is false while the index may
    lack what the store has. `full` is a full sweep under way, `full_breaks` how often in a row one
    did not come to its end, `hot_broke` that the last hot one did not either.
    `hot_due_at` is when a hot sweep interrupts a full one. `refused` are statuses that the cloud does not accept as a
    filter: they are tried again by the next process, and by this one from `refused_until` on, in seconds of `seconds`.
    `sweep` names the sweep under way, for the log and for what it records.
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
    seconds: Callable[[], float]
    chance: Callable[[], float]
    keys: Callable[[], SourceKeys | None]
    recorded: Callable[[], None]
    alive: Callable[[], None]
    bell: Bell = field(default_factory=Bell)
    inbox: dict[JobKey, tuple[Job, int]] = field(default_factory=dict)
    scopes: tuple[str, ...] | None = field(init=False)
    unsettled: list[JobwatchError] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    refused: set[str] = field(default_factory=set)
    refused_until: float = 0.0
    full: FullWalk | None = None
    full_breaks: int = 0
    hot_broke: bool = False
    hot_due_at: datetime | None = None
    attempted: bool = False
    index_sure: bool = True
    sweep: str | None = None

    def __post_init__(self) -> None:
        self.scopes = self.client.settled_scopes

    @property
    def clock_offset(self) -> timedelta:
        """The cloud's clock minus ours, as far as it is known."""
        return self.client.clock_offset or timedelta()


@contextmanager
def named_sweep(source: Source) -> Iterator[None]:
    """Name the sweep that begins now: every line of the log that it causes says so, and every event it records."""
    before, source.sweep = source.sweep, sweep_id(source.name, source.clock())
    try:
        with bound_contextvars(source=source.name, sweep=source.sweep):
            yield
    finally:
        source.sweep = before


async def load_index(store: Store, lease: Lease) -> JobIndex:
    """Read back what the store knows of a source's listing."""
    index = JobIndex(store.fingerprint_seed)
    async for rows in store.index(lease):
        index.load(rows)
    return index


def watch_for(source: Source, state: SourceState, started_at: datetime) -> Watch:
    """What a sweep that starts now knows about time."""
    gap = open_gap(
        watched_from=state.unfinished_data_at,
        watched_until=state.watched_until,
        now=started_at,
        every=source.pace.every,
    )
    return Watch(
        observed_at=started_at,
        every=source.pace.every,
        first_sight=source.pace.first_sight,
        baseline_started_at=state.baseline_started_at or started_at,
        baselined=state.baselined_at is not None,
        gaps=state.gaps.added(gap),
        clock_offset=source.clock_offset,
    )


def facts_for(source: Source, state: SourceState, now: datetime) -> Facts:
    """What the planner goes by. A due time from a clock that has stepped since counts as due."""
    pace = source.pace
    gap = open_gap(
        watched_from=state.unfinished_data_at,
        watched_until=state.watched_until,
        now=now,
        every=pace.every,
    )
    unfinished = source.desk.lifecycle.unfinished
    return Facts(
        statuses=tuple(status for status in unfinished if status not in source.refused),
        scopes=source.scopes,
        scope_calls=int(source.client.settled_scopes is None),
        page_size=pace.page_size,
        listed=state.listed,
        followed=state.last_sweep.followed if state.last_sweep else 0,
        full_ever=state.baselined_at is not None,
        gap=gap is not None,
        full_broke=source.full_breaks > 0,
        asked=_is_asked(source, state, now),
        next_at=trusted(state.next_sweep_at, now, pace.every),
        next_full_at=trusted(state.next_full_at, now, max(pace.every, pace.full_every)),
    )


def _is_asked(source: Source, state: SourceState, now: datetime) -> bool:
    """Whether a full sweep that was asked for is still to be tried: one that broke is tried again at its own time.

    A request from the future comes from a clock that has stepped since, or from another one: until then no sweep
    would answer it.
    """
    asked_at, attempted_at = state.asked_at, state.attempted_at
    if asked_at is None or asked_at > now:
        return False
    return not (source.full_breaks and attempted_at is not None and attempted_at >= asked_at)


def at_present(source: Source, watch: Watch) -> Watch:
    """What a sweep under way knows about time by now: the answers since its start told how the clocks differ."""
    return replace(watch, observed_at=source.clock(), clock_offset=source.clock_offset)


def walk_state(walk: FullWalk | None) -> WalkState | None:
    """What is kept of a full sweep under way; None where there is nothing to go on from.

    Nor where a scope broke: whoever goes on from here would take that one for read.
    """
    if walk is None or not walk.begun or walk.sound.broken:
        return None
    return WalkState(
        started_at=walk.started_at,
        scope=walk.scopes[walk.at],
        among=mark_of(walk.scopes),
        token=walk.cursor.asked or "",
        pages=walk.cursor.pages,
        listed=walk.listed,
    )


def mark_of(scopes: tuple[str, ...]) -> str:
    """A short text that other scopes, or the same ones in another order, do not have."""
    return hashlib.sha256("\0".join(scopes).encode()).hexdigest()[:16]


def learnt(source: Source, now: datetime) -> Learnt:
    """What the sweep learnt of the API, for the next process and for whoever looks."""
    client = source.client
    source.ledger.note(source.seconds(), calls=client.calls, throttled=client.throttled)
    hour, throttled = source.ledger.last_hour(source.seconds())
    refusal = client.refusal()
    keys = source.keys()
    offset = client.clock_offset
    source.metrics.clock(None if offset is None else offset.total_seconds())
    source.metrics.keys(keys.expires_at if keys else None)
    return Learnt(
        manners=client.remember(),
        spending=Spending(
            rate=client.rate,
            limit=client.limit,
            hour=hour,
            throttled=throttled,
            withheld_until=now + refusal.remaining if refusal else None,
            withheld_reason=refusal.reason.value if refusal else "",
        ),
        keys=keys,
        clock_offset=client.clock_offset,
    )
