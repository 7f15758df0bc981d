"""Sessions of the login form: a cookie that proves who knew the read token, and is of no other use.

Law of this module: the cookie holds no token, only a keyed hash of when it ends, and the key is made of the token; so a
changed token ends every session, and nothing has to be remembered, on one replica or on ten.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

LASTS = timedelta(days=7)
"""As long as a week's watch: who is off for longer logs in again."""

_PURPOSE = b"jobwatch session 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A cookie that was made with the token that holds now. `mark` tells one session from others."""

    ends_at: int
    mark: str

    def holds(self, now: datetime) -> bool:
        """Whether it has not ended."""
        return now.timestamp() < self.ends_at


def begin(token: str, now: datetime) -> str:
    """The value of a new session's cookie."""
    ends_at, mark = int((now + LASTS).timestamp()), secrets.token_hex(8)
    return f"{ends_at}.{mark}.{_seal(token, ends_at, mark)}"


def read(token: str, cookie: str) -> Session | None:
    """The session of a cookie, ended or not; None where the token did not make it."""
    ends_at, _, rest = cookie.partition(".")
    mark, _, seal = rest.partition(".")
    if not (ends_at.isascii() and ends_at.isdigit() and len(ends_at) < len("1" * 16)):
        return None
    expected = _seal(token, int(ends_at), mark)
    same = hmac.compare_digest(expected.encode(), seal.encode("utf-8", "replace"))
    return Session(ends_at=int(ends_at), mark=mark) if same else None


def _seal(token: str, ends_at: int, mark: str) -> str:
    key = hmac.digest(token.encode("utf-8", "replace"), _PURPOSE, hashlib.sha256)
    text = f"{ends_at}.{mark}".encode("utf-8", "replace")
    return hmac.digest(key, text, hashlib.sha256).hex()


def same_token(one: str | None, other: str) -> bool:
    """Whether two tokens are the same, in a time that tells nothing of either."""
    first, second = (
        hashlib.sha256((each or "").encode("utf-8", "replace")).digest() for each in (one, other)
    )
    return hmac.compare_digest(first, second) and one is not None
