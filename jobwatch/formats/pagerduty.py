"""The format `pagerduty`: alerts of PagerDuty's Events API v2, opened and resolved under one key.

1. The key of a condition is its id: what its opening triggered, its closing resolves.
2. The key of a job's end is the job: what its failure triggered, a success or a cancellation of it resolves.
   To resolve what was never open does nothing.
3. Output that expires has a key of its own for each job, which nothing resolves: it is told once, and fetching is no news.
4. All other news triggers under a key of its own: under the job's, it would swallow the failure that follows.

https://developer.pagerduty.com/docs/send-alert-event
https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/02-Trigger-Events.md
"""

import hashlib
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus

from jobwatch.core.errors import ConfigError, TransportError
from jobwatch.core.events import ENDINGS, EventType, Severity
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.core.rate_gate import Rate
from jobwatch.formats.answers import by_status
from jobwatch.formats.fitting import cut, fitted
from jobwatch.formats.message import Message
from jobwatch.formats.posting import json_bytes, json_post
from jobwatch.formats.reading import section
from jobwatch.formats.telling import message_of
from jobwatch.formats.values import Document, Limits, Recipient, Told, Verdict

DEFAULT_URL = "https://events.pagerduty.com/v2/enqueue"
"""Where events go; accounts of the European region have https://events.eu.pagerduty.com/v2/enqueue instead."""

LIMITS = Limits(max_bytes=20_000, rates=(Rate(100, timedelta(minutes=1)),))
"""PagerDuty takes 512 KB; people read no more than this. About 120 events a minute are taken: we stay below."""

CLIENT = "jobwatch"
SUMMARY_LIMIT = 1024
KEY_LIMIT = 255
LEAST_REST = timedelta(minutes=1)
"""PagerDuty counts by the minute: to ask sooner after 429 is refused again."""

_ROUTING_KEY = re.compile(r"[0-9A-Za-z]{32}", re.ASCII)
_RESOLVING = frozenset({EventType.SUCCEEDED.value, EventType.CANCELLED.value})
_ENDINGS = frozenset(each.value for each in ENDINGS)
_EXPIRING = EventType.OUTPUT_EXPIRING.value
_OF_THE_KEY = re.compile(rb"routing[ _]key", re.IGNORECASE)


def check_routing_key(text: str) -> str | None:
    """What is wrong with a routing key, without showing it; None when nothing is.

    PagerDuty refuses any that is not 32 letters and digits; a key of its REST API has 20 characters.
    """
    if _ROUTING_KEY.fullmatch(text):
        return None
    return "is not the integration key of an Events API v2 integration: 32 letters and digits"


def build(told: Told, recipient: Recipient, now: datetime) -> HttpRequest:  # noqa: ARG001  every format is asked alike
    """Build the request that triggers or resolves an alert. Raises `ConfigError` without a good routing key."""
    key = recipient.routing_key or ""
    if problem := check_routing_key(key):
        raise ConfigError([f"receiver {recipient.name}: its routing_key {problem}"])
    document: Document = json.loads(told.body)
    envelope = {"routing_key": key, "event_action": _action(document), "dedup_key": _key(document)}
    if envelope["event_action"] == "resolve":
        body = json_bytes(envelope)
    else:
        message = message_of(document, recipient.style)
        body = fitted(
            replace(message, summary=cut(message.summary, SUMMARY_LIMIT)),
            lambda each: json_bytes({**envelope, **_alert(document, each)}),
            LIMITS.max_bytes,
        )
    return json_post(recipient, body, recipient.url or DEFAULT_URL)


def _action(document: Document) -> str:
    state = section(document, "data", "condition").get("state")
    over = state == "closed" if state else document.get("type") in _RESOLVING
    return "resolve" if over else "trigger"


def _key(document: Document) -> str:
    """What holds an alert together; hashed where it is too long."""
    condition = section(document, "data", "condition").get("id")
    if condition:
        key = str(condition)
    elif document.get("type") in _ENDINGS:
        key = f"{document.get('source')}/{document.get('subject')}"
    elif document.get("type") == _EXPIRING:
        key = f"{_EXPIRING} {document.get('source')}/{document.get('subject')}"
    else:
        key = str(document.get("id"))
    encoded = key.encode("utf-8", "replace")
    return key if len(encoded) <= KEY_LIMIT else hashlib.sha256(encoded).hexdigest()


def _alert(document: Document, message: Message) -> dict[str, object]:
    """What an alert shows: in one line what happened, then all that is known."""
    data = section(document, "data")
    named = {
        "source": data.get("source") or document.get("source"),
        "component": section(data, "job").get("operation") or data.get("receiver"),
        "group": data.get("region"),
        "class": document.get("type"),
        "timestamp": document.get("time"),
    }
    payload = {
        "summary": cut(_together(message.title, message.summary), SUMMARY_LIMIT) or CLIENT,
        "severity": _severity(data),
        **{name: cut(str(value), KEY_LIMIT) for name, value in named.items() if value},
        "custom_details": _details(message),
    }
    payload.setdefault("source", CLIENT)
    found: dict[str, object] = {"payload": payload, "client": CLIENT}
    if message.link:
        found["client_url"] = message.link
        found["links"] = [{"href": message.link, "text": message.link_words or CLIENT}]
    return found


def _severity(data: Document) -> str:
    """Our words are PagerDuty's; one that a later version tells is an `error`, which calls somebody."""
    severity = str(data.get("severity"))
    return severity if severity in {each.value for each in Severity} else "error"


def _details(message: Message) -> dict[str, object]:
    """The facts by their labels; what happened more than once has one entry with all of it."""
    found: dict[str, object] = {"summary": message.summary} if message.summary else {}
    for fact in message.facts:
        before = found.get(fact.label)
        found[fact.label] = f"{before}; {fact.value}" if before else fact.value
    if message.samples:
        found["events"] = [_together(each.headline, each.note) for each in message.samples]
    if message.omitted_words:
        found["omitted"] = message.omitted_words
    return found


def _together(*parts: str) -> str:
    return " - ".join(part for part in parts if part)


def classify(answer: HttpResponse | TransportError, recipient: Recipient, now: datetime) -> Verdict:
    """Say what an answer means. 202 is success, and so is a 200 that says so as PagerDuty does.

    400 is its word on the event, unless it names the routing key: then every event would meet it until somebody
    mends the configuration, so none is given up.
    """
    verdict = by_status(answer, recipient, now)
    if isinstance(answer, TransportError):
        return verdict
    if verdict.result is Result.OK and not _accepted(answer):
        return replace(verdict, result=Result.BODY_ERROR)
    if verdict.result is Result.RATE_LIMITED:
        rest = verdict.retry_after or LEAST_REST
        return replace(verdict, retry_after=max(rest, LEAST_REST))
    if answer.status == HTTPStatus.BAD_REQUEST:
        of_the_key = _OF_THE_KEY.search(answer.body)
        return replace(verdict, result=Result.AUTH if of_the_key else Result.REJECTED)
    return verdict


def _accepted(answer: HttpResponse) -> bool:
    """Whether this is PagerDuty's "accepted", and not the page of something in between."""
    if answer.status == HTTPStatus.ACCEPTED:
        return True
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("status") == "success"
