"""What the next sweep reads: pure, from facts and due times.

1. A full sweep walks every job of every scope, and finds out first which scopes there are: it proves absence, and finds
   jobs that began and ended unseen. A hot sweep asks each known scope for each unfinished status by itself, in
   lifecycle order, so that a job that moves on is seen twice rather than never.
2. A full sweep is made when nothing is known yet, when somebody asks for it, first after a gap, when it is due, and
   whenever it costs no more calls than a hot one.
3. A full sweep that broke leaves the next turn to a hot one: a page that cannot be read must not hide everything else.
4. A long full sweep is interrupted between two pages for every hot sweep that is due.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from jobwatch.core.codec import Walk

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SweepKind(StrEnum):
    """What a sweep covers: unfinished jobs, or all jobs."""

    HOT = "hot"
    FULL = "full"


class PlanReason(StrEnum):
    """Why this sweep and not the other."""

    FIRST = "first_sweep"
    SCOPES = "scopes_unknown"
    ASKED = "asked_for"
    AFTER_GAP = "after_gap"
    FULL_DUE = "full_due"
    CHEAPEST = "full_costs_no_more"
    PROOF = "proof_needed"
    HOT_DUE = "hot_due"
    FULL_BROKE = "full_sweep_broke"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the planner goes by.

    `statuses` are the unfinished ones that the cloud accepts as a filter. `scopes` are those of the source, None until
    this process has asked for them, which takes `scope_calls` calls. `listed` and `followed` are how many jobs the last
    full sweep listed and how many the last sweep asked DescribeJob for. `gap`: nobody watched for too long.
    `full_broke`: the last full sweep did not come to its end. `asked`: a person wants a full sweep.
    """

    statuses: tuple[str, ...]
    scopes: tuple[str, ...] | None = ("",)
    scope_calls: int = 0
    page_size: int
    listed: int
    followed: int
    full_ever: bool
    gap: bool
    full_broke: bool
    asked: bool
    next_at: datetime | None
    next_full_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Nothing is due before this time."""

    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The sweep to make now. Which walks a full sweep makes shows when it begins: one without a filter for each scope."""

    kind: SweepKind
    reason: PlanReason
    walks: tuple[Walk, ...] = ()


Step: TypeAlias = Plan | Rest


def plan(facts: Facts, now: datetime) -> Step:
    """What to do now."""
    next_at = facts.next_at or now
    next_full_at = facts.next_full_at or now
    if facts.asked:
        return full_sweep(PlanReason.ASKED)
    if facts.full_broke:
        return _around_a_broken_full(facts, next_at, next_full_at, now)
    if not facts.full_ever or facts.gap or facts.scopes is None or now >= next_full_at:
        return full_sweep(_why_full(facts))
    if now < next_at:
        return Rest(until=min(next_at, next_full_at))
    if full_is_cheapest(facts):
        return full_sweep(PlanReason.CHEAPEST)
    return hot_sweep(facts, PlanReason.HOT_DUE)


def _around_a_broken_full(
    facts: Facts, next_at: datetime, next_full_at: datetime, now: datetime
) -> Step:
    """The full sweep is tried again at its own time; hot ones go on meanwhile, and go first."""
    if hot_calls(facts) and now >= next_at:
        return hot_sweep(facts, PlanReason.FULL_BROKE)
    if now >= min(next_at, next_full_at):
        return full_sweep(_why_full(facts))
    return Rest(until=min(next_at, next_full_at))


def _why_full(facts: Facts) -> PlanReason:
    if not facts.full_ever:
        return PlanReason.FIRST
    if facts.gap:
        return PlanReason.AFTER_GAP
    return PlanReason.SCOPES if facts.scopes is None else PlanReason.FULL_DUE


def full_sweep(reason: PlanReason) -> Plan:
    """A walk without a filter for each scope that there is."""
    return Plan(kind=SweepKind.FULL, reason=reason)


def hot_sweep(facts: Facts, reason: PlanReason) -> Plan:
    """A walk for each known scope and unfinished status, in lifecycle order."""
    walks = tuple(Walk(scope, status) for scope in facts.scopes or () for status in facts.statuses)
    return Plan(kind=SweepKind.HOT, reason=reason, walks=walks)


def full_calls(facts: Facts) -> int:
    """How many calls a full sweep costs, by what the last one listed: each scope has one page at least."""
    scopes = () if facts.scopes is None else facts.scopes
    pages = max(len(scopes), -(-facts.listed // facts.page_size))
    return max(1, facts.scope_calls + pages)


def hot_calls(facts: Facts) -> int:
    """How many calls a hot sweep costs: a page for each status of a scope, and one for each job that left the lists.

    What is followed costs a full sweep the same, so only the pages are compared. No calls: no hot sweep can be made.
    """
    return len(facts.scopes or ()) * len(facts.statuses)


def full_is_cheapest(facts: Facts) -> bool:
    """Whether hot sweeps save nothing. Where the cloud accepts no status as a filter, there are none at all."""
    return not hot_calls(facts) or full_calls(facts) <= hot_calls(facts)


def needs_proof(facts: Facts, *, absent: int) -> bool:
    """Whether so many jobs left the hot lists that one full sweep is cheaper than to ask about each of them.

    Those that were asked about last time are asked about by a full sweep as well: it shows nothing of them.
    """
    left = absent - facts.followed
    return not facts.full_broke and left > max(full_calls(facts), hot_calls(facts))


JITTER = 0.1
"""Due times move by up to a tenth either way, so that sources do not march in step."""


def jittered(pause: timedelta, chance: float) -> timedelta:
    """A pause, moved; `chance` in [0, 1)."""
    return pause * (1 + JITTER * (2 * chance - 1))


def sweep_id(source: str, started_at: datetime) -> str:
    """The name of a sweep in log and store. It is computed: nobody has to keep a counter for it."""
    micros = (started_at - _EPOCH) // timedelta(microseconds=1)
    return "swp_" + hashlib.sha256(f"{source}\0{micros}".encode()).hexdigest()[:12]


def trusted(due_at: datetime | None, now: datetime, pause: timedelta) -> datetime | None:
    """A stored due time, or None where it lies further ahead than could have been written: a clock has stepped."""
    if due_at is None or due_at - now > pause * (1 + JITTER):
        return None
    return due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What watching one source costs: calls per hour."""

    hot: float
    full: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.hot + self.full


def cost(facts: Facts, *, every: timedelta, full_every: timedelta) -> Cost:
    """The calls an hour that the configuration will cost, by how many jobs are listed."""
    hour = timedelta(hours=1)
    pages = full_calls(facts)
    if full_is_cheapest(facts):
        return Cost(hot=0.0, full=pages * (hour / every))
    full = pages * (hour / max(every, full_every))
    return Cost(hot=hot_calls(facts) * (hour / every), full=full)
