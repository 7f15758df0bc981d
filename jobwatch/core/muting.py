"""Mutes: what a person already knows is not told, until it expires. Values alone.

1. A mute matches what fits every one of its parts; a part left out fits everything.
2. News of a source fits a mute of that source, but none that names a job or a description.
3. That a condition closed is told to whoever heard of its opening, muted or not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from jobwatch.core.conditions import ConditionState
from jobwatch.core.documents import subject
from jobwatch.core.events import Event, JobEvent, SourceEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What is not told, and why: `source` and `description` are globs, `job` a job's name within its source."""

    source: str | None = None
    job: str | None = None
    description: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A silence that a person ordered. It ended early at `ended_at`."""

    id: int
    silence: Silence
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it silences anything now."""
        return self.ended_at is None and now < self.expires_at


def muted_by(event: Event, mutes: Iterable[Mute]) -> Mute | None:
    """The first of these mutes that fits an event."""
    if event.condition is not None and event.condition.state is ConditionState.CLOSED:
        return None
    return next((each for each in mutes if fits(each.silence, event)), None)


def fits(silence: Silence, event: Event) -> bool:
    """Whether an event is what a silence means."""
    match event:
        case JobEvent():
            job = event.snapshot.job
            return fits_job(silence, event.origin.source, subject(job), job.description)
        case SourceEvent():
            return fits_source(silence, event.origin.source)
        case _:
            return False


def fits_job(silence: Silence, source: str, job: str, description: str) -> bool:
    """Whether news of a job is what a silence means."""
    return (
        _fits(silence.source, source)
        and silence.job in (None, job)
        and _fits(silence.description, description)
    )


def fits_source(silence: Silence, source: str) -> bool:
    """Whether news of a source itself is what a silence means."""
    of_jobs = silence.job is not None or silence.description is not None
    return not of_jobs and _fits(silence.source, source)


def answer(mute: Mute) -> str:
    """What is kept with a delivery that a mute silenced, in place of a receiver's answer."""
    return f"mute {mute.id}: {mute.silence.reason}" if mute.silence.reason else f"mute {mute.id}"


def _fits(glob: str | None, text: str) -> bool:
    return glob is None or fnmatchcase(text, glob)
