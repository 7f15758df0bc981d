"""Work that may hang for ever, on a file of a dead mount, kept out of everybody's way.

Law of this module: at most one thread hangs, nobody waits for it longer than `PATIENCE`, and the end of the daemon does
not wait for it at all.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from jobwatch.core.errors import JobwatchError

T = TypeVar("T")

PATIENCE = timedelta(seconds=20)


class Hangs(JobwatchError):
    """The work did not come back in time."""


@dataclass(slots=True)
class Aside:
    """Runs one thing at a time in a thread of its own. `patience` bounds the wait for it."""

    patience: timedelta = PATIENCE
    _thread: threading.Thread | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Run it to its end. Raises what it raises, and `Hangs` where it, or what was run before it, does not end."""
        if self._thread is not None and self._thread.is_alive():
            # What ended may need a moment to be gone.
            await asyncio.to_thread(self._thread.join, 0.1)
            if self._thread.is_alive():
                raise Hangs
        outcome: Future[T] = Future()
        self._thread = threading.Thread(target=_run, args=(work, outcome), daemon=True)
        self._thread.start()
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                return await asyncio.wrap_future(outcome)
        except TimeoutError:
            raise Hangs from None


def _run(work: Callable[[], T], outcome: Future[T]) -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        found = work()
    except BaseException as error:  # noqa: BLE001  # it is raised where the outcome is awaited
        outcome.set_exception(error)
    else:
        outcome.set_result(found)
