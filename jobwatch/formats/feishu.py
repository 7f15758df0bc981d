"""The format `feishu`: the custom bot of Feishu and Lark, as a card, signed in the body.

https://open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN (bot, signature, codes, 20 KB, 100 a minute, 5 a second)
https://open.feishu.cn/document/ukTMukTMukTM/uUzNwUjL1cDM14SN3ATN (`plain_text`, in which nothing is markup)
https://open.feishu.cn/document/ukTMukTMukTM/uUzN04SN3QjL1cDN (rate limits and `x-ogw-ratelimit-reset`)

Texts of the cloud stand in `plain_text` alone, so they are shown as they are; the one piece of markup is our own and
calls everybody. A custom bot cannot call a mobile number: it knows people by ids of Feishu.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from jobwatch.core.errors import TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.core.rate_gate import Rate
from jobwatch.formats.answers import LONGEST_RETRY_AFTER
from jobwatch.formats.fitting import fitted
from jobwatch.formats.message import Fact, Message, Sample, Tone
from jobwatch.formats.posting import json_bytes, json_post
from jobwatch.formats.robots import (
    Meaning,
    calls_everybody,
    hmac_base64,
    judged,
    link_target,
    message_for,
    one_line,
    signing_secret,
)
from jobwatch.formats.values import Limits, Recipient, Style, Told, Verdict

LIMITS = Limits(
    max_bytes=20_000, rates=(Rate(90, timedelta(minutes=1)), Rate(4, timedelta(seconds=1)))
)
"""Published are 20 KB, 100 messages a minute and 5 a second; we stay below."""

SHORT = 24
"""Facts of at most so many characters stand two in a row."""

_COLOURS: dict[Tone, str] = {
    "info": "blue",
    "good": "green",
    "warning": "orange",
    "critical": "red",
}
_TOO_OFTEN = Meaning(Result.RATE_LIMITED, timedelta(seconds=60))
_AUTH = Meaning(Result.AUTH)
_REJECTED = Meaning(Result.REJECTED)
CODES = {
    2200: Meaning(Result.BODY_ERROR),
    9499: _REJECTED,
    11232: _TOO_OFTEN,
    19001: Meaning(Result.NOT_FOUND),
    19021: _AUTH,
    19022: _AUTH,
    19024: _AUTH,
    19036: _REJECTED,
    99991400: _TOO_OFTEN,
}
"""Their trouble; bad request; too often; no such bot; signature or clock; address; keyword; too large; too often."""

_FIELDS = ("code", "StatusCode")
_RESET = "x-ogw-ratelimit-reset"
_IN_A_HURRY = re.compile(rb"too many request|frequency limit", re.IGNORECASE)
"""9499 is a bad request and, seen but not published, one too many: only its words tell which."""

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


def check_secret(text: str) -> str | None:
    """What is wrong with a bot's secret, without showing it; None when nothing is. Its form is not published."""
    if not text:
        return "is empty"
    if not text.isascii() or not text.isprintable() or " " in text:
        return "holds a blank or something else than printable ASCII"
    return None


def build(told: Told, recipient: Recipient, now: datetime) -> HttpRequest:
    """Build the request: the card is the same on every try; `timestamp` and `sign` are those of this one.

    Raises `ConfigError` where a secret is malformed. Only the newest signs; without secrets nothing does.
    """
    secret = signing_secret(recipient, [check_secret(each) for each in recipient.secrets])
    signed = signature(secret, now) if secret else {}
    message = message_for(told, recipient)
    render = partial(_body, style=recipient.style, signed=signed)
    return json_post(recipient, fitted(message, render, LIMITS.max_bytes))


def signature(secret: str, now: datetime) -> dict[str, str]:
    r"""`timestamp` (seconds) and `sign`: base64 of HMAC-SHA256 of nothing, by the key "timestamp\nsecret"."""
    seconds = str(int(now.timestamp()))
    return {"timestamp": seconds, "sign": hmac_base64(f"{seconds}\n{secret}", "")}


def classify(answer: HttpResponse | TransportError, recipient: Recipient, now: datetime) -> Verdict:
    """Say what an answer means: `code` 0, or `StatusCode` 0 in older ones, with a 2xx is told."""
    verdict = judged(answer, recipient, now, CODES, _FIELDS)
    if isinstance(answer, TransportError):
        return verdict
    if verdict.result is Result.REJECTED and _IN_A_HURRY.search(answer.body):
        verdict = replace(verdict, result=_TOO_OFTEN.result, retry_after=_TOO_OFTEN.rest)
    if verdict.result is not Result.RATE_LIMITED:
        return verdict
    text = answer.headers.get(_RESET, "").strip()
    if not _SECONDS.fullmatch(text):
        return verdict
    rest = min(timedelta(seconds=float(text)), LONGEST_RETRY_AFTER)
    return replace(verdict, retry_after=rest)


def _body(message: Message, style: Style, signed: dict[str, str]) -> bytes:
    title = {"template": _COLOURS[message.tone], "title": _plain(message.title or "jobwatch")}
    card = {
        "config": {"wide_screen_mode": True},
        "header": title,
        "elements": _elements(message, style),
    }
    return json_bytes({**signed, "msg_type": "interactive", "card": card})


def _elements(message: Message, style: Style) -> list[object]:
    elements: list[object] = []
    if message.summary:
        elements.append({"tag": "div", "text": _plain(message.summary)})
    if message.facts:
        elements.append({"tag": "div", "fields": [_field(each) for each in message.facts]})
    elements += [{"tag": "div", "text": _sample(each)} for each in message.samples]
    if message.omitted_words:
        elements.append({"tag": "note", "elements": [_plain(message.omitted_words)]})
    if calls_everybody(message, style):
        elements.append({"tag": "div", "text": {"tag": "lark_md", "content": "<at id=all></at>"}})
    if link := link_target(message):
        button = {"tag": "button", "text": _plain(message.link_words or "→"), "url": link}
        elements.append({"tag": "action", "actions": [{**button, "type": "default"}]})
    return elements


def _field(fact: Fact) -> dict[str, object]:
    short = len(fact.value) <= SHORT
    return {"is_short": short, "text": _plain(f"{fact.label}: {fact.value}")}


def _sample(sample: Sample) -> dict[str, str]:
    return _plain("• " + " — ".join(each for each in (sample.headline, sample.note) if each))


def _plain(text: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": one_line(text)}
