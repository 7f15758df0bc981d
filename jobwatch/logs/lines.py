"""A line as bytes: JSON for programs, words and colours for people."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from jobwatch.logs.hiding import TEXT_LIMIT

FIRST = ("at", "level", "event")
"""The keys that every line has: who reads it by eye finds them at its left edge."""

_OPTIONS = orjson.OPT_UTC_Z


def json_line(_logger: WrappedLogger, _name: str, event: EventDict) -> bytes:
    """One JSON object that begins with when, how grave and what. Whatever is in it, there is a line."""
    event = {**{key: event[key] for key in FIRST if key in event}, **event}
    try:
        return orjson.dumps(event, default=_plain, option=_OPTIONS)
    except (TypeError, ValueError):
        pass
    try:
        # Half a surrogate pair, a number beyond 64 bits, keys that are no text.
        return json.dumps({str(key): event[key] for key in event}, default=_plain).encode()
    except (TypeError, ValueError, RecursionError):
        return json.dumps(_rest(event)).encode()


def _rest(event: EventDict) -> dict[str, object]:
    """What can be said of an event whose values cannot be shown."""
    known = {key: _plain(event.get(key))[:100] for key in FIRST}
    return known | {"unwritten": sorted(map(str, event.keys() - known.keys()))}


def _plain(value: object) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    try:
        return str(value)[:TEXT_LIMIT]
    except Exception:  # noqa: BLE001  whoever logged it must not pay for it
        return f"<{type(value).__name__}>"


def for_people(*, colours: bool) -> Processor:
    """What makes a line for a terminal."""
    renderer = structlog.dev.ConsoleRenderer(
        colors=colours, timestamp_key="at", exception_formatter=_no_traceback
    )

    def lines(logger: WrappedLogger, name: str, event: EventDict) -> bytes:
        # An empty key tells a program that there is nothing; a person sees that without it.
        said = {key: value for key, value in event.items() if value not in (None, "")}
        shown = {key: _printable(value) for key, value in said.items() if key != "traceback"}
        if "traceback" in event:
            shown["exception"] = "\n".join(map(_printable, event["traceback"].splitlines()))
        try:
            line = str(renderer(logger, name, shown))
        except ValueError:  # a number of thousands of digits
            line = str(renderer(logger, name, _rest(event)))
        return line.encode("utf-8", "backslashreplace")

    return lines


def _no_traceback(*_: Any) -> None:  # structlog's signature
    """Errors are keys by now."""


def _printable(value: Any) -> Any:  # texts become texts, anything else stays
    """Keep what came from elsewhere from steering the terminal or faking a line."""
    if isinstance(value, Mapping):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if not isinstance(value, str | int | float | None):
        value = _plain(value)
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(char if char.isprintable() else _escaped(char) for char in value.strip())


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()
