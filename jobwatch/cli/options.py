"""The options that several commands share, and how a duration is read from one."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from jobwatch.cli.screen import OutputFormat
from jobwatch.core.durations import parse_duration

MOST_ROWS = 1000
LAST_PORT = 65_535


class Group(StrEnum):
    """What commands are for, as the help groups them."""

    RUN = "Watch"
    LOOK = "Look into the store, beside a running daemon or without one"
    ATTEND = "Attend to deliveries"
    STORE = "Keep the store"
    MORE = "More"


def duration(text: str) -> timedelta:
    """Read a length of time that is more than nothing. Raises `typer.BadParameter`."""
    try:
        read = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not read:
        raise typer.BadParameter("must be longer than nothing")
    return read


Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration; else $JOBWATCH_CONFIG, ./jobwatch.yaml, /etc/jobwatch/jobwatch.yaml.",
    ),
]
Output: TypeAlias = Annotated[
    OutputFormat,
    typer.Option("--output", help="A table for people, or one JSON document for programs."),
]
SourceName: TypeAlias = Annotated[
    str | None, typer.Option("--source", metavar="NAME", help="Of this source alone.")
]
JobArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="SOURCE/ID", help="SOURCE/SCOPE/ID where a source has scopes.")
]
Limit: TypeAlias = Annotated[
    int, typer.Option("--limit", min=1, max=MOST_ROWS, help="At most so many.")
]
Cursor: TypeAlias = Annotated[
    str | None,
    typer.Option("--cursor", metavar="TEXT", help="Go on where the list before this one ended."),
]
Seed: TypeAlias = Annotated[int, typer.Option("--seed", help="The same seed, the same jobs.")]
Speed: TypeAlias = Annotated[
    float, typer.Option("--speed", min=0.01, max=10_000, help="How many times faster jobs live.")
]
