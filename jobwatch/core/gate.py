"""Gates: how many calls to the cloud may go out, and when one may be tried again."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias

from jobwatch.core.errors import (
    ApiError,
    Malformed,
    ServerError,
    Throttled,
    TransportError,
    TransportKind,
)

TRIES = 4
MALFORMED_TRIES = 2
BASE_PAUSE = timedelta(milliseconds=500)
LONGEST_PAUSE = timedelta(seconds=8)
RETRY_AFTER_HONOURED = timedelta(seconds=30)
"""A longer wish ends the call instead and holds back all others (`core.manners`)."""

HOPELESS = frozenset({TransportKind.BLOCKED, TransportKind.TOO_LARGE})
"""What another try within seconds would only meet again."""

GROWTH_SECONDS = 200.0
"""How long calls have to succeed for the pace to grow from nothing to the ceiling: a twentieth every ten seconds. So
the ceiling is reached within four minutes after the last refusal, and a cloud that refuses at the ceiling is asked
beyond its limit for a small part of the time only."""
HALVING_APART = 1.0
"""Calls in flight together are refused together: within a second they are one signal, not several."""
DEEPEST = 64.0
"""Six halvings: what is left of any sensible ceiling is a crawl, and recovers as fast as from one halving more."""
SLOWEST_PACE = 1 / 60
"""Calls a second. At one call a minute a source is still watched; below it every sweep would time out."""
LONGEST_CREDIT = 60.0
"""A success speaks for the time since the one before, but for no longer than the slowest pace leaves between two."""

SLACK = 1e-6
"""Seconds. Without it a sleep that ends a rounding error early is followed by one so short that no clock shows it."""

_UNAVAILABLE = 503

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
        if wait > SLACK:
            return self, wait
        return replace(self, full_at=full_at), 0.0

    def tokens(self, now: float) -> float:
        """How many tokens there are."""
        return self.burst - max(0.0, self.full_at - now) * self.rate

    def holding(self, tokens: float, now: float) -> "Bucket":
        """This bucket with so many tokens, but never with more than its burst."""
        missing = max(0.0, self.burst - tokens)
        return replace(self, full_at=now + missing / self.rate)

    def at_pace(self, rate: float, burst: int, now: float) -> "Bucket":
        """Go on at another pace with the tokens there are: a wider bucket is not a fuller one."""
        return Bucket(rate=rate, burst=burst).holding(self.tokens(now), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How fast a source may be called now: additive increase, multiplicative decrease.

    `ceiling` and `burst` are what the user allows, `bucket` is what the cloud lets us have of it. `halved_at` and
    `steady_from` (since when the cloud has given no sign of trouble) are in seconds of the caller's monotonic clock.
    """

    ceiling: float
    burst: int
    bucket: Bucket
    halved_at: float = float("-inf")
    steady_from: float = float("-inf")

    @classmethod
    def of(cls, bucket: Bucket) -> "Budget":
        """Start at the ceiling: the configured bucket."""
        return cls(ceiling=bucket.rate, burst=bucket.burst, bucket=bucket)

    def refused(self, now: float) -> "Budget":
        """Halve the pace, at most once a second, down to a floor."""
        if now - self.halved_at < HALVING_APART:
            return self.interrupted(now)
        return replace(self.at(self.bucket.rate / 2, now), halved_at=now, steady_from=now)

    def answered(self, now: float) -> "Budget":
        """Grow with the time in which calls succeeded."""
        if self.bucket.rate >= self.ceiling:
            return self
        credit = min(max(0.0, now - self.steady_from), LONGEST_CREDIT)
        faster = self.bucket.rate + self.ceiling * credit / GROWTH_SECONDS
        return replace(self.at(faster, now), steady_from=now)

    def interrupted(self, now: float) -> "Budget":
        """Leave the pace: time that ended in trouble of another kind is no sign of room for more."""
        return replace(self, steady_from=now)

    def taken(self, bucket: Bucket) -> "Budget":
        """Go on with the bucket after a take."""
        return replace(self, bucket=bucket)

    def at(self, rate: float, now: float) -> "Budget":
        """Go on at a pace between floor and ceiling; the burst shrinks and grows with it."""
        floor = min(self.ceiling, max(self.ceiling / DEEPEST, SLOWEST_PACE))
        rate = min(self.ceiling, max(floor, rate))
        burst = max(1, int(self.burst * rate / self.ceiling))
        return replace(self, bucket=self.bucket.at_pace(rate, burst, now))


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
    wish = wish_of(error)
    if wish is None:
        return pause
    return max(pause, wish) if wish <= RETRY_AFTER_HONOURED else None


def wish_of(error: CallError) -> timedelta | None:
    """How long the cloud asks us to stay away (`Retry-After`)."""
    return error.retry_after if isinstance(error, Throttled | ServerError) else None


def too_fast(error: CallError) -> bool:
    """Whether an error says that we call too often: COS says SlowDown, or has no room (503)."""
    return isinstance(error, Throttled) or (
        isinstance(error, ServerError) and error.status == _UNAVAILABLE
    )


def _worth_retrying(error: CallError) -> bool:
    if isinstance(error, ApiError):
        return error.retryable
    return error.kind not in HOPELESS


def _tries_for(error: CallError) -> int:
    return MALFORMED_TRIES if isinstance(error, Malformed) else TRIES
