"""The format `standard`: the CloudEvents document as stored, signed by Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import base64
import binascii
import re
from datetime import UTC, datetime
from functools import lru_cache

from standardwebhooks import Webhook

from jobwatch.core.encoding import BODY_LIMIT
from jobwatch.core.errors import ConfigError, TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.formats.answers import by_status
from jobwatch.formats.posting import own_headers
from jobwatch.formats.values import Limits, Recipient, Told, Verdict

LIMITS = Limits(max_bytes=BODY_LIMIT)
"""What the stored document keeps to; no rate, for receivers of this format are people's own."""

CONTENT_TYPE = "application/cloudevents+json"
SECRET_PREFIX = "whsec_"  # noqa: S105  what a secret begins with, not one
SECRET_BYTES = range(24, 65)
KEPT = 64
"""Secrets whose keys are kept decoded."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)


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


def build(told: Told, recipient: Recipient, now: datetime) -> HttpRequest:
    """Build the signed request for one event: its stored bytes, its id, the time of this attempt.

    Raises `ConfigError` where no secret, or a malformed one, would sign.
    """
    if not recipient.secrets:
        raise ConfigError([f"receiver {recipient.name}: has no secret to sign with"])
    headers = {"content-type": CONTENT_TYPE}
    headers |= own_headers(recipient)
    headers |= signed(told, told.body, recipient, now)
    return HttpRequest(method="POST", url=recipient.url, headers=headers, body=told.body)


def signed(told: Told, body: bytes, recipient: Recipient, now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks for these bytes. Raises `ConfigError` where a secret is malformed."""
    return {
        "webhook-id": told.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": _signatures(told, body, recipient, now),
    }


def _signatures(told: Told, body: bytes, recipient: Recipient, now: datetime) -> str:
    """Sign with every secret, so that a receiver may change to the new one when it likes."""
    problems = [
        f"receiver {recipient.name}: secret {number} {problem}"
        for number, secret in enumerate(recipient.secrets, start=1)
        if (problem := _problem(secret))
    ]
    if problems:
        raise ConfigError(problems)
    # The library reads the digits of the time and takes them for UTC, whatever their zone.
    at = now.astimezone(UTC)
    text = body.decode()
    return " ".join(_signer(secret).sign(told.id, at, text) for secret in recipient.secrets)


# Every message is signed with the same few secrets.
_problem = lru_cache(KEPT)(check_secret)
_signer = lru_cache(KEPT)(Webhook)


def classify(answer: HttpResponse | TransportError, recipient: Recipient, now: datetime) -> Verdict:
    """Say what an answer means: the status decides, the body is only shown."""
    return by_status(answer, recipient, now)
