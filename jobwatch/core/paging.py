"""Paging: when a walk goes on, when it is complete, and when it proves nothing.

No page on ListJobs says how the last page looks, so every way that was seen or can be imagined is
accepted, and every way to walk for ever ends:

1. No token, or an empty one: complete.
2. An empty page that echoes the token asked: complete.
3. A fourth empty page in a row, however new its token: broken.
4. A token seen before in this walk: broken. Following it would walk in circles.
5. More pages than the cap: broken.
6. A refused token: once from the start again, then broken.
"""

from typing import NamedTuple, TypeAlias

from jobwatch.core.errors import BrokenReason
from jobwatch.core.model import JobPage

PAGE_CAP = 10_000
EMPTY_PAGES_ALLOWED = 3


class Next(NamedTuple):
    """Ask for the page behind `token`; None is the first page."""

    token: str | None


class Done(NamedTuple):
    """The walk is complete: what it did not show is not there."""


class Broken(NamedTuple):
    """The walk proves nothing about the jobs it did not show."""

    reason: BrokenReason
    text: str


Step: TypeAlias = Next | Done | Broken


class Cursor:
    """Where one walk stands. It is shown every page in turn and says what to do next."""

    def __init__(self, *, page_cap: int = PAGE_CAP) -> None:
        self._page_cap = page_cap
        self._restarted = False
        self._begin()

    def _begin(self) -> None:
        self._asked: str | None = None
        self._seen: set[str] = set()
        self._pages = 0
        self._empty_in_a_row = 0

    def advance(self, page: JobPage) -> Step:
        """Judge the page that answered the last token."""
        token = page.next_token
        self._pages += 1
        self._empty_in_a_row = 0 if page.listed else self._empty_in_a_row + 1
        if not token or (token == self._asked and not page.listed):
            return Done()
        broken = self._trouble(token)
        if broken is not None:
            return broken
        self._seen.add(token)
        self._asked = token
        return Next(token)

    def _trouble(self, token: str) -> Broken | None:
        if token in self._seen:
            return Broken(BrokenReason.TOKEN_REPEATED, f"page {self._pages} repeats a token")
        if self._empty_in_a_row > EMPTY_PAGES_ALLOWED:
            return Broken(BrokenReason.EMPTY_PAGES, f"{self._empty_in_a_row} empty pages in a row")
        if self._pages >= self._page_cap:
            return Broken(BrokenReason.PAGE_CAP, f"no end after {self._pages} pages")
        return None

    def rejected(self) -> Step:
        """Judge a refusal of the last token: a job that left the list may have been the token."""
        if self._restarted or self._asked is None:
            return Broken(
                BrokenReason.TOKEN_REJECTED, f"the token for page {self._pages + 1} was refused"
            )
        self._restarted = True
        self._begin()
        return Next(None)
