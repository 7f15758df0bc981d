"""A receiver of webhooks that verifies, records and misbehaves on order.

Signatures are checked with the `standardwebhooks` package, by the sink's own clock. What a path
answers is a script of replies; without one it accepts everything that is signed well.
"""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

from jobwatch.simulator.effects import reset, silence

Clock = Callable[[], datetime]
TOLERANCE = timedelta(minutes=5)
LARGEST_BODY = 8 * 1024 * 1024
PIECE = 64 * 1024


class Manner(StrEnum):
    """How a reply is given."""

    WHOLE = "whole"
    DRIP = "drip"  # a byte every `delay`
    STALL = "stall"  # headers, and then nothing
    RESET = "reset"  # a reset instead of an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the sink. `delay` passes before it (or between its bytes when it drips).

    `filler` appends so many bytes to the body. `hook` is awaited once the request was recorded.
    """

    status: int = 204
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: Manner = Manner.WHOLE
    delay: timedelta = timedelta()
    filler: int = 0
    hook: Callable[["Received"], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request. `valid`: a signature fits and its time is near; None without secrets.

    `accepted`: it was not refused for its signature and the reply was to be a 2xx.
    """

    number: int
    path: str
    id: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime
    valid: bool | None
    status: int
    accepted: bool

    @property
    def event(self) -> dict[str, Any]:
        """The body as a JSON object. ValueError or TypeError where it is none."""
        value = json.loads(self.body)
        if not isinstance(value, dict):
            raise TypeError("the body is no JSON object")
        return value


class WebhookSink:
    """The receiver. `received` holds every request in the order of arrival."""

    def __init__(
        self,
        secrets: Sequence[str] = (),
        *,
        clock: Clock,
        on_accepted: Callable[[Received], Awaitable[None]] | None = None,
    ) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets]
        self._clock = clock
        self._on_accepted = on_accepted
        self._scripts: defaultdict[str, deque[Reply]] = defaultdict(deque)
        self._always: dict[str, Reply] = {}
        self._arrived = asyncio.Condition()
        self._closing = asyncio.Event()
        self.received: list[Received] = []

    def script(self, path: str, *replies: Reply) -> None:
        """Answer the next requests to a path so, one reply each; then as `always` says."""
        self._scripts[path].extend(replies)

    def always(self, path: str, reply: Reply | None) -> None:
        """Answer a path so whenever its script is empty; None accepts again."""
        self._always.pop(path, None)
        if reply is not None:
            self._always[path] = reply

    @property
    def accepted(self) -> list[Received]:
        """The requests that were accepted."""
        return [each for each in self.received if each.accepted]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The bodies of the accepted requests, in order."""
        return [each.event for each in self.accepted]

    async def wait_for(self, accepted: int, *, within: float = 10.0) -> list[Received]:
        """Wait until so many requests were accepted. TimeoutError after `within` real seconds.

        The last of them may not have its answer yet.
        """
        async with asyncio.timeout(within), self._arrived:
            await self._arrived.wait_for(lambda: len(self.accepted) >= accepted)
        return self.accepted

    def application(self) -> web.Application:
        """Build the aiohttp application of this sink."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        app.on_shutdown.append(self._close)
        return app

    async def _close(self, _: web.Application) -> None:
        self._closing.set()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        script = self._scripts[request.path]
        reply = script.popleft() if script else self._always.get(request.path, Reply())
        valid = self._verify(headers, body)
        if valid is False:
            reply = Reply(status=401, body=b"the signature does not fit")
        received = self._record(request, headers, body, valid, reply)
        if received.accepted and self._on_accepted is not None:
            await self._on_accepted(received)
        if reply.hook is not None:
            await reply.hook(received)
        async with self._arrived:
            self._arrived.notify_all()
        try:
            return await self._send(request, reply)
        except ConnectionError:
            return web.Response()  # the sender gave up first

    def _record(
        self,
        request: web.Request,
        headers: Mapping[str, str],
        body: bytes,
        valid: bool | None,  # noqa: FBT001 - what was found
        reply: Reply,
    ) -> Received:
        sent = reply.manner is not Manner.RESET
        received = Received(
            number=len(self.received) + 1,
            path=request.path,
            id=headers.get("webhook-id", ""),
            headers=headers,
            body=body,
            at=self._clock(),
            valid=valid,
            status=reply.status,
            accepted=sent and 200 <= reply.status < 300,  # noqa: PLR2004
        )
        self.received.append(received)
        return received

    def _verify(self, headers: Mapping[str, str], body: bytes) -> bool | None:
        if not self._webhooks:
            return None
        signature, stamp = (
            headers.get("webhook-signature", ""),
            headers.get("webhook-timestamp", ""),
        )
        if not (headers.get("webhook-id") and stamp.isdecimal()):
            return False
        at = datetime.fromtimestamp(int(stamp), tz=UTC)
        if abs(self._clock() - at) > TOLERANCE:
            return False
        # `Webhook.verify` reads the real clock; signing again and comparing does not.
        text = body.decode(errors="replace")
        fitting = {webhook.sign(headers["webhook-id"], at, text) for webhook in self._webhooks}
        return bool(fitting.intersection(signature.split(" ")))

    async def _send(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        if reply.manner is not Manner.DRIP and reply.delay:
            await asyncio.sleep(reply.delay.total_seconds())
        match reply.manner:
            case Manner.RESET:
                reset(request)
                return web.Response()
            case Manner.WHOLE if not reply.filler:
                headers = dict(reply.headers)
                return web.Response(status=reply.status, body=reply.body, headers=headers)
            case _:
                return await self._stream(request, reply)

    async def _stream(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers=dict(reply.headers))
        response.force_close()
        await response.prepare(request)
        if reply.manner is Manner.STALL:
            await silence(self._closing)
            return response
        if reply.manner is Manner.DRIP:
            for byte in reply.body:
                await response.write(bytes([byte]))
                await asyncio.sleep(reply.delay.total_seconds())
            return response
        await response.write(reply.body)
        for _ in range(-(-reply.filler // PIECE)):
            await response.write(b" " * PIECE)
        return response
