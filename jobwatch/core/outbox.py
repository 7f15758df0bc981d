"""Deliveries: what an attempt's answer means, and when the next attempt is due.

A delivery is one event for one receiver. It is pending until it was told, and dead only after an attempt at or
after its deadline. Attempts count when they are claimed, so a delivery that kills its sender still ends.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a delivery stands. All but the first two are final; `dead` can be redelivered."""

    PENDING = "pending"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    DEAD = "dead"
    SUPERSEDED = "superseded"
    ABSORBED = "absorbed"
    EXPIRED = "expired"
    MUTED = "muted"


OPEN = (DeliveryState.PENDING, DeliveryState.CLAIMED)
SETTLED = tuple(state for state in DeliveryState if state not in OPEN)


class Result(StrEnum):
    """How one attempt ended: log key, metric label and API field alike."""

    OK = "ok"
    TIMEOUT = "timeout"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    BLOCKED = "blocked"
    RESET = "reset"
    REDIRECT = "redirect"
    HTTP_4XX = "http_4xx"
    AUTH = "auth"
    NOT_FOUND = "not_found"
    GONE = "gone"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    HTTP_5XX = "http_5xx"
    REJECTED = "rejected"
    BODY_ERROR = "body_error"
    RENDER_ERROR = "render_error"
    CANCELLED = "cancelled"


HOPELESS = frozenset({Result.TOO_LARGE, Result.REJECTED})
"""The same bytes would meet the same answer: no second try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to try again: `waits[n]` is the pause after attempt n + 1; the last one repeats. The delivery's deadline decides death."""

    waits: tuple[timedelta, ...]
    jitter: float = 0.2


# 0, 5 s, 30 s, 2 m, 10 m, 30 m, 1 h, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: the first attempt waits for nothing.
STANDARD_WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 18000, 36000, 50400, 72000, 86400)
)
CHAT_WAITS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 300, 600, 1200, 1800, 3600, 3600, 7200)
)
PAGING_WAITS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 300, 600, 1800, 3600, 7200, 14400, 28800)
)
LONGEST_WAIT = timedelta(hours=30)
"""No due time further ahead than this was ever written; one that is, comes from a clock that stepped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One claimed delivery: everything an attempt needs. `claim` is the fence of this claim.

    `attempt` is the number of the attempt that the claim began, from 1; `spent` of them were made before the budget
    was renewed. `deadline` is None where the budget has no end. `manual`: a person asked for it. `gate` names the URL
    whose rate it counts for. `scope`, `job` and `sweep` say in the log what it is about, and what brought it.
    """

    id: int
    claim: int
    receiver: str
    event_id: str
    event_type: str
    body: bytes
    attempt: int
    recorded_at: datetime
    deadline: datetime | None
    spent: int = 0
    manual: bool = False
    gate: str = ""
    scope: str = ""
    job: str = ""
    sweep: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP try, ended. `answer` is the scrubbed beginning of what the receiver said."""

    started_at: datetime
    took: timedelta
    result: Result
    status: int | None = None
    answer: str = ""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of a claimed delivery: its state, and when it is due again if it stays pending.

    `give_back` undoes the claim: the attempt was never made and does not count. `chance` in [0, 1) spreads the rest
    that its receiver may be given.
    """

    delivery: Delivery
    attempt: Attempt
    state: DeliveryState
    due_at: datetime | None = None
    give_back: bool = False
    chance: float = 0.5


def backoff(policy: RetryPolicy, attempt: int, *, chance: float) -> timedelta:
    """The pause after attempt number `attempt` (from 1); `chance` in [0, 1) spreads it by ± `jitter`."""
    wait = policy.waits[max(1, min(attempt, len(policy.waits))) - 1]
    return wait * (1 + policy.jitter * (2 * chance - 1))


def settle(
    delivery: Delivery, attempt: Attempt, policy: RetryPolicy, *, now: datetime, chance: float
) -> Settlement:
    """Decide what becomes of a delivery after an attempt.

    1. Told is told.
    2. An attempt cut off by our own shutdown is given back untouched.
    3. What a receiver refuses for its content or size would be refused for ever.
    4. An attempt that began at or after the deadline was the last one.
    5. Otherwise it is due again after the pause, or what the receiver asked for if that is longer, or at the
       deadline if that comes first.
    """
    if attempt.result is Result.OK:
        return Settlement(delivery=delivery, attempt=attempt, state=DeliveryState.DELIVERED)
    if attempt.result is Result.CANCELLED:
        return Settlement(
            delivery=delivery,
            attempt=attempt,
            state=DeliveryState.PENDING,
            due_at=now,
            give_back=True,
        )
    deadline = delivery.deadline
    late = deadline is not None and attempt.started_at >= deadline
    if late or attempt.result in HOPELESS:
        return Settlement(
            delivery=delivery, attempt=attempt, state=DeliveryState.DEAD, chance=chance
        )
    pause = backoff(policy, delivery.attempt - delivery.spent, chance=chance)
    due_at = now + max(pause, attempt.retry_after or timedelta())
    if deadline is not None:
        due_at = max(now, min(due_at, deadline))
    return Settlement(
        delivery=delivery,
        attempt=attempt,
        state=DeliveryState.PENDING,
        due_at=due_at,
        chance=chance,
    )
