"""Cursors: the place at which a page begins, sealed, so that only what a page gave is taken. Pure.

A seal binds the place to its list and its filters: a cursor that is used with others would leave rows out in silence.
It is no secret and grants nothing. It holds for as long as the store lives, in every process that opens it.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping

_SEAL_BYTES = 9
_ALL = 64


def seal(place: str, bound: str, key: str) -> str:
    """The cursor of a place in the list that `bound` describes."""
    text = place.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(_mac(text, bound, key) + text).decode().rstrip("=")


def unseal(cursor: str, bound: str, key: str) -> str:
    """The place. Raises `ValueError` for a cursor that no page of this list gave."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        opened = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError("no page gave this cursor") from None
    mac, text = opened[:_SEAL_BYTES], opened[_SEAL_BYTES:]
    if not hmac.compare_digest(mac, _mac(text, bound, key)):
        raise ValueError("no page gave this cursor")
    return text.decode("utf-8", "surrogatepass")


def bound_to(name: str, filters: Mapping[str, object]) -> str:
    """What a cursor is bound to: a list and its filters, in any order."""
    return json.dumps([name, sorted((key, str(value)) for key, value in filters.items())])


def _mac(text: bytes, bound: str, key: str) -> bytes:
    message = bound.encode("utf-8", "surrogatepass") + b"\x00" + text
    secret = key.encode()[:_ALL]
    return hashlib.blake2b(message, digest_size=_SEAL_BYTES, key=secret).digest()
