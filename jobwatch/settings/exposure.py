"""Checks of the HTTP server's settings: tokens that are none, and what travels in the clear.

No sentence shows a token.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from jobwatch.core.addresses import is_loopback
from jobwatch.settings.looking import of_either, text_of
from jobwatch.settings.model import Http, Settings
from jobwatch.settings.problems import Mistake

TOKENS = ("read_token", "operate_token")
SHORTEST = 16
LONGEST = 1024
FEWEST_CHARACTERS = 5
"""Of 16 random hexadecimal digits, fewer than five differ in less than one of a million."""

_MAKE_ONE = "make one with: openssl rand -hex 32"
_VISIBLE = re.compile(r"[!-~]+")
_PATH = ("http",)


def wrong_token(text: str) -> str | None:
    """Say what is wrong with a token, without showing it."""
    wrong = {
        "contains a blank, a control character or one beyond ASCII, which no header can carry": (
            _VISIBLE.fullmatch(text) is None
        ),
        f"is shorter than {SHORTEST} characters, so that it can be guessed": len(text) < SHORTEST,
        f"is longer than {LONGEST} characters": len(text) > LONGEST,
        "is made of so few characters that it can be guessed": (len(set(text)) < FEWEST_CHARACTERS),
    }
    found = next((words for words, holds in wrong.items() if holds), None)
    return f"{found}; {_MAKE_ONE}" if found else None


def http_mistakes(settings: Settings) -> Iterator[Mistake]:
    """Tokens that are none, one for both purposes, and a certificate that cannot be used."""
    http = settings.http
    for name in TOKENS:
        yield from of_either(http, name, _PATH, wrong_token)
    read, operate = _text(http, "read_token"), _text(http, "operate_token")
    if read is not None and read == operate:
        yield Mistake(
            (*_PATH, _key(http, "operate_token")),
            "is the read token: whoever may read could change things; make another",
        )
    if http.tls is not None:
        from jobwatch.web.serving.certificates import mistakes  # noqa: PLC0415  brings the server

        for key, text in mistakes(http.tls.cert_file, http.tls.key_file):
            yield Mistake((*_PATH, "tls", key), text)


def http_doubts(settings: Settings) -> Iterator[Mistake]:
    """Tokens in the clear, a certificate that clients refuse, a key that everybody may read."""
    http = settings.http
    public = urlsplit(http.public_url or "")
    if http.tls is None and public.scheme != "https" and not is_loopback(http.address.host):
        for name in TOKENS:
            if _text(http, name) is not None:
                yield Mistake(
                    (*_PATH, _key(http, name)),
                    "travels in the clear; set http.tls, or put a proxy with TLS in front and say so "
                    "in http.public_url",
                )
    if http.tls is None:
        return
    if public.scheme == "http":
        yield Mistake((*_PATH, "public_url"), "is http, and the server speaks https alone")
    from jobwatch.web.serving.certificates import doubts, mistakes  # noqa: PLC0415  brings the server

    files = (http.tls.cert_file, http.tls.key_file)
    if not any(mistakes(*files)):
        for key, text in doubts(*files):
            yield Mistake((*_PATH, "tls", key), text)


def _text(http: Http, name: str) -> str | None:
    return text_of(getattr(http, name), getattr(http, f"{name}_file"))


def _key(http: Http, name: str) -> str:
    return name if getattr(http, name) is not None else f"{name}_file"
