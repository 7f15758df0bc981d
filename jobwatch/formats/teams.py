"""The format `teams`: an adaptive card for the webhook of a Teams workflow.

https://learn.microsoft.com/en-us/adaptive-cards/schema-explorer/rich-text-block

1. What others wrote stands in text runs alone: they read no markdown, where a text block does, and its backslash escapes
   show on phones (https://github.com/microsoft/AdaptiveCards/issues/5590). The one thing a run reads is a date or time
   function, `{{DATE(...)}}`: its braces are parted.
2. A workflow answers before it ran: a 2xx says that the message was taken, not that anybody saw it.
3. Old connectors answer 200 with the text of an error; `1` is their success.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from jobwatch.core.errors import TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.core.rate_gate import Rate
from jobwatch.formats.answers import by_status
from jobwatch.formats.fitting import fitted
from jobwatch.formats.message import Fact, Message, Sample, Tone
from jobwatch.formats.posting import json_bytes, json_post
from jobwatch.formats.robots import message_for
from jobwatch.formats.values import Limits, Recipient, Told, Verdict

LIMITS = Limits(max_bytes=18_000, rates=(Rate(3, timedelta(seconds=1)),))
"""28 KB are published, counted after processing: a body of 24,453 bytes failed
(https://github.com/MicrosoftDocs/msteams-docs/issues/11274). Four messages a second are published."""

_COLOURS: dict[Tone, str] = {
    "info": "Accent",
    "good": "Good",
    "warning": "Warning",
    "critical": "Attention",
}
_BRACES = re.compile(r"\{(?=\{)|\}(?=\})")
_FAILED = re.compile(
    rb"webhook (message delivery failed|bad request)|returned HTTP error [45]|bad payload received"
    rb"|summary or text is required",
    re.IGNORECASE,
)
"""Words of old connectors: https://github.com/MicrosoftDocs/msteams-docs/issues/7425 and their own documentation."""

_SWITCHED_OFF = re.compile(rb"Workflow(TriggerIsNotEnabled|Disabled|NotFound)", re.IGNORECASE)
"""Codes of a flow that somebody switched off or deleted; they come with 400, and say nothing of the card."""


def build(told: Told, recipient: Recipient, now: datetime) -> HttpRequest:  # noqa: ARG001  every format is asked alike
    """Build the request: its bytes are the same on every try."""
    message = message_for(told, recipient)

    def render(smaller: Message) -> bytes:
        return json_bytes(_payload(smaller))

    return json_post(recipient, fitted(message, render, LIMITS.max_bytes))


def classify(answer: HttpResponse | TransportError, recipient: Recipient, now: datetime) -> Verdict:
    """Say what an answer means: any 2xx is success, unless its body tells of an error."""
    verdict = by_status(answer, recipient, now)
    if isinstance(answer, TransportError):
        return verdict
    return replace(verdict, result=_result(answer, verdict.result))


def literal(text: str) -> str:
    """A text of a run, in which no date or time function is left."""
    return _BRACES.sub(lambda brace: brace[0] + " ", text)


def _result(answer: HttpResponse, by_its_status: Result) -> Result:
    if answer.status == 400:  # noqa: PLR2004  HTTP's own number
        return Result.NOT_FOUND if _SWITCHED_OFF.search(answer.body) else Result.REJECTED
    if by_its_status is not Result.OK:
        return by_its_status
    return Result.BODY_ERROR if _tells_an_error(answer.body) else Result.OK


def _tells_an_error(body: bytes) -> bool:
    """Whether a 2xx is one in name only: an old connector's words, or a JSON object with an error."""
    if _FAILED.search(body[:4096]):
        return True
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and bool(said.get("error"))


def _payload(message: Message) -> dict[str, object]:
    content: dict[str, object] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": list(_body(message)),
        "msteams": {"width": "full"},
    }
    if message.link:
        content["actions"] = [
            {"type": "Action.OpenUrl", "title": message.link_words, "url": message.link}
        ]
    card = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": content,
    }
    return {"type": "message", "attachments": [card]}


def _body(message: Message) -> Iterator[dict[str, object]]:
    if message.title:
        look = {"size": "Large", "weight": "Bolder", "color": _COLOURS[message.tone]}
        yield _block(_run(message.title, **look))
    if message.summary:
        yield _block(_run(message.summary))
    for fact in message.facts:
        yield _fact(fact)
    for sample in message.samples:
        yield _sample(sample)
    if message.omitted_words:
        yield _block(_run(message.omitted_words, isSubtle=True))


def _fact(fact: Fact) -> dict[str, object]:
    value = _run(fact.value, fontType="Monospace") if fact.code else _run(fact.value)
    return {**_block(_run(f"{fact.label}: ", weight="Bolder"), value), "spacing": "Small"}


def _sample(sample: Sample) -> dict[str, object]:
    runs = [_run(f"• {sample.headline}", weight="Bolder")]
    runs += [_run(f" · {sample.note}")] if sample.note else []
    return {**_block(*runs), "spacing": "Small"}


def _block(*runs: dict[str, object]) -> dict[str, object]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **look: object) -> dict[str, object]:
    return {"type": "TextRun", "text": literal(text), **look}
