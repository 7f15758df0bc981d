"""The status page: a value in, HTML out.

Everything that came from a cloud or a receiver is escaped by the template and kept in `<bdi>`, so
that it can neither become markup nor turn the text around it. Ages are told as they were when the
store was read; the page says when that was.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from jobwatch.core.model import Progress
from jobwatch.core.overview import OutboxDepth, SourceState
from jobwatch.store.values import JobRow

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """One configured source; `state` is None while the store knows nothing of it."""

    name: str
    provider: str
    region: str
    up: bool
    state: SourceState | None


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


class Standing(NamedTuple):
    """How a source fares: a tone for the eye (good, bad or idle) and the words for it."""

    tone: str
    words: str


class Bar(NamedTuple):
    """Finished tasks in percent of all."""

    succeeded: float
    failed: float


def render(status: Status) -> str:
    """Write the page."""
    return _environment().get_template("status.html.j2").render(status=status, style=style())


@cache
def style() -> Markup:
    """The page's only style sheet; it stands in the page."""
    return Markup(_environment().get_template("status.css").render())  # noqa: S704  # our own file


@cache
def style_hash() -> str:
    """The style sheet as a source for a Content-Security-Policy."""
    digest = hashlib.sha256(style().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("jobwatch.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        age=age, bar=bar, instant=instant, percent=percent, standing=standing, words=words
    )
    return environment


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, in at most two units: `12 s`, `2 h 5 min`; `never` for None."""
    if moment is None:
        return "never"
    left = max(0, int((now - moment) / timedelta(seconds=1)))
    for (unit, size), (smaller, fraction) in pairwise(_UNITS):
        if left >= size:
            rest = left % size // fraction
            return f"{left // size} {unit} {rest} {smaller}" if rest else f"{left // size} {unit}"
    return f"{left} s"


def instant(moment: datetime) -> str:
    """A moment for people, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def words(name: str) -> str:
    """An enum's value as words."""
    return name.replace("_", " ")


def bar(progress: Progress) -> Bar:
    """The two parts of a progress bar; never more than the whole, whatever the cloud counts."""
    total = max(progress.total, progress.finished, 1)
    return Bar(100 * progress.succeeded / total, 100 * progress.failed / total)


def percent(progress: Progress) -> str:
    """How much of a job is finished; 100 % only when all is."""
    ratio = progress.finished_ratio or 0.0
    return "100 %" if ratio == 1 else f"{min(99, int(ratio * 100))} %"


def standing(source: SourceView) -> Standing:
    """How a source fares."""
    state = source.state
    if state is None or state.attempted_at is None:
        return Standing("idle", "not tried yet")
    if state.failures:
        return Standing("bad", "cannot be read")
    if state.all_data_at is None:
        return Standing("idle", "first sweep under way")
    return Standing("good", "up to date") if source.up else Standing("bad", "overdue")
