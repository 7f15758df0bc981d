"""How an event's document is read for people: leniently, because older versions and strangers wrote it.

1. What is missing or odd reads as nothing; no document makes a reader fail.
2. Every text comes out on one line, visible and of a bounded length. Its markup is left for the format to escape.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from jobwatch.formats.fitting import cut
from jobwatch.formats.values import Document

DESCRIPTION = 200
REASON = 500
CODE = 64
NAME = 128
"""Characters of a text that are shown, at most."""

LARGEST = 10**15
"""No count is larger; one that is, is no count."""

LINK = 2000

# Soft hyphen, Arabic letter mark, Mongolian vowel separator, zero-width and directional marks, invisible operators,
# BOM, Hangul fillers, interlinear and tag characters: they show nothing, and hide or turn what stands beside them.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")
_LINK = re.compile(r"""https?://[^\s<>"'`|\\{}()\[\]\x00-\x20\x7f-\U0010ffff]+""")
"""What ends a link in no chat's markup."""


def plain(value: object, limit: int) -> str:
    """A text on one line of at most `limit` characters; a number as its digits; "" for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST:
        return cut(str(value), limit)
    if not isinstance(value, str):
        return ""
    visible = _INVISIBLE.sub("", _CONTROLS.sub(" ", value))
    return cut(" ".join(_NO_CHARACTER.sub("\ufffd", visible).split()), limit)


def section(document: object, *path: str) -> Document:
    """The object at a path; empty where there is none."""
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document if isinstance(document, Mapping) else {}


def sections(part: Document, name: str) -> tuple[Document, ...]:
    """The objects in a list; empty where there is no list."""
    found = part.get(name)
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        return ()
    return tuple(each for each in found if isinstance(each, Mapping))


def text(part: Document, name: str, limit: int = CODE) -> str:
    """A text of an object."""
    return plain(part.get(name), limit)


def number(part: Document, name: str) -> int | None:
    """A count of an object: whole and not negative."""
    found = seconds(part, name)
    return None if found is None else int(found)


def seconds(part: Document, name: str) -> float | None:
    """A number of an object that is not negative; neither infinity nor "not a number" passes."""
    found = part.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return found if 0 <= found <= LARGEST else None


def instant(part: Document, name: str) -> datetime | None:
    """A time of an object, in UTC."""
    found = part.get(name)
    if not isinstance(found, str):
        return None
    try:
        moment = datetime.fromisoformat(found)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def link(part: Document, *names: str) -> str | None:
    """The first of some links that can be shown: http or https, without anything that ends a link early."""
    for name in names:
        found = part.get(name)
        if isinstance(found, str) and len(found) <= LINK and _LINK.fullmatch(found):
            return found
    return None
