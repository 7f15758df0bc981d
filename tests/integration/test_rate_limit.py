"""The queue in front of the rate limit: who goes first, who waits how long."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from jobwatch.client import Leave, Surroundings, Turnstile
from jobwatch.core.errors import ApiError, CallWithheld, ServerError, Throttled
from jobwatch.core.gate import Bucket, CallError
from jobwatch.core.manners import Manners, Ticket

PAGE, DETAIL = 0, 1
INTERNAL = ServerError(code="InternalError", message="", status=500)
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
        await settle()
        while self.sleepers and min(self.sleepers, key=_when)[0] <= end:
            sleeper = min(self.sleepers, key=_when)
            self.sleepers.remove(sleeper)
            self.now = max(self.now, sleeper[0])
            if not sleeper[1].done():
                sleeper[1].set_result(None)
            await settle()
        self.now = end


def _when(sleeper: tuple[float, object]) -> float:
    return sleeper[0]


async def settle() -> None:
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
        await settle()

    async def _enter(self, name: str, rank: int) -> None:
        leave = await self.turnstile.enter(rank)
        self.passed.append((name, self.time.now, leave.waited))

    async def leave(self, name: str) -> None:
        self.tasks[name].cancel()
        with suppress(asyncio.CancelledError):
            await self.tasks[name]
        await settle()

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
    return Queue(time, Turnstile(Manners.of(Bucket(rate=1, burst=1)), around))


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


async def failing(queue: Queue, times: int, error: CallError = INTERNAL) -> None:
    """Tries that were let out before and fail now."""
    for _ in range(times):
        with suppress(ApiError), queue.turnstile.judging(Leave(rank=PAGE, ticket=Ticket(era=0))):
            raise error


async def test_everybody_who_waits_is_told_at_once_that_no_call_goes_out(queue: Queue) -> None:
    """Also who sleeps until there is a token."""
    for name in ("first", "asleep", "behind"):
        await queue.join(name, DETAIL)
    await queue.time.run_to(0.25)
    await failing(queue, 5)
    await settle()
    assert queue.order == ["first"]
    for name in ("asleep", "behind"):
        with pytest.raises(CallWithheld):
            await queue.tasks[name]
    assert queue.time.now == 0.25


async def test_a_short_wish_of_the_cloud_is_waited_for_by_everybody(queue: Queue) -> None:
    await queue.time.run_to(10)
    wish = Throttled(code="SlowDown", message="", status=503)
    wish.retry_after = timedelta(seconds=20)
    await failing(queue, 1, wish)
    await queue.join("detail", DETAIL)
    await queue.time.run_to(15)
    await queue.join("page", PAGE)
    await queue.time.run_to(60)
    # Half a call a second is left after the refusal.
    assert queue.passed == [("page", 30.0, 15.0), ("detail", 32.0, 22.0)]


async def test_a_pace_that_was_halved_holds_for_who_waits_already(queue: Queue) -> None:
    for name in "abc":
        await queue.join(name, DETAIL)
    await failing(queue, 1, Throttled(code="SlowDown", message="", status=503))
    await queue.time.run_to(10)
    assert [when for _, when, _ in queue.passed] == pytest.approx([0.0, 2.0, 4.0])
