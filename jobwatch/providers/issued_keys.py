"""Temporary keys as Tencent Cloud's services issue them, read with suspicion.

Both services name the keys alike (https://www.tencentcloud.com/document/product/1150/49457). What they say in words is
shown to people, so it is cut and anything that may be a secret is masked.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import NoCredentials
from jobwatch.core.http import HttpResponse
from jobwatch.providers.keys import KEY_LIMIT, TOKEN_LIMIT, wrong_key

WORDS_LIMIT = 200
MASK = "***"

# Long enough for a request id (36 characters) to stay readable, and far shorter than any token.
_SECRET_LIKE = re.compile(r"[A-Za-z0-9+/=_.~-]{40,}")
_DIGITS = re.compile(r"[0-9]{1,12}", re.ASCII)


class NothingThere(NoCredentials):
    """A place has no keys at all, so the next one may be asked. Any other `NoCredentials` ends the search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who issues keys: the word of the settings' `use`, and the name that people know."""

    kind: str
    name: str

    def refuse(self, why: str) -> NoCredentials:
        """Build the error of an answer that gives no keys."""
        return NoCredentials(f"{self.kind}: {self.name} {why}")


def read_object(response: HttpResponse, issuer: Issuer) -> dict[str, Any]:
    """Read the JSON object of an answer. Raises `NoCredentials`."""
    document = None if response.truncated else parse(response.body)
    if not isinstance(document, dict):
        raise issuer.refuse(f"gave no JSON object that can be read (HTTP {response.status})")
    return document


def read_issued(
    fields: Mapping[str, Any], expires_at: datetime | None, issuer: Issuer, now: datetime
) -> Credentials:
    """Read `TmpSecretId`, `TmpSecretKey` and `Token`. Raises `NoCredentials`.

    Keys that have expired by `now` are refused: signing with them could only fail.
    """
    if expires_at is not None and expires_at <= now:
        raise issuer.refuse(
            f"gave keys that expired at {expires_at:%Y-%m-%dT%H:%M:%SZ}, or the clock of this machine is wrong"
        )
    return Credentials(
        secret_id=_key(fields, "TmpSecretId", KEY_LIMIT, issuer),
        secret_key=_key(fields, "TmpSecretKey", KEY_LIMIT, issuer),
        token=_key(fields, "Token", TOKEN_LIMIT, issuer),
        kind=issuer.kind,
        expires_at=expires_at,
    )


def read_expiry(*candidates: object) -> datetime | None:
    """Read the first candidate that is a time: Unix seconds, as number or text, or ISO 8601. None where none is."""
    return next((at for each in candidates if (at := _time(each)) is not None), None)


def parse(body: bytes | str) -> Any:
    """Read JSON; None where it is none. No exception is left that would hold the text."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def shown(words: object, *, secret: str = "") -> str:
    """Give the beginning of a service's words on one line, without `secret` and whatever else may be one."""
    if not isinstance(words, str) or not words:
        return "no words"
    # Masked before it is cut, so that no piece of a secret stays at the edge.
    text = words.replace(secret, MASK) if secret else words
    # JSON may hold halves of characters, which no log can write.
    visible = "".join(each for each in " ".join(text.split()) if each.isprintable())
    return _SECRET_LIKE.sub(MASK, visible)[:WORDS_LIMIT]


def _key(fields: Mapping[str, Any], name: str, limit: int, issuer: Issuer) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise issuer.refuse(f"gave no {name}")
    wrong = wrong_key(value, limit=limit)
    if wrong is not None:
        raise issuer.refuse(f"gave a {name} that {wrong}")
    return value


def _time(value: object) -> datetime | None:
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, tz=UTC)
        if not isinstance(value, str):
            return None
        if _DIGITS.fullmatch(value):
            return datetime.fromtimestamp(int(value), tz=UTC)
        # The token service's own sample has a day without a time, which says too little to be used.
        at = datetime.fromisoformat(value if "T" in value else "")
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
