"""The format `dingtalk`: the custom robot of DingTalk, in markdown, signed in the URL.

https://open.dingtalk.com/document/robots/custom-robot-access (messages, 20 a minute, then locked for 10 minutes)
https://open.dingtalk.com/document/robots/customize-robot-security-settings (signature, keywords, addresses)

The signature is in the URL, one for each request: only the newest secret can sign. Its markdown (headings, quotes, bold,
italic, links, images, lists) has no escapes: `formats.robots` says how texts of the cloud are made harmless. A robot set
to keywords finds `title_prefix` verbatim in title and text.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import quote, urlsplit, urlunsplit

from jobwatch.core.errors import TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.core.rate_gate import Rate
from jobwatch.formats.fitting import cut, fitted
from jobwatch.formats.message import Fact, Message, Sample
from jobwatch.formats.posting import json_bytes, json_post
from jobwatch.formats.robots import (
    Meaning,
    called_mobiles,
    calls_everybody,
    hmac_base64,
    in_markdown,
    in_text,
    judged,
    link_target,
    message_for,
    signing_secret,
    titled,
    unslanted,
)
from jobwatch.formats.values import Limits, Recipient, Style, Told, Verdict

SECRET_PREFIX = "SEC"  # noqa: S105  what a secret begins with, not one
TEXT_BYTES = 5000
TITLE_LENGTH = 64
LIMITS = Limits(max_bytes=20_000, rates=(Rate(18, timedelta(minutes=1)),))
"""20 messages a minute are published; we stay below. Of sizes, DingTalk's list of codes names 5000 characters of markdown
and 64 of a title (34016); nobody confirms 20,000 bytes. We keep to the smaller, and count bytes."""

_LOCKED = timedelta(minutes=10)
CODES = {
    -1: Meaning(Result.BODY_ERROR),
    34016: Meaning(Result.REJECTED),
    130101: Meaning(Result.RATE_LIMITED, _LOCKED),
    300001: Meaning(Result.NOT_FOUND),
    300005: Meaning(Result.NOT_FOUND),
    310000: Meaning(Result.AUTH),
    400013: Meaning(Result.GONE),
    400101: Meaning(Result.NOT_FOUND),
    400102: Meaning(Result.AUTH),
    400105: Meaning(Result.REJECTED),
    400106: Meaning(Result.NOT_FOUND),
    410100: Meaning(Result.RATE_LIMITED, _LOCKED),
    430101: Meaning(Result.REJECTED),
    430102: Meaning(Result.REJECTED),
    430103: Meaning(Result.REJECTED),
    430104: Meaning(Result.REJECTED),
}
"""Busy; too long; too fast; no such token (both, and seen to pass); sign, clock, keyword or address; group dissolved;
no such token; robot stopped; message type; no such robot; too fast; a link, text, image or content that may not be."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OURS = frozenset({"timestamp", "sign"})


def check_secret(text: str) -> str | None:
    """What is wrong with a robot's secret, without showing it; None when nothing is."""
    if not text.startswith(SECRET_PREFIX):
        return f"does not begin with {SECRET_PREFIX}: it is the robot's key for signing, not the token of its URL"
    if len(text) == len(SECRET_PREFIX):
        return f"has nothing after {SECRET_PREFIX}"
    if not (text.isascii() and text.isalnum()):
        return "holds something else than letters and digits"
    return None


def build(told: Told, recipient: Recipient, now: datetime) -> HttpRequest:
    """Build the request: the body is the same on every try, the URL carries the signature of this one.

    Raises `ConfigError` where a secret is malformed. Without secrets it is not signed.
    """
    style = recipient.style
    secret = signing_secret(recipient, [check_secret(each) for each in recipient.secrets])
    message = message_for(told, recipient)
    text = fitted(message, partial(_markdown, style=style), TEXT_BYTES).decode()
    title = cut(titled(message, style, in_text), TITLE_LENGTH)
    body: dict[str, object] = {"msgtype": "markdown", "markdown": {"title": title, "text": text}}
    mobiles, everybody = called_mobiles(message, style), calls_everybody(message, style)
    if mobiles or everybody:
        body["at"] = {"atMobiles": mobiles, "isAtAll": everybody}
    url = signed_url(recipient.url, secret, now) if secret else recipient.url
    return json_post(recipient, json_bytes(body), url)


def signed_url(url: str, secret: str, now: datetime) -> str:
    r"""The URL with `timestamp` (milliseconds) and `sign`: base64 of HMAC-SHA256 of "timestamp\nsecret" by the secret.

    Both replace what a URL that was copied from a try may already have.
    """
    milliseconds = (now - _EPOCH) // timedelta(milliseconds=1)
    sign = hmac_base64(secret, f"{milliseconds}\n{secret}")
    parts = urlsplit(url)
    pairs = [each for each in parts.query.split("&") if each and each.split("=")[0] not in _OURS]
    pairs += [f"timestamp={milliseconds}", f"sign={quote(sign, safe='')}"]
    return urlunsplit(parts._replace(query="&".join(pairs), fragment=""))


def classify(answer: HttpResponse | TransportError, recipient: Recipient, now: datetime) -> Verdict:
    """Say what an answer means: `errcode` 0 with a 2xx is told."""
    return judged(answer, recipient, now, CODES)


def _markdown(message: Message, style: Style) -> bytes:
    """Blocks apart by an empty line: within one, lines would run together."""
    blocks = [f"### {titled(message, style, _harmless)}", _harmless(message.summary)]
    blocks.append("\n".join(_fact(each) for each in message.facts))
    blocks += [f"> {_sample(each)}" for each in message.samples]
    blocks.append(_harmless(message.omitted_words))
    if link := link_target(message):
        blocks.append(f"[{_harmless(message.link_words) or '→'}]({link})")
    # A number is called where the text names it, not by `atMobiles` alone.
    blocks.append(" ".join(f"@{mobile}" for mobile in called_mobiles(message, style)))
    return "\n\n".join(filter(None, blocks)).encode()


def _harmless(text: str) -> str:
    return unslanted(in_markdown(text))


def _fact(fact: Fact) -> str:
    return f"- **{_harmless(fact.label)}**: {_harmless(fact.value)}"


def _sample(sample: Sample) -> str:
    return " — ".join(_harmless(each) for each in (sample.headline, sample.note) if each)
