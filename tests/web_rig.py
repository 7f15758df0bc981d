"""A web server's view on a daemon of which nothing is there yet: a test puts in what it is about."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jobwatch.core.errors import StoreUnusable
from jobwatch.core.overview import Overview
from jobwatch.metrics import Rendered
from jobwatch.store import Store
from jobwatch.store.values import JobRow
from jobwatch.web import Configured, Reloaded, StatusReader, WebView
from tests.factories import NOW


def closed() -> Store:
    raise StoreUnusable("not open yet")


async def no_overview() -> Overview:
    raise StoreUnusable("not open yet")


async def no_jobs(_limit: int) -> Sequence[JobRow]:
    raise StoreUnusable("not open yet")


def no_metrics(_accept: str, _encodings: str) -> Rendered:
    raise StoreUnusable("not open yet")


async def nothing_to_reload() -> Reloaded:
    return Reloaded()


def bare_reader(**changes: Any) -> StatusReader:
    """The reader of the status page, with what a test says otherwise."""
    reader = StatusReader(
        configured=lambda: Configured(instance="jobwatch"),
        overview=no_overview,
        unfinished=no_jobs,
        endings=no_jobs,
    )
    return replace(reader, **changes)


def bare_view(**changes: Any) -> WebView:
    """A view of which only what a test says is there."""
    view = WebView(
        configured=lambda: Configured(instance="jobwatch"),
        store=closed,
        render_metrics=no_metrics,
        stalled=lambda: (),
        missing=lambda: ("store",),
        status=bare_reader(),
        wake=lambda: None,
        reload=nothing_to_reload,
        clock=lambda: NOW,
    )
    return replace(view, **changes)
