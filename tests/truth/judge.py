"""One world from its seed to its verdict."""

import asyncio
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from tests.truth.expected import Truth
from tests.truth.play import Log, play
from tests.truth.stage import Scene
from tests.truth.told import Book
from tests.truth.trouble import Plan, plan_for
from tests.truth.vault_plan import vault_plan_for
from tests.truth.verdict import faults_of

MEMORY = Path("/dev/shm")
Kind = Literal["cos", "cas"]


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What became of one world. `certain` counts the lives of which the truth is exact."""

    seed: int
    kind: Kind
    lives: int
    certain: int
    turns: int
    restarts: int
    told: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def judge_world(
    seed: int,
    lives: int,
    folder: Path | None = None,
    *,
    kind: Kind | None = None,
    sockets: bool = False,
) -> Verdict:
    """Play one world on a store of its own, and hold what it told against the truth. The seed says its kind if nobody does."""
    place = folder or (MEMORY if MEMORY.is_dir() else None)
    home = Path(tempfile.mkdtemp(prefix="jw-truth-", dir=place))
    try:
        path = home / "jobwatch.db"
        return verdict_on(path, *asyncio.run(played(seed, lives, path, kind=kind, sockets=sockets)))
    finally:
        shutil.rmtree(home)


def kind_of(seed: int) -> Kind:
    """What the world of a seed is, unless somebody says otherwise."""
    return "cas" if Random(f"kind:{seed}").random() < 0.5 else "cos"


async def played(
    seed: int, lives: int, path: Path, *, kind: Kind | None = None, sockets: bool = False
) -> tuple[Plan, Log, Scene]:
    """Play one world; what it told is in the store at `path`."""
    of_vaults = (kind or kind_of(seed)) == "cas"
    plan = vault_plan_for(seed, lives=lives) if of_vaults else plan_for(seed, lives=lives)
    log, scene = await play(plan, path, sockets=sockets)
    return plan, log, scene


def verdict_on(path: Path, plan: Plan, log: Log, scene: Scene) -> Verdict:
    """Hold a store against the truth of the world that was played on it."""
    book = Book(path, log)
    truth = Truth(
        plan=plan, log=log, scene=scene, baseline=book.baseline_at, suspected=book.suspected
    )
    told = [each for events in book.by_job.values() for each in events]
    return Verdict(
        seed=plan.seed,
        kind="cas" if plan.of_vaults else "cos",
        lives=len(plan.lives),
        certain=sum(truth.expected(life).certain for life in plan.lives),
        turns=log.turns,
        restarts=log.restarts,
        told=Counter(each.type for each in told),
        faults=list(faults_of(truth, book)),
    )
