"""How sources and receivers stand, what is muted, and one job with all that became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.conditions import OF_THE_SOURCE
from jobwatch.core.documents import Document, instant
from jobwatch.core.model import JobKey
from jobwatch.core.overview import Identity, SourceState
from jobwatch.metrics import SourceShape, is_up
from jobwatch.store import Store, orders
from jobwatch.store.documents import (
    condition_row,
    mute_document,
    receiver_row,
    seconds,
    source_document,
    whole_document,
)
from jobwatch.store.orders import Fault, JobName, Refusal
from jobwatch.store.values import ConditionRow
from jobwatch.story.explaining import pace_of
from jobwatch.story.standing import SourceStanding, source_standing
from jobwatch.web.api.asking import Readers, flag, one_of, shown, word
from jobwatch.web.api.calling import Call, Write, dated
from jobwatch.web.api.paging import ask, ask_nothing, by_name, newest_first, page_of
from jobwatch.web.api.refused import not_found

SOURCES: Readers = {"source": word}
RECEIVERS: Readers = {"receiver": word, "state": one_of(ReceiverState)}
MUTES: Readers = {"ended": flag}
MOST = 100
"""Changes, events, conditions and deliveries of one job, each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A source by name: what is configured and what the store knows of it, None where that is nothing."""

    name: str
    shape: SourceShape | None
    state: SourceState | None


async def list_sources(call: Call) -> Write:
    """Every source that is configured or that the store still knows, by name, with the age of its data."""
    asked = ask(call, "sources", SOURCES)
    wanted = asked.read.get("source")
    async with call.desk.reader() as store:
        now = call.desk.view.clock()
        shapes = {shape.name: shape for shape in call.desk.configured.sources}
        await orders.check_source(store, shapes, wanted)
        states = {state.identity.name: state for state in await store.sources()}
        names = [wanted] if wanted is not None else list({**shapes, **states})
        page = page_of(names, asked.part(store), str, by_name)
        found = [
            _Source(name=name, shape=shapes.get(name), state=states.get(name)) for name in page.rows
        ]
        opened = [await store.conditions(name, OF_THE_SOURCE) for name in page.rows]
        cursor = asked.cursor(page, store)
    head = dated(call, {})

    def write() -> Document:
        shown = [_source(*each, now) for each in zip(found, opened, strict=True)]
        return {**head, "sources": shown, "cursor": cursor}

    return write


def _source(found: _Source, conditions: Sequence[ConditionRow], now: datetime) -> Document:
    state = found.state or _untried(found)
    return {
        **source_document(state),
        "standing": _standing(found, now),
        "conditions": [condition_row(row) for row in conditions if row.closed_at is None],
        "data_age_seconds": {
            "unfinished": _age(state.unfinished_data_at, now),
            "all": _age(state.all_data_at, now),
        },
    }


def _age(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else seconds(now - moment)


def _untried(found: _Source) -> SourceState:
    """A source that the store does not know yet, so that its document has the keys of any other."""
    kind = found.shape.provider if found.shape else ""
    region = found.shape.region if found.shape else ""
    identity = Identity(name=found.name, kind=kind, region=region, account="")
    return SourceState(source_id=0, identity=identity)


def _standing(found: _Source, now: datetime) -> SourceStanding:
    if found.shape is None:
        return SourceStanding.NOT_CONFIGURED
    return source_standing(found.state, up=is_up(found.state, found.shape, now))


async def list_receivers(call: Call) -> Write:
    """Every receiver that is configured, by name."""
    asked = ask(call, "receivers", RECEIVERS)
    names = list(call.desk.configured.receivers)
    name, state = asked.read.get("receiver"), asked.read.get("state")
    if name is not None:
        check_receiver(name, names)
        names = [name]
    async with call.desk.reader() as store:
        head = dated(call, {})
        found = [row for row in await store.receivers(names) if state in (None, row.state)]
        page = page_of(found, asked.part(store), lambda row: row.name, by_name)
        cursor = asked.cursor(page, store)
    return lambda: {
        **head,
        "receivers": [receiver_row(row) for row in page.rows],
        "cursor": cursor,
    }


def check_receiver(name: str, names: Sequence[str]) -> None:
    """Raise `Refused` for a receiver that is not configured."""
    if name not in names:
        raise not_found(f"there is no receiver {shown(name)}", sorted(names))


async def list_mutes(call: Call) -> Write:
    """What silences something now, the newest first; with `ended` what did before, too."""
    asked = ask(call, "mutes", MUTES)
    async with call.desk.reader() as store:
        now = call.desk.view.clock()
        head = dated(call, {})
        found = await store.mutes(ended=asked.read.get("ended", False))
        page = page_of(found, asked.part(store), lambda mute: str(mute.id), newest_first)
        cursor = asked.cursor(page, store)
    return lambda: {
        **head,
        "mutes": [mute_document(each, now) for each in page.rows],
        "cursor": cursor,
    }


async def one_job(call: Call) -> Write:
    """One job: its snapshot, its detail, and the latest of what became of it. A scope may be left out where one has it."""
    ask_nothing(call)
    source, key = (
        call.part("source"),
        JobKey(call.request.match_info.get("scope", ""), call.part("id")),
    )
    async with call.desk.reader() as store:
        key = await _meant(call, store, source, key)
        whole = await store.whole_story(source, key, limit=MOST)
        if whole is None:
            raise not_found(f"source {source} knows no job {shown(key.id)}")
        now = call.desk.view.clock()
    samples = whole.samples if whole.row.snapshot.unfinished else ()
    pace = pace_of(samples, whole.state, now)
    data_at = whole.state.unfinished_data_at if whole.state else None
    head = dated(call, {"data_at": instant(data_at)})
    return lambda: {**head, **whole_document(whole, pace.forecast)}


async def _meant(call: Call, store: Store, source: str, key: JobKey) -> JobKey:
    names = [shape.name for shape in call.desk.configured.sources]
    try:
        await orders.check_source(store, names, source)
        return (await orders.find_named(store, JobName(source=source, key=key))).key
    except Refusal as refusal:
        if refusal.fault is Fault.NO_SUCH_SOURCE:
            raise not_found(refusal.words, refusal.instead) from None
        raise
