"""Manners towards one source's API as one value: budget, breaker, and the pauses that the cloud asked for.

Every try asks first (`ask`) and reports its end (`answered`, or `abandoned` where there was none). Times are seconds
of the caller's monotonic clock; only what is kept for the next process (`remember`, `restored`) is wall-clock time.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from jobwatch.core.errors import (
    ClockSkew,
    Denied,
    KeysRejected,
    Malformed,
    ServerError,
    Throttled,
    TransportError,
    WithheldReason,
)
from jobwatch.core.gate import (
    RETRY_AFTER_HONOURED,
    SLACK,
    Bucket,
    Budget,
    CallError,
    too_fast,
    wish_of,
)
from jobwatch.core.remembered import NEVER, Reading

FAILURES_ALLOWED = 5
FIRST_OPENING = 15.0
LONGEST_OPENING = 120.0
"""Seconds; a breaker that stays open longer would hide for minutes that the cloud is back."""
JITTER = 0.1
LONGEST_HOLD = timedelta(hours=1)
"""Whatever a header says, a source is asked again after an hour."""

FAILURES = (TransportError, ServerError, Malformed, Throttled, Denied, KeysRejected, ClockSkew)
"""What opens the breaker. Other answers (an unknown job, a refused token) prove that the cloud serves us."""

REFUSALS = (Denied, KeysRejected)
"""What other keys may mend at once."""
MARKS_KEPT = 16

_OPENINGS_COUNTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Leave to make one try. `era` tells answers of an earlier state of the breaker, which prove nothing, apart."""

    era: int
    probe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Stops calling after failures in a row, and lets one call out at a time to see whether the trouble is over.

    Closed while `openings` is 0, open until `open_until`, half-open from then on: one probe at a time.
    `refused` are marks of the keys that were tried in vain; none where anything but keys is in the way.
    """

    failures: int = 0
    openings: int = 0
    open_until: float = NEVER
    probing: bool = False
    era: int = 0
    refused: tuple[int, ...] = ()

    def ticket(self) -> Ticket:
        """The leave that the present state gives."""
        return Ticket(era=self.era, probe=self.openings > 0)

    def taken(self) -> "Breaker":
        """After the leave was taken: half-open, there is one."""
        return replace(self, probing=self.openings > 0)

    def owns(self, ticket: Ticket) -> bool:
        """Whether this is the probe under way."""
        return self.probing and ticket.probe and ticket.era == self.era

    def remaining(self, now: float) -> float:
        """Seconds until a probe may go out; 0.0 where calls may."""
        return max(0.0, self.open_until - now) if self.openings else 0.0

    def answered(self, ticket: Ticket) -> "Breaker":
        """Close: the cloud answers."""
        if ticket.era != self.era:
            return self
        return Breaker(era=self.era + 1) if self.openings else replace(self, failures=0, refused=())

    def failed(
        self, ticket: Ticket, now: float, chance: float, keys: int | None = None
    ) -> "Breaker":
        """Count a failure, and open where it was one too many, or where it was the probe's.

        `keys` is the mark of the keys that were refused, None where the failure says nothing about keys.
        """
        if ticket.era != self.era:
            return self
        refused = self._with(keys) if self.refused or not self.failures else ()
        if not ticket.probe and self.failures + 1 < FAILURES_ALLOWED:
            return replace(self, failures=self.failures + 1, refused=refused)
        openings = min(self.openings + 1, _OPENINGS_COUNTED)
        length = min(LONGEST_OPENING, FIRST_OPENING * (1 << (openings - 1)))
        length *= 1 + JITTER * (2 * chance - 1)
        until, era = now + length, self.era + 1
        return Breaker(openings=openings, open_until=until, era=era, refused=refused)

    def given(self, keys: int) -> "Breaker":
        """Let the one probe out now where keys alone were in the way, and these are others: once for each."""
        if not self.openings or not self.refused or keys in self.refused:
            return self
        return replace(self, open_until=NEVER, refused=self._with(keys))

    def _with(self, keys: int | None) -> tuple[int, ...]:
        if keys is None:
            return ()
        others = tuple(each for each in self.refused if each != keys)
        return (*others, keys)[-MARKS_KEPT:]

    def abandoned(self, ticket: Ticket) -> "Breaker":
        """Free the probe's place: it ended without telling anything."""
        return replace(self, probing=False) if self.owns(ticket) else self


@dataclass(frozen=True, slots=True)
class Go:
    """Make the try. `manners` are those after it was let out."""

    manners: "Manners"
    ticket: Ticket


class Later(NamedTuple):
    """Ask again after so many seconds."""

    seconds: float


class Stand(NamedTuple):
    """A probe is under way: wait for its end."""


class Withheld(NamedTuple):
    """No call goes out for so many seconds."""

    reason: WithheldReason
    seconds: float


