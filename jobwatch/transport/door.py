"""A transport that may be replaced while requests are under way.

Law of this module: a request ends on the transport that it began on. One that was replaced is closed after its last.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.transport.sending import CONNECT_TIMEOUT, Transport


class Sender(Protocol):
    """Whoever can send a request: a `Transport`, or a `Door` to the one of the moment."""

    async def send(
        self,
        request: HttpRequest,
        *,
        timeout: timedelta,  # noqa: ASYNC109  # the transport's own parameter
        connect_timeout: timedelta = CONNECT_TIMEOUT,
        max_body: int,
        truncate: bool = False,
    ) -> HttpResponse:
        """Send one request and read its answer. Raises `TransportError`."""
        ...


@dataclass(eq=False, slots=True)
class _Passage:
    """One transport with the number of requests under way; `idle` is set while there are none."""

    transport: Transport
    stack: AsyncExitStack
    users: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)


class Door:
    """Sends through the transport of the moment: an async context manager."""

    def __init__(self, transport: Transport) -> None:
        self._first = transport
        self._passage: _Passage | None = None

    async def __aenter__(self) -> Self:
        self._passage = await _opened(self._first)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._passage is not None:
            await self._passage.stack.aclose()
            self._passage = None

    async def replace(self, transport: Transport) -> Coroutine[None, None, None]:
        """Send through another transport from now on. Returns what closes the one before, after its last request."""
        before, self._passage = self._passage, await _opened(transport)
        return _closed(before)

    async def send(
        self,
        request: HttpRequest,
        *,
        timeout: timedelta,  # noqa: ASYNC109  # the transport's own parameter
        connect_timeout: timedelta = CONNECT_TIMEOUT,
        max_body: int,
        truncate: bool = False,
    ) -> HttpResponse:
        """Send one request and read its answer. Raises `TransportError`."""
        passage = self._passage
        if passage is None:
            raise RuntimeError("the door is not open")
        passage.users += 1
        passage.idle.clear()
        try:
            return await passage.transport.send(
                request,
                timeout=timeout,
                connect_timeout=connect_timeout,
                max_body=max_body,
                truncate=truncate,
            )
        finally:
            passage.users -= 1
            if not passage.users:
                passage.idle.set()


async def _opened(transport: Transport) -> _Passage:
    stack = AsyncExitStack()
    await stack.enter_async_context(transport)
    return _Passage(transport, stack)


async def _closed(passage: _Passage | None) -> None:
    if passage is None:
        return
    try:
        if passage.users:
            await passage.idle.wait()
    finally:
        await passage.stack.aclose()
