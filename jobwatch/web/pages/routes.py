"""The pages for people: what they are asked for, and what is answered where nothing can be.

Law of this module: a page is made for everybody who asks for the same, two seconds at most before; what is asked for is
checked before anything is read.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TypeAlias, TypeVar
from urllib.parse import urlencode

import structlog
from aiohttp import web

from jobwatch import __version__
from jobwatch.core.errors import StoreError
from jobwatch.core.model import JobKey
from jobwatch.store.browsing import Part
from jobwatch.store.glance_values import WholeStory
from jobwatch.store.values import JobFilter, JobRow, Page
from jobwatch.web.pages.absent_page import Missing, Unready, render_missing, render_unready
from jobwatch.web.pages.frame import Frame
from jobwatch.web.pages.job_page import MOST_OF_A_KIND, JobView, render_job
from jobwatch.web.pages.jobs_page import CHOICES, Listing, render_listing
from jobwatch.web.pages.kept import KeptPages, Written
from jobwatch.web.pages.status import StatusReader
from jobwatch.web.pages.status_page import render
from jobwatch.web.view import WebView

JOBS_A_PAGE = 50
MOST_SCOPES = 20
"""Jobs of one id that are offered where it names several."""

LONGEST_VALUE = 200
"""No parameter that means something is longer."""

PATH_SHOWN = 200
ICON_SECONDS = 86_400
PARAMETERS = ("source", "show", "phase", "outcome", "cursor", "refresh")

Query: TypeAlias = tuple[tuple[str, str], ...]
"""The parameters that mean something, in order."""

JobAsked: TypeAlias = tuple[str, JobKey, Query]
KeyT = TypeVar("KeyT", Query, JobAsked)
ValueT = TypeVar("ValueT")

log = structlog.get_logger()


def page_routes(view: WebView) -> list[web.RouteDef]:
    """The page at `/`, the list of jobs, a job's own page, and the icon that browsers ask for. All answer GET and HEAD."""
    pages = _Pages(view)
    return [
        web.get("/", pages.status),
        web.get("/jobs", pages.jobs),
        web.get("/jobs/{source}/{id}", pages.job),
        web.get("/jobs/{source}/{scope}/{id}", pages.job),
        web.get("/favicon.ico", _icon),
    ]


async def _icon(_request: web.Request) -> web.Response:
    """There is none: browsers ask once a day, and nobody calls that an error."""
    headers = {"Cache-Control": f"max-age={ICON_SECONDS}"}
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)


def _query(request: web.Request) -> Query:
    """The first of each parameter that means something; a page is kept by them, so others make no page of their own."""
    asked = ((name, request.query.get(name)) for name in PARAMETERS)
    return tuple((name, value[:LONGEST_VALUE]) for name, value in asked if value)


