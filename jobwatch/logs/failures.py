"""Exceptions as keys of a line: `error` says it in one line, `exception` names its class, `traceback` is for debugging."""

import sys
import traceback
from collections.abc import Iterator

from structlog.types import EventDict, WrappedLogger

from jobwatch.logs.hiding import scrubbed

ERROR_LIMIT = 1024
TRACEBACK_LIMIT = 16 * 1024


class ErrorKeys:
    """Turns an exception into the keys `error` and `exception_class`, and a traceback to debug."""

    def __init__(self, *, with_traceback: bool) -> None:
        self._with_traceback = with_traceback

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        error = exception_in(event.pop("exc_info", None))
        if error is not None:
            event["error"] = "; ".join(_causes(error))[:ERROR_LIMIT]
            event["exception_class"] = type(error).__name__
            if self._with_traceback:
                lines = "".join(traceback.format_exception(error))
                event["traceback"] = scrubbed(lines[-TRACEBACK_LIMIT:])
        return event


def exception_in(exc_info: object) -> BaseException | None:
    """The exception that a line is about, as structlog and the standard library give it."""
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
        yield _words(error) or type(error).__name__


def _words(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except Exception:  # noqa: BLE001  an error that cannot say what it is
        return ""
