"""Text for a terminal: whatever came from elsewhere made harmless.

Law of this module: `plain` gives one line without anything that steers a terminal, reorders its neighbours or
hides; markup is no concern here, because nothing that prints interprets any. Times and counts are those of
`jobwatch.story.phrases`.
"""

import unicodedata

from rich.cells import cell_len, set_cell_size

from jobwatch.story.phrases import (
    NOTHING,
    ago,
    count,
    instant,
    length,
    moment,
    percent,
    status_of,
    tasks,
)

__all__ = [
    "NOTHING",
    "ago",
    "count",
    "instant",
    "length",
    "moment",
    "percent",
    "plain",
    "status_of",
    "tasks",
]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
MARKS_IN_A_ROW = 3
"""Combining marks that any script stacks on one letter; more of them paint over other lines."""

_CONTROL_PICTURES = 0x2400
_DELETE_PICTURE = "\N{SYMBOL FOR DELETE}"
_DELETE = "\x7f"


def plain(text: str, width: int | None = None) -> str:
    """One line of visible text, at most `width` cells wide.

    Control characters become their pictures (`␛`, `␊`), other invisible ones, bidirectional overrides among
    them, the replacement character.
    """
    shown: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char).startswith("M") else 0
        if marks <= MARKS_IN_A_ROW:
            shown.append(char if char.isprintable() else _visible(char))
    line = "".join(shown)
    if width is None or cell_len(line) <= width:
        return line
    return set_cell_size(line, width - 1).rstrip() + "…"


def _visible(char: str) -> str:
    if char < " ":
        return chr(_CONTROL_PICTURES + ord(char))
    if char == _DELETE:
        return _DELETE_PICTURE
    # The ideographic space and its kin are no ASCII, yet nothing but spaces.
    return " " if unicodedata.category(char) == "Zs" else REPLACEMENT
