"""The breaker of one receiver: whether it may be tried now, by what became of the attempts before. Values alone.

1. A receiver that fails again and again is left alone for a while, longer each time. Then exactly one delivery is the
   probe. Two that succeed in a row close the breaker, and the receiver gets more at once step by step.
2. While it is open nothing is attempted, so waiting burns no attempts of anybody.
3. What is wrong with one message says nothing about its receiver. Refused keys and wrong addresses do, at once.
4. A receiver that is gone, or that took nothing for days, is paused: its queue is kept until somebody resumes it, or
   its configuration changes.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from jobwatch.core.outbox import Result

FAILURES_IN_A_ROW = 5
RECENT = timedelta(minutes=5)
RECENT_TRIES = 10
RECENT_SHARE = 0.7
"""It opens after so many failures in a row, or if that share of so many recent tries failed."""

FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=15)
FIRST_REST_OF_SETTINGS, LONGEST_REST_OF_SETTINGS = timedelta(minutes=5), timedelta(hours=1)
"""A wrong key or address is not mended by waiting: it is asked again rarely."""

JITTER = 0.2
PROBES = 2
"""Successes in a row that close the breaker."""

PATIENCE = timedelta(hours=120)
"""A receiver that took nothing for so long is paused."""


UNSENT = frozenset({Result.CANCELLED, Result.RENDER_ERROR})
"""The receiver said nothing: it may never have been asked."""


class ReceiverState(StrEnum):
    """Where a receiver stands: metric label and API field alike."""

    ACTIVE = "active"
    FAILING = "failing"
    HALF_OPEN = "half_open"
    PAUSED = "paused"


class PauseReason(StrEnum):
    """Why a receiver is paused."""

    GONE = "gone"
    NO_SUCCESS = "no_success"
    COMMAND = "command"


class Blame(StrEnum):
    """What a result says, and about whom."""

    NOBODY = "nobody"
    MESSAGE = "message"
    RECEIVER = "receiver"
    SETTINGS = "settings"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """Tries since `began_at`, at most five minutes of them."""

    began_at: datetime
    tried: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What is remembered of a receiver.

    `reason` is the result that opened it, or why it is paused. `failures` are those in a row, since `failing_since`.
    `openings` counts how often it opened without closing. `trust` counts successes since then, None = unlimited.
    `probe` is the delivery that tries it, until `probe_until` at the latest.
    """

    state: ReceiverState = ReceiverState.ACTIVE
    reason: str | None = None
    failures: int = 0
    failing_since: datetime | None = None
    open_until: datetime | None = None
    openings: int = 0
    trust: int | None = None
    probe: int | None = None
    probe_until: datetime | None = None
    recent: Recent | None = None
    last_success_at: datetime | None = None
    paused_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An attempt that ended. `chance` in [0, 1) spreads the rest that may follow."""

    delivery: int
    result: Result
    at: datetime
    chance: float


def blame(result: Result) -> Blame:
    """Whom a result speaks about."""
    match result:
        case Result.OK | Result.CANCELLED:
            return Blame.NOBODY
        case Result.HTTP_4XX | Result.TOO_LARGE | Result.REJECTED | Result.RENDER_ERROR:
            return Blame.MESSAGE
        case (
            Result.TIMEOUT
            | Result.DNS
            | Result.CONNECT
            | Result.TLS
            | Result.BLOCKED
            | Result.RESET
            | Result.REDIRECT
            | Result.RATE_LIMITED
            | Result.HTTP_5XX
            | Result.BODY_ERROR
        ):
            return Blame.RECEIVER
        case Result.AUTH | Result.NOT_FOUND:
            return Blame.SETTINGS
        case Result.GONE:
            return Blame.GONE
        case _:
            assert_never(result)


def admitted(breaker: Breaker, now: datetime) -> tuple[Breaker, int | None]:
    """How many attempts may be under way now (None: as many as are configured), and the breaker from here on."""
    match breaker.state:
        case ReceiverState.PAUSED:
            return breaker, 0
        case ReceiverState.FAILING:
            if _waits(breaker.open_until, now, LONGEST_REST_OF_SETTINGS * (1 + JITTER)):
                return breaker, 0
            return replace(breaker, state=ReceiverState.HALF_OPEN, open_until=None, trust=0), 1
        case ReceiverState.HALF_OPEN:
            probed = breaker.probe is not None and _waits(
                breaker.probe_until, now, timedelta(hours=1)
            )
            return breaker, 0 if probed else 1
        case ReceiverState.ACTIVE:
            return breaker, None if breaker.trust is None else 1 << max(0, breaker.trust - 1)
        case _:
            assert_never(breaker.state)


def again_at(breaker: Breaker) -> datetime | None:
    """When a breaker that admits nothing may admit something; None while only a person or an answer changes that."""
    match breaker.state:
        case ReceiverState.FAILING:
            return breaker.open_until
        case ReceiverState.HALF_OPEN:
            return breaker.probe_until
        case _:
            return None


def _waits(until: datetime | None, now: datetime, longest: timedelta) -> bool:
    """Whether a time is yet to come. One further ahead than was ever written comes from a clock that stepped."""
    return until is not None and now < until <= now + longest


def probing(breaker: Breaker, delivery: int, until: datetime) -> Breaker:
    """Half open: this delivery is the probe."""
    return replace(breaker, probe=delivery, probe_until=until)


def released(breaker: Breaker, delivery: int) -> Breaker:
    """The delivery was given back untried: if it was the probe, another may be."""
    if breaker.probe != delivery:
        return breaker
    return replace(breaker, probe=None, probe_until=None)


def ended(breaker: Breaker, attempt: Ended) -> Breaker:
    """What is known of the receiver after an attempt."""
    whose = blame(attempt.result)
    was_probe = breaker.probe == attempt.delivery
    breaker = released(breaker, attempt.delivery)
    if attempt.result in UNSENT:
        return breaker
    if breaker.state is ReceiverState.PAUSED:
        return _told(breaker, attempt)
    if whose in (Blame.NOBODY, Blame.MESSAGE):
        return _answered(_told(breaker, attempt), attempt)
    failed = replace(
        breaker,
        failures=breaker.failures + 1,
        failing_since=breaker.failing_since or attempt.at,
        recent=_recent(breaker.recent, attempt.at, failed=True),
    )
    if whose is Blame.GONE or _took_nothing(failed, attempt.at):
        reason = PauseReason.GONE if whose is Blame.GONE else PauseReason.NO_SUCCESS
        return paused(failed, reason, attempt.at)
    # Attempts that were under way when it opened end one by one: only the probe speaks for the receiver as it is now.
    active = failed.state is ReceiverState.ACTIVE
    opens = _too_many(failed, whose) if active else was_probe
    return _opened(failed, attempt) if opens else failed


def paused(breaker: Breaker, reason: PauseReason, now: datetime) -> Breaker:
    """Nothing is sent until it is resumed."""
    return replace(
        breaker,
        state=ReceiverState.PAUSED,
        reason=reason.value,
        paused_at=now,
        open_until=None,
        probe=None,
        probe_until=None,
    )


def resumed(breaker: Breaker) -> Breaker:
    """Try it again, carefully: with one probe first. When it last took something is all that is remembered."""
    return Breaker(state=ReceiverState.HALF_OPEN, trust=0, last_success_at=breaker.last_success_at)


def _told(breaker: Breaker, attempt: Ended) -> Breaker:
    if attempt.result is not Result.OK:
        return breaker
    return replace(breaker, last_success_at=attempt.at)


def _answered(breaker: Breaker, attempt: Ended) -> Breaker:
    """The receiver is there and reads what it is sent, whatever it thinks of this message."""
    trust = None if breaker.trust is None else breaker.trust + 1
    if breaker.state is ReceiverState.FAILING:
        trust = 1
    closed = trust is None or trust >= PROBES
    return replace(
        breaker,
        state=ReceiverState.ACTIVE if closed else ReceiverState.HALF_OPEN,
        reason=None if closed else breaker.reason,
        failures=0,
        failing_since=None,
        open_until=None,
        openings=0 if closed else breaker.openings,
        # 1, 2, 4 … 256: no receiver is configured to take more at once.
        trust=None if trust is None or trust > 9 else trust,  # noqa: PLR2004  # 2 ** 8
        recent=_recent(breaker.recent, attempt.at, failed=False),
    )


def _recent(recent: Recent | None, now: datetime, *, failed: bool) -> Recent:
    if recent is None or not timedelta() <= now - recent.began_at <= RECENT:
        recent = Recent(began_at=now)
    return replace(recent, tried=recent.tried + 1, failed=recent.failed + failed)


def _too_many(breaker: Breaker, whose: Blame) -> bool:
    recent = breaker.recent
    lately = recent is not None and (
        recent.tried >= RECENT_TRIES and recent.failed >= RECENT_SHARE * recent.tried
    )
    return whose is Blame.SETTINGS or breaker.failures >= FAILURES_IN_A_ROW or lately


def _took_nothing(breaker: Breaker, now: datetime) -> bool:
    since = breaker.failing_since
    many = breaker.failures >= FAILURES_IN_A_ROW
    return many and since is not None and now - since >= PATIENCE


def _opened(breaker: Breaker, attempt: Ended) -> Breaker:
    first, longest = FIRST_REST, LONGEST_REST
    if blame(attempt.result) is Blame.SETTINGS:
        first, longest = FIRST_REST_OF_SETTINGS, LONGEST_REST_OF_SETTINGS
    rest = min(first * (1 << min(breaker.openings, 16)), longest)
    return replace(
        breaker,
        state=ReceiverState.FAILING,
        reason=attempt.result.value,
        open_until=attempt.at + rest * (1 + JITTER * (2 * attempt.chance - 1)),
        openings=breaker.openings + 1,
        trust=None,
        recent=None,
    )
