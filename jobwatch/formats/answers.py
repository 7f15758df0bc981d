"""What every format reads in an answer: its status, Retry-After, and words that may be shown.

What a format does not know better is kept and tried again; only what it knows to be refused for ever is given up.
"""

import html
import re
import string
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import assert_never
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.formats.values import Recipient, Verdict

ANSWER_LIMIT = 4096
LONGEST_RETRY_AFTER = timedelta(hours=1)
MASK = "***"
MASKED_FROM = 4
"""Shorter pieces of a URL (`v1`, `api`) are no secrets, and masking them would shred the answer."""

_EXACT = {
    401: Result.AUTH,
    403: Result.AUTH,
    404: Result.NOT_FOUND,
    410: Result.GONE,
    413: Result.TOO_LARGE,
    429: Result.RATE_LIMITED,
}
_HUNDREDS = {
    2: Result.OK,
    3: Result.REDIRECT,
    4: Result.HTTP_4XX,
    5: Result.HTTP_5XX,
}
_MAY_ASK_FOR_REST = frozenset({429, 503})
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_SIGNED = re.compile(
    r"""(\bsign(?:ature)?\\*["']?\s*[=:]\s*\\*["']?|\bv1(?:,|%2C))[A-Za-z0-9+/=_%-]{16,}""",
    re.IGNORECASE,
)
"""A signature that a receiver repeats: `sign=…` in a URL, `"sign": "…"` in a body (or in a text of one), `v1,…` in a header."""

_AS_IT_IS = frozenset(string.ascii_letters + string.digits)
_PUBLIC = frozenset(
    {
        "cgi-bin",
        "enqueue",
        "hook",
        "invoke",
        "manual",
        "open-apis",
        "paths",
        "robot",
        "send",
        "services",
        "triggers",
        "webhook",
        "workflows",
    }
)
"""Words in the path of everybody's robot: masking them would hide what the robot says of itself."""

_KEY = re.compile(r"[A-Za-z0-9+/=_-]{8,}")
"""A word that may be a key: one with a digit in it, or one that is too long for a word."""

_TOO_LONG_FOR_A_WORD = 24

# C0 and C1 controls, zero-width and directional marks, line and paragraph separators, BOM.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def result_of_status(status: int) -> Result:
    """The result that an HTTP status stands for; a status outside 200 to 599 is no answer."""
    return _EXACT.get(status) or _HUNDREDS.get(status // 100, Result.BODY_ERROR)


def result_of_kind(kind: TransportKind) -> Result:
    """The result that a failure of the transport stands for."""
    match kind:
        case TransportKind.TOO_LARGE | TransportKind.PROTOCOL:
            # Not Result.TOO_LARGE, which is the receiver's word on *our* payload.
            return Result.BODY_ERROR
        case (
            TransportKind.TIMEOUT
            | TransportKind.DNS
            | TransportKind.CONNECT
            | TransportKind.TLS
            | TransportKind.RESET
            | TransportKind.BLOCKED
        ):
            return Result(kind.value)
        case _:
            assert_never(kind)


def retry_after(response: HttpResponse, now: datetime) -> timedelta | None:
    """How long the receiver asks to be left alone: seconds or a date, at most an hour.

    Only 429 and 503 may ask (RFC 9110 section 10.2.3); what cannot be read asks for nothing.
    """
    if response.status not in _MAY_ASK_FOR_REST:
        return None
    text = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        seconds = min(float(text), LONGEST_RETRY_AFTER.total_seconds())
        return timedelta(seconds=seconds)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:  # "-0000": a date that is UTC and does not say so
        at = at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta(0)), LONGEST_RETRY_AFTER)


def by_status(
    answer: HttpResponse | TransportError, recipient: Recipient, now: datetime
) -> Verdict:
    """What an answer means where nothing but its status tells: any 2xx is success, the body is only shown."""
    if isinstance(answer, TransportError):
        return Verdict(result=result_of_kind(answer.kind), answer=shown(str(answer), recipient))
    return Verdict(
        result=result_of_status(answer.status),
        status=answer.status,
        retry_after=retry_after(answer, now),
        answer=shown(answer.body.decode(errors="replace"), recipient),
    )


def shown(text: str, recipient: Recipient) -> str:
    """The beginning of a text, fit for anybody: on one line, without the recipient's secrets."""
    visible = _INVISIBLE.sub("", " ".join(text.split()))
    secrets = _secrets(recipient)
    if secrets is not None:
        visible = secrets.sub(MASK, visible)
    visible = _SIGNED.sub(rf"\1{MASK}", visible)
    return visible.encode()[:ANSWER_LIMIT].decode(errors="ignore")


def without_keys(text: str, template: str) -> str:
    """What a template made, without the words of the template that may be keys."""
    keys = sorted(_keys_in(template), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, keys)), MASK, text) if keys else text


def _keys_in(template: str) -> set[str]:
    return {
        word
        for word in _KEY.findall(template)
        if len(word) >= _TOO_LONG_FOR_A_WORD or any(map(str.isdigit, word))
    }


@lru_cache(maxsize=256)
def _secrets(recipient: Recipient) -> re.Pattern[str] | None:
    """What finds a secret of the recipient in a text, the longest first; None where it has none."""
    pieces = sorted(_secret_pieces(recipient), key=lambda piece: (-len(piece), piece))
    return re.compile("|".join(map(_spelt, pieces)), re.IGNORECASE) if pieces else None


def _secret_pieces(recipient: Recipient) -> set[str]:
    """Everything of a recipient that must not be seen."""
    url = urlsplit(recipient.url)
    pieces = {recipient.url, url.path, url.query}
    for segment in url.path.split("/"):
        pieces |= {segment, unquote(segment)}
    for pair in url.query.split("&"):
        value = pair.partition("=")[2] or pair
        pieces |= {value, unquote(value), unquote_plus(value)}
    pieces -= _PUBLIC
    for secret in (*recipient.secrets, recipient.routing_key or ""):
        pieces |= {secret, secret.removeprefix("whsec_"), secret.removeprefix("whsec_").rstrip("=")}
    for name, value in recipient.headers:
        if name.lower() != "content-type":
            pieces |= {value, *value.split()}
    pieces |= _keys_in(recipient.template or "")
    return {piece for piece in pieces if len(piece) >= MASKED_FROM}


def _spelt(piece: str) -> str:
    """What finds a piece as it is, and as JSON, HTML or a URL may write it, one sign so and another so."""
    return "".join(each if each in _AS_IT_IS else _sign(each) for each in piece)


def _sign(sign: str) -> str:
    ways = {sign, rf"\{sign}", quote(sign, safe="", errors="replace"), f"&#{ord(sign)};"}
    ways |= {rf"\u{ord(sign):04x}", f"&#x{ord(sign):x};", html.escape(sign)}
    ways |= {"+"} if sign == " " else set()
    return f"(?:{'|'.join(map(re.escape, sorted(ways, key=len, reverse=True)))})"
