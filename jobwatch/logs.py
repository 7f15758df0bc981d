"""How jobwatch logs: one event a line, named `noun.past_participle`, with keys only.

Own events take structlog's short way (bytes from orjson). Records of libraries come through the
standard library's logging, from WARNING on. On a terminal both are written for people. Nothing that
goes wrong with writing a line reaches whoever logged it.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Literal, TextIO, TypeAlias

import orjson
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
LogFormat: TypeAlias = Literal["auto", "console", "json"]

ERROR_LIMIT = 1024
FOREIGN_LEVEL = logging.WARNING


def configure(
    level: Level = "info", log_format: LogFormat = "auto", stream: TextIO | None = None
) -> None:
    """Set up logging for the whole process; `auto` is console on a terminal and JSON otherwise."""
    stream = stream if stream is not None else sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    for_people = log_format == "console" or (log_format == "auto" and stream.isatty())
    shared = _shared(with_traceback=number <= logging.DEBUG)
    lines: Processor = _console(stream) if for_people else _json_bytes
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *shared, lines],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Writers(stream),
        cache_logger_on_first_use=False,  # a test that configures anew must reach every module
    )
    _route_foreign_records(stream, shared, lines)


def _shared(*, with_traceback: bool) -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _ErrorKeys(with_traceback=with_traceback),
        hide_secrets,
    ]


def _route_foreign_records(stream: TextIO, shared: list[Processor], lines: Processor) -> None:
    handler = _Handler(stream)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[strip, lines, _text],
            pass_foreign_args=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(FOREIGN_LEVEL)
    logging.captureWarnings(capture=True)


class _ErrorKeys:
    """Turns an exception into the keys `error` and `error_class`, and a traceback to debug."""

    def __init__(self, *, with_traceback: bool) -> None:
        self._with_traceback = with_traceback

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        error = _exception(event.pop("exc_info", None))
        if error is not None:
            event["error"] = "; ".join(_causes(error))[:ERROR_LIMIT]
            event["error_class"] = type(error).__name__
            if self._with_traceback:
                event["traceback"] = "".join(traceback.format_exception(error))
        return event


def _exception(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exc_info()[1] if exc_info else None


def _causes(error: BaseException) -> Iterator[str]:
    """Say an exception in one line; a group says what is in it."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    else:
        yield " ".join(str(error).split()) or type(error).__name__


def hide_secrets(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Show secret values as ***, however deep."""
    for key, value in event.items():
        if not isinstance(value, str | int | float | None):
            event[key] = _without_secrets(value)
    return event


def _without_secrets(value: object) -> object:
    # pydantic's SecretStr and its kin, known by their method: this module knows no settings.
    if hasattr(value, "get_secret_value"):
        return "***"
    if isinstance(value, Mapping):
        return {key: _without_secrets(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets(item) for item in value]
    return value


def _json_bytes(_logger: WrappedLogger, _name: str, event: EventDict) -> bytes:
    try:
        return orjson.dumps(event, default=_plain)
    except (TypeError, ValueError):
        # Half a surrogate pair, a number beyond 64 bits, keys that are no text.
        return json.dumps({str(key): event[key] for key in event}, default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def _console(stream: TextIO) -> Processor:
    renderer = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), timestamp_key="at", exception_formatter=_no_traceback
    )

    def lines(logger: WrappedLogger, name: str, event: EventDict) -> bytes:
        shown = {key: _printable(value) for key, value in event.items() if key != "traceback"}
        if "traceback" in event:
            shown["exception"] = "\n".join(map(_printable, event["traceback"].splitlines()))
        return str(renderer(logger, name, shown)).encode("utf-8", "backslashreplace")

    return lines


def _no_traceback(*_: Any) -> None:  # structlog's signature
    """Errors are keys by now."""


def _printable(value: Any) -> Any:  # texts become texts, anything else stays
    """Keep what came from elsewhere from steering the terminal or faking a line."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(char if char.isprintable() else _escaped(char) for char in value.strip())


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()


def _text(_logger: WrappedLogger, _name: str, line: Any) -> str:  # structlog's type
    return bytes(line).decode("utf-8", "replace")


class _Sink:
    """The stream as bytes. A log that cannot be written must not fail what was being logged."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        """Write at once."""
        with suppress(OSError, ValueError):
            self._stream.buffer.write(data)
            self._stream.buffer.flush()

    def flush(self) -> None:
        """Everything was flushed when it was written."""


class _Writers:
    def __init__(self, stream: TextIO) -> None:
        self._writer = structlog.BytesLogger(_Sink(stream))  # type: ignore[arg-type]  # enough

    def __call__(self, *_: object) -> structlog.BytesLogger:
        return self._writer


class _Handler(logging.Handler):
    """Writes the records of libraries where own events go."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._sink = _Sink(stream)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._sink.write(self.format(record).encode("utf-8", "backslashreplace") + b"\n")
        except Exception:  # noqa: BLE001  # a record that cannot be formatted
            self.handleError(record)
