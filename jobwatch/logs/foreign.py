"""Records of libraries, through the standard library's logging: where own events go, with the key `logger`."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from structlog.contextvars import get_contextvars
from structlog.types import Processor

from jobwatch.logs.failures import exception_in
from jobwatch.logs.hiding import scrubbed
from jobwatch.logs.repeating import Kind, Repeats
from jobwatch.logs.sink import Sink


class ForeignRecords(logging.Handler):
    """Writes each record as one line. Safe for threads."""

    def __init__(self, steps: Sequence[Processor], sink: Sink, repeats: Repeats) -> None:
        super().__init__()
        self._steps, self._sink, self._repeats = steps, sink, repeats

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless its like was written often enough."""
        with suppress(Exception):  # whatever a library gives: nobody is there to be told
            if self._repeats.admits(_kind(record)):
                self._sink.write_event(self._steps, record.levelname.lower(), _event(record))


def _kind(record: logging.LogRecord) -> Kind:
    """Records of one place in the code are alike, whatever they say."""
    error = exception_in(record.exc_info)
    about = [("logger", record.name), ("line", record.lineno)]
    if error is not None:
        about.append(("exception_class", type(error).__name__))
    return Kind("", record.levelname.lower(), tuple(about))


def _event(record: logging.LogRecord) -> dict[str, object]:
    return {
        **get_contextvars(),
        "event": scrubbed(_message(record)),
        "logger": record.name,
        "exc_info": exception_in(record.exc_info),
    }


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  arguments that do not fit: what there is of it
        return str(record.msg)
