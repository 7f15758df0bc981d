"""The kinds of lives that simulated jobs live, drawn from a seed: pure.

Durations are those of a real account at speed 1. A higher speed shortens the lives of the jobs
under way and to come and brings new ones more often; dates stay true, so that a watcher with a
real clock sees a busy account and not one from the future.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from jobwatch.core.model import FailureReason
from jobwatch.simulator.script import JobScript, Manifest, Report, Step

BUCKET = "example-1250000000"
OPERATIONS = (
    "COSPutObjectCopy",
    "COSPutObjectCopy",
    "COSInitiateRestoreObject",
    "COSPutObjectTagging",
    "COSDeleteObject",
)
# Two of them hold what careless code forgets to escape, or takes for one byte a letter.
DESCRIPTIONS = (
    "nightly copy to the archive bucket",
    "restore 2019 photos",
    "tag cold objects",
    "copy logs <raw> & 'cooked'",
    "迁移历史账单",
    "clean up expired uploads",
    "example-job",
    "",
)
# Nobody would see a job of 16 seconds at speed 100; this keeps it a job of seconds.
SHORT_SPEED = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What distinguishes one kind of life: its steps, how many tasks, and why it failed."""

    steps: tuple[Step, ...]
    total: int
    failures: tuple[FailureReason, ...] = ()
    confirmation_required: bool = False
    suspended_cause: str = ""


def _between(rng: Random, low: float, high: float) -> timedelta:
    return timedelta(seconds=rng.uniform(low, high))


def _opening(rng: Random) -> tuple[Step, ...]:
    return (
        Step("New", _between(rng, 1, 6)),
        Step("Preparing", _between(rng, 10, 120)),
        Step("Ready", _between(rng, 5, 120)),
    )


def _active(rng: Random, share: float = 1.0, done: float = 1.0, failing: float = 0.0) -> Step:
    return Step("Active", _between(rng, 300, 5400) * share, done=done, failing=failing)


def _many(rng: Random) -> int:
    return int(10 ** rng.uniform(3.1, 6))


def _few(rng: Random) -> int:
    return rng.randint(5, 999)


def _succeeds(rng: Random) -> Life:
    return Life(steps=(*_opening(rng), _active(rng), Step("Complete")), total=_many(rng))


def _completing(rng: Random) -> Life:
    """`Completing` is documented as a word and nothing more; some jobs pass through it."""
    last = (Step("Completing", _between(rng, 10, 60)), Step("Complete"))
    return Life(steps=(*_opening(rng), _active(rng), *last), total=_many(rng))


def _partly_fails(rng: Random) -> Life:
    active = _active(rng, failing=rng.uniform(0.002, 0.3))
    return Life(steps=(*_opening(rng), active, Step("Complete")), total=_many(rng))


def _wholly_fails(rng: Random) -> Life:
    """Up to 1,000 tasks no threshold stops a job: every task may fail, and it is Complete."""
    active = _active(rng, share=0.2, failing=1.0)
    return Life(steps=(*_opening(rng), active, Step("Complete")), total=_few(rng))


def _stopped(rng: Random) -> Life:
    """Above 1,000 tasks the cloud stops a job once more than half of those tried have failed."""
    well = rng.uniform(0.05, 0.3)
    steps = (
        *_opening(rng),
        _active(rng, share=0.3, done=well, failing=0.02),
        _active(rng, share=0.4, done=well * 2.1, failing=1.0),
        Step("Failing", _between(rng, 20, 90), reason="Failure threshold exceeded"),
        Step("Failed"),
    )
    reason = FailureReason(
        code="FailureThresholdExceeded",
        message="More than 50% of the executed tasks have failed.",
    )
    return Life(steps=steps, total=_many(rng), failures=(reason,))


def _unreadable(rng: Random) -> Life:
    reason = FailureReason(
        code="ManifestUnreadable",
        message="The manifest object could not be read with the role of the job.",
    )
    return Life(steps=(*_opening(rng)[:2], Step("Failed")), total=0, failures=(reason,))


def _suspended(rng: Random) -> tuple[Step, ...]:
    return (*_opening(rng)[:2], Step("Suspended", _between(rng, 600, 7200)))


def _confirmed(rng: Random) -> Life:
    """Someone confirms the job in the console after a while."""
    ready = Step("Ready", _between(rng, 5, 60), reason="Confirmed by user")
    return Life(
        steps=(*_suspended(rng), ready, _active(rng), Step("Complete")),
        total=_many(rng),
        confirmation_required=True,
        suspended_cause="AwaitingConfirmation",
    )


def _declined(rng: Random) -> Life:
    cancelled = Step("Cancelled", reason="Cancelled by user")
    return Life(
        steps=(*_suspended(rng), cancelled),
        total=_many(rng),
        confirmation_required=True,
        suspended_cause="AwaitingConfirmation",
    )


def _preempted(rng: Random) -> Life:
    """A job of higher priority takes its place for a while."""
    pause = (
        Step("Pausing", _between(rng, 5, 30)),
        Step("Paused", _between(rng, 300, 1800), reason="Preempted by a job of higher priority"),
    )
    first = _active(rng, share=0.5, done=rng.uniform(0.2, 0.6))
    steps = (*_opening(rng), first, *pause, _active(rng, share=0.5), Step("Complete"))
    return Life(steps=steps, total=_many(rng))


def _stalls(rng: Random) -> Life:
    """Active and doing nothing for a long time, then it goes on."""
    first, rest = _active(rng, share=0.3, done=rng.uniform(0.1, 0.7)), _active(rng, share=0.3)
    idle = Step("Active", _between(rng, 3600, 9000))
    return Life(steps=(*_opening(rng), first, idle, rest, Step("Complete")), total=_many(rng))


