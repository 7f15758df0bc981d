"""Watched time: what complete sweeps covered, and the gaps between them.

Nothing may be concluded from time in which nobody looked. A gap is kept with its source, so that rules leave it out
and an end within it is told as late, however many sweeps ran since.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

INTERVALS_ALLOWED = 3
"""How many intervals may pass between two complete sweeps before nobody watched (contract section 5)."""

GAPS_KEPT = 50
DAWN = datetime(1970, 1, 1, tzinfo=UTC)
"""Where the gap before the first sweep begins."""


class Gap(NamedTuple):
    """A time in which no complete sweep covered unfinished jobs."""

    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Gaps:
    """The gaps of one source, in order of time. Only the newest are kept; older ones melt into one."""

    spans: tuple[Gap, ...] = ()

    def added(self, gap: Gap | None) -> "Gaps":
        """These gaps and one more."""
        return self if gap is None else Gaps(_few(_merged([*self.spans, gap])))

    def merged(self, others: "Gaps") -> "Gaps":
        """These gaps and others."""
        return Gaps(_few(_merged([*self.spans, *others.spans])))

    def watched(self, since: datetime, until: datetime) -> timedelta:
        """How much of the time between two moments was watched; nothing where they are in the wrong order."""
        missed = sum(
            (
                max(timedelta(), min(gap.ended_at, until) - max(gap.began_at, since))
                for gap in self.spans
            ),
            timedelta(),
        )
        return max(timedelta(), until - since - missed)

    def covers(self, moment: datetime) -> bool:
        """Whether nobody watched at that moment."""
        return any(gap.began_at <= moment < gap.ended_at for gap in self.spans)


NO_GAPS = Gaps()


def open_gap(
    *,
    watched_from: datetime | None,
    watched_until: datetime | None,
    now: datetime,
    every: timedelta,
) -> Gap | None:
    """The gap that a sweep starting now ends; None where the last complete one is recent enough.

    `watched_from` and `watched_until` are the start and the end of the last complete sweep. What ended while that
    sweep ran may have ended behind its back, so the gap begins at its start.
    """
    if watched_until is None:
        return Gap(DAWN, now)
    if now - watched_until <= INTERVALS_ALLOWED * every:
        return None
    # A clock that stepped back during that sweep left an end before the start: the earlier of them is safe.
    return Gap(min(watched_from or watched_until, watched_until), now)


def _merged(gaps: Iterable[Gap]) -> list[Gap]:
    merged: list[Gap] = []
    for gap in sorted(gaps):
        if merged and gap.began_at <= merged[-1].ended_at:
            last = merged.pop()
            merged.append(Gap(last.began_at, max(last.ended_at, gap.ended_at)))
        else:
            merged.append(gap)
    return merged


def _few(gaps: list[Gap]) -> tuple[Gap, ...]:
    """Melt the oldest together: time that was watched then counts as missed, which can only delay a rule."""
    if len(gaps) <= GAPS_KEPT:
        return tuple(gaps)
    older, newer = gaps[: -GAPS_KEPT + 1], gaps[-GAPS_KEPT + 1 :]
    return (Gap(older[0].began_at, older[-1].ended_at), *newer)
