"""One page of a list: which part is asked for, and the cursor of the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias, TypeVar

from jobwatch.store import Store
from jobwatch.store.browsing import Part
from jobwatch.store.values import Page
from jobwatch.web.api.asking import PAGED, USUAL, Read, Readers, read_query
from jobwatch.web.api.calling import Call
from jobwatch.web.api.cursors import bound_to, seal, unseal
from jobwatch.web.api.refused import Code, Refused

RowT = TypeVar("RowT")


Rank: TypeAlias = tuple[int, str]
"""What short lists are in order by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked of a list. `raw` is as it was written: a length of time back from now moves between two pages."""

    name: str
    read: Read
    raw: dict[str, str]

    @property
    def limit(self) -> int:
        """Rows of a page."""
        return int(self.read.get("limit", USUAL))

    def part(self, store: Store) -> Part:
        """Which part is asked for. Raises `Refused` for a cursor that no page of this list gave."""
        cursor = self.read.get("cursor")
        if cursor is None:
            return Part(limit=self.limit)
        try:
            return Part(limit=self.limit, after=unseal(cursor, self._bound, store.store_id))
        except ValueError:
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                Code.BAD_CURSOR,
                "no page of this list with these filters gave this cursor",
            ) from None

    def cursor(self, page: Page[RowT], store: Store) -> str | None:
        """What asks for the next page; None at the end."""
        return None if page.cursor is None else seal(page.cursor, self._bound, store.store_id)

    @property
    def _bound(self) -> str:
        filters = {name: text for name, text in self.raw.items() if name not in PAGED}
        return bound_to(self.name, filters)


def ask(call: Call, name: str, filters: Readers) -> Question:
    """Read what is asked of a list. Raises `Refused`."""
    pairs = list(call.request.query.items())
    read = read_query(pairs, {**PAGED, **filters}, call.desk.view.clock())
    return Question(name=name, read=read, raw=dict(pairs))


def ask_nothing(call: Call) -> None:
    """Raise `Refused` for any parameter at all."""
    read_query(call.request.query.items(), {}, call.desk.view.clock())


def page_of(
    rows: Sequence[RowT], part: Part, name: Callable[[RowT], str], rank: Callable[[str], Rank]
) -> Page[RowT]:
    """A page of a list that is short enough to be read as a whole, in the order of its rows' names."""
    ordered = sorted(rows, key=lambda row: rank(name(row)))
    if part.after is not None:
        place = rank(part.after)
        ordered = [row for row in ordered if place < rank(name(row))]
    shown = tuple(ordered[: part.limit])
    more = len(ordered) > part.limit
    return Page(rows=shown, cursor=name(shown[-1]) if more else None)


def by_name(name: str) -> Rank:
    """In the order of the alphabet."""
    return (0, name)


def newest_first(number: str) -> Rank:
    """Numbers that grow, the largest first."""
    return (-int(number), "")
