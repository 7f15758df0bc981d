"""Sweeps by a process that is no daemon: of every source, with deliveries, for cron; or of one source, by command."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from jobwatch.app.assembling import open_parts
from jobwatch.app.parts import Parts, open_store
from jobwatch.app.shapes import shapes
from jobwatch.app.telling import RECEIVERS
from jobwatch.app.watching import Watched
from jobwatch.core.overview import SourceState
from jobwatch.detailer import IDLE, release_details
from jobwatch.formats.values import Recipient
from jobwatch.loop import Pulse
from jobwatch.metrics import Metrics
from jobwatch.notifier import Notifier
from jobwatch.poller import sweep_safely, take_inbox
from jobwatch.settings import Settings
from jobwatch.store.outbox_values import Manner


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Parts]:
    """Everything that stands on the store, while no daemon holds it. Raises `StoreLocked`."""
    store = await open_store(settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        metrics = Metrics(shapes(settings), list(settings.receivers))
        yield await stack.enter_async_context(open_parts(settings, store, metrics, Pulse()))


async def sweep_one(settings: Settings, name: str) -> SourceState:
    """Sweep a source and ask for the details of what is news; what is known of the source then.

    While calls are withheld nothing is done, and nothing is counted as a failure.
    Raises `StoreLocked` while a daemon holds the store.
    """
    async with _opened(settings) as parts:
        watched = parts.watched[name]
        await watched.source.client.notice_keys()
        if watched.source.client.refusal() is None:
            await sweep_safely(watched.source)
            await _release_all(watched)
        return await parts.store.source(watched.source.lease)


async def once(settings: Settings) -> tuple[str, ...]:
    """Sweep every source once, deliver what is due, and give the names of the sources that could not be read.

    Raises `StoreLocked` while a daemon holds the store.
    """
    async with _opened(settings) as parts:
        try:
            async with asyncio.TaskGroup() as group:
                parts.spawn_in(group)
                return await _once(parts)
        finally:
            await parts.store.give_back(parts.store.owner)


async def _once(parts: Parts) -> tuple[str, ...]:
    async with asyncio.TaskGroup() as sweeps:
        for watched in parts.watched.values():
            sweeps.create_task(sweep_safely(watched.source))
    async with asyncio.TaskGroup() as rest:
        for watched in parts.watched.values():
            rest.create_task(_release_all(watched))
    for notifier in parts.notifiers.values():
        notifier.post = replace(notifier.post, manner=_impatient(notifier.post.manner))
    await _deliver(parts)
    # A receiver that was found gone just now is told of to the others.
    for keeper in parts.keepers:
        if keeper.name == RECEIVERS:
            await keeper.step()
    await _deliver(parts)
    states = {state.identity.name: state for state in await parts.store.sources()}
    return tuple(name for name in parts.watched if states[name].failures)


async def _deliver(parts: Parts) -> None:
    async with asyncio.TaskGroup() as rest:
        for notifier in parts.notifiers.values():
            rest.create_task(_deliver_all(notifier))


def _impatient(
    manner: Callable[[Recipient], Manner],
) -> Callable[[Recipient], Manner]:
    """Nobody is there when the window of a digest ends, and the next run may be a day later."""

    def now_or_never(recipient: Recipient) -> Manner:
        usual = manner(recipient)
        policy = usual.digest
        return replace(usual, digest=replace(policy, patient=False)) if policy else usual

    return now_or_never


async def _release_all(watched: Watched) -> None:
    """Ask for details until no event waits for one; its patience bounds this."""
    while (pause := await release_details(watched.detailer)) != IDLE:
        await take_inbox(watched.source)
        await asyncio.sleep(pause.total_seconds())


async def _deliver_all(notifier: Notifier) -> None:
    """One attempt for everything that is due."""
    pause = timedelta()
    while notifier.running or pause <= timedelta():
        pause = await notifier.deliver_due()
