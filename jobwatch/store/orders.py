"""What a person orders, read and judged: the command line and the HTTP API refuse the same, and do the same.

Law of this module: an order is refused by `Refusal`, whose words say what to write instead. They name a part of the order
as its reader writes it, `--source` or `source`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from jobwatch.core.documents import Document
from jobwatch.core.durations import parse_duration
from jobwatch.core.model import JobKey
from jobwatch.core.muting import Mute, Silence
from jobwatch.core.outbox import OPEN
from jobwatch.store.attending import Attending
from jobwatch.store.columns import clean
from jobwatch.store.documents import mute_document
from jobwatch.store.muting import Silenced
from jobwatch.store.outbox_values import Redelivery
from jobwatch.store.store import Store
from jobwatch.store.values import DeliveryRow

SHORTEST_MUTE, LONGEST_MUTE = timedelta(minutes=1), timedelta(days=90)
REASON_LENGTH = 200
"""Characters of a reason that are kept."""

PART_LENGTH = 2048
"""Characters of a name or a glob."""

MOST_CANDIDATES = 100
"""Jobs of one id that are listed where it names several."""

_SHOWN = 80
_GLOB = frozenset("*?[")


class Fault(StrEnum):
    """Why an order is refused."""

    BAD = "bad"
    NO_SUCH_SOURCE = "no_such_source"
    NO_SUCH_DELIVERY = "no_such_delivery"
    AMBIGUOUS = "ambiguous"
    STILL_OPEN = "still_open"
    NOT_CONFIGURED = "not_configured"


class Refusal(Exception):
    """An order that cannot be followed. `instead` are the values that would be right, where they are few."""

    def __init__(self, fault: Fault, words: str, instead: Collection[str] = ()) -> None:
        super().__init__(words)
        self.fault, self.words, self.instead = fault, words, tuple(instead)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobName:
    """What `SOURCE/ID` or `SOURCE/SCOPE/ID` names."""

    source: str
    key: JobKey


def job_name(text: str) -> JobName:
    """Read the name of a job. Raises `Refusal`."""
    source, slash, rest = text.partition("/")
    scope, _, job_id = rest.rpartition("/")
    if not (source and slash and job_id):
        words = f"{_shown(text)} names no job; write SOURCE/ID, or SOURCE/SCOPE/ID"
        raise Refusal(Fault.BAD, words)
    return JobName(source=source, key=JobKey(scope, job_id))


def written(source: str, scope: str, job_id: str) -> str:
    """The name of a job as `job_name` reads it."""
    return "/".join(part for part in (source, scope, job_id) if part)


async def find_named(store: Store, wanted: JobName) -> JobName:
    """The job that is meant: without a scope, the one of this id in any. Raises `Refusal` where there are several."""
    # The name as it stands is asked for first: an id alone is not indexed.
    if wanted.key.scope or await store.job(wanted.source, wanted.key):
        return wanted
    keys = await store.named(wanted.source, wanted.key.id, limit=MOST_CANDIDATES)
    if len(keys) > 1:
        there = [written(wanted.source, *key) for key in keys]
        raise Refusal(Fault.AMBIGUOUS, "several jobs have this id; name one", there)
    return JobName(source=wanted.source, key=keys[0]) if keys else wanted


async def check_source(store: Store, configured: Collection[str], name: str | None) -> None:
    """Raise `Refusal` for a source that neither the configuration nor the store knows."""
    if name is None or name in configured:
        return
    known = await known_sources(store, configured)
    if name not in known:
        words = f"there is no source {_shown(name)}; there are {', '.join(known) or 'none'}"
        raise Refusal(Fault.NO_SUCH_SOURCE, words, known)


async def known_sources(store: Store, configured: Collection[str]) -> list[str]:
    """The names of all sources that are configured or that the store still knows, sorted."""
    return sorted({*configured, *(each.identity.name for each in await store.sources())})


def moment_of(text: str, now: datetime) -> datetime:
    """The moment that `2h` (ago) or an RFC 3339 time names. Raises `Refusal`."""
    try:
        return now - parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    words = (
        f"{_shown(text)}: write how long ago, such as 2h, or a time with its zone, "
        "such as 2026-11-21T20:00:00Z"
    )
    raise Refusal(Fault.BAD, words)


# Mutes.


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteOrder:
    """What a person asks to be silenced, for how long, and why. `job` is SOURCE/ID."""

    source: str | None = None
    job: str | None = None
    description: str | None = None
    lasts: timedelta
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted:
    """A mute that began, what it fits now, and what of it may be a slip of the pen."""

    mute: Mute
    fitting: Silenced
    doubts: tuple[str, ...] = field(default=())

    def document(self, now: datetime) -> Document:
        """What is said of it as JSON."""
        return {
            "mute": mute_document(self.mute, now),
            "unfinished_jobs": self.fitting.jobs,
            "waiting_deliveries": self.fitting.waiting,
        }


def silence_of(order: MuteOrder, name: Callable[[str], str]) -> Silence:
    """What an order means; `name` writes a part as the reader knows it. Raises `Refusal`."""
    parts = {
        "source": order.source,
        "job": order.job,
        "description": order.description,
        "reason": order.reason.strip(),
    }
    for part, text in parts.items():
        _check_text(name(part), text)
    if not SHORTEST_MUTE <= order.lasts <= LONGEST_MUTE:
        raise Refusal(Fault.BAD, "a mute lasts from 1m to 90d")
    if order.source is None and order.job is None and order.description is None:
        words = (
            f"say what to mute: {name('source')}, {name('job')} or {name('description')}; "
            f"{name('source')} '*' mutes every source"
        )
        raise Refusal(Fault.BAD, words)
    source, job = order.source, None
    if order.job is not None:
        if source is not None:
            words = f"{name('job')} names its source itself: leave {name('source')} out"
            raise Refusal(Fault.BAD, words)
        meant = job_name(order.job)
        source, job = meant.source, written("", *meant.key)
    reason = order.reason.strip()[:REASON_LENGTH]
    return Silence(source=source, job=job, description=order.description, reason=reason)


def _check_text(name: str, text: str | None) -> None:
    if text is None:
        return
    if not text:
        raise Refusal(Fault.BAD, f"{name} is empty")
    if len(text) > PART_LENGTH:
        raise Refusal(Fault.BAD, f"{name} is longer than {PART_LENGTH} characters")
    if clean(text) != text:
        raise Refusal(Fault.BAD, f"{name} holds what is no text")


async def begin_mute(
    store: Store, silence: Silence, *, until: datetime, configured: Collection[str]
) -> Muted:
    """Silence what is meant until then. Raises `Refusal` for a source that is not there, unless a glob asks for it."""
    if silence.job is not None:
        found = await find_named(store, _job_of(silence))
        silence = replace(silence, job=written("", *found.key))
    doubts = await _doubts(store, silence, configured)
    fitting = await store.silenced(silence)
    mute = await store.mute(silence, until=until)
    return Muted(mute=mute, fitting=fitting, doubts=doubts)


def _job_of(silence: Silence) -> JobName:
    return job_name(written(silence.source or "", "", silence.job or ""))


async def _doubts(store: Store, silence: Silence, configured: Collection[str]) -> tuple[str, ...]:
    """What may be a slip of the pen."""
    if silence.source is None:
        return ()
    if not _GLOB & set(silence.source):
        await check_source(store, configured, silence.source)
    if silence.job is not None:
        meant = _job_of(silence)
        known = await store.job(meant.source, meant.key)
        name = written(meant.source, *meant.key)
        return () if known else (f"no job {name} was seen yet; the mute waits for it",)
    sources = await known_sources(store, configured)
    if any(fnmatchcase(each, silence.source) for each in sources):
        return ()
    return (f"no source fits {silence.source}; there are {', '.join(sources)}",)


# Sending again.


async def find_delivery(store: Attending, number: int, configured: Collection[str]) -> DeliveryRow:
    """A delivery that may be sent again, as far as its receiver is concerned. Raises `Refusal`."""
    row = await store.delivery(number)
    if row is None:
        raise Refusal(Fault.NO_SUCH_DELIVERY, f"there is no delivery {number}")
    check_sendable(row.receiver, configured)
    return row


def check_sendable(receiver: str, configured: Collection[str]) -> None:
    """Raise `Refusal` for a receiver that nobody would send to."""
    if receiver not in configured:
        there_are = ", ".join(configured) or "none"
        words = (
            f"receiver {_shown(receiver)} is not configured (any more), so nobody would send to it; "
            f"there are {there_are}"
        )
        raise Refusal(Fault.NOT_CONFIGURED, words, configured)


async def send_again(
    store: Attending, row: DeliveryRow, budgets: Mapping[str, timedelta | None]
) -> DeliveryRow:
    """Let one delivery be sent again; as it stands then. Raises `Refusal` where it is sent anyway."""
    done = await store.redeliver(Redelivery(delivery=row.id), give_up_after=budgets)
    after = await store.delivery(row.id)
    if after is None:
        raise Refusal(Fault.NO_SUCH_DELIVERY, f"there is no delivery {row.id}")
    if not done.rows:
        stands = "is being sent" if row.state is OPEN[1] else "waits to be sent"
        raise Refusal(Fault.STILL_OPEN, f"delivery {row.id} {stands} already: nothing to do")
    return after


def _shown(text: str) -> str:
    """A text from anywhere within a sentence: cut, and nothing in it ends the line."""
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
