"""Asks who may before anything is done: reads a request, has `access` decide, and answers who may not.

Law of this module: a token that cannot be read opens nothing, and health asks for none. The log tells who was refused a
change, never what was sent as a token.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import NamedTuple, TypeAlias
from urllib.parse import quote

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from jobwatch.core.errors import ConfigError
from jobwatch.web.entrance import login, sessions
from jobwatch.web.entrance.access import (
    OPEN,
    READING,
    Asked,
    Bearer,
    Configured,
    Reason,
    Verdict,
    decide,
    foreign_login,
    host_name,
    names_a_proxy,
    own_path,
    tells_all,
)
from jobwatch.web.failures import refusal
from jobwatch.web.view import Tokens, WebView

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_COOKIE = "jobwatch"
_SECURE_COOKIE = "__Host-jobwatch"
_SHOWN = 200

log = structlog.get_logger()


class _Held(NamedTuple):
    """The tokens at this moment."""

    read: str | None
    operate: str | None


@dataclass(slots=True, kw_only=True)
class Doorkeeper:
    """Lets requests in, or not; and the login form, which is how a browser is let in."""

    tokens: Tokens
    clock: Callable[[], datetime]
    attempts: login.Attempts
    told: str = ""

    @classmethod
    def of(cls, view: WebView) -> "Doorkeeper":
        """The doorkeeper of a server."""
        attempts = login.Attempts(monotonic=view.monotonic)
        return cls(tokens=view.tokens, clock=view.clock, attempts=attempts)

    def routes(self) -> list[web.RouteDef]:
        """The login form, and the way out."""
        return [
            web.get("/login", self.show_form),
            web.post("/login", self.log_in),
            web.post("/logout", self.log_out),
        ]

    def judge(self, request: web.Request) -> Verdict:
        """Whether a request may go on. Raises HTTP 503 where a token is configured and cannot be read."""
        route = _route(request)
        if is_open(request):
            return decide(Asked(method=request.method, route=route), Configured())
        held = self._held()
        return decide(self._asked(request, held, route), self._configured(held))

    def knows(self, request: web.Request) -> bool:
        """Whether who asks for health may hear all of it; where no token can be read, nobody is known."""
        try:
            held = _Held(self.tokens.read(), self.tokens.operate())
        except ConfigError:
            return False
        return tells_all(self._asked(request, held, ""), self._configured(held))

    def refuse(self, request: web.Request, verdict: Verdict) -> web.Response:
        """Answer who may not: a browser that wants a page is sent to the form."""
        unknown = verdict.status is HTTPStatus.UNAUTHORIZED
        if unknown and request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            return _moved(f"/login?next={quote(own_path(request.raw_path), safe='')}")
        if request.method not in READING or verdict.reason is Reason.WRONG_TOKEN:
            log.warning(
                "request.denied",
                reason=verdict.reason,
                method=request.method[:_SHOWN],
                path=request.path[:_SHOWN],
                peer=request.remote,
            )
        asks = unknown or verdict.reason is Reason.TOKEN_ONLY_READS
        headers = {"WWW-Authenticate": _challenge(verdict.reason)} if asks else None
        return refusal(
            request, verdict.status, verdict.words, code=verdict.reason.value, headers=headers
        )

    async def show_form(self, request: web.Request) -> web.Response:
        """The form; who needs none is sent on."""
        held = self._held()
        goes_to = own_path(request.query.get("next", "/"))
        if held.read is None:
            return _moved(goes_to)
        found = self._session(request, held.read)
        logged_in = found is not None and found.holds(self.clock())
        return _form(login.page(goes_to=goes_to, logged_in=logged_in, message=self._away(request)))

    async def log_in(self, request: web.Request) -> web.Response:
        """Begin a session for who knows the read token."""
        token, goes_to = login.read_form(await request.read())
        goes_to, held = own_path(goes_to), self._held()
        if held.read is None:
            return _moved(goes_to)
        if foreign_login(self._asked(request, held, "/login"), self._configured(held)):
            text = "Another site's page sent this. Log in here."
            return _form(login.page(message=text), HTTPStatus.FORBIDDEN)
        client = self._client(request, held.read)
        wait = self.attempts.wait(client)
        if wait:
            return _too_many(goes_to, wait)
        if not sessions.same_token(held.read, token):
            log.warning("login.failed", peer=request.remote)
            text = "That is not the read token."
            return _form(login.page(goes_to=goes_to, message=text), HTTPStatus.FORBIDDEN)
        self.attempts.forgive(client)
        answer = _moved(goes_to)
        self._set_cookie(request, answer, sessions.begin(held.read, self.clock()))
        return answer

    async def log_out(self, request: web.Request) -> web.Response:
        """Take the session's cookie away."""
        asked = self._asked(request, _Held(None, None), "/logout")
        if foreign_login(asked, self._configured(_Held(None, None))):
            return web.Response(status=HTTPStatus.FORBIDDEN, text="log out on our own page\n")
        answer = _moved("/login")
        self._set_cookie(request, answer, "")
        return answer

    def _held(self) -> _Held:
        try:
            return _Held(self.tokens.read(), self.tokens.operate())
        except ConfigError as error:
            if self.told != str(error):
                self.told = str(error)
                log.error("token.unread", error=self.told)  # noqa: TRY400  # no traceback
            text = "the tokens cannot be read now; the log says why"
            raise web.HTTPServiceUnavailable(text=text) from None

    def _configured(self, held: _Held) -> Configured:
        return Configured(
            read_token=held.read is not None,
            operate_token=held.operate is not None,
            public_url=self.tokens.public_url(),
        )

    def _asked(self, request: web.Request, held: _Held, route: str) -> Asked:
        session = self._session(request, held.read) if held.read is not None else None
        return Asked(
            method=request.method,
            route=route,
            bearer=_bearer(request, held),
            session=session is not None and session.holds(self.clock()),
            peer=request.remote,
            scheme="https" if request.secure else "http",
            host=_only(request, "Host"),
            origin=_only(request, "Origin"),
            fetch_site=_only(request, "Sec-Fetch-Site"),
            content_type=request.headers.get("Content-Type"),
            proxied=_proxied(request),
        )

    def _session(self, request: web.Request, token: str) -> sessions.Session | None:
        name = _SECURE_COOKIE if self._secure(request) else _COOKIE
        return sessions.read(token, request.cookies.get(name, ""))

    def _client(self, request: web.Request, token: str) -> str:
        """Who is trying: by address, but a browser that was logged in before by its old session.

        So a stranger behind the same proxy takes no attempts from those who have been here.
        """
        known = self._session(request, token)
        return f"session {known.mark}" if known else login.client_of(request.remote)

    def _secure(self, request: web.Request) -> bool:
        return request.secure or (self.tokens.public_url() or "").startswith("https:")

    def _away(self, request: web.Request) -> str:
        """Where to log in instead, if the browser would not keep a session of this address."""
        url, here = self.tokens.public_url() or "", host_name(request.headers.get("Host"))
        if request.secure or not url.startswith("https:") or here in url or here == "localhost":
            return ""
        return f"Sessions are kept at {url} alone; log in there."

    def _set_cookie(self, request: web.Request, answer: web.Response, value: str) -> None:
        secure = self._secure(request)
        answer.set_cookie(
            _SECURE_COOKIE if secure else _COOKIE,
            value,
            max_age=int(sessions.LASTS.total_seconds()) if value else 0,
            path="/",
            secure=secure,
            httponly=True,
            samesite="Strict",
        )


