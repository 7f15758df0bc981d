"""Gates: when a call to the cloud may go out, and when it may be tried again."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias

from jobwatch.core.errors import ApiError, Malformed, Throttled, TransportError, TransportKind

TRIES = 4
MALFORMED_TRIES = 2
BASE_PAUSE = timedelta(milliseconds=500)
LONGEST_PAUSE = timedelta(seconds=8)
RETRY_AFTER_HONOURED = timedelta(seconds=30)
"""A longer wish ends the call instead: the next sweep is the better retry."""

HOPELESS = frozenset({TransportKind.BLOCKED, TransportKind.TOO_LARGE})
"""What another try within seconds would only meet again."""

_SLACK = 1e-6

CallError: TypeAlias = TransportError | ApiError


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: `rate` calls a second, `burst` at once after a rest.

    `full_at` is when the bucket will be full again, in seconds of the caller's monotonic clock.
    """

    rate: float
    burst: int
    full_at: float = float("-inf")

    def take(self, now: float) -> tuple["Bucket", float]:
        """Take one token: the bucket without it, and 0.0.

        Where there is none, nothing is taken: the same bucket, and the seconds until there is one.
        """
        full_at = max(self.full_at, now) + 1 / self.rate
        wait = full_at - now - self.burst / self.rate
        # Without the slack a sleep that ends a rounding error early would be followed by one so
        # short that no clock shows it.
        if wait > _SLACK:
            return self, wait
        return replace(self, full_at=full_at), 0.0


def retry_pause(error: CallError, tries: int, *, chance: float) -> timedelta | None:
    """The pause before another try of a call that failed `tries` times; None to give up.

    1. Denials, refusals and unknown jobs are answers: asking again does not change them.
    2. A malformed answer gets one more try, everything else three.
    3. The pause doubles, up to a cap; `chance` in [0, 1) takes away up to half of it.
    4. What the cloud asks for (`retry_after`) is waited for, unless it is too long for a call.
    """
    if not _worth_retrying(error) or tries >= _tries_for(error):
        return None
    pause = min(LONGEST_PAUSE, BASE_PAUSE * (1 << (tries - 1))) * (1 - chance / 2)
    wish = error.retry_after if isinstance(error, Throttled) else None
    if wish is None:
        return pause
    return max(pause, wish) if wish <= RETRY_AFTER_HONOURED else None


def _worth_retrying(error: CallError) -> bool:
    if isinstance(error, ApiError):
        return error.retryable
    return error.kind not in HOPELESS


def _tries_for(error: CallError) -> int:
    return MALFORMED_TRIES if isinstance(error, Malformed) else TRIES
