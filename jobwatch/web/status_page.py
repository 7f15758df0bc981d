"""The status page: a value in, HTML out.

Everything that came from a cloud or a receiver is escaped by the template and kept in `<bdi>`, so
that it can neither become markup nor turn the text around it. Ages are told as they were when the
store was read; the page says when that was.
"""

import base64
import hashlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NamedTuple

from markupsafe import Markup

from jobwatch.core.model import Progress
from jobwatch.core.overview import OutboxDepth
from jobwatch.store.values import JobRow
from jobwatch.web.status_source import SourceView, notes, standing
from jobwatch.web.status_words import age, instant, span, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the page tells. `now` is when the store was read; the lists may show only the newest."""

    instance: str
    version: str
    now: datetime
    sources: Sequence[SourceView]
    unfinished: Sequence[JobRow]
    unfinished_total: int
    endings: Sequence[JobRow]
    receivers: Sequence[OutboxDepth]


class Bar(NamedTuple):
    """Finished tasks in percent of all."""

    succeeded: float
    failed: float


def render(status: Status) -> str:
    """Write the page. The first one takes a tenth of a second: Jinja2 is imported by whoever looks at it."""
    from jobwatch.web.status_template import fill  # noqa: PLC0415

    return fill("status.html.j2", _filters(), {"status": status, "style": style()})


@cache
def style() -> Markup:
    """The page's only style sheet; it stands in the page."""
    found = pkgutil.get_data("jobwatch.web", "templates/status.css") or b""
    return Markup(found.decode().rstrip("\n"))  # noqa: S704  # our own file


@cache
def style_hash() -> str:
    """The style sheet as a source for a Content-Security-Policy."""
    digest = hashlib.sha256(style().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _filters() -> Mapping[str, Callable[..., object]]:
    return {
        "age": age,
        "bar": bar,
        "instant": instant,
        "notes": notes,
        "percent": percent,
        "span": span,
        "standing": standing,
        "words": words,
    }


def bar(progress: Progress) -> Bar:
    """The two parts of a progress bar; never more than the whole, whatever the cloud counts."""
    total = max(progress.total, progress.finished, 1)
    return Bar(100 * progress.succeeded / total, 100 * progress.failed / total)


def percent(progress: Progress) -> str:
    """How much of a job is finished; 100 % only when all is."""
    ratio = progress.finished_ratio or 0.0
    return "100 %" if ratio == 1 else f"{min(99, int(ratio * 100))} %"
