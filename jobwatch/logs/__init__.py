"""How jobwatch logs: one event a line, named `noun.past_participle`, with keys only.

Law of this package: no line shows a secret, nothing that goes wrong with writing one reaches whoever logged it, and a
trouble that comes again and again is counted instead of written. docs/logs.md lists every line.

Own events take structlog's short way (bytes from orjson). Records of libraries come through the standard library's
logging, from WARNING on. On a terminal both are written for people.
"""

import logging
import sys
import time
from collections.abc import Callable
from typing import Literal, TextIO, TypeAlias

import structlog
from structlog.types import Processor

from jobwatch.logs.failures import ErrorKeys
from jobwatch.logs.foreign import ForeignRecords
from jobwatch.logs.hiding import hide_secrets
from jobwatch.logs.lines import for_people, json_line
from jobwatch.logs.repeating import REPEATED, Kind, Repeats, limited
from jobwatch.logs.sink import Sink, Writers

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
LogFormat: TypeAlias = Literal["auto", "console", "json"]

FOREIGN_LEVEL = logging.WARNING


def configure(
    level: Level = "info",
    log_format: LogFormat = "auto",
    stream: TextIO | None = None,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Set up logging for the whole process; `auto` is console on a terminal and JSON otherwise.

    `monotonic` gives seconds, by which repetition is measured.
    """
    stream = stream if stream is not None else sys.stderr
    sink = Sink(stream)
    number = logging.getLevelNamesMapping()[level.upper()]
    console = log_format == "console" or (log_format == "auto" and stream.isatty())
    steps: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        ErrorKeys(with_traceback=number <= logging.DEBUG),
        hide_secrets,
        for_people(colours=stream.isatty()) if console else json_line,
    ]
    repeats = Repeats(monotonic, _say_repeated(steps, sink))
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, limited(repeats), *steps],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=Writers(sink),
        cache_logger_on_first_use=False,  # a test that configures anew must reach every module
    )
    root = logging.getLogger()
    root.handlers[:] = [ForeignRecords(steps, sink, repeats)]
    root.setLevel(FOREIGN_LEVEL)
    logging.captureWarnings(capture=True)


def _say_repeated(steps: list[Processor], sink: Sink) -> Callable[[Kind, int], None]:
    """What writes a line about lines that were left out."""

    def say(kind: Kind, count: int) -> None:
        event = {"event": REPEATED, **dict(kind.about), "of": kind.event, "repeated": count}
        sink.write_event(steps, kind.level, event)

    return say
