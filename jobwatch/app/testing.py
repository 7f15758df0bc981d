"""One signed `receiver.test`, sent at once, so that a person sees what a receiver gets and what it answers.

Nothing of it is kept, but its place in the rate of its URL: a robot counts tests as well.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jobwatch.app.clock import utc_now
from jobwatch.app.network import out_door
from jobwatch.app.telling import gate_key, own_origin
from jobwatch.core.documents import document, event_id
from jobwatch.core.encoding import encode
from jobwatch.core.errors import ConfigError, RenderError, StoreError, TransportError
from jobwatch.core.events import EventType, ReceiverEvent, Severity
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.formats import build, classify, limits
from jobwatch.formats.answers import without_keys
from jobwatch.formats.values import Recipient, Told, Verdict
from jobwatch.notifier import ANSWER_LIMIT, LEASE_MARGIN
from jobwatch.settings import Settings, live_recipient
from jobwatch.store import Store
from jobwatch.store.columns import EPOCH, MICROSECOND

NO_ROOM = "not sent: its URL gets as many messages now as it may; there is room in {seconds:.0f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestAnswer:
    """What was sent and what came back. `status` None: no answer. `took` is the whole exchange."""

    request: HttpRequest
    status: int | None
    result: Result
    answer: str
    took: timedelta


async def send_test(settings: Settings, name: str) -> TestAnswer:
    """Send a test to a receiver. Raises `KeyError` for an unknown one, `ConfigError` where nothing can be made for it."""
    receiver, now = settings.receivers[name], utc_now()
    recipient = live_recipient(settings, name).current()
    try:
        request = build(receiver.format, _told(settings, name, now), recipient, now)
    except RenderError as error:
        raise ConfigError([f"the message to {name} cannot be made: {error}"]) from error
    async with _place(settings, name, recipient, now) as room_at:
        if room_at is not None:
            words = NO_ROOM.format(seconds=(room_at - now).total_seconds())
            verdict = Verdict(result=Result.RATE_LIMITED, answer=words)
            return _answer(_shown(request, recipient), verdict, timedelta())
        began = time.monotonic()
        answer = await _exchange(settings, request, receiver.timeout)
        took = timedelta(seconds=time.monotonic() - began)
        verdict = classify(receiver.format, answer, recipient, utc_now())
        return _answer(_shown(request, recipient), verdict, took)


def _answer(request: HttpRequest, verdict: Verdict, took: timedelta) -> TestAnswer:
    return TestAnswer(
        request=request,
        status=verdict.status,
        result=verdict.result,
        answer=verdict.answer,
        took=took,
    )


def _shown(request: HttpRequest, recipient: Recipient) -> HttpRequest:
    """The request as a person may see it: what a template says word for word may be a key."""
    if recipient.template is None:
        return request
    body = without_keys(request.body.decode("utf-8", "replace"), recipient.template)
    return replace(request, body=body.encode())


def _told(settings: Settings, name: str, now: datetime) -> Told:
    """The event. Its id is new each time, lest a receiver takes it for a repetition; it has no number in any order."""
    event = ReceiverEvent(
        type=EventType.TEST,
        severity=Severity.INFO,
        origin=own_origin(settings),
        receiver=name,
        observed_at=now,
    )
    id_ = event_id(event, (now - EPOCH) // MICROSECOND)
    return Told(id=id_, type=event.type, body=encode({**document(event, 0), "id": id_}))


async def _exchange(
    settings: Settings, request: HttpRequest, allowed: timedelta
) -> HttpResponse | TransportError:
    try:
        async with out_door(settings) as transport:
            return await transport.send(
                request, timeout=allowed, max_body=ANSWER_LIMIT, truncate=True
            )
    except TransportError as error:
        return error


@asynccontextmanager
async def _place(
    settings: Settings, name: str, recipient: Recipient, now: datetime
) -> AsyncIterator[datetime | None]:
    """Hold a place in the rate of the URL while the test is under way; or say when there is room.

    Where there is no store yet, nothing is remembered of the URL, and nobody else sends to it.
    """
    receiver = settings.receivers[name]
    rates = limits(receiver.format).rates
    store = await _store(settings) if rates else None
    if store is None:
        yield None
        return
    # No delivery has such a number, and no two tests have the same.
    number = -((now - EPOCH) // MICROSECOND)
    key = gate_key(store.store_id, recipient.url)
    try:
        flight = receiver.timeout + LEASE_MARGIN
        room_at = await store.take_place(key, rates, number, flight=flight)
        yield room_at
        if room_at is None:
            await store.free_place(key, number)
    finally:
        await store.close()


async def _store(settings: Settings) -> Store | None:
    owner = f"test:{os.getpid()}"
    try:
        return await Store.open(settings.store, owner=owner, clock=utc_now, exclusive=False)
    except StoreError:
        return None
