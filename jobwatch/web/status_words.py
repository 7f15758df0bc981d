"""How the status page writes times and counts: pure, in words for people."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, in at most two units: `12 s`, `2 h 5 min`; `never` for None."""
    return "never" if moment is None else span(now - moment)


def span(duration: timedelta) -> str:
    """How long, in at most two units; less than nothing is `0 s`."""
    left = max(0, duration // timedelta(seconds=1))
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


def count(number: int, noun: str) -> str:
    """So many of a thing: `1 page`, `2 pages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
