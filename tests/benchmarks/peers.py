"""What others do with the same listing, each in a process of its own that keeps what it read for the next reading."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from typing import NamedTuple

from tests.benchmarks.bench_reading import Kept, cpu_seconds
from tests.benchmarks.daemon_parts import collected
from tests.benchmarks.listing import MEMBERS
from tests.benchmarks.page_server import pin
from tests.benchmarks.rows import median

Read = Callable[[int, int, Kept], object]
"""Reads so many pages from a port into what is kept."""


class Reading(NamedTuple):
    """What a reading took: microseconds of processor and bytes of resident memory for each job listed."""

    cost: float
    kept: float


@dataclass(slots=True)
class Peer:
    """One of them: its first reading, and those that followed. The slow ones are shown `pages` alone."""

    read: Read
    pages: int
    child: ProcessPoolExecutor
    first: Reading | None = None
    same: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)

    async def reading(self, port: int) -> Reading:
        """Read the listing once more, without blocking the loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.child, _reading, self.read, port, self.pages)

    async def again(self, port: int, costs: list[float]) -> None:
        """Read it once more and note what each job cost."""
        costs.append((await self.reading(port)).cost)

    @property
    def words(self) -> str:
        """How many pages it was shown, and what a job costs it."""
        return f"{self.pages * MEMBERS} jobs, {median(self.same):.1f} us each"


@contextmanager
def peer(read: Read, pages: int) -> Iterator[Peer]:
    """Let a peer live in a child process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        yield Peer(read, pages, child)


@cache
def _kept() -> Kept:
    """What this process remembers of the listing."""
    return {}


def _reading(read: Read, port: int, pages: int) -> Reading:
    pin()
    known, jobs, before = _kept(), pages * MEMBERS, collected()
    taken = cpu_seconds(lambda: read(port, pages, known))
    return Reading(taken / jobs * 1e6, (collected() - before) * 2**20 / jobs)