def guard(keeper: Doorkeeper) -> Middleware:
    """The middleware that lets a request in, or answers why not."""

    @web.middleware
    async def judged(request: web.Request, handler: Handler) -> web.StreamResponse:
        verdict = keeper.judge(request)
        return await handler(request) if verdict.allowed else keeper.refuse(request, verdict)

    return judged


def _route(request: web.Request) -> str:
    """The path of the route that answers: what is open goes by it, not by how a path was spelled."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


def is_open(request: web.Request) -> bool:
    """Whether the path that answers asks for no token."""
    return _route(request) in OPEN


def _only(request: web.Request, header: str) -> str | None:
    """A header that stands once; twice is nobody's."""
    found = request.headers.getall(header, ())
    return found[0] if len(found) == 1 else ("" if found else None)


def _bearer(request: web.Request, held: _Held) -> Bearer:
    header = _only(request, "Authorization")
    if header is None:
        return Bearer.NONE
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return Bearer.WRONG
    reads = sessions.same_token(held.read, token.strip())
    operates = sessions.same_token(held.operate, token.strip())
    return Bearer.OPERATE if operates else Bearer.READ if reads else Bearer.WRONG


def _proxied(request: web.Request) -> bool:
    """Whether something shows a proxy: its headers, HTTP/1.0 (which nginx speaks unasked), a URL where a path belongs."""
    old = request.version < (1, 1)
    return old or names_a_proxy(request.headers) or not request.raw_path.startswith("/")


def _challenge(reason: Reason) -> str:
    errors = {
        Reason.WRONG_TOKEN: ', error="invalid_token"',
        Reason.TOKEN_ONLY_READS: ', error="insufficient_scope"',
    }
    return f'Bearer realm="jobwatch"{errors.get(reason, "")}'


def _moved(location: str) -> web.Response:
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": location})


def _form(page: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    headers = {
        "Content-Security-Policy": login.policy(),
        # With "no-referrer" browsers send `Origin: null` with a form, and nobody knows whose it is.
        "Referrer-Policy": "same-origin",
    }
    return web.Response(status=status, text=page, content_type="text/html", headers=headers)


def _too_many(goes_to: str, wait: float) -> web.Response:
    seconds = int(wait) + 1
    text = f"Too many attempts. Try again in {seconds} s."
    answer = _form(login.page(goes_to=goes_to, message=text), HTTPStatus.TOO_MANY_REQUESTS)
    answer.headers["Retry-After"] = str(seconds)
    return answer
