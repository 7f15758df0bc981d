"""Random lives of jobs, and what is done to them from outside: all of it drawn from a seed before anything runs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import NamedTuple

from jobwatch.core.model import JobKey
from jobwatch.simulator.lives import DECK, script_of
from jobwatch.simulator.script import JobScript, Step, ends_at

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SPEED = 6.0
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Deed(StrEnum):
    """What happens to a job that its own script does not say."""

    HIDE = "hide"  # the listing is without it, DescribeJob shows it
    SHOW = "show"
    REMOVE = "remove"  # DescribeJob knows no such job
    RETURN = "return"
    REOPEN = "reopen"  # it ended, and is at work again
    END_AGAIN = "end_again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A deed and its time by the cloud's clock."""

    at: datetime
    deed: Deed
    status: str = ""


class Words(NamedTuple):
    """The statuses of an API that deeds need: at work, and over."""

    works: str
    ends: tuple[str, ...]


OF_COS = Words("Active", ("Complete", "Failed", "Cancelled"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One job: its script, and what is done to it. `scope` is its vault, "" where there are none."""

    kind: str
    script: JobScript
    acts: tuple[Act, ...] = ()
    scope: str = ""

    @property
    def id(self) -> str:
        return self.script.id

    @property
    def key(self) -> JobKey:
        return JobKey(self.scope, self.id)

    def times(self, deed: Deed) -> list[datetime]:
        return [act.at for act in self.acts if act.deed is deed]

    def spans(self, begin: Deed, end: Deed) -> list[tuple[datetime, datetime | None]]:
        """The times between a deed and the one that undoes it; None for ever."""
        ends = [*self.times(end), None]
        return list(zip(self.times(begin), ends, strict=False))


def between(rng: Random, low: float, high: float) -> timedelta:
    return SECOND * rng.uniform(low, high)


def _end(rng: Random) -> Step:
    return Step(rng.choice(("Complete", "Complete", "Failed", "Cancelled")))


def _opening(rng: Random) -> tuple[Step, ...]:
    return (
        Step("New", between(rng, 1, 40)),
        Step("Preparing", between(rng, 1, 60)),
        Step("Ready", between(rng, 1, 60)),
    )


def _active(rng: Random, low: float = 5, high: float = 600) -> Step:
    failing = rng.choice((0.0, 0.0, 0.3, 0.7, 1.0))
    return Step("Active", between(rng, low, high), done=1.0, failing=failing)


def _unknown(rng: Random) -> tuple[Step, ...]:
    odd = Step(rng.choice(("Hibernating", "Archiving")), between(rng, 20, 900))
    rest = (_active(rng), _end(rng)) if rng.random() < 0.6 else (_end(rng),)
    return (*_opening(rng), _active(rng), odd, *rest)


def _jump(rng: Random) -> tuple[Step, ...]:
    first = Step(rng.choice(("New", "Preparing", "Suspended", "Paused")), between(rng, 5, 500))
    return (first, _end(rng))


def _flaps(rng: Random) -> tuple[Step, ...]:
    steps: list[Step] = [*_opening(rng)]
    for turn in range(rng.randint(2, 5)):
        steps.append(Step("Active", between(rng, 3, 120), done=(turn + 1) / 6))
        steps.append(Step("Pausing", between(rng, 1, 20)))
        steps.append(Step("Paused", between(rng, 3, 120)))
    return (*steps, _active(rng), _end(rng))


def _waits(rng: Random) -> tuple[Step, ...]:
    wait = Step("Suspended", between(rng, 100, 1800))
    return (*_opening(rng)[:2], wait, *((_active(rng),) * rng.randint(0, 1)), _end(rng))


def _sticks(rng: Random) -> tuple[Step, ...]:
    if rng.random() < 0.5:
        return (
            Step("New", between(rng, 1, 9)),
            Step("Preparing", between(rng, 300, 2400)),
            _end(rng),
        )
    stuck = Step("Cancelling", between(rng, 300, 2400))
    return (*_opening(rng), _active(rng), stuck, Step("Cancelled"))


def _stands(rng: Random) -> tuple[Step, ...]:
    idle = Step("Active", between(rng, 300, 2400))
    first = Step("Active", between(rng, 10, 120), done=0.4)
    return (*_opening(rng), first, idle, _active(rng), _end(rng))


def _endless(rng: Random) -> tuple[Step, ...]:
    return (*_opening(rng), Step("Active", between(rng, 9000, 90000), done=1.0), _end(rng))


def _blinks(rng: Random) -> tuple[Step, ...]:
    return (Step("New", between(rng, 0.1, 3)), _active(rng, 0.1, 9), _end(rng))


def _plain(rng: Random) -> tuple[Step, ...]:
    return (*_opening(rng), _active(rng), _end(rng))


_STEPS: dict[str, Callable[[Random], tuple[Step, ...]]] = {
    "unknown": _unknown,
    "jump": _jump,
    "flaps": _flaps,
    "waits": _waits,
    "sticks": _sticks,
    "stands": _stands,
    "endless": _endless,
    "blinks": _blinks,
    "vanishes": _plain,
    "returns": _plain,
    "hidden": _plain,
    "old": _plain,
    "reopened": _plain,
}
KINDS = (*DECK, *DECK, *_STEPS, "blinks", "vanishes", "returns", "hidden", "jump")


def _steps_of(kind: str, rng: Random, created_at: datetime) -> JobScript:
    drawn = script_of(kind if kind in DECK else "succeeds", rng, created_at, SPEED)
    # Few tasks: each change of the counters costs a write, and a million of them say no more.
    few = replace(drawn, total=min(drawn.total, rng.choice((3, 7, 20))))
    return few if kind in DECK else replace(few, steps=_STEPS[kind](rng))


def length_of(script: JobScript) -> timedelta:
    return sum((step.lasts for step in script.steps if step.lasts), timedelta())


def draw(rng: Random, *, until: datetime) -> Life:
    """One life within a world that is watched from START on."""
    kind = rng.choice(KINDS)
    created = START - between(rng, 0, 1200) + (until - START) * rng.random()
    if kind == "old":
        created = START - timedelta(days=80) + between(rng, 0, 86400)
    script = _steps_of(kind, rng, created)
    if kind == "old":
        gone_on = Step("Active", START + between(rng, 60, 7200) - created, done=1.0)
        script = replace(script, steps=(gone_on, _end(rng)))
    elif kind in DECK and rng.random() < 0.2:
        script = over_before(rng, script)
    return Life(kind=kind, script=script, acts=tuple(acts_of(kind, rng, script)))


def over_before(rng: Random, script: JobScript) -> JobScript:
    """Move a life into the past: it ended some time before the watch began."""
    ago = MINUTE * 10 ** rng.uniform(-0.5, 3.6)
    return replace(script, created_at=(START - ago - length_of(script)).replace(microsecond=0))


def acts_of(kind: str, rng: Random, script: JobScript, words: Words = OF_COS) -> Iterator[Act]:
    """What is done to a job of this kind."""
    born = max(script.created_at, START)
    at = born + (script.created_at + length_of(script) * 1.2 - born) * rng.random()
    later = at + MINUTE * 10 ** rng.uniform(-0.5, 1.6)
    match kind:
        case "vanishes":
            yield Act(at=at, deed=Deed.REMOVE)
        case "returns":
            yield Act(at=at, deed=Deed.REMOVE)
            yield Act(at=later, deed=Deed.RETURN)
        case "hidden" | "old":
            yield Act(at=at, deed=Deed.HIDE)
            if rng.random() < 0.5:
                yield Act(at=later, deed=Deed.SHOW)
        case "reopened":
            over = ends_at(script) or later
            again = over + between(rng, 5, 600)
            yield Act(at=again, deed=Deed.REOPEN, status=words.works)
            end = rng.choice(words.ends)
            yield Act(at=again + between(rng, 5, 600), deed=Deed.END_AGAIN, status=end)
        case _:
            return


def burst(rng: Random, count: int, *, until: datetime) -> Iterator[Life]:
    """Jobs that were created at different times and end at one moment."""
    over = START + MINUTE * 10 + (until - START - MINUTE * 10) * rng.random()
    for _ in range(count):
        created = (over - between(rng, 60, 1500)).replace(microsecond=0)
        script = _steps_of("succeeds", rng, created)
        work = Step("Active", over - created, done=1.0, failing=rng.choice((0.0, 0.5)))
        yield Life(kind="burst", script=replace(script, steps=(work, _end(rng))))


def exodus(rng: Random, count: int, *, at: datetime, back: datetime) -> Iterator[Life]:
    """Jobs that are gone all at once for a while: the source is wrong, not they."""
    for _ in range(count):
        created = (START + between(rng, 0, 60)).replace(microsecond=0)
        script = _steps_of("endless", rng, created)
        acts = (Act(at=at, deed=Deed.REMOVE), Act(at=back, deed=Deed.RETURN))
        yield Life(kind="exodus", script=script, acts=acts)
