"""Who may do what over HTTP: a value in, a verdict out.

Law of this module: what is not allowed by name is refused, and each verdict says why in a word that stays. A browser on
this machine is no friend: without a token, only what no foreign page can make it send is let through; and a proxy on
this machine lends its address to everybody, so what shows that there is one is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import urlsplit

from jobwatch.core.addresses import is_loopback

OPEN = frozenset({"/healthz", "/readyz", "/login", "/logout"})
"""Routes that ask for nothing: probes have no token, and who logs in has none yet."""

READING = frozenset({"GET", "HEAD"})
"""Every other method changes something, or would if there were a route for it."""

FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
"""What any page on the web may send anywhere. https://fetch.spec.whatwg.org/#cors-safelisted-request-header"""

_PROXIES = frozenset(
    {
        *("forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip"),
        *("cf-connecting-ip", "fastly-client-ip", "x-original-host", "x-original-url"),
        *("x-original-forwarded-for", "x-envoy-external-address", "x-request-from"),
    }
)


class Bearer(StrEnum):
    """Which token the header `Authorization: Bearer` holds."""

    NONE = "none"
    WRONG = "wrong"
    READ = "read"
    OPERATE = "operate"


class Reason(StrEnum):
    """Why a request was allowed or refused."""

    OPEN = "open"
    READING_IS_OPEN = "reading_is_open"
    READ_TOKEN = "read_token"  # noqa: S105  # the name of a setting
    OPERATE_TOKEN = "operate_token"  # noqa: S105
    SESSION = "session"
    LOOPBACK = "loopback"
    NO_TOKEN = "no_token"  # noqa: S105
    WRONG_TOKEN = "wrong_token"  # noqa: S105
    TOKEN_ONLY_READS = "token_only_reads"  # noqa: S105
    NOT_LOOPBACK = "not_loopback"
    THROUGH_A_PROXY = "through_a_proxy"
    FOREIGN_HOST = "foreign_host"
    FOREIGN_PAGE = "foreign_page"
    FORM = "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is known of a request.

    `route` is the path of the route that will answer, "" where there is none. `peer` is the other end of the
    connection, `host` the header. `proxied` says that something shows a proxy.
    """

    method: str
    route: str
    bearer: Bearer = Bearer.NONE
    session: bool = False
    peer: str | None = None
    scheme: str = "http"
    host: str | None = None
    origin: str | None = None
    fetch_site: str | None = None
    content_type: str | None = None
    proxied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """Which tokens there are, and where people reach the server (`http.public_url`)."""

    read_token: bool = False
    operate_token: bool = False
    public_url: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Allowed where `status` is 200; else `words` are for whoever asked."""

    reason: Reason
    status: HTTPStatus = HTTPStatus.OK
    words: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.status is HTTPStatus.OK


def decide(asked: Asked, configured: Configured) -> Verdict:
    """Allow a request, or refuse it with a reason."""
    if asked.route in OPEN:
        return Verdict(Reason.OPEN)
    if asked.method in READING:
        return _reading(asked, configured)
    return _changing(asked) if configured.operate_token else _trusted(asked, configured)


def _reading(asked: Asked, configured: Configured) -> Verdict:
    if not configured.read_token:
        return Verdict(Reason.READING_IS_OPEN)
    match asked.bearer:
        case Bearer.READ:
            return Verdict(Reason.READ_TOKEN)
        case Bearer.OPERATE:
            return Verdict(Reason.OPERATE_TOKEN)
        case _ if asked.session:
            return Verdict(Reason.SESSION)
        case _:
            return _unknown(asked, "read")


def _changing(asked: Asked) -> Verdict:
    """What changes state where there is a token for it: a cookie is not asked, so no page can borrow it."""
    match asked.bearer:
        case Bearer.OPERATE:
            return Verdict(Reason.OPERATE_TOKEN)
        case Bearer.READ:
            words = "this token only reads; changes need the operate token"
            return Verdict(Reason.TOKEN_ONLY_READS, HTTPStatus.FORBIDDEN, words)
        case _:
            return _unknown(asked, "operate")