def _cancelled_early(rng: Random) -> Life:
    cancelling = Step("Cancelling", _between(rng, 3, 20), reason="Cancelled by user")
    return Life(steps=(*_opening(rng), cancelling, Step("Cancelled")), total=_many(rng))


def _cancelled_midway(rng: Random) -> Life:
    active = _active(rng, share=0.4, done=rng.uniform(0.1, 0.8), failing=0.01)
    cancelling = Step("Cancelling", _between(rng, 5, 60), reason="Cancelled by user")
    return Life(steps=(*_opening(rng), active, cancelling, Step("Cancelled")), total=_many(rng))


def _short(rng: Random) -> Life:
    """As in the samples of the ListJobs page: over 12 to 16 seconds after its creation."""
    steps = (
        Step("New", timedelta(seconds=1)),
        Step("Preparing", timedelta(seconds=2)),
        Step("Ready", timedelta(seconds=1)),
        Step("Active", _between(rng, 8, 12), done=1.0),
        Step("Complete"),
    )
    return Life(steps=steps, total=10)


KINDS: dict[str, Callable[[Random], Life]] = {
    "succeeds": _succeeds,
    "completing": _completing,
    "partly_fails": _partly_fails,
    "wholly_fails": _wholly_fails,
    "stopped": _stopped,
    "unreadable": _unreadable,
    "confirmed": _confirmed,
    "declined": _declined,
    "preempted": _preempted,
    "stalls": _stalls,
    "cancelled_early": _cancelled_early,
    "cancelled_midway": _cancelled_midway,
    "short": _short,
}
# Jobs are dealt from shuffled decks, so that a minute of demo shows every kind once before any
# chance can hide one.
DECK = (*KINDS, "succeeds", "succeeds", "short")


def script_of(kind: str, rng: Random, created_at: datetime, speed: float = 1.0) -> JobScript:
    """Draw a job of one kind of life. `created_at` is cut to whole seconds, as the cloud's are."""
    life = KINDS[kind](rng)
    factor = min(speed, SHORT_SPEED) if kind == "short" else speed
    job_id = _uuid(rng)
    return JobScript(
        id=job_id,
        created_at=created_at.replace(microsecond=0),
        steps=tuple(_faster(step, factor) for step in life.steps),
        total=life.total,
        operation=rng.choice(OPERATIONS),
        description=rng.choice(DESCRIPTIONS),
        priority=rng.choice((0, 1, 10, 10, 10, 100, 2_147_483_647)),
        failures=life.failures,
        confirmation_required=life.confirmation_required,
        suspended_cause=life.suspended_cause,
        manifest=_manifest(rng),
        report=_REPORTS[rng.randrange(len(_REPORTS))],
    )


_REPORTS = (Report(), Report(scope="FailedTasksOnly"), None)


def _manifest(rng: Random) -> Manifest:
    name = f"qcs::cos:ap-chengdu::{BUCKET}/manifests/{rng.randrange(10_000):04d}.csv"
    return Manifest(object_arn=name, etag=f"{rng.getrandbits(128):032x}")


def _uuid(rng: Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], "4" + text[13:16], "9" + text[17:20], text[20:]))


def _faster(step: Step, speed: float) -> Step:
    return step if step.lasts is None else replace(step, lasts=step.lasts / speed)


def _dealt(seed: int, number: int) -> str:
    """The kind of job number `number`: every deck in its own order."""
    deck = list(DECK)
    Random(f"{seed}:deck:{number // len(deck)}").shuffle(deck)
    return deck[number % len(deck)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Jobs created from `start` on, about one per `every` at speed 1."""

    seed: int
    start: datetime
    speed: float = 1.0
    every: timedelta = timedelta(minutes=10)

    def at(self, number: int) -> datetime:
        """When job `number` (from 0) is created, to the second; never before its predecessor."""
        jitter = Random(f"{self.seed}:at:{number}").random()
        at = self.start + self.every / self.speed * (number + jitter)
        return at.replace(microsecond=0)

    def script(self, number: int) -> JobScript:
        """Job `number`, the same whenever it is asked for."""
        rng = Random(f"{self.seed}:new:{number}")
        return script_of(_dealt(self.seed, number), rng, self.at(number), self.speed)


def under_way(seed: int, count: int, start: datetime, speed: float) -> Iterator[JobScript]:
    """Draw jobs that were created before `start` and are in the midst of their lives then."""
    for number in range(count):
        rng = Random(f"{seed}:live:{number}")
        kind = _dealt(seed + 1, number)
        drawn = script_of("succeeds" if kind == "short" else kind, rng, start, speed)
        lived = _length(drawn) * rng.uniform(0.05, 0.6)
        yield replace(drawn, created_at=(start - lived).replace(microsecond=0))


def history(seed: int, count: int, start: datetime) -> Iterator[JobScript]:
    """Draw jobs that ended before `start`: the last hours and days, the more of them the longer."""
    rng = Random(f"{seed}:old")
    reach = min(timedelta(days=80), timedelta(hours=1) * count)
    for number in range(count):
        drawn = script_of(DECK[number % len(DECK)], rng, start)
        ago = _length(drawn) + timedelta(minutes=1) + reach * rng.random()
        yield replace(drawn, created_at=(start - ago).replace(microsecond=0))


def _length(script: JobScript) -> timedelta:
    return sum((step.lasts for step in script.steps if step.lasts), timedelta())
