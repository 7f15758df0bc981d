"""The queue in front of the rate limit: who goes first, who waits how long."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from jobwatch.client import Surroundings, Turnstile
from jobwatch.core.gate import Bucket

PAGE, DETAIL = 0, 1
T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


@dataclass(slots=True)
class Time:
    """Monotonic time that moves when the test says so, and wakes who sleeps."""

    now: float = 0.0
    sleepers: list[tuple[float, "asyncio.Future[None]"]] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.now + seconds, woken))
        await woken

    async def run_to(self, end: float) -> None:
        await _settle()
        while self.sleepers and min(self.sleepers, key=_when)[0] <= end:
            sleeper = min(self.sleepers, key=_when)
            self.sleepers.remove(sleeper)
            self.now = max(self.now, sleeper[0])
            if not sleeper[1].done():
                sleeper[1].set_result(None)
            await _settle()
        self.now = end


def _when(sleeper: tuple[float, object]) -> float:
    return sleeper[0]


async def _settle() -> None:
    """Let everything happen that needs no time."""
    for _ in range(50):
        await asyncio.sleep(0)


@dataclass(slots=True)
class Queue:
    """A turnstile and who went through it, when, after waiting how long."""

    time: Time
    turnstile: Turnstile
    passed: list[tuple[str, float, float]] = field(default_factory=list)
    tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    async def join(self, name: str, rank: int) -> None:
        self.tasks[name] = asyncio.create_task(self._enter(name, rank))
        await _settle()

    async def _enter(self, name: str, rank: int) -> None:
        waited = await self.turnstile.enter(rank)
        self.passed.append((name, self.time.now, waited))

    async def leave(self, name: str) -> None:
        self.tasks[name].cancel()
        with suppress(asyncio.CancelledError):
            await self.tasks[name]
        await _settle()

    @property
    def order(self) -> list[str]:
        return [name for name, _, _ in self.passed]


@pytest.fixture
def queue() -> Queue:
    """One call a second, one at once."""
    time = Time()
    around = Surroundings(
        now=lambda: T0, monotonic=lambda: time.now, chance=lambda: 0.0, sleep=time.sleep
    )
    return Queue(time, Turnstile(Bucket(rate=1, burst=1), around))


async def test_a_token_that_is_there_is_taken_without_waiting(queue: Queue) -> None:
    await queue.join("first", PAGE)
    assert queue.passed == [("first", 0.0, 0.0)]
    assert queue.time.sleepers == []


async def test_who_came_first_goes_first_and_knows_how_long_it_waited(queue: Queue) -> None:
    for name in "abcd":
        await queue.join(name, DETAIL)
    await queue.time.run_to(10)
    assert queue.passed == [("a", 0.0, 0.0), ("b", 1.0, 1.0), ("c", 2.0, 2.0), ("d", 3.0, 3.0)]


async def test_a_page_goes_before_every_detail_that_waits(queue: Queue) -> None:
    for name in ("d1", "d2", "d3"):
        await queue.join(name, DETAIL)
    await queue.time.run_to(0.5)
    await queue.join("p1", PAGE)
    await queue.join("p2", PAGE)
    await queue.time.run_to(10)
    assert queue.order == ["d1", "p1", "p2", "d2", "d3"]
    assert [when for _, when, _ in queue.passed] == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("leaver", ["b", "c"], ids=["the first in the queue", "one behind it"])
async def test_who_gives_up_takes_no_token(queue: Queue, leaver: str) -> None:
    for name in "abcd":
        await queue.join(name, DETAIL)
    await queue.time.run_to(0.5)
    await queue.leave(leaver)
    await queue.time.run_to(10)
    assert queue.order == [name for name in "abcd" if name != leaver]
    assert [when for _, when, _ in queue.passed] == [0.0, 1.0, 2.0]


async def test_everybody_may_give_up_and_the_next_one_still_passes(queue: Queue) -> None:
    for name in "abc":
        await queue.join(name, DETAIL)
    await queue.leave("b")
    await queue.leave("c")
    await queue.time.run_to(5)
    await queue.join("late", DETAIL)
    assert queue.passed[-1] == ("late", 5.0, 0.0)
