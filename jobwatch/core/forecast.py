"""How fast a job works and when it will be done, from a few samples of its progress.

Samples are kept few: old ones are dropped where they lie close together, so that a job of weeks costs no more than
one of minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

SAMPLES_KEPT = 60
"""So many samples of a job are kept at most."""

SAMPLES_LEFT = 40
"""So many are left when there are too many."""

WINDOW = timedelta(minutes=30)
"""The pace is measured over so long, where there are samples enough."""


class Sample(NamedTuple):
    """How far a job was at some time; counts of tasks."""

    at: datetime
    total: int
    succeeded: int
    failed: int

    @property
    def finished(self) -> int:
        """Tasks that ended, well or badly."""
        return self.succeeded + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Tasks finished a second lately, and when the rest will be done; None where nothing can be said."""

    rate: float | None = None
    done_at: datetime | None = None


def forecast(samples: Sequence[Sample], data_at: datetime) -> Forecast:
    """How fast a job works, from its samples in order of time up to the last complete sweep.

    The time since the newest sample counts: a job that stands still becomes slower.
    """
    if len(samples) < 2 or data_at < samples[-1].at:  # noqa: PLR2004  a pace takes two points
        return Forecast()
    newest, first = samples[-1], measured_from(samples)
    took = (data_at - first.at).total_seconds()
    finished = newest.finished - first.finished
    if took <= 0 or finished <= 0:
        return Forecast(rate=0.0 if took > 0 else None)
    rate = finished / took
    left = max(0, newest.total - newest.finished)
    try:
        return Forecast(rate=rate, done_at=data_at + timedelta(seconds=left / rate))
    except OverflowError:
        return Forecast(rate=rate)


def measured_from(samples: Sequence[Sample]) -> Sample:
    """The sample that the pace is measured from: the first within the window, or else the one before the newest.

    Takes two samples at least.
    """
    newest = samples[-1]
    return next((each for each in samples[:-1] if newest.at - each.at <= WINDOW), samples[-2])


def superfluous(times: Sequence[datetime], keep: int = SAMPLES_LEFT) -> list[datetime]:
    """Which of these times, ascending, to drop so that `keep` are left.

    First and last stay; then always that one goes whose neighbours lie closest together, measured against their age:
    what is recent stays dense, what is old becomes sparse.
    """
    left = list(times)
    if len(left) <= max(keep, 2):
        return []
    # In whole microseconds: differences of datetimes would cost ten times as much.
    ages = [(left[-1] - each) // timedelta(microseconds=1) for each in left]
    crowding = [_crowding(ages, place) for place in range(1, len(left) - 1)]
    dropped: list[datetime] = []
    while len(left) > max(keep, 2):
        place = crowding.index(min(crowding))
        del crowding[place], ages[place + 1]
        dropped.append(left.pop(place + 1))
        for near in (place - 1, place):
            if 0 <= near < len(crowding):
                crowding[near] = _crowding(ages, near + 1)
    return dropped


def _crowding(ages: Sequence[int], place: int) -> float:
    """How far the neighbours of a sample lie apart, measured against their age."""
    return (ages[place - 1] - ages[place + 1]) / (ages[place - 1] + 1)
