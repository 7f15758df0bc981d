"""Jobs, events and deliveries in pages, and one event and one delivery by itself."""

import re
from datetime import datetime

from jobwatch.core.documents import Document, instant
from jobwatch.core.events import EventType
from jobwatch.core.model import Outcome, Phase
from jobwatch.core.outbox import DeliveryState
from jobwatch.store import Store, orders
from jobwatch.store.browsing import Part, Span
from jobwatch.store.documents import delivery_row, event_row, job_row
from jobwatch.store.values import DeliveryFilter, EventFilter, EventRow, JobFilter, Page
from jobwatch.web.api.asking import (
    LARGEST,
    Read,
    Readers,
    flag,
    moment,
    one_of,
    shown,
    whole,
    whole_number,
    word,
)
from jobwatch.web.api.calling import Call, Write, dated
from jobwatch.web.api.paging import Question, ask, ask_nothing
from jobwatch.web.api.refused import bad_value, not_found

SPAN: Readers = {"since": moment, "until": moment}
JOBS: Readers = {
    "source": word,
    "status": word,
    "phase": one_of(Phase),
    "operation": word,
    "outcome": one_of(Outcome),
    "unfinished": flag,
    **SPAN,
}
EVENTS: Readers = {
    "source": word,
    "type": one_of(EventType),
    **SPAN,
    "after": whole(0, LARGEST),
}
DELIVERIES: Readers = {
    "source": word,
    "receiver": word,
    "state": one_of(DeliveryState),
    "type": one_of(EventType),
}
_EVENT_ID = re.compile(r"evt_[a-z2-7]{1,40}", re.ASCII)
_MOST_RECEIVERS = 1000


async def list_jobs(call: Call) -> Write:
    """Jobs, the latest observation first. `data_at` is how old the oldest data of the sources asked for is."""
    asked = ask(call, "jobs", JOBS)
    wanted = JobFilter(**{name: asked.read.get(name) for name in JOBS if name not in SPAN})
    async with call.desk.reader() as store:
        await _check_source(call, store, asked.read)
        head = dated(call, {"data_at": instant(await _data_at(call, store, wanted.source))})
        page = await store.browse_jobs(wanted, asked.part(store), span=_span(asked.read))
        cursor = asked.cursor(page, store)
    return lambda: {**head, "jobs": [job_row(row) for row in page.rows], "cursor": cursor}


async def _check_source(call: Call, store: Store, read: Read) -> None:
    names = [shape.name for shape in call.desk.configured.sources]
    await orders.check_source(store, names, read.get("source"))


def _span(read: Read) -> Span:
    span = Span(read.get("since"), read.get("until"))
    if span.since is not None and span.until is not None and span.since >= span.until:
        raise bad_value("until is not after since")
    return span


async def _data_at(call: Call, store: Store, source: str | None) -> datetime | None:
    """The age of what is known of unfinished jobs; None where one of the sources was never read."""
    names = {shape.name for shape in call.desk.configured.sources} if source is None else {source}
    known = {each.identity.name: each.unfinished_data_at for each in await store.sources()}
    times = [known.get(name) for name in names]
    return None if None in times else min((each for each in times if each), default=None)


async def list_events(call: Call) -> Write:
    """Events, the latest recorded first; with `after` those that were recorded after one, as they were."""
    asked = ask(call, "events", EVENTS)
    wanted = EventFilter(source=asked.read.get("source"), type=asked.read.get("type"))
    async with call.desk.reader() as store:
        await _check_source(call, store, asked.read)
        head = dated(call, {})
        page = await _events(store, wanted, asked)
        cursor = asked.cursor(page, store)
    return lambda: {**head, "events": [event_row(row) for row in page.rows], "cursor": cursor}


async def _events(store: Store, wanted: EventFilter, asked: Question) -> Page[EventRow]:
    part, span, after = asked.part(store), _span(asked.read), asked.read.get("after")
    if after is None:
        return await store.browse_events(wanted, part, span=span)
    if span != Span():
        raise bad_value("after goes with neither since nor until")
    begin = str(after) if part.after is None else part.after
    return await store.follow_events(wanted, Part(limit=part.limit, after=begin))


async def one_event(call: Call) -> Write:
    """One event, and its deliveries."""
    ask_nothing(call)
    wanted = call.part("id")
    async with call.desk.reader() as store:
        head = dated(call, {})
        row = await store.event(wanted) if _EVENT_ID.fullmatch(wanted) else None
        if row is None:
            raise not_found(f"there is no event {shown(wanted)}; `retention` may have removed it")
        sent = await store.deliveries(DeliveryFilter(event_id=row.id), limit=_MOST_RECEIVERS)

    def write() -> Document:
        told = [delivery_row(each) for each in reversed(sent.rows)]
        return {**head, "event": event_row(row), "deliveries": told}

    return write


async def list_deliveries(call: Call) -> Write:
    """Deliveries, the latest recorded first."""
    asked = ask(call, "deliveries", DELIVERIES)
    wanted = DeliveryFilter(**{name: asked.read.get(name) for name in DELIVERIES})
    async with call.desk.reader() as store:
        await _check_source(call, store, asked.read)
        head = dated(call, {})
        part: Part = asked.part(store)
        page = await store.browse_deliveries(wanted, part)
        cursor = asked.cursor(page, store)
    return lambda: {
        **head,
        "deliveries": [delivery_row(row) for row in page.rows],
        "cursor": cursor,
    }


async def one_delivery(call: Call) -> Write:
    """One delivery with its attempts."""
    ask_nothing(call)
    async with call.desk.reader() as store:
        head = dated(call, {})
        number = delivery_number(call)
        row = await store.delivery(number)
        if row is None:
            raise not_found(f"there is no delivery {number}")
        attempts = await store.attempts(number)
    return lambda: {**head, "delivery": delivery_row(row, attempts)}


def delivery_number(call: Call) -> int:
    """The number in the path. Raises `Refused`."""
    text = call.part("id")
    number = whole_number(text)
    if number is None:
        raise not_found(f"there is no delivery {shown(text)}")
    return number
