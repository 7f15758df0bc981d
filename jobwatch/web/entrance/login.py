"""The login form: a person types the read token, the browser keeps a session that can only read.

Law of this module: the page has no script and repeats nothing but a path of ours. A wrong token is never logged or shown.
The operate token opens nothing here, so that nobody types it into a browser.
"""

import base64
import hashlib
import html
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from urllib.parse import parse_qs

STYLE = """:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{margin:0 auto;max-width:22rem;padding:15vh 1rem}h1{font-size:1.3rem}
label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}
input,button{padding:.6rem;margin:.3rem 0 1rem;border:1px solid #888;border-radius:.3rem}
.bad{color:#c22}@media(prefers-color-scheme:dark){.bad{color:#f88}}"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Log in: jobwatch</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<style>{style}</style></head><body>
<main><h1>jobwatch</h1>
{message}
{form}
</main></body></html>
"""
_FORM = """<form method="post" action="/login">
<input type="hidden" name="next" value="{next}">
<label for="token">Read token</label>
<input id="token" name="token" type="password" autocomplete="current-password" maxlength="1024" required autofocus>
<button type="submit">Log in</button></form>"""
_LOGOUT = """<p>You are logged in. <a href="/">To the status page</a></p>
<form method="post" action="/logout"><button type="submit">Log out</button></form>"""

ATTEMPTS = 10
SECONDS_EACH = 6.0
CLIENTS = 1024

_FORM_BYTES = 8192


def page(*, goes_to: str = "/", message: str = "", logged_in: bool = False) -> str:
    """The page: the form, or where somebody is logged in already, the way out."""
    said = f'<p class="bad" role="alert">{html.escape(message)}</p>' if message else ""
    form = _LOGOUT if logged_in else _FORM.format(next=html.escape(goes_to))
    return _PAGE.format(style=STYLE, message=said, form=form)


@cache
def policy() -> str:
    """The page's Content-Security-Policy: its own style, and a form to ourselves."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )


def read_form(body: bytes) -> tuple[str, str]:
    """The token and the path to go to, "" for what is not there. Whatever is no such form is an empty one."""
    if len(body) > _FORM_BYTES:
        return "", ""
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=8, keep_blank_values=True)
    except ValueError:
        return "", ""
    token, goes_to = (fields.get(name, [""])[0] for name in ("token", "next"))
    return token.strip(), goes_to


@dataclass(slots=True)
class Attempts:
    """How often each client may try: ten times at once, then every six seconds. Nobody uses up another one's attempts.

    Clients are told apart by their address, IPv6 by its /64; no header is believed. Those who tried longest ago are
    forgotten first.
    """

    monotonic: Callable[[], float]
    _used: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait(self, client: str) -> float:
        """Use up an attempt: 0 where there was one left, else the seconds until the next."""
        now = self.monotonic()
        used, since = self._used.pop(client, (0.0, now))
        used = max(0.0, used - (now - since) / SECONDS_EACH)
        left = used <= ATTEMPTS - 1
        self._used[client] = (used + 1 if left else used, now)
        if len(self._used) > CLIENTS:
            self._used.popitem(last=False)
        return 0.0 if left else (used - ATTEMPTS + 1) * SECONDS_EACH

    def forgive(self, client: str) -> None:
        """Forget the attempts of somebody who knew the token."""
        self._used.pop(client, None)


def client_of(peer: str | None) -> str:
    """By what clients are told apart."""
    try:
        address = ip_address((peer or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, 64), strict=False))
    return str(address)
