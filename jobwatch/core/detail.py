"""What becomes of an event that waits for DescribeJob, once an answer or an error is there."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from jobwatch.core.diff import Agreement, agreement
from jobwatch.core.errors import (
    ApiError,
    CallWithheld,
    Denied,
    JobwatchError,
    NoCredentials,
    NoSuchJob,
    TransportError,
)
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import Job, JobDetail, Snapshot


class DetailError(StrEnum):
    """Why an event is told without detail, where the cloud gave no code of its own."""

    TIMEOUT = "timeout"
    BEHIND = "answer_behind"
    CHANGED = "job_changed"
    SOURCE_REMOVED = "source_removed"
    NO_CREDENTIALS = "no_credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Release the event now; `detail` is None where `error` says why."""

    detail: JobDetail | None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Ask again soon. `news` is what the answer showed beyond the snapshot, for the source's own task."""

    news: Job | None = None


Decision: TypeAlias = Told | Wait
Answer: TypeAlias = JobDetail | JobwatchError


def decide(
    snapshot: Snapshot, answer: Answer, lifecycle: Lifecycle, *, now: datetime, until: datetime
) -> Decision:
    """Decide about one waiting event.

    1. The answer agrees with the snapshot: tell it.
    2. The job is unknown to the cloud, or we may not ask: tell it without detail, at once.
    3. The answer shows something newer, lags behind, or could not be had: wait, but not beyond `until`.
    """
    over = now >= until
    if isinstance(answer, NoSuchJob | Denied):
        return Told(detail=None, error=answer.code)
    if isinstance(answer, JobwatchError):
        return Told(detail=None, error=_name(answer)) if over else Wait()
    match agreement(snapshot, answer.job, lifecycle):
        case Agreement.AGREES:
            return Told(detail=answer)
        case Agreement.NEWS:
            return Told(detail=None, error=DetailError.CHANGED) if over else Wait(news=answer.job)
        case Agreement.BEHIND:
            return Told(detail=None, error=DetailError.BEHIND) if over else Wait()


def _name(error: JobwatchError) -> str:
    if isinstance(error, ApiError):
        return error.code
    if isinstance(error, NoCredentials):
        return DetailError.NO_CREDENTIALS
    if isinstance(error, CallWithheld):
        return error.reason.value
    return error.kind.value if isinstance(error, TransportError) else DetailError.TIMEOUT.value
