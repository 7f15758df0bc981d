"""The format `standard`: the CloudEvents document as stored, signed by Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from jobwatch.core.errors import ConfigError, TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.formats.answers import result_of_kind, result_of_status, retry_after, shown
from jobwatch.formats.values import Recipient, Told, Verdict

CONTENT_TYPE = "application/cloudevents+json"
SECRET_PREFIX = "whsec_"  # noqa: S105  what a secret begins with, not one
SECRET_BYTES = range(24, 65)

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)
_NOT_THE_USERS = frozenset(
    {
        "connection",
        "content-length",
        "transfer-encoding",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)
"""Headers that the request itself decides."""


def check_secret(text: str) -> str | None:
    """What is wrong with a secret, without showing it; None when nothing is.

    Checked here because the library decodes leniently: it signs with two bytes for `p@ss`.
    """
    if not text.startswith(SECRET_PREFIX):
        return f"does not begin with {SECRET_PREFIX}"
    encoded = text.removeprefix(SECRET_PREFIX)
    if not _BASE64.fullmatch(encoded):
        return f"is not base64 after {SECRET_PREFIX}: letters, digits, + and /, then = to fill up"
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return f"is not whole base64 after {SECRET_PREFIX}: its length must be a multiple of four"
    if len(key) not in SECRET_BYTES:
        return f"holds {len(key)} bytes; 24 to 64 are needed"
    return None


def build(events: Sequence[Told], recipient: Recipient, now: datetime) -> HttpRequest:
    """Build the signed request for one event: its stored bytes, its id, the time of this attempt.

    Raises `ConfigError` where no secret, or a malformed one, would sign.
    """
    (event,) = events
    headers = {"content-type": CONTENT_TYPE}
    headers |= {
        name.lower(): value
        for name, value in recipient.headers
        if name.lower() not in _NOT_THE_USERS
    }
    headers |= {
        "webhook-id": event.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": _signatures(event, recipient, now),
    }
    return HttpRequest(method="POST", url=recipient.url, headers=headers, body=event.body)


def _signatures(event: Told, recipient: Recipient, now: datetime) -> str:
    """Sign with every secret, so that a receiver may change to the new one when it likes."""
    problems = [
        f"receiver {recipient.name}: secret {number} {problem}"
        for number, secret in enumerate(recipient.secrets, start=1)
        if (problem := check_secret(secret))
    ]
    if problems or not recipient.secrets:
        raise ConfigError(problems or [f"receiver {recipient.name}: has no secret to sign with"])
    # The library reads the digits of the time and takes them for UTC, whatever their zone.
    at = now.astimezone(UTC)
    body = event.body.decode()
    return " ".join(Webhook(secret).sign(event.id, at, body) for secret in recipient.secrets)


def classify(answer: HttpResponse | TransportError, recipient: Recipient, now: datetime) -> Verdict:
    """Say what an answer means: the status decides, the body is only shown."""
    if isinstance(answer, TransportError):
        return Verdict(result=result_of_kind(answer.kind), answer=shown(str(answer), recipient))
    return Verdict(
        result=result_of_status(answer.status),
        status=answer.status,
        retry_after=retry_after(answer, now),
        answer=shown(answer.body.decode(errors="replace"), recipient),
    )
