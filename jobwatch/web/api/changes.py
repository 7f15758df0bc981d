"""The few calls that change something: what `redeliver`, `receivers pause|resume`, `mute` and `unmute` do.

Each is written to the log with who asked, and takes effect at once.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus

import structlog

from jobwatch.core.documents import Document
from jobwatch.core.durations import parse_duration
from jobwatch.core.errors import StoreError
from jobwatch.store import orders
from jobwatch.store.documents import delivery_row, receiver_row
from jobwatch.store.orders import MuteOrder
from jobwatch.web.api.asking import shown, whole_number
from jobwatch.web.api.bodies import needed, read_body, text_of
from jobwatch.web.api.calling import Call, Handler, Write, dated
from jobwatch.web.api.lists import delivery_number
from jobwatch.web.api.paging import ask_nothing
from jobwatch.web.api.refused import Code, Refused, bad_value, not_found
from jobwatch.web.api.standings import check_receiver

LONGEST_BUDGET = timedelta(days=3)
"""How long a delivery is tried where nobody says."""

MUTE_KEYS = ("source", "job", "description", "for", "reason")

log = structlog.get_logger()


async def redeliver(call: Call) -> Write:
    """Send one delivery again, with a new budget: the same event with the same id."""
    ask_nothing(call)
    await read_body(call.request, ())
    budgets = _budgets(call)
    async with call.desk.writer() as store:
        row = await orders.find_delivery(store, delivery_number(call), budgets)
        after = await orders.send_again(store, row, budgets)
        (stand,) = await store.receivers([row.receiver])
    _wake(call)
    log.info("delivery.redelivered", delivery_id=row.id, receiver=row.receiver, peer=call.peer)
    document: Document = {"delivery": delivery_row(after), "receiver_state": stand.state.value}
    return lambda: dated(call, document)


def turn(*, on: bool) -> Handler:
    """Pause a receiver, or resume it: what waits for it is kept, and gets a new budget when it goes on."""

    async def handler(call: Call) -> Write:
        ask_nothing(call)
        await read_body(call.request, ())
        budgets, name = _budgets(call), call.part("name")
        check_receiver(name, list(budgets))
        async with call.desk.writer() as store:
            if on:
                changed = await store.resume_receiver(name, give_up_after=budgets[name])
            else:
                changed = await store.pause_receiver(name)
            (row,) = await store.receivers([name])
        _wake(call)
        if on:
            log.info("receiver.resume_ordered", receiver=name, changed=changed, peer=call.peer)
        else:
            log.info("receiver.pause_ordered", receiver=name, changed=changed, peer=call.peer)
        return lambda: dated(call, {"receiver": receiver_row(row), "changed": changed})

    return handler


def _budgets(call: Call) -> Mapping[str, timedelta]:
    """How long a delivery is tried, for every receiver that is configured."""
    configured = call.desk.configured
    told = configured.give_up_after
    return {name: told.get(name, LONGEST_BUDGET) for name in configured.receivers}


def _wake(call: Call) -> None:
    """Let the loops look at once; where they stop just now, the next start does."""
    with suppress(StoreError):
        call.desk.view.wake()


async def begin_mute(call: Call) -> Write:
    """Silence what a person knows already; it expires by itself."""
    ask_nothing(call)
    body = await read_body(call.request, MUTE_KEYS)
    order = MuteOrder(
        source=text_of(body, "source"),
        job=text_of(body, "job"),
        description=text_of(body, "description"),
        lasts=_length(needed(body, "for")),
        reason=needed(body, "reason"),
    )
    silence = orders.silence_of(order, str)
    names = [shape.name for shape in call.desk.configured.sources]
    async with call.desk.writer() as store:
        now = call.desk.view.clock()
        until = now + order.lasts
        muted = await orders.begin_mute(store, silence, until=until, configured=names)
    _wake(call)
    log.info("mute.created", mute_id=muted.mute.id, peer=call.peer)
    return lambda: dated(call, {**muted.document(now), "doubts": list(muted.doubts)})


def _length(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise bad_value(f"for={shown(text)} {error}") from None


async def end_mute(call: Call) -> Write:
    """End a mute before its time; what it silenced meanwhile stays unsent."""
    ask_nothing(call)
    text = call.part("id")
    number = whole_number(text)
    async with call.desk.writer() as store:
        if number is None or not await store.unmute(number):
            raise not_found(f"no mute {shown(text)} holds")
    _wake(call)
    log.info("mute.ended", mute_id=number, peer=call.peer)
    document: Document = {"ended": number}
    return lambda: dated(call, document)


async def reload(call: Call) -> Write:
    """Read the configuration anew. Where it has mistakes the one before it holds on, and the answer says them all."""
    ask_nothing(call)
    reloaded = await call.desk.reloads.reload()
    log.info("reload.ordered", refused=reloaded.refused, peer=call.peer)
    if reloaded.refused:
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            Code.RELOAD_REFUSED,
            "the configuration is refused; the one before it holds",
            more={"problems": list(reloaded.problems)},
        )
    return lambda: {"changed": list(reloaded.changed)}
