"""One full sweep of one source by a process that is no daemon: recorded like any other, delivered by the next one."""

import asyncio
from contextlib import AsyncExitStack

from jobwatch.app.parts import open_parts, open_store, shapes
from jobwatch.app.watching import Watched
from jobwatch.core.overview import SourceState
from jobwatch.detailer import IDLE, release_details
from jobwatch.loop import Pulse
from jobwatch.metrics import Metrics
from jobwatch.poller import sweep_safely, take_inbox
from jobwatch.settings import Settings


async def sweep_one(settings: Settings, name: str) -> SourceState:
    """Sweep a source and ask for the details of what is news; what is known of the source then.

    Raises `StoreLocked` while a daemon holds the store.
    """
    store = await open_store(settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        metrics = Metrics(shapes(settings), list(settings.receivers))
        parts = await stack.enter_async_context(open_parts(settings, store, metrics, Pulse()))
        watched = parts.watched[name]
        await sweep_safely(watched.source)
        await _details(watched)
        return await store.source(watched.source.lease)


async def _details(watched: Watched) -> None:
    """Ask for details until no event waits for one; its patience bounds this."""
    while (pause := await release_details(watched.detailer)) != IDLE:
        await take_inbox(watched.source)
        await asyncio.sleep(pause.total_seconds())
