"""The door to the network: one HTTP request out, one bounded answer in.

Law of this module: what leaves is what the request says, byte for byte; what comes in is counted
while it is decompressed; and whatever goes wrong becomes a `TransportError` in our own words.
aiohttp's texts carry URLs, which are secrets, so neither they nor the exceptions that hold them
leave this module.
"""

import asyncio
import os
import ssl
from datetime import timedelta
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
from yarl import URL

from jobwatch import __version__
from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpRequest, HttpResponse

CONNECT_TIMEOUT = timedelta(seconds=5)
ERROR_BODY_LIMIT = 64 * 1024
READ_BUFFER = 128 * 1024
"""aiohttp decompresses into pieces of this size and stops reading while two of them wait: this, not
the sender, decides how much of a gzip bomb is ever held."""
DNS_TTL_SECONDS = 30
SUCCESS = range(200, 300)

_DEFAULT_HEADERS = {"User-Agent": f"jobwatch/{__version__}", "Accept-Encoding": "gzip"}

_WORDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], TransportKind, str], ...] = (
    (aiohttp.ConnectionTimeoutError, TransportKind.TIMEOUT, "no connection in the time allowed"),
    (TimeoutError, TransportKind.TIMEOUT, "no whole answer in the time allowed"),
    (
        (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError),
        TransportKind.PROTOCOL,
        "the URL or a header cannot be sent",
    ),
    (
        (aiohttp.ClientPayloadError, aiohttp.ClientResponseError),
        TransportKind.PROTOCOL,
        "the answer is not readable HTTP",
    ),
)


class Transport:
    """The only HTTP client: an async context manager with one pool of connections.

    How many requests are in flight is the callers' business (`concurrency`, the sweeps): the pool
    sets no limit and is never the queue in which one receiver waits for another. `tls` replaces the
    system's certificates.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._open: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        self._open = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ttl_dns_cache=DNS_TTL_SECONDS, ssl=self._tls or True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_DEFAULT_HEADERS,
            skip_auto_headers=("Content-Type",),
            read_bufsize=READ_BUFFER,
            trust_env=False,
            trace_configs=[trace],
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._open is not None:
            await self._open.close()
            self._open = None

    async def send(
        self,
        request: HttpRequest,
        *,
        timeout: timedelta,  # noqa: ASYNC109  # covers the whole exchange; the pool has to know it
        connect_timeout: timedelta = CONNECT_TIMEOUT,
        max_body: int,
        truncate: bool = False,
    ) -> HttpResponse:
        """Send one request and read its answer, redirects and all other statuses included.

        `timeout` covers everything from the name lookup to the last byte. A body of more than
        `max_body` decompressed bytes is refused, or cut short where `truncate` is set. The body of
        an answer that is no success is always cut, at 64 KiB or `max_body`, because its status is
        worth having. Raises `TransportError`.
        """
        if self._open is None:
            raise RuntimeError("the transport is not open")
        exchange = _Exchange(self._open, request, max_body, truncate=truncate)
        limits = aiohttp.ClientTimeout(
            total=timeout.total_seconds(), connect=connect_timeout.total_seconds()
        )
        try:
            return await exchange.run(limits)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            problem = _problem(error)
        # Raised outside the handler: aiohttp's exception must not even be our error's context.
        raise problem


class _Exchange:
    """One request on its way, sent again at once where its connection had grown old unnoticed."""

    def __init__(
        self, session: aiohttp.ClientSession, request: HttpRequest, max_body: int, *, truncate: bool
    ) -> None:
        self._session = session
        self._request = request
        self._max_body = max_body
        self._truncate = truncate
        self._state = SimpleNamespace(reused=False)

    async def run(self, limits: aiohttp.ClientTimeout) -> HttpResponse:
        request = self._request
        async with self._session.request(
            request.method,
            _url(request.url),
            headers=request.headers,
            data=request.body or None,
            timeout=limits,
            allow_redirects=False,
            middlewares=(self._once_more,),
            trace_request_ctx=self._state,
        ) as response:
            body, truncated = await self._read(response)
            return HttpResponse(
                status=response.status,
                headers=_headers(response),
                body=body,
                truncated=truncated,
            )

    async def _once_more(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Repeat a request that a *reused* connection lost: the server closed it while idle.

        aiohttp's own repetition is kept out, because it also repeats a GET that a fresh connection
        lost, and never repeats a POST.
        """
        try:
            return await _hand_over(request, handler)
        except TransportError:
            if not self._state.reused:
                raise
        self._state.reused = False
        return await _hand_over(request, handler)

    async def _read(self, response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
        limit, truncate = self._max_body, self._truncate
        if response.status not in SUCCESS:
            limit, truncate = min(limit, ERROR_BODY_LIMIT), True
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > limit:
                response.close()
                break
            if len(part) >= READ_BUFFER:
                # A full buffer is handed out without a pause; others want their turn, too.
                await asyncio.sleep(0)
        else:
            return b"".join(parts), False
        if not truncate:
            raise TransportError(TransportKind.TOO_LARGE, f"the answer has more than {limit} bytes")
        return b"".join(parts)[:limit], True


async def _note_reuse(
    _session: aiohttp.ClientSession, trace: SimpleNamespace, _params: object
) -> None:
    trace.trace_request_ctx.reused = True


async def _hand_over(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, ConnectionError):
        pass
    raise TransportError(TransportKind.RESET, "the connection was lost before the answer")


def _url(text: str) -> URL:
    url = URL(text, encoded=True)
    if url.user is not None or url.password is not None:
        raise TransportError(TransportKind.PROTOCOL, "the URL carries a user name or a password")
    return url


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _problem(error: Exception) -> TransportError:
    """Say in our own words what aiohttp says with URLs in it."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return _connect_problem(error)
    if isinstance(error, aiohttp.ClientPayloadError) and "not completed" in str(error):
        return TransportError(TransportKind.RESET, "the answer broke off")
    for types, kind, words in _WORDS:
        if isinstance(error, types):
            return TransportError(kind, words)
    return TransportError(TransportKind.RESET, "the connection was lost")


def _connect_problem(error: aiohttp.ClientConnectorError) -> TransportError:
    place = f"{error.host}:{error.port}"
    cause = error.__cause__
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return TransportError(TransportKind.DNS, f"{error.host}: the name has no address")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return TransportError(TransportKind.TLS, f"{place}: {cause.verify_message}")
    if isinstance(cause, ssl.SSLError | ssl.CertificateError):
        return TransportError(TransportKind.TLS, f"{place}: {cause.reason or 'no TLS'}")
    # An errno is missing where several addresses were tried and failed in different ways.
    why = os.strerror(error.errno).lower() if error.errno else "no address could be reached"
    return TransportError(TransportKind.CONNECT, f"{place}: {why}")
