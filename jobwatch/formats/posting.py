"""A POST, and JSON as chats take it: the recipient's headers join, and may change the content type."""

import json

from jobwatch.core.http import HttpRequest
from jobwatch.formats.values import Recipient

CONTENT_TYPE = "application/json; charset=utf-8"
_NOT_THE_USERS = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "transfer-encoding",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)
"""Headers that the request itself decides."""


def json_bytes(value: object) -> bytes:
    """A value as compact UTF-8 JSON. Raises `ValueError` for a number that JSON does not have."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def json_post(recipient: Recipient, body: bytes, url: str | None = None) -> HttpRequest:
    """The request that posts this body to the recipient; `url` where a format signs in it."""
    headers = {"content-type": CONTENT_TYPE, **own_headers(recipient)}
    return HttpRequest(method="POST", url=url or recipient.url, headers=headers, body=body)


def own_headers(recipient: Recipient) -> dict[str, str]:
    """The headers that the recipient adds, in lower case, without those that the request itself decides."""
    return {
        name.lower(): value
        for name, value in recipient.headers
        if name.lower() not in _NOT_THE_USERS
    }
