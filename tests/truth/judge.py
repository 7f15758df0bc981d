"""One world from its seed to its verdict."""

import asyncio
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.truth.expected import Truth
from tests.truth.play import play
from tests.truth.told import Book
from tests.truth.trouble import plan_for
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
    endings: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def judge_world(seed: int, lives: int, folder: Path | None = None, *, sockets: bool = False) -> Verdict:
    """Play one world on a store of its own, and hold what it told against the truth."""
    place = folder or (MEMORY if MEMORY.is_dir() else None)
    home = Path(tempfile.mkdtemp(prefix="jw-truth-", dir=place))
    try:
        return asyncio.run(_judge(seed, lives, home / "jobwatch.db", sockets=sockets))
    finally:
        shutil.rmtree(home)


async def _judge(seed: int, lives: int, path: Path, *, sockets: bool) -> Verdict:
    plan = plan_for(seed, lives=lives)
    log, stage = await play(plan, path, sockets=sockets)
    book = Book(path, log)
    truth = Truth(
        plan=plan, log=log, stage=stage, baseline=book.baseline_at, suspected=book.suspected
    )
    told = [each for events in book.by_job.values() for each in events]
    return Verdict(
        seed=seed,
        lives=len(plan.lives),
        certain=sum(truth.expected(life).certain for life in plan.lives),
        turns=log.turns,
        restarts=log.restarts,
        endings=Counter(each.type for each in told),
        faults=list(faults_of(truth, book)),
    )