Word: TypeAlias = Go | Later | Stand | Withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What decides whether a call to one source may go out.

    Until `held_until` calls are refused, because the cloud asked for a long pause; until `paused_until` they wait,
    because it asked for a short one.
    """

    budget: Budget
    breaker: Breaker = field(default_factory=Breaker)
    held_until: float = NEVER
    paused_until: float = NEVER

    @classmethod
    def of(cls, bucket: Bucket) -> "Manners":
        """Start without a past: the configured bucket."""
        return cls(budget=Budget.of(bucket))

    def withheld(self, now: float) -> Withheld | None:
        """Why and how long no call goes out; None where calls may, or may wait."""
        opened = Withheld(WithheldReason.BREAKER_OPEN, self.breaker.remaining(now))
        held = Withheld(WithheldReason.RETRY_AFTER, max(0.0, self.held_until - now))
        longer = max(opened, held, key=lambda each: each.seconds)
        return longer if longer.seconds > SLACK else None

    def ask(self, now: float, ticket: Ticket | None = None) -> Word:
        """Ask for leave to make a try; with the probe's `ticket`, to make another one in the same place."""
        withheld = self.withheld(now)
        if withheld is not None:
            return withheld
        owned = ticket if ticket is not None and self.breaker.owns(ticket) else None
        if self.breaker.probing and owned is None:
            return Stand()
        if self.paused_until - now > SLACK:
            return Later(self.paused_until - now)
        bucket, wait = self.budget.bucket.take(now)
        if wait:
            return Later(wait)
        after = replace(self, budget=self.budget.taken(bucket), breaker=self.breaker.taken())
        return Go(after, owned or self.breaker.ticket())

    def given(self, keys: int, now: float) -> "Manners":
        """Take note of the keys that the next call has: a pause for the keys before them protects nobody."""
        return replace(self, breaker=self.breaker.given(keys)) if self.waits_for_keys(now) else self

    def waits_for_keys(self, now: float) -> bool:
        """Whether calls are withheld, and other keys might end that."""
        return bool(self.breaker.refused) and self.breaker.remaining(now) > SLACK

    def answered(
        self,
        ticket: Ticket,
        error: CallError | None,
        now: float,
        *,
        chance: float,
        keys: int | None = None,
    ) -> "Manners":
        """Learn from the end of a try, made with the keys of this mark.

        `chance` in [0, 1) jitters how long the breaker stays open.
        """
        if error is None or not isinstance(error, FAILURES):
            budget, breaker = self.budget.answered(now), self.breaker.answered(ticket)
            return replace(self, budget=budget, breaker=breaker)
        slower = self.budget.refused if too_fast(error) else self.budget.interrupted
        blamed = keys if isinstance(error, REFUSALS) else None
        breaker = self.breaker.failed(ticket, now, chance, blamed)
        return replace(self, budget=slower(now), breaker=breaker).heeding(wish_of(error), now)

    def abandoned(self, ticket: Ticket) -> "Manners":
        """Learn that a try ended without an answer, because nobody waited for it any more."""
        return replace(self, breaker=self.breaker.abandoned(ticket))

    def heeding(self, wish: timedelta | None, now: float) -> "Manners":
        """Stay away as long as the cloud asks, an hour at most."""
        if wish is None:
            return self
        until = now + min(wish, LONGEST_HOLD).total_seconds()
        if wish <= RETRY_AFTER_HONOURED:
            return replace(self, paused_until=max(self.paused_until, until))
        return replace(self, held_until=max(self.held_until, until))

    def remember(self, now: datetime, monotonic: float) -> dict[str, float | list[int]]:
        """What the next process has to know: a small JSON document; empty where all is at rest.

        `full_at`, `held_until`, `paused_until` and `open_until` are seconds since 1970 by our own wall clock, `rate`
        is calls a second and left out at the ceiling. As time passes nothing changes but that what is over is left out.
        """
        budget, breaker = self.budget, self.breaker
        wall = now.timestamp() - monotonic
        times = {
            "full_at": budget.bucket.full_at,
            "held_until": self.held_until,
            "paused_until": self.paused_until,
            "open_until": breaker.open_until if breaker.openings else NEVER,
        }
        # Milliseconds: the difference of the two clocks is not the same to the last bit at every reading.
        document: dict[str, float | list[int]] = {
            name: round(wall + at, 3) for name, at in times.items() if at > monotonic
        }
        if budget.bucket.rate < budget.ceiling:
            document["rate"] = budget.bucket.rate
        if breaker.refused:
            document["refused"] = list(breaker.refused)
        counts = {"failures": breaker.failures, "openings": breaker.openings}
        return document | {name: float(number) for name, number in counts.items() if number}

    @classmethod
    def restored(
        cls, bucket: Bucket, document: object, *, now: datetime, monotonic: float
    ) -> "Manners":
        """Go on where another process stopped. `bucket` is the configured one.

        1. What cannot be read is left out, each field for itself.
        2. A time further ahead than could have been written counts as over: one of the clocks stepped.
        3. There is one token at most, whatever was remembered: the document may be older than the last calls, and
           with the pace it fills again before anybody notices.
        """
        read = Reading(document, now.timestamp(), monotonic)
        rate = read.number("rate", bucket.rate)
        budget = Budget.of(bucket).at(rate, monotonic)
        paced = budget.bucket
        full_at = read.time("full_at", paced.burst / paced.rate)
        tokens = min(1.0, replace(paced, full_at=full_at).tokens(monotonic))
        budget = replace(
            budget.taken(paced.holding(max(0.0, tokens), monotonic)), steady_from=monotonic
        )
        return cls(
            budget=budget,
            breaker=Breaker(
                failures=int(read.number("failures", 0, FAILURES_ALLOWED - 1)),
                openings=int(read.number("openings", 0, _OPENINGS_COUNTED)),
                open_until=read.time("open_until", LONGEST_OPENING * (1 + JITTER)),
                refused=read.marks("refused", MARKS_KEPT),
            ),
            held_until=read.time("held_until", LONGEST_HOLD.total_seconds()),
            paused_until=read.time("paused_until", RETRY_AFTER_HONOURED.total_seconds()),
        )
