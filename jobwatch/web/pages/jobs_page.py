"""The list of jobs, a part at a time: a value in, HTML out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from jobwatch.core.model import Outcome, Phase
from jobwatch.store.values import JobRow
from jobwatch.web.pages.frame import Frame, fill_page
from jobwatch.web.pages.status_job import card

SHOWS = ("unfinished", "ended")
PHASES = tuple(phase.value for phase in Phase)
OUTCOMES = tuple(outcome.value for outcome in Outcome)
CHOICES: Mapping[str, Sequence[str]] = {"show": SHOWS, "phase": PHASES, "outcome": OUTCOMES}
"""What the filters of fixed words may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A part of the list. `asked` are the filters that hold, `after` the cursor of the next part, None at the end."""

    frame: Frame
    asked: Mapping[str, str]
    rows: Sequence[JobRow]
    after: str | None
    sources: Sequence[str]


def render_listing(listing: Listing) -> str:
    """Write the list."""
    filters = {name: value for name, value in listing.asked.items() if name != "cursor"}
    choices = {"source": listing.sources, **CHOICES}
    return fill_page(
        "jobs.html.j2",
        listing.frame,
        {
            "cards": [card(row) for row in listing.rows],
            "filters": {
                name: [
                    (word, word == filters.get(name), _link(filters, name, word)) for word in words
                ]
                for name, words in choices.items()
            },
            "held": list(filters.values()),
            "next": _link(filters, "cursor", listing.after) if listing.after else None,
            "first": _link(filters) if "cursor" in listing.asked else None,
        },
    )


def _link(filters: Mapping[str, str], name: str = "", word: str = "") -> str:
    """The list with one filter more, or without it where it held already."""
    asked = dict(filters)
    if name:
        asked = {**asked, name: word}
        if filters.get(name) == word:
            del asked[name]
    return "/jobs" + (f"?{urlencode(asked)}" if asked else "")
