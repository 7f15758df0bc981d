"""Which connections are kept, and for how long: what aiohttp's server has no settings for.

Law of this module: a connection is always doing one thing, each thing has its time, and whoever is over it is hung up
on. There is always room for one more: above the limit the one that has been idle for longest goes, so that nobody can
keep others out by holding connections open.
"""

import asyncio
import resource
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

KIBIBYTE = 1024
BODY_BYTES = 64 * KIBIBYTE
HEAD_BYTES = 32 * KIBIBYTE
MOST = 1024
MOST_WITH_TLS = 512
"""A connection at rest costs 15 KiB, with TLS 34 KiB."""

FEWEST = 16


class Stage(StrEnum):
    """What a connection is doing."""

    GREETING = "greeting"
    """It was made, or a first byte came; no whole head of a request yet."""
    WORKING = "working"
    ANSWERING = "answering"
    RESTING = "resting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many connections, and how many seconds for what.

    `head` is for the head of a request (and the handshake of TLS), `body` for what follows it, `work` until an answer
    begins, `answer` until it was taken, `idle` between requests, `grace` for requests under way when the server stops.
    """

    connections: int = MOST
    head: float = 10.0
    body: float = 10.0
    work: float = 120.0
    answer: float = 30.0
    idle: float = 75.0
    grace: float = 5.0

    def of(self, stage: Stage) -> float:
        """How many seconds a connection may be at this."""
        match stage:
            case Stage.GREETING:
                return self.head
            case Stage.WORKING:
                return self.work
            case Stage.ANSWERING:
                return self.answer
            case Stage.RESTING:
                return self.idle


def usual_limits(*, tls: bool) -> Limits:
    """The limits of this process: a quarter of the files it may open, the rest is for calls, receivers and the store."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_WITH_TLS if tls else MOST
    quarter = most if files == resource.RLIM_INFINITY else files // 4
    return Limits(connections=max(FEWEST, min(most, quarter)))


@dataclass(eq=False, slots=True)
class Seat:
    """One connection: what it is doing, and since when (monotonic seconds)."""

    seats: "Seats"
    transport: asyncio.Transport | None = None
    stage: Stage = Stage.GREETING
    since: float = 0.0
    fed: int = 0

    def taken(self, transport: asyncio.Transport) -> None:
        """Note who sits here now; above the limit somebody else goes."""
        self.transport = transport
        self.seats.take(self)

    def turn_to(self, stage: Stage) -> None:
        """Note what the connection does from now on."""
        if self.transport is not None:
            self.stage = stage
            self.seats.note(self)

    def hear(self, size: int) -> bool:
        """Note that bytes came. False where they are more than any request of ours needs."""
        if self.stage is Stage.RESTING:
            self.turn_to(Stage.GREETING)
        self.fed += size
        return self.fed <= HEAD_BYTES + BODY_BYTES

    def begin(self) -> None:
        """Note that a request is being worked on."""
        self.fed = 0
        self.turn_to(Stage.WORKING)

    def left(self) -> None:
        """Note that the connection is gone."""
        self.transport = None
        self.seats.leave(self)

    @property
    def busy(self) -> bool:
        """Whether a request is being worked on or answered."""
        return self.stage in (Stage.WORKING, Stage.ANSWERING)

    def hang_up(self) -> None:
        """End the connection at once, whatever was not sent yet."""
        if self.transport is not None:
            self.transport.abort()


@dataclass(slots=True)
class Seats:
    """All connections of a server, those at rest and those at work, each in the order of since when."""

    limits: Limits
    loop: asyncio.AbstractEventLoop
    _resting: OrderedDict[Seat, None] = field(default_factory=OrderedDict)
    _busy: OrderedDict[Seat, None] = field(default_factory=OrderedDict)
    _timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._resting) + len(self._busy)

    def take(self, seat: Seat) -> None:
        """Let somebody in; above the limit, hang up on whoever has been idle for longest."""
        if len(self) >= self.limits.connections:
            self._make_room()
        self.note(seat)
        if self._timer is None:
            self._look_again()

    def note(self, seat: Seat) -> None:
        """Note that a connection does something else."""
        self.leave(seat)
        seat.since = self.loop.time()
        (self._busy if seat.busy else self._resting)[seat] = None

    def leave(self, seat: Seat) -> None:
        """Forget a connection."""
        self._resting.pop(seat, None)
        self._busy.pop(seat, None)

    def close(self) -> None:
        """Look no more; hang up on whoever is left."""
        if self._timer is not None:
            self._timer.cancel()
        for seat in [*self._resting, *self._busy]:
            seat.hang_up()

    def _make_room(self) -> None:
        line = self._resting or self._busy
        seat, _ = line.popitem(last=False)
        seat.hang_up()

    def _look_again(self) -> None:
        """Look through all connections, several times within the shortest time that one may take."""
        limits = self.limits
        pause = min(1.0, min(map(limits.of, Stage)) / 4)
        self._timer = self.loop.call_later(pause, self._look)

    def _look(self) -> None:
        for seat in list(self._overdue(self.loop.time())):
            seat.hang_up()
        self._timer = None
        if len(self):
            self._look_again()

    def _overdue(self, now: float) -> Iterator[Seat]:
        for line in (self._resting, self._busy):
            for seat in line:
                if now - seat.since >= self.limits.of(seat.stage):
                    yield seat
