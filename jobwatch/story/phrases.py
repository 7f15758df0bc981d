"""Times and counts as people say them, for commands and pages alike. Pure."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from jobwatch.core.model import Progress, Snapshot

NOTHING = "–"  # noqa: RUF001  # a dash for people

_UNITS = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("min", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)
_ALL_BUT_ALL = 99
_SECONDS_AN_HOUR = 3600
_A_FEW = 10
"""So many an hour and more are told as whole numbers."""


def ago(moment: datetime | None, now: datetime, *, units: int = 2) -> str:
    """How long ago something was, or in how long it will be: `12 s ago`, `in 5 min`, `never`."""
    if moment is None:
        return "never"
    if moment > now:
        return f"in {length(moment - now, units=units)}"
    return f"{length(now - moment, units=units)} ago"


def length(duration: timedelta, *, units: int = 2) -> str:
    """A length of time in the one or two units that matter: `16 s`, `2 h 5 min`, `3 d`."""
    for (unit, size), (smaller, fraction) in pairwise(_UNITS):
        if duration >= size:
            rest = duration % size // fraction if units > 1 else 0
            return f"{duration // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{max(0, duration // timedelta(seconds=1))} s"


def instant(moment: datetime | None) -> str:
    """A moment for people, in UTC; a dash where there is none."""
    return NOTHING if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def moment(at: datetime | None, now: datetime) -> str:
    """A moment both ways: `2026-11-21 20:00:00 UTC (12 s ago)`."""
    return NOTHING if at is None else f"{instant(at)} ({ago(at, now)})"


def tasks(progress: Progress | None) -> str:
    """Counts of tasks in a few words: `4 of 10, 6 failed`."""
    if progress is None or not progress.total:
        return NOTHING
    counted = f"{progress.finished:,} of {progress.total:,}"
    return f"{counted}, {progress.failed:,} failed" if progress.failed else counted


def status_of(snapshot: Snapshot) -> str:
    """How a job ended, or else the cloud's own word for its status."""
    return snapshot.outcome.value.replace("_", " ") if snapshot.outcome else snapshot.job.status


def percent(progress: Progress) -> str:
    """How much is finished; 100 % only when all is."""
    ratio = progress.finished_ratio or 0.0
    return "100 %" if ratio >= 1 else f"{min(_ALL_BUT_ALL, int(ratio * 100))} %"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 job`, `2 jobs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def pace(rate: float) -> str:
    """Tasks a second, or an hour where that says more."""
    if rate <= 0:
        return "no task finished lately"
    if rate >= 1:
        return f"{rate:,.1f} tasks a second"
    hourly = rate * _SECONDS_AN_HOUR
    return f"{hourly:,.0f} tasks an hour" if hourly >= _A_FEW else f"{hourly:,.1f} tasks an hour"
