"""The format `wecom`: the group robot of WeCom (Enterprise WeChat), in markdown, or in text where it calls people.

https://developer.work.weixin.qq.com/document/path/91770 (messages, 2048 and 4096 bytes, 20 a minute, `<@userid>`)
https://developer.work.weixin.qq.com/document/path/90455 (codes)

Its markdown cannot call mobiles, so a message that calls is sent as text. Neither has escapes: `formats.robots` says how
texts of the cloud are made harmless. Only what this module writes itself is markup.
"""

from datetime import datetime, timedelta
from functools import partial

from jobwatch.core.errors import TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.core.rate_gate import Rate
from jobwatch.formats.fitting import fitted
from jobwatch.formats.message import Fact, Message, Sample, Tone
from jobwatch.formats.posting import json_bytes, json_post
from jobwatch.formats.robots import (
    Meaning,
    called_mobiles,
    calls_everybody,
    in_markdown,
    in_text,
    judged,
    link_target,
    message_for,
    titled,
)
from jobwatch.formats.values import Limits, Recipient, Style, Told, Verdict

MARKDOWN_BYTES = 4096
TEXT_BYTES = 2048
LIMITS = Limits(max_bytes=20_000, rates=(Rate(18, timedelta(minutes=1)),))
"""Published are the bytes of the content (above) and 20 messages a minute; we stay below. The rest of a body is small."""

_COLOURS: dict[Tone, str] = {"good": "info", "warning": "warning", "critical": "warning"}
"""WeCom's colours: `info` is green, `warning` orange red."""

_REJECTED = Meaning(Result.REJECTED)
_GONE = Meaning(Result.GONE)
CODES = {
    -1: Meaning(Result.BODY_ERROR),
    6000: Meaning(Result.BODY_ERROR),
    45009: Meaning(Result.RATE_LIMITED, timedelta(seconds=60)),
    45033: Meaning(Result.RATE_LIMITED),
    40008: _REJECTED,
    40033: _REJECTED,
    40058: _REJECTED,
    44004: _REJECTED,
    45002: _REJECTED,
    93000: _GONE,
    93001: _GONE,
    93004: Meaning(Result.AUTH),
    93008: Meaning(Result.NOT_FOUND),
}
"""Busy; version conflict; too often; too many at once; message type, characters or parameter refused; no text; too long;
no such robot (both); robot stopped; not in the group."""


def build(told: Told, recipient: Recipient, now: datetime) -> HttpRequest:  # noqa: ARG001  every format is asked alike
    """Build the request: its bytes are the same on every try."""
    style = recipient.style
    message = message_for(told, recipient)
    mobiles, everybody = called_mobiles(message, style), calls_everybody(message, style)
    if mobiles or everybody:
        content = fitted(message, partial(_text, style=style), TEXT_BYTES).decode()
        text: dict[str, object] = {"content": content}
        text |= {"mentioned_list": ["@all"]} if everybody else {}
        text |= {"mentioned_mobile_list": mobiles} if mobiles else {}
        return json_post(recipient, json_bytes({"msgtype": "text", "text": text}))
    content = fitted(message, partial(_markdown, style=style), MARKDOWN_BYTES).decode()
    body = {"msgtype": "markdown", "markdown": {"content": content}}
    return json_post(recipient, json_bytes(body))


def classify(answer: HttpResponse | TransportError, recipient: Recipient, now: datetime) -> Verdict:
    """Say what an answer means: `errcode` 0 with a 2xx is told."""
    return judged(answer, recipient, now, CODES)


def _markdown(message: Message, style: Style) -> bytes:
    """Blocks apart by an empty line: what follows a quote would be quoted too."""
    samples = [f"• {_sample(each)}" for each in message.samples]
    blocks = [
        [_heading(message, style), in_markdown(message.summary)],
        [_fact(each) for each in message.facts],
        [*samples, in_markdown(message.omitted_words)],
    ]
    if link := link_target(message):
        blocks.append([f"[{in_markdown(message.link_words) or '→'}]({link})"])
    written = ("\n".join(filter(None, lines)) for lines in blocks)
    return "\n\n".join(filter(None, written)).encode()


def _heading(message: Message, style: Style) -> str:
    title = titled(message, style, in_markdown)
    colour = _COLOURS.get(message.tone)
    return f'### <font color="{colour}">{title}</font>' if colour else f"### {title}"


def _fact(fact: Fact) -> str:
    value = in_markdown(fact.value)
    return f"> {in_markdown(fact.label)}: {f'`{value}`' if fact.code and value else value}"


def _sample(sample: Sample) -> str:
    return " — ".join(in_markdown(each) for each in (sample.headline, sample.note) if each)


def _text(message: Message, style: Style) -> bytes:
    lines = [titled(message, style, in_text), in_text(message.summary)]
    lines += [f"{in_text(each.label)}: {in_text(each.value)}" for each in message.facts]
    lines += [
        "• " + " — ".join(in_text(part) for part in (each.headline, each.note) if part)
        for each in message.samples
    ]
    lines.append(in_text(message.omitted_words))
    if link := link_target(message):
        lines.append(f"{in_text(message.link_words)} {link}".strip())
    return "\n".join(filter(None, lines)).encode()
