"""The parameters of a question: each is read by a reader of its own. Pure.

Law of this module: nothing is guessed and nothing is ignored. A name that no reader has, a name given twice and a value
that its reader does not take are refused with what would be right.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple, TypeAlias

from jobwatch.store.orders import Refusal, moment_of
from jobwatch.web.api.refused import Code, Refused, bad_value

MOST, USUAL = 1000, 100
"""Rows of a page."""

LONGEST = 2048
"""Characters of a value."""

LARGEST = 2**62
"""The largest number that names something: a delivery, a mute, a position."""

_DIGITS = 19


class Context(NamedTuple):
    """What a value may depend on: its name, and the time."""

    name: str
    now: datetime


Reader: TypeAlias = Callable[[str, Context], object]
Readers: TypeAlias = Mapping[str, Reader]
Read: TypeAlias = dict[str, Any]


def read_query(pairs: Iterable[tuple[str, str]], readers: Readers, now: datetime) -> Read:
    """The values that were given, by name. Raises `Refused`."""
    found: Read = {}
    for name, text in pairs:
        reader = readers.get(name)
        if reader is None:
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                Code.UNKNOWN_PARAMETER,
                f"there is no parameter {shown(name)} here",
                sorted(readers),
            )
        if name in found:
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                Code.REPEATED_PARAMETER,
                f"{name} is given more than once",
            )
        if len(text) > LONGEST:
            raise bad_value(f"{name} is longer than {LONGEST} characters")
        found[name] = reader(text, Context(name, now))
    return found


def word(text: str, context: Context) -> str:
    """A word that may be anything, but not nothing."""
    if not text:
        raise bad_value(f"{context.name} is empty")
    return text


def one_of(words: type[StrEnum]) -> Reader:
    """A word of a few."""

    def read(text: str, context: Context) -> StrEnum:
        try:
            return words(text)
        except ValueError:
            allowed = [each.value for each in words]
            raise bad_value(
                f"{context.name}={shown(text)} is none of the allowed", allowed
            ) from None

    return read


def flag(text: str, context: Context) -> bool:
    """Yes or no."""
    if text not in ("true", "false"):
        raise bad_value(f"{context.name}={shown(text)} is none of the allowed", ["true", "false"])
    return text == "true"


def whole(least: int, most: int) -> Reader:
    """A whole number within bounds."""

    def read(text: str, context: Context) -> int:
        number = whole_number(text)
        if number is None or not least <= number <= most:
            raise bad_value(
                f"{context.name}={shown(text)} is no whole number from {least} to {most}"
            )
        return number

    return read


def whole_number(text: str) -> int | None:
    """A number in plain digits; None for anything else, and for one that is larger than any."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        return None
    number = int(text)
    return number if number <= LARGEST else None


def moment(text: str, context: Context) -> datetime:
    """A moment, or how long ago it was."""
    try:
        # A plus that was not escaped arrives as a blank.
        return moment_of(text.replace(" ", "+"), context.now)
    except Refusal as refusal:
        raise bad_value(f"{context.name}={refusal.words}") from None


def shown(text: str) -> str:
    """A text from anywhere within a sentence: short, and all of it visible."""
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return line if len(line) <= 64 else f"{line[:63]}…"  # noqa: PLR2004  what a line has room for


limit = whole(1, MOST)
PAGED: Readers = {"limit": limit, "cursor": word}
"""What every list takes."""
