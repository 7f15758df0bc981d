"""The one loop, on a clock that only moves when somebody waits."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from jobwatch.core.errors import StoreError
from jobwatch.loop import (
    Awaited,
    Bell,
    Loop,
    MonotonicClock,
    Pause,
    Pulse,
    Step,
    backoff,
    lag_meter,
    repeat,
)


@dataclass
class VirtualClock:
    """Time passes at once. `during` is called in each pause and may ring what the pause waits for."""

    now: float = 1000.0
    pauses: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    async def pause(self, seconds: float, until: Awaited) -> None:
        early = asyncio.ensure_future(until.wait())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if not early.done():
            self.now += seconds
            self.pauses.append(seconds)
            early.cancel()


class Script:
    """A step that answers what it is told to, one answer a turn, and then stops the loop."""

    def __init__(self, *answers: Pause | Exception) -> None:
        self.stop = asyncio.Event()
        self.turns = 0
        self._answers = list(answers)

    async def step(self) -> Pause:
        self.turns += 1
        answer = self._answers.pop(0)
        if not self._answers:
            self.stop.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def run(script: Script, clock: VirtualClock, pulse: Pulse | None = None) -> None:
    await repeat(
        Loop(name="l", step=script.step), stop=script.stop, pulse=pulse or Pulse(), clock=clock
    )


async def test_a_loop_pauses_as_long_as_its_step_asks_for() -> None:
    clock = VirtualClock()
    await run(Script(3.0, timedelta(seconds=5), 9.0), clock)
    assert clock.pauses == [3.0, 5.0]


@pytest.mark.parametrize("pause", [None, 0, 0.0, timedelta(), -1.0])
async def test_no_pause_is_another_turn_at_once(pause: Pause) -> None:
    clock, script = VirtualClock(), Script(pause, pause, pause)
    await run(script, clock)
    assert (script.turns, clock.pauses) == (3, [])


async def test_a_loop_without_pauses_lets_others_run() -> None:
    stop, seen = asyncio.Event(), []

    async def greedy() -> None:
        seen.append("greedy")

    async def other() -> None:
        while len(seen) < 6:
            seen.append("other")
            await asyncio.sleep(0)
        stop.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(repeat(Loop(name="l", step=greedy), stop=stop, pulse=Pulse()))
        group.create_task(other())
    assert "other" in seen[1:5]


async def test_a_failing_step_is_repeated_after_pauses_that_double_up_to_a_minute() -> None:
    clock = VirtualClock()
    await run(Script(*[ValueError("no")] * 9), clock)
    assert clock.pauses == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_a_success_ends_the_row_of_failures() -> None:
    clock = VirtualClock()
    await run(Script(ValueError(), ValueError(), 7.0, ValueError(), 1.0), clock)
    assert clock.pauses == [1, 2, 7, 1]


def test_the_pause_after_a_failure_is_bounded_however_many_there_were() -> None:
    assert backoff(10**6) == timedelta(minutes=1)


async def test_a_failure_is_logged_counted_and_told() -> None:
    told: list[Exception] = []
    error = ValueError("no")
    script, pulse = Script(error, None), Pulse()
    with capture_logs() as logs:
        await repeat(
            Loop(name="poller", step=script.step),
            stop=script.stop,
            pulse=pulse,
            clock=VirtualClock(),
            on_failure=told.append,
        )
    assert told == [error]
    assert pulse.failures == {"poller": 1}
    assert [(entry["event"], entry["loop"], entry["failures"]) for entry in logs] == [
        ("step.failed", "poller", 1)
    ]


async def test_what_ails_a_loop_is_known_until_a_step_succeeds_and_shows_no_words_of_strangers() -> (
    None
):
    pulse, stop, seen = Pulse(), asyncio.Event(), list[dict[str, str]]()
    troubles = [StoreError("the disk is full; make room"), ValueError("key=hunter2"), None, None]

    async def step() -> None:
        seen.append(pulse.ailing)
        trouble = troubles[len(seen) - 1]
        if len(seen) == len(troubles):
            stop.set()
        if trouble is not None:
            raise trouble

    loop = Loop(name="poller:prod", step=step)
    with capture_logs():
        await repeat(loop, stop=stop, pulse=pulse, clock=VirtualClock())
    fault = "ValueError, a fault of jobwatch; see step.failed in the log"
    assert seen == [
        {},
        {"poller:prod": "the disk is full; make room"},
        {"poller:prod": fault},
        {},
    ]


async def test_a_cancelled_loop_ends_at_once_and_leaves_the_pulse() -> None:
    begun, pulse = asyncio.Event(), Pulse()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    loop = asyncio.ensure_future(
        repeat(Loop(name="l", step=hang), stop=asyncio.Event(), pulse=pulse)
    )
    await begun.wait()
    assert list(pulse.turning) == ["l"]
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop
    assert list(pulse.turning) == []


async def rung_loop(bell: Bell, step: Step, stop: asyncio.Event) -> None:
    """A loop on real time whose pauses would outlast the test."""
    await repeat(Loop(name="l", step=step, bell=bell), stop=stop, pulse=Pulse())


async def test_a_ring_ends_a_pause() -> None:
    bell, stop, turned = Bell(), asyncio.Event(), asyncio.Event()
    turns: list[int] = []

    async def step() -> float:
        turns.append(1)
        turned.set()
        if len(turns) == 2:
            stop.set()
        return 3600.0

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(rung_loop(bell, step, stop))
        await turned.wait()
        await asyncio.sleep(0)
        bell.ring()
    assert len(turns) == 2


async def test_a_ring_during_a_turn_is_not_lost() -> None:
    bell, stop = Bell(), asyncio.Event()
    turns: list[int] = []

    async def step() -> float:
        turns.append(1)
        if len(turns) == 1:
            bell.ring()
            bell.ring()
        else:
            stop.set()
        return 3600.0

    async with asyncio.timeout(30):
        await rung_loop(bell, step, stop)
    assert len(turns) == 2


async def test_a_stop_ends_a_pause() -> None:
    stop, turned = asyncio.Event(), asyncio.Event()

    async def step() -> float:
        turned.set()
        return 3600.0

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(rung_loop(Bell(), step, stop))
        await turned.wait()
        stop.set()


async def test_a_stop_ends_the_pause_after_a_failure_but_a_ring_does_not() -> None:
    bell, stop, clock = Bell(), asyncio.Event(), VirtualClock()
    turns: list[int] = []

    async def step() -> float:
        turns.append(1)
        bell.ring()
        if len(turns) == 3:
            stop.set()
        raise ValueError

    loop = Loop(name="l", step=step, bell=bell)
    await repeat(loop, stop=stop, pulse=Pulse(), clock=clock)
    assert clock.pauses == [1, 2]


async def test_a_stopped_loop_finishes_its_turn() -> None:
    stop, done = asyncio.Event(), []

    async def step() -> None:
        stop.set()
        await asyncio.sleep(0)
        done.append(True)

    await repeat(Loop(name="l", step=step), stop=stop, pulse=Pulse())
    assert done == [True]


class Watcher:
    """A step that looks at the pulse from within its turn."""

    def __init__(self, pulse: Pulse, clock: VirtualClock) -> None:
        self.stop = asyncio.Event()
        self.seen: list[Sequence[str]] = []
        self._pulse = pulse
        self._clock = clock

    async def step(self) -> float:
        for waited in (0, 59, 61):
            self.seen.append(self._pulse.stalled(self._clock.now + waited))
        self.stop.set()
        return 0


async def test_a_turn_may_last_as_long_as_its_patience_and_no_longer() -> None:
    pulse, clock = Pulse(), VirtualClock()
    watcher = Watcher(pulse, clock)
    loop = Loop(name="poller", step=watcher.step, patience=timedelta(minutes=1))
    await repeat(loop, stop=watcher.stop, pulse=pulse, clock=clock)
    assert watcher.seen == [[], [], ["poller"]]
    assert pulse.stalled(clock.now + 10**6) == []


async def test_a_long_pause_is_no_stall() -> None:
    pulse, clock = Pulse(), VirtualClock()
    seen: list[Sequence[str]] = []

    class Looking(VirtualClock):
        async def pause(self, seconds: float, until: Awaited) -> None:
            seen.append(pulse.stalled(self.now + seconds + 59))
            seen.append(pulse.stalled(self.now + seconds + 61))
            await super().pause(seconds, until)

    script = Script(3600.0, None)
    loop = Loop(name="poller", step=script.step, patience=timedelta(minutes=1))
    await repeat(loop, stop=script.stop, pulse=pulse, clock=Looking(now=clock.now))
    assert seen == [[], ["poller"]]


async def test_the_lag_meter_tells_how_much_too_late_it_was_called() -> None:
    lags: list[float] = []
    clock = VirtualClock()
    step = lag_meter(lags.append, clock, every=timedelta(seconds=1))
    for late in (0.0, 0.25, -0.5):
        assert await step() == timedelta(seconds=1)
        clock.now += 1 + late
    await step()
    assert lags == pytest.approx([0.0, 0.25, 0.0])


async def test_the_machines_clock_waits_no_longer_than_it_must() -> None:
    clock, never, rung = MonotonicClock(), asyncio.Event(), Bell()
    rung.ring()
    before = clock.monotonic()
    await clock.pause(0.01, never)
    assert clock.monotonic() - before >= 0.01
    async with asyncio.timeout(30):
        await clock.pause(3600, rung)
