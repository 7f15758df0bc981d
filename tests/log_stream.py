"""What a process writes to its log, in memory, and logging given back as it was."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog


class Stream(io.TextIOWrapper):
    """A stream in memory that can be a terminal."""

    def __init__(self, *, terminal: bool = False) -> None:
        self.raw_bytes = io.BytesIO()
        self.terminal = terminal
        super().__init__(self.raw_bytes, encoding="utf-8")

    def isatty(self) -> bool:
        return self.terminal

    @property
    def text(self) -> str:
        return self.raw_bytes.getvalue().decode()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The lines of that name."""
        return [each for each in self.records if each["event"] == event]


@contextmanager
def kept_logging() -> Iterator[None]:
    """Logging is the process's: whatever is configured meanwhile, it is given back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        root.setLevel(level)
