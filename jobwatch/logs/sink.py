"""Where lines go. A log that cannot be written must not fail what was being logged."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TextIO

import structlog
from structlog.types import Processor


class Sink:
    """The stream as bytes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        """Write at once."""
        with suppress(OSError, ValueError):
            self._stream.buffer.write(data)
            self._stream.buffer.flush()

    def write_event(self, steps: Iterable[Processor], level: str, event: Any) -> None:
        """Write one event that does not come from our loggers; the last step makes its line."""
        for step in steps:
            event = step(None, level, event)
        self.write(event + b"\n")

    def flush(self) -> None:
        """Everything was flushed when it was written."""


class Writers:
    """What structlog asks for a logger: there is one."""

    def __init__(self, sink: Sink) -> None:
        self._writer = structlog.BytesLogger(sink)  # type: ignore[arg-type]  # enough

    def __call__(self, *_: object) -> structlog.BytesLogger:
        return self._writer
