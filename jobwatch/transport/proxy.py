"""The proxy that requests may have to go through.

Law of this module: the user name and the password of a proxy leave in one header to the proxy, and in nothing else.
"""

from base64 import b64encode
from dataclasses import dataclass, field

from yarl import URL

_WRONG = 'is not the address of a proxy; write one such as "http://proxy.example.com:3128"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Where the proxy is, and what it asks for. `repr` shows nothing of it."""

    url: URL = field(repr=False)
    headers: dict[str, str] = field(repr=False)


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
    return Proxy(url=url.with_user(None), headers=headers)


def wrong_proxy(text: str) -> str | None:
    """What is wrong with the address of a proxy, without showing it; None when nothing is."""
    try:
        read_proxy(text)
    except ValueError as error:
        return str(error)
    return None
