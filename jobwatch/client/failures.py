"""What is said of a call that failed: the same keys wherever the log says it, and no key of the cloud's anywhere.

Law: whoever stands between us and the cloud may repeat in a refusal what it was sent. What a refusal says is kept, shown
and told, so the keys leave it here, where they are known.
"""

import re
from collections.abc import Iterator
from typing import TypedDict
from urllib.parse import quote

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import ApiError, CallResult, TransportError, TransportKind


class FailedCall(TypedDict):
    """The keys: what was called, how that ended, and what the cloud said. `request_id` is how the vendor finds it."""

    call: str
    result: str | None
    http_status: int | None
    code: str
    error: str
    request_id: str


def failed_call(error: Exception) -> FailedCall:
    """The keys of an error. One that is no answer of the cloud has no status and no request id."""
    if isinstance(error, ApiError):
        return FailedCall(
            call=error.call,
            result=error.result.value,
            http_status=error.status,
            code=error.code,
            error=error.message,
            request_id=error.request_id,
        )
    if isinstance(error, TransportError):
        return FailedCall(
            call=error.call,
            result=result_of(error).value,
            http_status=None,
            code=error.kind.value,
            error=str(error),
            request_id="",
        )
    return FailedCall(
        call="", result=None, http_status=None, code="", error=str(error), request_id=""
    )


def result_of(error: TransportError) -> CallResult:
    """How a call without an answer ended."""
    match error.kind:
        case TransportKind.TIMEOUT:
            return CallResult.TIMEOUT
        case TransportKind.TOO_LARGE | TransportKind.PROTOCOL:
            return CallResult.MALFORMED
        case _:
            return CallResult.NETWORK


MASK = "***"
_CUT_FROM = 6
"""A text that was cut may end in the beginning of a key: so many characters of it are too many."""

_SIGNED = re.compile(r"(?i)\b(q-signature(?:=|%3d))[0-9a-f]+")


def hide_keys(error: ApiError, keys: Credentials) -> None:
    """Take the keys that a call was signed with, and its signature, out of what its refusal says."""
    said, error.message = error.message, _without(error.message, keys)
    error.code, error.request_id = _without(error.code, keys), _without(error.request_id, keys)
    words = (str(each).replace(said, error.message) if said else str(each) for each in error.args)
    error.args = tuple(_without(each, keys) for each in words)


def _without(text: str, keys: Credentials) -> str:
    for each in _spellings(keys):
        text = re.sub(re.escape(each), MASK, text, flags=re.IGNORECASE)
        for length in range(min(len(each), len(text)), _CUT_FROM - 1, -1):
            if text.lower().endswith(each[:length].lower()):
                text = text[:-length] + MASK
                break
    return _SIGNED.sub(rf"\1{MASK}", text)


def _spellings(keys: Credentials) -> Iterator[str]:
    """The keys, and as a URL may write them, the longest first."""
    held = {each for each in (keys.secret_id, keys.secret_key, keys.token or "") if each}
    yield from sorted(held | {quote(each, safe="") for each in held}, key=len, reverse=True)
