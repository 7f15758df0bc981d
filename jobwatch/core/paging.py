"""Paging: when a walk goes on, when it is complete, and when it proves nothing.

No page on ListJobs says how the last page looks, so every way that was seen or can be imagined is
accepted, and every way to walk for ever ends:

1. No token, or an empty one: complete.
2. An empty page that echoes the token asked: complete.
3. A fourth empty page in a row, however new its token: broken.
4. A token seen before in this walk: broken. Following it would walk in circles.
5. More than thirty pages in a row that begin with a job with which another page began, however new their tokens:
   broken. It is the same circle.
6. More pages than the cap: broken.
7. A refused token: once from the start again, then broken.

A walk may be put down between two pages and taken up again with the token it stood at (`Cursor.resumed`).
"""

from typing import NamedTuple, TypeAlias

from jobwatch.core.codec import ScopePage
from jobwatch.core.errors import BrokenReason
from jobwatch.core.model import JobKey, JobPage

PAGE_CAP = 10_000
EMPTY_PAGES_ALLOWED = 3
REPEATED_PAGES_ALLOWED = 30
"""Generous: a listing that is sorted anew while it is read may show much again. What it bounds is ten thousand pages."""
TOKEN_LIMIT = 4096
"""Characters of a next token: it goes into a URL, and into the store with a walk that is put down."""


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

    @classmethod
    def resumed(cls, token: str | None, *, pages: int = 0, page_cap: int = PAGE_CAP) -> "Cursor":
        """Take up a walk that stood before the page behind `token`, after so many pages.

        Of the tokens before it only that one is known, so a circle is found one round later; the page cap counts on.
        """
        cursor = cls(page_cap=page_cap)
        if token:
            cursor._asked, cursor._seen, cursor._pages = token, {token}, pages
        return cursor

    @property
    def asked(self) -> str | None:
        """The token of the page that is asked for next (or was asked last, at the end); None is the first page."""
        return self._asked

    @property
    def pages(self) -> int:
        """How many pages were seen since the start, those before a resumption included."""
        return self._pages

    @property
    def restarted(self) -> bool:
        """Whether a refused token sent the walk back to its first page: from there on every page is shown again."""
        return self._restarted

    def _begin(self) -> None:
        self._asked: str | None = None
        self._seen: set[str] = set()
        self._pages = 0
        self._empty_in_a_row = 0
        self._begun: set[JobKey | int] = set()
        self._repeated_in_a_row = 0

    def advance(self, page: JobPage | ScopePage) -> Step:
        """Judge the page that answered the last token."""
        token = page.next_token
        self._pages += 1
        self._empty_in_a_row = 0 if page.listed else self._empty_in_a_row + 1
        if isinstance(page, JobPage):
            self._compare(page)
        if not token or (token == self._asked and not page.listed):
            return Done()
        broken = self._trouble(token)
        if broken is not None:
            return broken
        self._seen.add(token)
        self._asked = token
        return Next(token)

    def _compare(self, page: JobPage) -> None:
        """Count pages that were shown before. An empty one says nothing."""
        # A member is read at its first showing and known by its bytes at the second: a circle shows a round later.
        if not page.listed:
            return
        begin = page.jobs[0].key if page.jobs else page.unchanged[0]
        self._repeated_in_a_row = self._repeated_in_a_row + 1 if begin in self._begun else 0
        self._begun.add(begin)

    def _trouble(self, token: str) -> Broken | None:
        if token in self._seen:
            return Broken(BrokenReason.TOKEN_REPEATED, f"page {self._pages} repeats a token")
        if self._repeated_in_a_row > REPEATED_PAGES_ALLOWED:
            text = f"{self._repeated_in_a_row} pages in a row show what was shown before"
            return Broken(BrokenReason.TOKEN_REPEATED, text)
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
