"""The two places a command writes to: standard output for what was asked for, standard error for the rest.

Law of this module: nothing that is printed is interpreted as markup, and a reader that goes away (`| head`) ends
the command without complaint.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import NoReturn

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobwatch.cli.ending import Exit
from jobwatch.cli.text import plain
from jobwatch.core.model import Outcome, Phase

WIDE = 400
"""Columns where nobody looks at a terminal: what is searched with grep must not be cut or wrapped."""

READING = 80
"""Columns of sentences that are written for people, where nobody says how many there are."""

LEAST_CELLS = 12
"""A column that would be cut to less than this is left out."""

GAP = 3
EDGES = 2

_STYLES = {
    Phase.RUNNING: "cyan",
    Phase.WAITING: "yellow",
    Phase.PAUSED: "yellow",
    Phase.UNKNOWN: "magenta",
    Phase.SUCCEEDED: "green",
    Phase.FAILED: "red",
    Outcome.SUCCEEDED: "green",
    Outcome.COMPLETED_WITH_FAILURES: "yellow",
    Outcome.FAILED: "bold red",
    Outcome.VANISHED: "bold red",
}


class OutputFormat(StrEnum):
    """What a command prints: tables for people, JSON for programs."""

    TABLE = "table"
    JSON = "json"


def _end() -> NoReturn:
    raise SystemExit(Exit.DONE)


class Screen(Console):
    """Standard output. It interprets no markup.

    `unread` is called once nobody reads any more; by default the command ends then.
    """

    def __init__(self, unread: Callable[[], None] | None = None) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, soft_wrap=False)
        self._unread = unread or _end
        self._measured = self.is_terminal or "COLUMNS" in os.environ
        if not self._measured:
            self.width = WIDE

    def on_broken_pipe(self) -> None:
        """Whoever read has seen enough: that is no failure."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        self._unread()

    def document(self, document: object) -> None:
        """Print one JSON document, in ASCII so that nothing in it can steer a terminal."""
        self.out(json.dumps(document, indent=2))

    def one_line(self, document: object) -> None:
        """Print one JSON document on one line."""
        self.out(json.dumps(document, separators=(",", ":")))

    def words(self, text: str, style: str = "") -> None:
        """Print one line as it is, however long."""
        self.print(Text(text, style=style), soft_wrap=True)

    def sentences(self, rows: Iterable[tuple[str, Text]]) -> None:
        """Print labels and what they say, whole, on as many lines as that takes; nothing pads a line."""
        rows = list(rows)
        indent = max((cell_len(name) for name, _ in rows), default=0) + EDGES
        width = max((self.width if self._measured else READING) - indent, LEAST_CELLS)
        for name, value in rows:
            label = name
            for line in value.wrap(self, width, overflow="fold"):
                line.rstrip()
                head = Text(set_cell_size(label, indent), style="dim")
                self.print(Text.assemble(head, line), soft_wrap=True)
                label = ""


def complain(lines: Iterable[str]) -> None:
    """Say something beside the output, on standard error."""
    for line in lines:
        if sys.stderr is not None:
            sys.stderr.write(f"jobwatch: {line}\n")


def table(*columns: str) -> Table:
    """A table with these columns, whose cells are folded where the screen is narrow."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        made.add_column(name, overflow="fold")
    return made


def fitted(screen: Console, columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    """A list with a line for each row: what the screen has no room for is cut or left out, from the right."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    left = screen.width - EDGES
    shown = 0
    for index, name in enumerate(columns):
        width = max(len(name), *(row[index].cell_len for row in rows)) if rows else len(name)
        if shown and left < min(width, LEAST_CELLS):
            break
        made.add_column(name, no_wrap=True, overflow="ellipsis", width=min(width, max(left, 1)))
        left -= width + GAP
        shown += 1
    for row in rows:
        made.add_row(*row[:shown])
    return made


def grid(rows: Iterable[tuple[str, Text]]) -> Table:
    """Labels and what they say, a line each."""
    made = Table.grid(padding=(0, 2), pad_edge=True)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(Text(name, style="dim"), value)
    return made


def cell(text: str, width: int | None = None, style: str = "") -> Text:
    """Text from anywhere as a cell."""
    return Text(plain(text, width), style=style)


def style_of(phase: Phase, outcome: Outcome | None = None) -> str:
    """The colour of a job."""
    return _STYLES.get(outcome or phase, "")
