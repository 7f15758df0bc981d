"""How the pages write ages, bars and text from anywhere. Pure; other words are those of `jobwatch.story.phrases`."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from markupsafe import Markup

from jobwatch.core.model import Progress
from jobwatch.story.phrases import instant, length

MARKS_IN_A_ROW = 3
"""Combining marks that any script stacks on one letter; more of them paint over other lines."""

_ODD = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_PICTURES = 0x2400
_A_SECOND = timedelta(seconds=1)
_TIME = Markup('<time datetime="{}" title="{}">{}</time>')


def legible(text: str) -> str:
    """Text from anywhere without what steers, reorders or hides its neighbours; what does is seen as a sign.

    Joiners stay: emoji and several scripts are written with them.
    """
    seen = _ODD.sub(_sign, text)
    return seen if seen.isascii() else _without_towers(seen)


def _sign(found: re.Match[str]) -> str:
    char = found[0]
    return chr(_PICTURES + ord(char)) if char < " " else "\N{REPLACEMENT CHARACTER}"


def _without_towers(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char).startswith("M") else 0
        if marks <= MARKS_IN_A_ROW:
            kept.append(char)
    return "".join(kept)


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, in at most two units: `12 s`, `2 h 5 min`; `never` for None."""
    return "never" if moment is None else length(now - moment)


def when(moment: datetime, now: datetime) -> Markup:
    """A moment as how long ago it was or how soon it comes; its title tells it in UTC."""
    if timedelta() < moment - now < _A_SECOND:
        return _stamped(moment, "now")
    told = f"in {length(moment - now)}" if moment > now else f"{length(now - moment)} ago"
    return _stamped(moment, told)


def since(moment: datetime, now: datetime) -> Markup:
    """How long something lasts that began then; its title tells when that was."""
    return _stamped(moment, length(now - moment))


def _stamped(moment: datetime, told: str) -> Markup:
    return _TIME.format(f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", instant(moment), told)


def words(name: str) -> str:
    """An enum's value as words."""
    return name.replace("_", " ")


class Bar(NamedTuple):
    """Finished tasks in percent of all."""

    succeeded: float
    failed: float


def bar(progress: Progress) -> Bar:
    """The two parts of a progress bar; never more than the whole, whatever the cloud counts."""
    total = max(progress.total, progress.finished, 1)
    return Bar(100 * progress.succeeded / total, 100 * progress.failed / total)
