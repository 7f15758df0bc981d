"""The same trouble over and over must not fill a disk: some lines of a kind are written, the rest is counted.

Law: only warnings and worse are ever left out, and `FLICKERS`; what correlates (`ALWAYS`) never is. Nothing is left out
in silence: once the window of its kind is over, the next line of any kind is preceded by one that says how many there
were. What is remembered is bounded.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from jobwatch.logs.failures import exception_in

ALLOWED = 5
"""Lines of one kind within a window."""

WINDOW = 60.0
"""Seconds."""

KINDS = 1000
"""So many kinds are told apart; what comes on top of them within one window counts as one kind."""

REPEATED = "log.repeated"
ALWAYS = frozenset({"delivery.settled"})
FLICKERS = frozenset({"clock.offset_changed"})
"""Lines that come in pairs, the good news at info: whoever makes one come often makes the other."""

SUBJECTS = ("source", "receiver", "loop", "logger", "call", "setting")
"""Keys that tell kinds apart. Their values come from the configuration or from our code, never from outside."""

OF_PATHS = frozenset({"request.failed", "request.refused"})
"""Lines of which the first part of the path tells kinds apart."""

_QUIET = frozenset({"debug", "info"})


class Kind(NamedTuple):
    """What makes lines alike."""

    event: str
    level: str
    about: tuple[tuple[str, object], ...] = ()


@dataclass(slots=True)
class _Window:
    until: float
    written: int = 0
    dropped: int = 0


class Repeats:
    """Counts lines by kind. Safe for threads. `say` is told of each kind of which lines were left out, and how many."""

    def __init__(self, monotonic: Callable[[], float], say: Callable[[Kind, int], None]) -> None:
        self._monotonic, self._say = monotonic, say
        self._lock = threading.Lock()
        self._windows: dict[Kind, _Window] = {}
        self._over_at = math.inf

    def admits(self, kind: Kind) -> bool:
        """Whether one more line of this kind is written now."""
        now = self._monotonic()
        with self._lock:
            over = self._take_over(now)
            window = self._window(kind, now)
            admitted = window.written < ALLOWED
            if admitted:
                window.written += 1
            else:
                window.dropped += 1
                self._over_at = min(self._over_at, window.until)
        self._tell(over)
        return admitted

    def settle(self) -> None:
        """Say what was left out in windows that are over."""
        if self._over_at is math.inf:
            return
        now = self._monotonic()
        if now < self._over_at:
            return
        with self._lock:
            over = self._take_over(now)
        self._tell(over)

    def _window(self, kind: Kind, now: float) -> _Window:
        window = self._windows.get(kind)
        if window is None and len(self._windows) >= KINDS:
            self._forget(now)
            if len(self._windows) >= KINDS:
                kind = Kind("others", kind.level)
                window = self._windows.get(kind)
        if window is None or now >= window.until:
            window = self._windows[kind] = _Window(now + WINDOW)
        return window

    def _forget(self, now: float) -> None:
        for kind in [kind for kind, window in self._windows.items() if now >= window.until]:
            del self._windows[kind]

    def _take_over(self, now: float) -> list[tuple[Kind, int]]:
        """The kinds whose windows are over and lack lines; they begin anew."""
        if now < self._over_at:
            return []
        lacking = {kind: each for kind, each in self._windows.items() if each.dropped}
        over = [(kind, each.dropped) for kind, each in lacking.items() if now >= each.until]
        for kind, _ in over:
            del self._windows[kind]
        ends = (each.until for kind, each in lacking.items() if kind in self._windows)
        self._over_at = min(ends, default=math.inf)
        return over

    def _tell(self, over: list[tuple[Kind, int]]) -> None:
        for kind, count in over:
            self._say(kind, count)


def limited(repeats: Repeats) -> Processor:
    """The step that leaves out what is repeated."""

    def limit(_logger: WrappedLogger, level: str, event: EventDict) -> EventDict:
        name = event["event"]
        if level in _QUIET and name not in FLICKERS:
            repeats.settle()
        elif name not in ALWAYS and not repeats.admits(_kind(level, event)):
            raise structlog.DropEvent
        return event

    return limit


def _kind(level: str, event: EventDict) -> Kind:
    about = [(key, event[key]) for key in SUBJECTS if event.get(key)]
    if event["event"] in OF_PATHS:
        # Of paths that are served: their rest is chosen by whoever asks.
        about.append(("path", str(event.get("path", "")).lstrip("/").partition("/")[0][:32]))
    error = exception_in(event.get("exc_info"))
    if error is not None:
        about.append(("exception_class", type(error).__name__))
    return Kind(str(event["event"]), level, tuple(about))
