"""The status page of values: one healthy source and receiver, but for what a test says."""

from typing import Any

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.overview import SourceState
from jobwatch.store.glance_values import Glance, SeenJob
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.values import JobRow
from jobwatch.web.pages.frame import Frame
from jobwatch.web.pages.status_page import Status, render
from jobwatch.web.pages.status_receiver import ReceiverView
from jobwatch.web.pages.status_source import SourceView
from tests.factories import NOW, job, snapshot
from tests.html_page import HtmlPage
from tests.overviews import source_view
from tests.overviews import state as source_state

FRAME = Frame(instance="jobwatch", version="0.1.0", now=NOW)


def state(**fields: Any) -> SourceState:
    return source_state(**({"listed": 1200, "unfinished": 3} | fields))


def source(known: SourceState | None, **fields: Any) -> SourceView:
    return source_view(state=known, **fields)


def receiver(**fields: Any) -> ReceiverView:
    defaults: dict[str, Any] = {"name": "ops", "state": ReceiverState.ACTIVE}
    return ReceiverView(format="standard", row=ReceiverRow(**(defaults | fields)))


def row(status_word: str = "Active", **fields: Any) -> JobRow:
    return JobRow(source="prod", snapshot=snapshot(of=job(status_word, **fields)))


def html(*, glance: dict[str, Any] | None = None, **fields: Any) -> str:
    """The page of one healthy source and receiver, but for what a test says."""
    found = Glance(now=NOW, **(glance or {}))
    defaults: dict[str, Any] = {
        "frame": FRAME,
        "glance": found,
        "sources": [source(state())],
        "receivers": [receiver()],
    }
    return render(Status(**(defaults | fields)))


def page(**fields: Any) -> HtmlPage:
    return HtmlPage(html(**fields))


def unfinished(*rows: JobRow, total: int | None = None) -> dict[str, Any]:
    seen = tuple(SeenJob(row=each) for each in rows)
    return {"unfinished": seen, "unfinished_of": {"prod": len(rows) if total is None else total}}