def _unknown(asked: Asked, which: str) -> Verdict:
    if asked.bearer is Bearer.WRONG:
        return Verdict(Reason.WRONG_TOKEN, HTTPStatus.UNAUTHORIZED, "this token is not valid")
    words = f"send the {which} token: Authorization: Bearer …"
    return Verdict(Reason.NO_TOKEN, HTTPStatus.UNAUTHORIZED, words)


def _trusted(asked: Asked, configured: Configured) -> Verdict:
    """What changes state where nobody has a token for it: somebody on this machine, and no page of a browser there."""
    wrong = {
        Reason.NOT_LOOPBACK: asked.peer is None or not is_loopback(asked.peer),
        Reason.THROUGH_A_PROXY: asked.proxied or _elsewhere(configured.public_url),
        Reason.FOREIGN_HOST: not is_loopback(host_name(asked.host)),
        Reason.FOREIGN_PAGE: _foreign(asked),
        Reason.FORM: _media_type(asked.content_type) in FORMS,
    }
    reason = next((reason for reason, holds in wrong.items() if holds), None)
    if reason is None:
        return Verdict(Reason.LOOPBACK)
    refused = HTTPStatus.UNSUPPORTED_MEDIA_TYPE if reason is Reason.FORM else HTTPStatus.FORBIDDEN
    return Verdict(reason, refused, _WORDS[reason])


_SET_ONE = "set http.operate_token and send it: Authorization: Bearer …"
_WORDS = {
    Reason.NOT_LOOPBACK: f"without a token, changes are for this machine alone; {_SET_ONE}",
    Reason.THROUGH_A_PROXY: f"behind a proxy everybody seems to be on this machine; {_SET_ONE}",
    Reason.FOREIGN_HOST: f"without a token, changes are asked of localhost; {_SET_ONE}",
    Reason.FOREIGN_PAGE: f"a page of another site asked for this; {_SET_ONE}",
    Reason.FORM: "any page can send a form; send application/json",
}


def _foreign(asked: Asked) -> bool:
    """Whether a browser says that another site's page asks; programs say neither."""
    own = f"{asked.scheme}://{asked.host}".lower()
    foreign_origin = asked.origin is not None and asked.origin.lower() != own
    return foreign_origin or asked.fetch_site not in (None, "same-origin")


def tells_all(asked: Asked, configured: Configured) -> bool:
    """Whether what health says may be told in whole: where the store lies and who holds it is nothing for strangers."""
    known = asked.session or asked.bearer in (Bearer.READ, Bearer.OPERATE)
    here = asked.peer is not None and is_loopback(asked.peer) and not asked.proxied
    return not configured.read_token or known or here


def foreign_login(asked: Asked, configured: Configured) -> bool:
    """Whether another site's page sends the login form. A proxy may have changed scheme and host."""
    if asked.fetch_site is not None:
        return asked.fetch_site not in ("same-origin", "none")
    if asked.origin is None:
        return False
    own = {f"{scheme}://{asked.host}".lower() for scheme in ("http", "https")}
    if configured.public_url is not None:
        parts = urlsplit(configured.public_url)
        own.add(f"{parts.scheme}://{parts.netloc}".lower())
    return asked.origin.lower() not in own


def _elsewhere(public_url: str | None) -> bool:
    """Whether people reach the server at an address that is not of this machine: then something passes them on."""
    return public_url is not None and not is_loopback(urlsplit(public_url).hostname or "")


def names_a_proxy(headers: Iterable[str]) -> bool:
    """Whether one of these names of headers is one that a proxy adds."""
    names = (name.lower() for name in headers)
    return any(name in _PROXIES or name.startswith("x-forwarded") for name in names)


def host_name(host: str | None) -> str:
    """The name or address in a Host header, without brackets and port; "" where there is none."""
    try:
        return urlsplit(f"//{host or ''}").hostname or ""
    except ValueError:
        return ""


def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()


def own_path(text: str) -> str:
    """A path of ours to go to after logging in; "/" for anything that a browser may take for another site."""
    odd = any(not "!" <= char <= "~" for char in text) or "\\" in text
    if odd or len(text) > 2000 or not text.startswith("/") or text.startswith("//"):  # noqa: PLR2004
        return "/"
    return "/" if text.partition("?")[0] in OPEN else text
