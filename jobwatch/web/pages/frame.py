"""What is around every page, and how a page is written: pure."""

import base64
import hashlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from markupsafe import Markup

from jobwatch.story.phrases import count, instant, length, percent
from jobwatch.web.pages.status_words import age, bar, since, when


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every page says: whose it is, of when, whether it refreshes itself.

    `other` is the link to the same page that does so where this one does not, and the other way round.
    """

    instance: str
    version: str
    now: datetime
    refresh: bool = True
    other: str = "?refresh=0"


def fill_page(name: str, frame: Frame, values: Mapping[str, object]) -> str:
    """Fill in a page. The first one takes a tenth of a second: Jinja2 is imported by whoever looks at it."""
    from jobwatch.web.pages.templating import fill  # noqa: PLC0415

    return fill(name, {"frame": frame, "style": style(), **_spoken(frame.now), **values})


@cache
def style() -> Markup:
    """The pages' only style sheet; it stands in each of them."""
    found = pkgutil.get_data("jobwatch.web.pages", "templates/status.css") or b""
    return Markup(found.decode().rstrip("\n"))  # noqa: S704  # our own file


@cache
def style_hash() -> str:
    """The style sheet as a source for a Content-Security-Policy."""
    digest = hashlib.sha256(style().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _spoken(now: datetime) -> Mapping[str, Callable[..., object]]:
    """What templates write with; ages are those of the page's moment."""
    return {
        "age": lambda moment: age(moment, now),
        "bar": bar,
        "count": count,
        "instant": instant,
        "percent": percent,
        "since": lambda moment: since(moment, now),
        "span": length,
        "when": lambda moment: when(moment, now),
    }
