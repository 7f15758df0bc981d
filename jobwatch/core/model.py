"""The nouns: jobs, pages, details, snapshots.

Times are aware datetimes in UTC. Texts that came from the cloud are kept verbatim, cut to the lengths below.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

DESCRIPTION_LIMIT = 1024
TEXT_LIMIT = 1024


class Phase(StrEnum):
    """Our coarse class of a provider's statuses."""

    PENDING = "pending"
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


TERMINAL = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})


class Outcome(StrEnum):
    """How a job ended. Not its status: a Complete job whose tasks failed has not succeeded."""

    SUCCEEDED = "succeeded"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    FAILED = "failed"
    CANCELLED = "cancelled"
    VANISHED = "vanished"


class JobKey(NamedTuple):
    """What names a job within its source. `scope` is a CAS vault, "" for COS."""

    scope: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Counts of tasks. `total` is 0 until the manifest is read."""

    total: int
    succeeded: int
    failed: int

    @property
    def finished(self) -> int:
        """Tasks that ended, well or badly."""
        return self.succeeded + self.failed

    @property
    def remaining(self) -> int:
        """Tasks still to do; never negative, whatever the cloud says."""
        return max(0, self.total - self.finished)

    @property
    def finished_ratio(self) -> float | None:
        """Finished of total, 0 to 1; None while nothing is finished."""
        if not self.finished:
            return None
        return min(1.0, self.finished / self.total) if self.total else None

    @property
    def failed_ratio(self) -> float | None:
        """Failed of finished, 0 to 1; None while nothing is finished."""
        return self.failed / self.finished if self.finished else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job as the cloud shows it now: an entry of ListJobs, or the same fields of DescribeJob.

    `status` is the cloud's word, `phase` ours. `fingerprint` is the hash of the bytes that this value was parsed
    from (0 when it came from DescribeJob or the bytes cannot be compared). `output_expires_at` is when the cloud deletes
    what the job gave, by the cloud's clock; None where there is nothing to fetch.
    """

    id: str
    scope: str = ""
    status: str
    phase: Phase
    operation: str = ""
    description: str = ""
    priority: int | None = None
    progress: Progress | None = None
    created_at: datetime | None = None
    ended_at: datetime | None = None
    output_expires_at: datetime | None = None
    fingerprint: int = 0

    @property
    def key(self) -> JobKey:
        """The name of the job within its source."""
        return JobKey(self.scope, self.id)

    @property
    def terminal(self) -> bool:
        """Whether the cloud calls this job ended."""
        return self.phase in TERMINAL

    @property
    def outcome(self) -> Outcome | None:
        """How the job ended, None while it has not."""
        if self.phase is Phase.FAILED:
            return Outcome.FAILED
        if self.phase is Phase.CANCELLED:
            return Outcome.CANCELLED
        if self.phase is Phase.SUCCEEDED:
            failed = self.progress is not None and self.progress.failed > 0
            return Outcome.COMPLETED_WITH_FAILURES if failed else Outcome.SUCCEEDED
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """One answer of ListJobs.

    `jobs` are the members that were parsed; `unchanged` holds, for each member whose bytes were known, the value
    that `known` gave for them. `listed` counts both. `next_token` is None at the end.
    """

    jobs: tuple[Job, ...]
    unchanged: tuple[int, ...] = ()
    next_token: str | None = None

    @property
    def listed(self) -> int:
        """Members on the page."""
        return len(self.jobs) + len(self.unchanged)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureReason:
    """Why a job failed, in the cloud's words."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetail:
    """What DescribeJob adds to a listing. `fields` is what only one kind of API has, by our names: JSON values."""

    job: Job
    status_reason: str | None = None
    suspended_cause: str | None = None
    suspended_at: datetime | None = None
    confirmation_required: bool | None = None
    failures: tuple[FailureReason, ...] = ()
    manifest: dict[str, str] | None = None
    report: dict[str, str] | None = None
    role: str | None = None
    fields: dict[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What was last recorded of a job, and what we learnt by watching it.

    `row` is the store's number of the job within its source, 0 before it has one. `version` counts recorded
    snapshots, 0 for a job never recorded. `started_at` is when the job was first observed running. `counted` says
    that the job's end stands in the finished counters already. `refused` is the fingerprint of a listing that
    DescribeJob contradicted. `missing_since` is the first of an unbroken row of NoSuchJob answers,
    `missing_proved_at` the first such answer at least `vanished_after` later. `left_at` is when an ended job was
    first absent from a complete full walk.
    """

    job: Job
    row: int = 0
    version: int = 0
    outcome: Outcome | None = None
    first_seen_at: datetime
    observed_at: datetime
    status_since: datetime
    started_at: datetime | None = None
    progressed_at: datetime | None = None
    counted: bool = False
    refused: int = 0
    missing_since: datetime | None = None
    missing_proved_at: datetime | None = None
    left_at: datetime | None = None

    @property
    def key(self) -> JobKey:
        """The name of the job within its source."""
        return self.job.key

    @property
    def unfinished(self) -> bool:
        """Whether the job still has to be watched."""
        return self.outcome is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where jobs come from: what every event says of its source."""

    instance: str
    source: str
    provider: str
    region: str
    account: str
    labels: dict[str, str]
    public_url: str | None = None
