"""The one loop: a step that can be called by itself, repeated until it is told to stop.

A loop catches, logs and counts every exception of its step and tries again after a pause that
grows with the failures in a row. It says when its present turn or pause ends at the latest, so that
health can name a loop that hangs. All waits are monotonic.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, TypeAlias

import structlog

from jobwatch.core.errors import StoreError

Pause: TypeAlias = timedelta | float | None
Step: TypeAlias = Callable[[], Awaitable[Pause]]
"""One turn of a loop. Gives how long to pause (a float: seconds); None or 0 is again at once."""

FIRST_BACKOFF = timedelta(seconds=1)
LONGEST_BACKOFF = timedelta(minutes=1)

log = structlog.get_logger()


class Bell:
    """Wakes one loop out of its pause.

    A ring while the loop works is kept: its next pause is over at once. Many rings are one.
    """

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the loop, now or before its next pause."""
        self._rung.set()

    def hush(self) -> None:
        """Forget earlier rings: the turn that begins now sees what they were about."""
        self._rung.clear()

    async def wait(self) -> None:
        """Return once somebody rings."""
        await self._rung.wait()


class Awaited(Protocol):
    """What can end a pause early: a `Bell`, an `asyncio.Event`."""

    async def wait(self) -> object:
        """Return once it happened."""
        ...


class Clock(Protocol):
    """Monotonic time and the waiting for it, so that tests need neither."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        ...

    async def pause(self, seconds: float, until: Awaited) -> None:
        """Return after `seconds`, or earlier if `until` happens."""
        ...


class MonotonicClock:
    """The clock of the machine."""

    def monotonic(self) -> float:
        """Seconds since the machine started."""
        return time.monotonic()

    async def pause(self, seconds: float, until: Awaited) -> None:
        """Wait for whichever comes first."""
        try:
            async with asyncio.timeout(seconds):
                await until.wait()
        except TimeoutError:
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """What is repeated. It counts as stalled when a turn lasts longer than `patience`."""

    name: str
    step: Step
    patience: timedelta = timedelta(minutes=2)
    bell: Bell = field(default_factory=Bell)


class Pulse:
    """Which loops turn, how they fare, and when each must have turned again."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._ailing: dict[str, str] = {}

    def expect(self, name: str, due: float) -> None:
        """Note that the loop turns again before `due`, in monotonic seconds."""
        self._due[name] = due

    def failed(self, name: str, error: Exception | None = None) -> None:
        """Count one more failure of a loop's step; `error` is what ails it until a step succeeds."""
        self._failures[name] = self._failures.get(name, 0) + 1
        if error is not None:
            self._ailing[name] = _words(error)

    def well(self, name: str) -> None:
        """Note that a loop's step succeeded."""
        self._ailing.pop(name, None)

    def forget(self, name: str) -> None:
        """Note that the loop has ended."""
        self._due.pop(name, None)
        self._ailing.pop(name, None)

    def stalled(self, now: float) -> list[str]:
        """Name the loops that should have turned before `now`, in monotonic seconds."""
        return sorted(name for name, due in self._due.items() if now > due)

    @property
    def turning(self) -> tuple[str, ...]:
        """The loops that were started and have not ended."""
        return tuple(sorted(self._due))

    @property
    def ailing(self) -> dict[str, str]:
        """The loops whose last step failed, each with why, in words that may be shown to anybody who reads."""
        return dict(self._ailing)

    @property
    def failures(self) -> dict[str, int]:
        """How often each loop's step failed since the start, for those whose step ever did."""
        return dict(self._failures)


def _words(error: Exception) -> str:
    """Say what the store says in its words. Whatever else a step raises is a fault of ours: the log has it, scrubbed."""
    if isinstance(error, StoreError):
        return str(error)
    return f"{type(error).__name__}, a fault of jobwatch; see step.failed in the log"


@dataclass(slots=True)
class _Turner:
    """A loop at work: `failures` counts failed steps in a row."""

    loop: Loop
    pulse: Pulse
    clock: Clock
    on_failure: Callable[[Exception], None] | None
    failures: int = 0

    async def turn(self, stop: asyncio.Event) -> None:
        """Make one step, then pause as it asks for, or as its failures demand."""
        self.loop.bell.hush()
        self._expect(0)
        try:
            pause = _seconds(await self._step())
        except Exception as error:  # noqa: BLE001  # law: a loop survives whatever its step raises
            # A ring does not cut this pause short: who rings cannot repair what fails.
            await self._pause(self._failed(error), stop)
        else:
            self.failures = 0
            self.pulse.well(self.loop.name)
            await self._pause(pause, self.loop.bell)

    async def _step(self) -> Pause:
        try:
            return await self.loop.step()
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Nobody cancelled this loop: something that its step awaited was. The loop must not end for that, unseen.
            raise RuntimeError("a step ended as if cancelled, but nobody cancelled it") from error

    def _failed(self, error: Exception) -> float:
        self.failures += 1
        self.pulse.failed(self.loop.name, error)
        if self.on_failure is not None:
            self.on_failure(error)
        pause = backoff(self.failures).total_seconds()
        log.error(
            "step.failed",
            loop=self.loop.name,
            failures=self.failures,
            pause_seconds=pause,
            exc_info=error,
        )
        return pause

    async def _pause(self, seconds: float, until: Awaited) -> None:
        self._expect(seconds)
        if seconds > 0:
            await self.clock.pause(seconds, until)
        else:
            await asyncio.sleep(0)  # whoever else is ready gets a turn; a cancellation is seen

    def _expect(self, seconds: float) -> None:
        patience = self.loop.patience.total_seconds()
        self.pulse.expect(self.loop.name, self.clock.monotonic() + seconds + patience)


def backoff(failures: int) -> timedelta:
    """The pause after so many failures in a row: doubling from a second, at most a minute."""
    return min(FIRST_BACKOFF * (1 << min(failures - 1, 16)), LONGEST_BACKOFF)


async def repeat(
    loop: Loop,
    *,
    stop: asyncio.Event,
    pulse: Pulse,
    clock: Clock | None = None,
    on_failure: Callable[[Exception], None] | None = None,
) -> None:
    """Repeat the loop's step until `stop` is set; the turn then running is finished first.

    `on_failure` is told each exception of the step, after it was counted. Only cancellation ends a
    turn midway.
    """
    turner = _Turner(loop, pulse, clock or MonotonicClock(), on_failure)
    try:
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(_ring_at(stop, loop.bell))
            while not stop.is_set():
                await turner.turn(stop)
            watcher.cancel()
    finally:
        pulse.forget(loop.name)


async def _ring_at(stop: asyncio.Event, bell: Bell) -> None:
    await stop.wait()
    bell.ring()


def _seconds(pause: Pause) -> float:
    if isinstance(pause, timedelta):
        return pause.total_seconds()
    return pause or 0.0


def lag_meter(
    lagged: Callable[[float], None], clock: Clock, every: timedelta = timedelta(milliseconds=500)
) -> Step:
    """A step that tells `lagged` how many seconds late the event loop came back to it."""
    due: float | None = None

    async def measure_lag() -> timedelta:
        nonlocal due
        now = clock.monotonic()
        if due is not None:
            lagged(max(0.0, now - due))
        due = now + every.total_seconds()
        return every

    return measure_lag
