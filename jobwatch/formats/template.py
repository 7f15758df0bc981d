"""The format `template`: a body that the user writes, in Jinja2.

A template is given `event` (the document as every receiver of `standard` gets it), `message` (the same in words, by the
receiver's language and time zone) and `receiver` (its name). Texts in it come from strangers: `tojson` makes them safe
within JSON. What it makes is sent as JSON where it is JSON, else as plain text.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import NoReturn

from jobwatch.core.errors import ConfigError, RenderError, TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.samples import samples
from jobwatch.formats.answers import by_status
from jobwatch.formats.posting import own_headers
from jobwatch.formats.sandbox import OUTPUT_LIMIT, rendered
from jobwatch.formats.standard import signed
from jobwatch.formats.telling import message_of
from jobwatch.formats.values import PLAIN, Limits, Recipient, Style, Told, Verdict

LIMITS = Limits(max_bytes=OUTPUT_LIMIT)
"""Of what a template makes; no rate, for receivers of this format are people's own."""

_JSON = "application/json; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_LACKS = "has no attribute"
"""What Jinja2 says of a field that an event does not have."""


def check_template(text: str) -> str | None:
    """What is wrong with a template, with its line: it must render every kind of event. None when nothing is."""
    for sample in samples():
        try:
            rendered(text, _context(sample.document, "example", PLAIN))
        except RenderError as error:
            lacking = "; not every event has it: {% if … is defined %}" * (_LACKS in str(error))
            return f"{error} (tried with a {sample.name}){lacking}"
    return None


def build(told: Told, recipient: Recipient, now: datetime) -> HttpRequest:
    """Build the request that the template makes of an event; signed as `standard` where there are secrets.

    Raises `RenderError` where it cannot be rendered, `ConfigError` where there is none or a secret is malformed.
    """
    if recipient.template is None:
        raise ConfigError([f"receiver {recipient.name}: has no template"])
    document = json.loads(told.body)
    context = _context(document, recipient.name, recipient.style)
    text = rendered(recipient.template, context)
    body = text.encode("utf-8", "replace")
    headers = {"content-type": _JSON if _is_json(text) else _TEXT}
    headers |= own_headers(recipient)
    if recipient.secrets:
        headers |= signed(told, body, recipient, now)
    return HttpRequest(method="POST", url=recipient.url, headers=headers, body=body)


def _context(document: Mapping[str, object], receiver: str, style: Style) -> dict[str, object]:
    message = asdict(message_of(document, style))
    return {"event": document, "message": message, "receiver": receiver}


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return False
    return True


def _no_number(word: str) -> NoReturn:
    msg = f"{word} is not JSON"
    raise ValueError(msg)


def classify(answer: HttpResponse | TransportError, recipient: Recipient, now: datetime) -> Verdict:
    """Say what an answer means: the status decides, any 2xx is success."""
    return by_status(answer, recipient, now)
