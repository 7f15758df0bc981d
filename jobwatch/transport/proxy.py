"""The proxy that requests may have to go through.

Law of this module: the user name and the password of a proxy leave in one header to the proxy, and in nothing else.
A proxy that repeats them where it answers in somebody's place is not quoted.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from yarl import URL

from jobwatch.core.errors import ConfigError, TransportError, TransportKind
from jobwatch.core.http import HttpResponse

MASK = "***"
MASKED_FROM = 4
"""Shorter words stand in any answer, and mean nothing by themselves."""

_WRONG = 'is not the address of a proxy; write one such as "http://proxy.example.com:3128"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Where the proxy is, and what it asks for. `repr` shows nothing of it."""

    url: URL = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    login: re.Pattern[str] | None = field(default=None, repr=False)

    def unquoted(self, answer: HttpResponse) -> HttpResponse:
        """The answer without this proxy's user name and password, however it spells them."""
        if self.login is None:
            return answer
        login = self.login
        headers = {name: login.sub(MASK, value) for name, value in answer.headers.items()}
        # Latin-1 keeps every byte as it is.
        body = login.sub(MASK, answer.body.decode("latin-1")).encode("latin-1")
        return replace(answer, headers=headers, body=body)


def read_proxy(text: str) -> Proxy:
    """Read `http://[user:password@]host[:port]`; 80 is the port where none is said.

    A user name or password with `@ : / %` in it is percent-encoded. Raises `ValueError` with a sentence that does not
    repeat the text.
    """
    try:
        url = URL(text.strip())
        plain = url.scheme == "http" and url.host and url.port and url.path in ("", "/")
    except ValueError:
        plain = False
    if not plain or url.query_string or url.fragment:
        raise ValueError(_WRONG) from None
    headers = {}
    if url.user is not None or url.password is not None:
        pair = f"{url.user or ''}:{url.password or ''}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return Proxy(url=url.with_user(None), headers=headers, login=_login(url, headers))


def _login(url: URL, headers: dict[str, str]) -> re.Pattern[str] | None:
    """What finds a user name, a password, or both as they travel; None where there are none."""
    carried = "".join(headers.values()).removeprefix("Basic ")
    words = {carried, carried.rstrip("=")}
    for word in (url.user or "", url.password or "", url.raw_user or "", url.raw_password or ""):
        words |= {word, quote(word, safe="")}
    found = sorted((word for word in words if len(word) >= MASKED_FROM), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, found)), re.IGNORECASE) if found else None


def proxy_now(configured: Callable[[], str]) -> Proxy:
    """Read the proxy as it is configured now. Raises `TransportError` where it cannot be."""
    try:
        return read_proxy(configured())
    except (ConfigError, ValueError):
        pass
    raise TransportError(TransportKind.CONNECT, "the proxy's address cannot be read (egress.proxy)")


def wrong_proxy(text: str) -> str | None:
    """What is wrong with the address of a proxy, without showing it; None when nothing is."""
    try:
        read_proxy(text)
    except ValueError as error:
        return str(error)
    return None
