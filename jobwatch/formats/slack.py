"""The format `slack`: an incoming webhook of Slack, told in blocks.

1. What others wrote stands in `plain_text` alone, where Slack reads no markup, and is escaped as Slack asks for all text:
   https://docs.slack.dev/messaging/formatting-message-text#escaping. The link and the call are ours, and are markup.
2. `text` is what a notification shows; with `mrkdwn` off nothing in it is formatted.
3. Only 200 with the body `ok` is success: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from jobwatch.core.errors import TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.core.rate_gate import Rate
from jobwatch.formats.answers import by_status
from jobwatch.formats.fitting import ELLIPSIS, fitted
from jobwatch.formats.message import Message, Tone
from jobwatch.formats.posting import json_bytes, json_post
from jobwatch.formats.robots import message_for
from jobwatch.formats.values import Limits, Recipient, Told, Verdict

LIMITS = Limits(max_bytes=13_000, rates=(Rate(1, timedelta(seconds=1)),))
"""About 13,000 characters over all blocks are taken (https://github.com/slackapi/bolt-js/issues/2509); one message a
second: https://docs.slack.dev/apis/web-api/rate-limits."""

TEXT = 4000
HEADER = 150
SECTION = 3000
BLOCKS = 50
"""What Slack takes: UTF-16 units of a text, and blocks (https://docs.slack.dev/reference/block-kit/blocks)."""

EVERYBODY = "<!channel>"

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SIGNS: dict[Tone, str] = {"info": "🔵", "good": "🟢", "warning": "🟠", "critical": "🔴"}
_WORD = re.compile(rb"[a-z]+(?:_[a-z]+)*")
_WORDS = {
    b"action_prohibited": Result.AUTH,
    b"channel_is_archived": Result.GONE,
    b"channel_not_found": Result.NOT_FOUND,
    b"invalid_blocks": Result.REJECTED,
    b"invalid_blocks_format": Result.REJECTED,
    b"invalid_payload": Result.REJECTED,
    b"invalid_token": Result.AUTH,
    b"missing_text_or_fallback_or_attachments": Result.REJECTED,
    b"no_active_hooks": Result.NOT_FOUND,
    b"no_service": Result.NOT_FOUND,
    b"no_service_id": Result.NOT_FOUND,
    b"no_team": Result.NOT_FOUND,
    b"no_text": Result.REJECTED,
    b"posting_to_general_channel_denied": Result.AUTH,
    b"team_disabled": Result.NOT_FOUND,
    b"too_many_attachments": Result.REJECTED,
    b"user_not_found": Result.NOT_FOUND,
}
"""What Slack's words mean. They say more than the status beside them, which differs between accounts."""


def build(told: Told, recipient: Recipient, now: datetime) -> HttpRequest:  # noqa: ARG001  every format is asked alike
    """Build the request: its bytes are the same on every try."""
    message = message_for(told, recipient)
    everybody = message.calls and recipient.style.mention.everybody

    def render(smaller: Message) -> bytes:
        return json_bytes(_payload(smaller, everybody=everybody))

    return json_post(recipient, fitted(message, render, LIMITS.max_bytes))


def classify(answer: HttpResponse | TransportError, recipient: Recipient, now: datetime) -> Verdict:
    """Say what an answer means: `ok` is told, a refusal by a word of Slack's is what the word means."""
    verdict = by_status(answer, recipient, now)
    if isinstance(answer, TransportError):
        return verdict
    return replace(verdict, result=_result(answer, verdict.result))


def escaped(text: str, units: int) -> str:
    """A text as Slack takes it, cut to so many UTF-16 units after escaping; no escape and no character is torn."""
    found: list[str] = []
    left = units
    for each in text:
        written = _ESCAPES.get(each, each)
        left -= _units(written)
        if left < 0:
            while found and sum(map(_units, found)) >= units:
                found.pop()
            return "".join(found) + ELLIPSIS
        found.append(written)
    return "".join(found)


def _units(text: str) -> int:
    return len(text) + sum(each > "\uffff" for each in text)


def _result(answer: HttpResponse, by_its_status: Result) -> Result:
    if by_its_status is Result.OK:
        told = answer.status == 200 and answer.body == b"ok"  # noqa: PLR2004  HTTP's own number
        return Result.OK if told else Result.BODY_ERROR
    if by_its_status in (Result.RATE_LIMITED, Result.TOO_LARGE) or answer.status not in range(
        400, 500
    ):
        return by_its_status
    words = (_WORDS.get(word[0]) for word in _WORD.finditer(answer.body[:512]))
    return next((result for result in words if result), by_its_status)


def _payload(message: Message, *, everybody: bool) -> dict[str, object]:
    title = f"{_SIGNS[message.tone]} {message.title}"
    text = "\n".join(filter(None, (title, message.summary)))
    call = f"{EVERYBODY} " if everybody else ""
    return {
        "text": call + escaped(text, TEXT - len(call)),
        "mrkdwn": False,
        "blocks": list(_blocks(message, title, everybody=everybody))[:BLOCKS],
    }


def _blocks(message: Message, title: str, *, everybody: bool) -> Iterator[dict[str, object]]:
    if everybody:
        yield _markup(EVERYBODY)
    yield {"type": "header", "text": _plain(escaped(title, HEADER))}
    if message.summary:
        yield _section(escaped(message.summary, SECTION))
    yield from _sections(f"{each.label}: {each.value}" for each in message.facts)
    yield from _sections(
        "• " + " · ".join(filter(None, (each.headline, each.note))) for each in message.samples
    )
    if message.omitted_words:
        yield _section(escaped(message.omitted_words, SECTION))
    if message.link:
        where = "".join(_ESCAPES.get(each, each) for each in message.link)
        yield _markup(f"<{where}|{escaped(message.link_words, HEADER)}>")


def _sections(lines: Iterable[str]) -> Iterator[dict[str, object]]:
    """As few sections as hold these lines."""
    text = ""
    for line in lines:
        written = escaped(line, SECTION)
        if text and _units(text) + 1 + _units(written) > SECTION:
            yield _section(text)
            text = written
        else:
            text = f"{text}\n{written}" if text else written
    if text:
        yield _section(text)


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": _plain(text)}


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _markup(text: str) -> dict[str, object]:
    """Text of ours that Slack reads as markup; `verbatim` keeps it from finding links and names by itself."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
