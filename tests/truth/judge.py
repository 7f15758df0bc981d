"""One world from its seed to its verdict."""

import asyncio
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.truth.expected import Truth
from tests.truth.play import Log, play
from tests.truth.stage import Stage
from tests.truth.told import Book
from tests.truth.trouble import Plan, plan_for
from tests.truth.verdict import faults_of

MEMORY = Path("/dev/shm")


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What became of one world. `certain` counts the lives of which the truth is exact."""

    seed: int
    lives: int
    certain: int
    turns: int
    restarts: int
    told: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def judge_world(
    seed: int, lives: int, folder: Path | None = None, *, sockets: bool = False
) -> Verdict:
    """Play one world on a store of its own, and hold what it told against the truth."""
    place = folder or (MEMORY if MEMORY.is_dir() else None)
    home = Path(tempfile.mkdtemp(prefix="jw-truth-", dir=place))
    try:
        path = home / "jobwatch.db"
        return verdict_on(path, *asyncio.run(played(seed, lives, path, sockets=sockets)))
    finally:
        shutil.rmtree(home)


async def played(
    seed: int, lives: int, path: Path, *, sockets: bool = False
) -> tuple[Plan, Log, Stage]:
    """Play one world; what it told is in the store at `path`."""
    plan = plan_for(seed, lives=lives)
    log, stage = await play(plan, path, sockets=sockets)
    return plan, log, stage


def verdict_on(path: Path, plan: Plan, log: Log, stage: Stage) -> Verdict:
    """Hold a store against the truth of the world that was played on it."""
    book = Book(path, log)
    truth = Truth(
        plan=plan, log=log, stage=stage, baseline=book.baseline_at, suspected=book.suspected
    )
    told = [each for events in book.by_job.values() for each in events]
    return Verdict(
        seed=plan.seed,
        lives=len(plan.lives),
        certain=sum(truth.expected(life).certain for life in plan.lives),
        turns=log.turns,
        restarts=log.restarts,
        told=Counter(each.type for each in told),
        faults=list(faults_of(truth, book)),
    )
