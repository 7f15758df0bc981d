"""Answers to scrapes that cost the same however many ask at once.

Law of this module: who waits for the same page gets the same page, so a crowd costs a few renderings and a hung-up
scraper none of its own; and who does not read keeps nothing but the page.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from aiohttp import web

from jobwatch.metrics import Rendered
from jobwatch.metrics.exposition import Format, accepts_gzip, choose_format
from jobwatch.web.serving.sending import send_in_pieces

RENDERINGS_AT_ONCE = 2
"""A scrape renders in a thread; more of them would take the threads that names are resolved in."""

Wanted: TypeAlias = tuple[Format, bool]


class Kept(NamedTuple):
    """The latest page of its kind, and the how manieth of all it was when it was begun."""

    number: int
    page: Rendered


class Scrapes:
    """Pages of metrics for whoever asks. `render` is called in a thread, with Accept and Accept-Encoding."""

    def __init__(self, render: Callable[[str, str], Rendered]) -> None:
        self._render = render
        self._turns = asyncio.Semaphore(RENDERINGS_AT_ONCE)
        self._begun = 0
        self._asking = 0
        self._kept: dict[Wanted, Kept] = {}

    async def page(self, accept: str, accept_encoding: str) -> Rendered:
        """Give a page that was begun after it was asked for."""
        wanted, asked_after = (choose_format(accept), accepts_gzip(accept_encoding)), self._begun
        self._asking += 1
        try:
            async with self._turns:
                kept = self._kept.get(wanted)
                if kept is not None and kept.number > asked_after:
                    return kept.page
                self._begun += 1
                number = self._begun
                page = await asyncio.to_thread(self._render, accept, accept_encoding)
                self._kept[wanted] = Kept(number, page)
                return page
        finally:
            self._asking -= 1
            if not self._asking:
                self._kept.clear()


async def send(request: web.Request, page: Rendered) -> web.StreamResponse:
    """Send a page."""
    return await send_in_pieces(request, page.body, _headers(page))


def _headers(page: Rendered) -> dict[str, str]:
    headers = {"Content-Type": page.content_type, "Vary": "Accept, Accept-Encoding"}
    if page.encoding:
        headers["Content-Encoding"] = page.encoding
    return headers
