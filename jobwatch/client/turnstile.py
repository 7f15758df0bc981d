"""The door that every try goes through: one queue, in order of rank, in front of the manners of a source.

Whoever stands first asks `core.manners`; who has to wait is woken when the time has come or when the answer would be
another one.
"""

import asyncio
from bisect import insort
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import assert_never

from jobwatch.core.errors import ApiError, CallWithheld, TransportError
from jobwatch.core.gate import CallError
from jobwatch.core.manners import Go, Later, Manners, Stand, Ticket, Withheld

_PROBE_RANK = -1
"""A probe that needs a second token goes first: everybody else is waiting for its end."""

ONE_IN = 5
"""While somebody of a lower rank waits, so seldom is a try one of theirs. A long walk that has spent every token before
the next one falls would otherwise let no detail of an ending be had until its last page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a client takes from the world. `monotonic` is in seconds, `chance` in [0, 1)."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    chance: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(order=True, slots=True)
class _Place:
    """A place in the queue: lower ranks first, then who came first."""

    rank: int
    number: int
    moved: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


@dataclass(slots=True, kw_only=True)
class Leave:
    """Leave to make a try, and how many seconds it was waited for. `forgiven` errors are answers, and no failures.

    `keys` is the mark of the keys that were refused, where any were.
    """

    rank: int
    ticket: Ticket | None = None
    waited: float = 0.0
    forgiven: tuple[type[ApiError], ...] = ()
    keys: int | None = None


class Turnstile:
    """The queue of one source. It keeps the present manners; nobody else changes them."""

    def __init__(self, manners: Manners, around: Surroundings) -> None:
        self._manners = manners
        self._around = around
        self._queue: list[_Place] = []
        self._numbers = count()
        self._gone_first = 0

    @property
    def manners(self) -> Manners:
        """What holds now."""
        return self._manners

    def withheld(self) -> CallWithheld | None:
        """The error that a call would meet now; None where it would go out or wait for its turn."""
        withheld = self._manners.withheld(self._around.monotonic())
        return _refusal(withheld) if withheld else None

    def waits_for_keys(self) -> bool:
        """Whether calls are withheld, and other keys might end that."""
        return self._manners.waits_for_keys(self._around.monotonic())

    def given(self, keys: int) -> None:
        """Let one call out at once where these keys are others than those that were refused."""
        self._manners = self._manners.given(keys, self._around.monotonic())

    async def enter(self, rank: int, forgiven: tuple[type[ApiError], ...] = ()) -> Leave:
        """Wait for leave to make a try. A cancelled wait takes nothing. Raises `CallWithheld`."""
        leave = Leave(rank=rank, forgiven=forgiven)
        await self.enter_again(leave)
        return leave

    async def enter_again(self, leave: Leave) -> None:
        """Wait for leave to make another try in the same place. Raises as `enter`."""
        began = self._around.monotonic()
        probe = leave.ticket is not None and self._manners.breaker.owns(leave.ticket)
        place = _Place(_PROBE_RANK if probe else leave.rank, next(self._numbers))
        insort(self._queue, place)
        try:
            leave.ticket = await self._admission(place, leave.ticket)
        finally:
            self._queue.remove(place)
            self._wake_first()
        leave.waited = self._around.monotonic() - began

    @contextmanager
    def judging(self, leave: Leave) -> Iterator[None]:
        """Make a try inside, and learn from how it ends."""
        try:
            yield
        except (TransportError, ApiError) as error:
            self._learn(leave, None if isinstance(error, leave.forgiven) else error)
            raise
        except BaseException:
            if leave.ticket is not None:
                self._manners = self._manners.abandoned(leave.ticket)
            self._wake_first()
            raise
        self._learn(leave, None)

    def _learn(self, leave: Leave, error: CallError | None) -> None:
        if leave.ticket is None:
            return
        now, chance = self._around.monotonic(), self._around.chance() if error else 0.5
        before = self._manners.breaker.era
        self._manners = self._manners.answered(
            leave.ticket, error, now, chance=chance, keys=leave.keys
        )
        # While all is well nobody is woken for nothing: who sleeps knows when there is a token.
        if self._manners.withheld(now) or self._manners.breaker.era != before:
            self._wake_first()

    async def _admission(self, place: _Place, held: Ticket | None) -> Ticket:
        while True:
            place.moved.clear()
            word = self._word(place, held)
            match word:
                case Go():
                    self._manners = word.manners
                    self._share(place)
                    return word.ticket
                case Withheld():
                    raise _refusal(word)
                case Later():
                    await self._rest(place, word.seconds)
                case Stand():
                    await place.moved.wait()
                case _:
                    assert_never(word)

    def _share(self, gone: _Place) -> None:
        """Let one that stood back often enough for better ranks come next."""
        if gone.rank == _PROBE_RANK:  # nobody may ever stand before a probe
            return
        behind = next((each for each in self._queue if each.rank > gone.rank), None)
        self._gone_first = self._gone_first + 1 if behind else 0
        if behind and self._gone_first >= ONE_IN:
            # Who has waited longest comes first among equals, so its number takes it to the front.
            behind.rank, self._gone_first = gone.rank, 0
            self._queue.sort()

    def _word(self, place: _Place, held: Ticket | None) -> Go | Later | Stand | Withheld:
        if self._queue[0] is not place:
            return Stand()
        return self._manners.ask(self._around.monotonic(), held)

    async def _rest(self, place: _Place, seconds: float) -> None:
        """Sleep, unless woken before: the place is looked at again, somebody may have stepped in front."""

        async def ring() -> None:
            await self._around.sleep(seconds)
            place.moved.set()

        async with asyncio.TaskGroup() as group:
            sleeper = group.create_task(ring())
            await place.moved.wait()
            sleeper.cancel()

    def _wake_first(self) -> None:
        """Let the first look again; if it leaves, refused or let out, it wakes the next."""
        if self._queue:
            self._queue[0].moved.set()


def _refusal(withheld: Withheld) -> CallWithheld:
    return CallWithheld(withheld.reason, timedelta(seconds=withheld.seconds))
