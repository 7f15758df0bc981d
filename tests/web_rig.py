"""A web server's view on a daemon of which nothing is there yet: a test puts in what it is about."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from jobwatch.core.errors import StoreUnusable
from jobwatch.metrics import Rendered
from jobwatch.store import SqliteSettings, Store
from jobwatch.web import Configured, Reloaded, WebView
from tests.factories import NOW
from tests.new_store import new_store


def closed() -> Store:
    raise StoreUnusable("not open yet")


def no_metrics(_accept: str, _encodings: str) -> Rendered:
    raise StoreUnusable("not open yet")


async def nothing_to_reload() -> Reloaded:
    return Reloaded()


def bare_view(**changes: Any) -> WebView:
    """A view of which only what a test says is there."""
    view = WebView(
        configured=lambda: Configured(instance="jobwatch"),
        store=closed,
        render_metrics=no_metrics,
        stalled=lambda: (),
        missing=lambda: ("store",),
        wake=lambda: None,
        reload=nothing_to_reload,
        clock=lambda: NOW,
    )
    return replace(view, **changes)


@asynccontextmanager
async def opened_store(clock: Callable[[], datetime] = lambda: NOW) -> AsyncIterator[Store]:
    """An empty store in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = await asyncio.to_thread(new_store, Path(folder) / "jobwatch.db", clock())
        settings = SqliteSettings(path=path)
        store = await Store.open(settings, owner="test", clock=clock, exclusive=True)
        try:
            yield store
        finally:
            await store.close()