class _Pages:
    def __init__(self, view: WebView) -> None:
        self._view = view
        self._reader = StatusReader(
            configured=view.configured,
            store=view.store,
            loops=view.stalled,
            missing=view.missing,
            ailing=view.ailing,
            refused=view.refused,
        )
        self._status = KeptPages(make=self._make_status, monotonic=view.monotonic)
        self._jobs = KeptPages(make=self._make_jobs, monotonic=view.monotonic)
        self._job = KeptPages(make=self._make_job, monotonic=view.monotonic)
        self._unready = KeptPages(make=self._make_unready, monotonic=view.monotonic)

    async def status(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._status, _query(request))

    async def jobs(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._jobs, _query(request))

    async def job(self, request: web.Request) -> web.Response:
        named = request.match_info
        key = JobKey(named.get("scope", ""), named["id"])
        return await self._answer(request, self._job, (named["source"], key, _query(request)))

    async def _answer(
        self, request: web.Request, pages: KeptPages[KeyT], key: KeyT
    ) -> web.Response:
        try:
            page = await pages.page(key)
        except (StoreError, TimeoutError) as error:
            log.warning("request.refused", path=request.path[:PATH_SHOWN], exc_info=error)
            page = await self._unready.page(_query(request))
        return web.Response(
            status=page.status, body=page.body, content_type="text/html", charset="utf-8"
        )

    async def _make_status(self, query: Query) -> Written:
        only = dict(query).get("source")
        if only is not None and not self._configured(only):
            return await self._no_source(query, only)
        status = await self._reader.read(only, partial(self._frame, query))
        return await _written(render, status)

    async def _make_jobs(self, query: Query) -> Written:
        asked = {name: value for name, value in query if name != "refresh"}
        only = asked.get("source")
        if only is not None and not self._configured(only):
            return await self._no_source(query, only)
        for name, choices in CHOICES.items():
            if name in asked and asked[name] not in choices:
                words = f"{name} is one of {', '.join(choices)}"
                return await self._absent(query, words, HTTPStatus.BAD_REQUEST)
        try:
            page = await self._part(asked)
        except (ValueError, OverflowError):
            words = "no list gave this cursor; begin anew"
            return await self._absent(query, words, HTTPStatus.BAD_REQUEST)
        listing = Listing(
            frame=self._frame(query, self._view.clock()),
            asked=asked,
            rows=page.rows,
            after=page.cursor,
            sources=[shape.name for shape in self._view.configured().sources],
        )
        return await _written(render_listing, listing)

    async def _part(self, asked: dict[str, str]) -> Page[JobRow]:
        wanted = JobFilter(
            source=asked.get("source"),
            phase=asked.get("phase"),
            outcome=asked.get("outcome"),
            unfinished={"unfinished": True, "ended": False}.get(asked.get("show", "")),
        )
        part = Part(limit=JOBS_A_PAGE, after=asked.get("cursor"))
        return await self._view.store().browse_jobs(wanted, part)

    async def _make_job(self, asked: JobAsked) -> Written:
        source, key, query = asked
        found, others = await self._find(source, key)
        frame = self._frame(query, self._view.clock())
        if others:
            missing = Missing(frame=frame, words="", source=source, others=others)
            return await _written(render_missing, missing, HTTPStatus.MULTIPLE_CHOICES)
        if found is None:
            words = (
                f"No job {key.id} is known of source {source}. What left the cloud's list is "
                "forgotten in time (`retention`), and what began a moment ago is seen with the next sweep."
            )
            return await self._absent(query, words, HTTPStatus.NOT_FOUND)
        configured = self._view.configured()
        view = JobView(
            frame=frame, found=found, configured=configured, terms=configured.terms(source)
        )
        return await _written(render_job, view)

    async def _find(self, source: str, key: JobKey) -> tuple[WholeStory | None, list[JobKey]]:
        """The job, or where its name says too little, those that it may mean."""
        store = self._view.store()
        if not source.isprintable():  # what no database takes, names no source
            return None, []
        found = await store.whole_story(source, key, limit=MOST_OF_A_KIND)
        if found is not None or key.scope:
            return found, []
        others = await store.named(source, key.id, limit=MOST_SCOPES)
        if len(others) != 1:
            return None, others
        return await store.whole_story(source, others[0], limit=MOST_OF_A_KIND), []

    async def _make_unready(self, query: Query) -> Written:
        unready = Unready(
            frame=self._frame(query, self._view.clock()),
            missing=tuple(self._view.missing()),
            loops=tuple(self._view.stalled()),
        )
        return await _written(render_unready, unready, HTTPStatus.SERVICE_UNAVAILABLE)

    async def _no_source(self, query: Query, name: str) -> Written:
        return await self._absent(query, f"No source {name} is configured.", HTTPStatus.NOT_FOUND)

    async def _absent(self, query: Query, words: str, status: HTTPStatus) -> Written:
        missing = Missing(frame=self._frame(query, self._view.clock()), words=words)
        return await _written(render_missing, missing, status)

    def _configured(self, name: str) -> bool:
        return any(shape.name == name for shape in self._view.configured().sources)

    def _frame(self, query: Query, now: datetime) -> Frame:
        still = dict(query).get("refresh") == "0"
        others = [each for each in query if each[0] != "refresh"]
        other = others if still else [*others, ("refresh", "0")]
        return Frame(
            instance=self._view.configured().instance,
            version=__version__,
            now=now,
            refresh=not still,
            other=f"?{urlencode(other, errors='replace')}",
        )


async def _written(
    render_it: Callable[[ValueT], str], value: ValueT, status: HTTPStatus = HTTPStatus.OK
) -> Written:
    """Write a page in a thread: the first one imports Jinja2, which would stall the loop for a tenth of a second."""
    html = await asyncio.to_thread(render_it, value)
    # Half a surrogate pair is valid JSON, but no text.
    return Written(status, html.encode("utf-8", "replace"))
