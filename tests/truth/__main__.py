"""`python -m tests.truth --lives 100000 --seed 1`: many worlds, one after the other or a few at once.

A world that went wrong is played again with `--only SEED --world N`.
"""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import structlog

from tests.truth.judge import Verdict, judge_world


def main() -> int:
    """Play worlds until so many lives were lived; 1 where anything was told that is not true."""
    given = _given()
    seeds = [given.only] if given.only is not None else _seeds(given)
    began, done = time.monotonic(), 0
    kinds: Counter[str] = Counter()
    wrong: list[Verdict] = []
    sums: Counter[str] = Counter()
    with ProcessPoolExecutor(given.processes, initializer=quiet) as pool:
        for verdict in pool.map(partial(judge_world, lives=given.world, kind=given.kind), seeds):
            done += verdict.lives
            kinds += verdict.told
            for name in ("certain", "turns", "restarts"):
                sums[name] += getattr(verdict, name)
            if verdict.faults:
                wrong.append(verdict)
                report(verdict, given.world)
            if given.verbose:
                print(
                    verdict.seed,
                    verdict.kind,
                    verdict.lives,
                    f"{time.monotonic() - began:.0f} s",
                    flush=True,
                )
    took = time.monotonic() - began
    print(f"{done} lives in {len(seeds)} worlds, {took:.0f} s; {dict(sums)}")
    print(dict(sorted(kinds.items())))
    print(f"{len(wrong)} worlds went wrong: {[each.seed for each in wrong]}")
    return 1 if wrong else 0


def report(verdict: Verdict, lives: int) -> None:
    """Say what went wrong in a world, and how to see it again."""
    print(f"seed {verdict.seed}, {verdict.kind}: {len(verdict.faults)} faults")
    for fault in verdict.faults[:20]:
        print(f"  {fault}")
    print(f"  again: {again(verdict, lives)}", flush=True)


def again(verdict: Verdict, lives: int) -> str:
    """The command that plays a world again."""
    return f"python -m tests.truth --only {verdict.seed} --kind {verdict.kind} --world {lives}"


def quiet() -> None:
    """Say nothing of what is logged: faults are the rule here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.truth")
    parser.add_argument("--lives", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="the first world's seed")
    parser.add_argument("--world", type=int, default=1000, help="lives in one world")
    parser.add_argument("--only", type=int, help="play this one world")
    parser.add_argument("--kind", choices=("cos", "cas"), help="without it, the seed says which")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def _seeds(given: argparse.Namespace) -> list[int]:
    return list(range(given.seed, given.seed + -(-given.lives // given.world)))


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of names are walked in the order of their hashes: the same world needs the same ones.
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.truth", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    sys.exit(main())
