"""The door to the network: one HTTP request out, one bounded answer in.

Law of this module: what leaves is what the request says, byte for byte; what comes in is counted
while it is decompressed; and whatever goes wrong becomes a `TransportError` in our own words.
aiohttp's texts carry URLs, which are secrets, so neither they nor the exceptions that hold them
leave this module.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from jobwatch import __version__
from jobwatch.core.addresses import Guard, is_nearby, literal, oddly_spelled
from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.transport.egress import TRIAL, JudgedSockets, Trial, reason_against
from jobwatch.transport.problems import blocked, problem, proxy_refused
from jobwatch.transport.proxy import proxy_now

CONNECT_TIMEOUT = timedelta(seconds=5)
ERROR_BODY_LIMIT = 64 * 1024
READ_BUFFER = 128 * 1024
"""aiohttp decompresses into pieces of this size and stops reading while two of them wait: this, not
the sender, decides how much of a gzip bomb is ever held."""
DNS_TTL_SECONDS = 30
SUCCESS = range(200, 300)
PROXY_WANTS_A_PASSWORD = 407

_DEFAULT_HEADERS = {"User-Agent": f"jobwatch/{__version__}", "Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How one request leaves: by which connections, and past which proxy."""

    session: aiohttp.ClientSession
    url: URL
    headers: Mapping[str, str]
    proxy: URL | None = None
    proxy_headers: Mapping[str, str] | None = None
    unquoted: Callable[[HttpResponse], HttpResponse] | None = None


class Transport:
    """The only HTTP client: an async context manager with one pool of connections.

    How many requests are in flight is the callers' business (`concurrency`, the sweeps): the pool
    sets no limit and is never the queue in which one receiver waits for another. `tls` replaces the
    system's certificates. `guard` judges every address that is connected to; none lets all through.
    `proxy` (see `read_proxy`; asked anew for each request) is what all requests go through but those for
    loopback, link-local addresses and metadata services: it looks names up by itself, so that only
    addresses in URLs are judged then. `resolver` replaces the system's name lookup.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        guard: Guard | None = None,
        proxy: Callable[[], str] | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._tls = tls
        self._guard = guard
        self._proxy_now = proxy
        self._resolver = resolver
        self._direct: aiohttp.ClientSession | None = None
        self._proxied: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._direct = self._session(JudgedSockets(self._guard) if self._guard else None)
        if self._proxy_now is not None:
            self._proxied = self._session(None)
        return self

    def _session(self, sockets: JudgedSockets | None) -> aiohttp.ClientSession:
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(_note_reuse)
        connector = aiohttp.TCPConnector(
            limit=0,
            ttl_dns_cache=DNS_TTL_SECONDS,
            ssl=self._tls or True,
            resolver=self._resolver,
            socket_factory=sockets,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_DEFAULT_HEADERS,
            skip_auto_headers=("Content-Type",),
            read_bufsize=READ_BUFFER,
            trust_env=False,
            trace_configs=[trace],
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for session in (self._direct, self._proxied):
            if session is not None:
                await session.close()
        self._direct = self._proxied = None

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
        way = self._way(request)
        exchange = _Exchange(way, request, max_body, truncate=truncate)
        limits = aiohttp.ClientTimeout(
            total=timeout.total_seconds(), connect=connect_timeout.total_seconds()
        )
        trial = Trial()
        token = TRIAL.set(trial)
        try:
            answer = await exchange.run(limits)
            return way.unquoted(answer) if way.unquoted else answer
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = problem(error, trial, proxied=way.proxy is not None)
        finally:
            TRIAL.reset(token)
        # Raised outside the handler: aiohttp's exception must not even be our error's context.
        raise failure

    def _way(self, request: HttpRequest) -> _Way:
        """Decide how the request leaves. Raises `TransportError` where it must not."""
        if self._direct is None:
            raise RuntimeError("the transport is not open")
        url = _url(request.url)
        host = url.raw_host or ""
        if self._proxy_now is None or self._proxied is None or is_nearby(host):
            return _Way(session=self._direct, url=url, headers=request.headers)
        proxy = proxy_now(self._proxy_now)
        self._judge(host)
        # What is sent in the clear has no CONNECT before it that could carry the proxy's header.
        if url.scheme != "https":
            headers = {**request.headers, **proxy.headers}
            return _Way(
                session=self._proxied,
                url=url,
                headers=headers,
                proxy=proxy.url,
                unquoted=proxy.unquoted,
            )
        return _Way(
            session=self._proxied,
            url=url,
            headers=request.headers,
            proxy=proxy.url,
            proxy_headers=proxy.headers,
        )

    def _judge(self, host: str) -> None:
        """Judge an address that somebody else will connect to."""
        if self._guard is None or literal(host) is None:
            return
        if reason := reason_against(self._guard, host):
            raise blocked(host, Trial(refused={reason: None}))


class _Exchange:
    """One request on its way, sent again at once where its connection had grown old unnoticed."""

    def __init__(self, way: _Way, request: HttpRequest, max_body: int, *, truncate: bool) -> None:
        self._way = way
        self._request = request
        self._max_body = max_body
        self._truncate = truncate
        self._state = SimpleNamespace(reused=False)

    async def run(self, limits: aiohttp.ClientTimeout) -> HttpResponse:
        request, way = self._request, self._way
        async with way.session.request(
            request.method,
            way.url,
            headers=way.headers,
            data=request.body or None,
            timeout=limits,
            allow_redirects=False,
            proxy=way.proxy,
            proxy_headers=way.proxy_headers,
            middlewares=(self._once_more,),
            trace_request_ctx=self._state,
        ) as response:
            if way.proxy is not None and response.status == PROXY_WANTS_A_PASSWORD:
                raise proxy_refused(response.status)
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
    try:
        url = URL(text, encoded=True)
        host, has_login = (
            url.raw_host or "",
            url.raw_user is not None or url.raw_password is not None,
        )
    except ValueError:
        url, host, has_login = URL(), "", False
    # Raised outside the handler, because yarl's exception holds the URL.
    if not url:
        raise TransportError(TransportKind.PROTOCOL, "the URL cannot be read")
    if has_login:
        raise TransportError(TransportKind.PROTOCOL, "the URL carries a user name or a password")
    if oddly_spelled(host):
        raise TransportError(TransportKind.PROTOCOL, "the URL's host is oddly spelled")
    return url


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers
