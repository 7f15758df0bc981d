"""aiohttp's server protocol with our limits, and TLS beneath it.

Law of this module: whatever bytes come, the answer is HTTP or silence, never a traceback, and nothing of what was sent
is repeated in it.
"""

import asyncio
import logging
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from jobwatch.web.serving.connections import HEAD_BYTES, Limits, Seat, Seats, Stage

LINGER_SECONDS = 2.0
"""How long what nobody reads is taken from who still sends it, so that the answer arrives."""

MOST_HEADERS = 64
BLANKS = 1024


class Connection(web.RequestHandler):
    """One client that speaks HTTP. Every method that is not ours is aiohttp's."""

    __slots__ = ("_ahead", "_body", "_heard", "limits", "seat")

    def __init__(self, manager: web.Server, seat: Seat, limits: Limits) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.idle,
            lingering_time=LINGER_SECONDS,
            logger=_logger(),
            access_log=None,  # type: ignore[arg-type]  # aiohttp takes None for none
            max_headers=MOST_HEADERS,
            auto_decompress=False,  # nobody sends us compressed bodies, but bombs
        )
        self.seat = seat
        self.limits = limits
        self._ahead = self._heard = 0
        self._body: StreamReader = EMPTY_PAYLOAD

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a seat; under TLS the connection beneath took it already."""
        if self.seat.transport is None and isinstance(transport, asyncio.Transport):
            self.seat.taken(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Leave the seat."""
        self.seat.left()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hear what comes, as long as it is no more than a request may be."""
        if data and not self.seat.hear(len(data)):
            self._stop_listening()
            return
        super().data_received(data)
        self._ahead += len(data) - self._body_heard()
        if self.seat.stage is Stage.GREETING and self._says_too_much:
            self.seat.hang_up()

    def begin(self, message: RawRequestMessage, body: StreamReader) -> None:
        """Note that a request is being worked on: what it took is no part of the next one's head."""
        self.seat.begin()
        self._body, self._heard = body, 0
        ahead = self._ahead - _size_of_head(message) - self._body_heard()
        # Blanks that the parser left out are no head, and must not add up while a connection is kept.
        self._ahead = ahead if ahead > BLANKS else 0

    def _body_heard(self) -> int:
        """How many bytes of the body came since the last time."""
        before, self._heard = self._heard, self._body.total_bytes
        return self._heard - before

    @property
    def _says_too_much(self) -> bool:
        """Whether a head came that is longer than any, and is not over: the parser keeps twice what it is given."""
        return self._ahead > HEAD_BYTES and not self._messages and self._body.is_eof()

    def _stop_listening(self) -> None:
        if self.seat.busy:
            self.close()  # the answer under way still goes out
        else:
            self.seat.hang_up()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send what is left of an answer, and rest."""
        self.seat.turn_to(Stage.ANSWERING)
        if isinstance(
            resp, web.HTTPExpectationFailed
        ):  # before any route, and it repeats what was expected
            resp.text = "expectation failed\n"
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self.seat.turn_to(Stage.RESTING)
            if self._says_too_much:
                self.close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or what failed outside of every handler. Only the latter is logged."""
        del message  # it repeats what was sent
        if isinstance(exc, ConnectionError):
            raise exc  # the client is gone, and nobody is left to answer
        if isinstance(exc, UnicodeError):
            status = HTTPStatus.BAD_REQUEST  # aiohttp repeats a header that is no text
        elif not isinstance(exc, HttpProcessingError):
            self.logger.error("a request failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is under way already")
        answer = web.Response(status=status, text=f"{HTTPStatus(status).phrase.lower()}\n")
        answer.headers.update(SAFETY)
        answer.force_close()
        return answer


SAFETY = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Headers of every answer: nothing is kept, guessed, framed, or shared with other sites."""


class Tls(SSLProtocol):
    """TLS beneath a connection. It takes the seat before the handshake, so that those who never finish one count too."""

    max_size = 32 * 1024  # of each connection's buffer; one record of TLS is 16 KiB

    def __init__(self, connection: Connection, context: ssl.SSLContext) -> None:
        limits = connection.limits
        super().__init__(
            connection.seat.seats.loop,
            connection,
            context,
            None,  # type: ignore[arg-type]  # nobody waits for the handshake
            server_side=True,
            ssl_handshake_timeout=limits.head,  # type: ignore[arg-type]  # a float will do
            ssl_shutdown_timeout=limits.grace,
        )
        self._connection_of_ours = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a seat, and begin the handshake."""
        if isinstance(transport, asyncio.Transport):
            self._connection_of_ours.seat.taken(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Leave the seat, also where there was never a request."""
        self._connection_of_ours.seat.left()
        super().connection_lost(exc)


def factory(
    server: web.Server, seats: Seats, context: ssl.SSLContext | None
) -> Callable[[], asyncio.BaseProtocol]:
    """What makes the protocol of each new connection."""
    _note_requests(server)

    def make() -> asyncio.BaseProtocol:
        connection = Connection(server, Seat(seats), seats.limits)
        return connection if context is None else Tls(connection, context)

    return make


def _note_requests(server: web.Server) -> None:
    """Have each connection know when a request begins, also one that turns out to be none."""
    make = server.request_factory

    def noted(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        protocol.begin(message, payload)
        return make(message, payload, protocol, writer, task)

    server.request_factory = noted


def _size_of_head(message: RawRequestMessage) -> int:
    line = len(message.method) + len(message.path) + len(b"  HTTP/1.1\r\n")
    headers = sum(len(name) + len(value) + len(b": \r\n") for name, value in message.raw_headers)
    return line + headers + len(b"\r\n")


def _logger() -> logging.Logger:
    return logging.getLogger("jobwatch.web.serving.protocol")
