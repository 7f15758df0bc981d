"""Two clocks that only waiting moves, and a transport that waits in a hurry."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.transport import CONNECT_TIMEOUT, Transport
from tests.rig import START, Clock

PATIENCE = timedelta(seconds=0.25)
"""How long the real clock runs for a call that hangs; the daemon's clock is moved by all that it waited for."""


@dataclass(slots=True)
class Times:
    """Two clocks: `ours`, which is ahead of the cloud's by `wrong`."""

    ours: Clock = field(default_factory=Clock)
    wrong: timedelta = timedelta()

    def true(self) -> datetime:
        return self.ours.now - self.wrong

    def monotonic(self) -> float:
        return (self.true() - START).total_seconds()

    def pass_by(self, length: timedelta) -> None:
        self.ours.now += length

    def pass_to(self, moment: float) -> None:
        # Rounded up: a clock that stops a hair before the moment would never come there.
        left = ceil((moment - self.monotonic()) * 1e6)
        self.pass_by(timedelta(microseconds=max(0, left)))

    def step(self, by: timedelta) -> None:
        """Set our clock ahead, or back."""
        self.ours.now += by
        self.wrong += by

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        await asyncio.sleep(0)
        self.pass_to(until)


class HurriedTransport(Transport):
    """The real transport; who waits in vain waits a moment of real time, and all of it by the daemon's clock."""

    def __init__(self, times: Times) -> None:
        super().__init__()
        self._times = times
        self.sent = 0

    async def send(
        self,
        request: HttpRequest,
        *,
        timeout: timedelta,  # noqa: ASYNC109  the transport's own parameter
        connect_timeout: timedelta = CONNECT_TIMEOUT,
        max_body: int,
        truncate: bool = False,
    ) -> HttpResponse:
        self.sent += 1
        ends_at = self._times.monotonic() + timeout.total_seconds()
        try:
            return await super().send(
                request,
                timeout=min(timeout, PATIENCE),
                connect_timeout=connect_timeout,
                max_body=max_body,
                truncate=truncate,
            )
        except TransportError as error:
            if error.kind is TransportKind.TIMEOUT:
                self._times.pass_to(ends_at)
            raise
