"""What happens to one simulated job, and its state at any time: pure.

A script is a job's whole life, written down beforehand: steps with a status and a duration, and
how many of its tasks each step finishes. Nothing here moves by itself; `state_at` computes.
"""

from dataclasses import KW_ONLY, dataclass
from datetime import datetime, timedelta

from jobwatch.core.model import FailureReason
from jobwatch.simulator.vault_job import VAULT_ENDED, VaultJob

# The 13 words of the ListJobs and DescribeJob pages, in the order of a life. Written down here
# again, apart from the provider's table, because a fake that shares its client's table proves
# nothing about it.
STATUSES = (
    "New",
    "Preparing",
    "Suspended",
    "Ready",
    "Active",
    "Pausing",
    "Paused",
    "Completing",
    "Complete",
    "Cancelling",
    "Cancelled",
    "Failing",
    "Failed",
)
ENDED = frozenset({"Complete", "Cancelled", "Failed"})
UNCOUNTED = frozenset({"New", "Preparing"})  # the manifest is not read: no total yet


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of a life. `lasts` None means for ever.

    `done` is the share of all tasks finished when the step is over (None: none finish in it);
    `failing` is the share of those finished in this step that fail; `reason` is shown as
    StatusUpdateReason from here on.
    """

    status: str
    lasts: timedelta | None = None
    _: KW_ONLY
    done: float | None = None
    failing: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The list of objects a job works on, as DescribeJob shows it."""

    object_arn: str = "qcs::cos:ap-chengdu::example-1250000000/manifests/objects.csv"
    etag: str = "15150651828fa9cdcb8356b6d1c7638b"
    format: str = "COSBatchOperations_CSV_V1"
    fields: tuple[str, ...] = ("Bucket", "Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Where a job's report goes, as DescribeJob shows it."""

    bucket: str = "qcs::cos:ap-chengdu::example-1250000000"
    prefix: str = "job-reports"
    scope: str = "AllTasks"
    format: str = "Report_CSV_V1"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobScript:
    """A job and its whole life. The defaults make a job that is new and stays so.

    With `vault_job` it is a job of a CAS vault: its statuses are the three of CAS, `operation` is its action, the last
    `reason` its status message, and what only COS has is never shown.
    """

    id: str
    created_at: datetime
    steps: tuple[Step, ...] = (Step("New"),)
    total: int = 10
    operation: str = "COSPutObjectCopy"
    description: str = "example-job"
    priority: int = 10
    failures: tuple[FailureReason, ...] = ()
    confirmation_required: bool = False
    suspended_cause: str = ""
    manifest: Manifest = Manifest()
    report: Report | None = Report()
    role: str = "qcs::cam::uin/100000000001:roleName/COS_Batch_QcsRole"
    vault_job: VaultJob | None = None

    @property
    def endings(self) -> frozenset[str]:
        """The statuses that its API calls ended."""
        return ENDED if self.vault_job is None else VAULT_ENDED

    def shown(self, at: datetime) -> datetime:
        """A time as its API shows it: COS in whole seconds, CAS in milliseconds."""
        kept = 0 if self.vault_job is None else at.microsecond // 1000 * 1000
        return at.replace(microsecond=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """A job as the cloud would show it at one moment."""

    script: JobScript
    status: str
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    ended_at: datetime | None = None
    suspended_at: datetime | None = None
    reason: str = ""
    failures: tuple[FailureReason, ...] = ()

    @property
    def id(self) -> str:
        """The id of the job."""
        return self.script.id

    @property
    def ended(self) -> bool:
        """Whether the cloud calls this job ended."""
        return self.status in self.script.endings


@dataclass(slots=True)
class _Tally:
    """What the steps so far have added up to."""

    at: datetime
    share: float = 0.0
    failed: int = 0
    reason: str = ""
    suspended_at: datetime | None = None


def state_at(script: JobScript, now: datetime) -> JobState | None:
    """The state of a scripted job, None before it is created. Counters never go back."""
    if now < script.created_at:
        return None
    tally = _Tally(at=script.created_at)
    for step in script.steps[:-1]:
        over = None if step.lasts is None else tally.at + step.lasts
        if over is None or now < over:
            return _shown(script, step, tally, now)
        _work(script, step, tally, 1.0)
        tally.at = over
    return _shown(script, script.steps[-1], tally, now)


def ends_at(script: JobScript) -> datetime | None:
    """When the last step begins if that is an ending, None for a job that never ends."""
    at = script.created_at
    for step in script.steps[:-1]:
        if step.lasts is None:
            return None
        at += step.lasts
    return at if script.steps[-1].status in script.endings else None


def _work(script: JobScript, step: Step, tally: _Tally, elapsed: float) -> None:
    """Add what `step` has done after `elapsed` (0 to 1) of its duration."""
    if step.status == "Suspended" and tally.suspended_at is None:
        tally.suspended_at = script.shown(tally.at)
    tally.reason = step.reason or tally.reason
    if step.done is None:
        return
    before = int(script.total * tally.share)
    # At the end the share is taken as written: interpolation would end at 0.9999….
    grown = tally.share + (step.done - tally.share) * elapsed
    tally.share = step.done if elapsed >= 1.0 else grown
    tally.failed += int((int(script.total * tally.share) - before) * step.failing)


def _shown(script: JobScript, step: Step, tally: _Tally, now: datetime) -> JobState:
    began = tally.at
    elapsed = 1.0 if not step.lasts else min(1.0, (now - began) / step.lasts)
    _work(script, step, tally, elapsed)
    finished = int(script.total * tally.share)
    return JobState(
        script=script,
        status=step.status,
        total=0 if step.status in UNCOUNTED else script.total,
        succeeded=finished - tally.failed,
        failed=tally.failed,
        ended_at=script.shown(began) if step.status in script.endings else None,
        suspended_at=tally.suspended_at,
        reason=tally.reason,
        failures=script.failures if step.status in {"Failing", "Failed"} else (),
    )
