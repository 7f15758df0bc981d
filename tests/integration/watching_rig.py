"""What the tests of detection over time share: accounts that are dear to read in full, turns of the loop, counted calls."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jobwatch.core.model import JobKey, Snapshot
from jobwatch.core.overview import LastSweep
from jobwatch.simulator import faults
from jobwatch.simulator.cloud import Call
from jobwatch.simulator.faults import When
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.world import World
from tests.rig import START, Clock, Given, Rig, job, rig, step

PAGE = 20
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
FINISHED = "jobwatch_jobs_finished_total"
COPY = "COSPutObjectCopy"
HOT_CALLS = 10
"""One for each unfinished status."""


def ended_long_ago(count: int = 240) -> list[JobScript]:
    """Enough ended jobs to make a full sweep dearer than a hot one; they come first in the list."""
    return [
        job(f"a-{number:05}", step("Complete"), created=START - 3 * DAY) for number in range(count)
    ]


def running(count: int, prefix: str = "run") -> list[JobScript]:
    """Jobs that work for a day, and finish something all the time."""
    works = step("Active", 86400, done=1.0)
    return [job(f"{prefix}-{n:03}", works, total=86400) for n in range(count)]


def simulation(world: World, clock: Clock, *, page_size: int = PAGE) -> Simulation:
    """A cloud whose pages are small."""
    return Simulation(world, clock=clock, options=Options(quirks=Quirks(page_size=page_size)))


@asynccontextmanager
async def large_account(
    scripts: Iterable[JobScript], clock: Clock, path: Path, **given: Any
) -> AsyncIterator[Rig]:
    """An account with 240 ended jobs and these, in pages of twenty, read in full once."""
    world = World([*ended_long_ago(), *scripts])
    async with (
        simulation(world, clock) as cloud,
        rig(cloud, clock, path, Given(page_size=PAGE, **given)) as one,
    ):
        await turn(one)
        yield one


async def turn(one: Rig) -> timedelta:
    """Do what is due, with details and deliveries; the pause until the next turn."""
    await one.poll()
    await one.details()
    await one.deliver()
    return await one.poll()


async def turns(one: Rig, count: int = 1, seconds: float = 33) -> None:
    """Let so many intervals pass, each with what is due by then."""
    for _ in range(count):
        one.clock.advance(seconds)
        await turn(one)


async def last_sweep(one: Rig) -> LastSweep:
    last = (await one.state()).last_sweep
    assert last is not None
    return last


async def made(one: Rig) -> tuple[str, str]:
    """Kind and reason of the last complete sweep."""
    last = await last_sweep(one)
    return last.kind, last.reason


async def until_full_is_due(one: Rig) -> None:
    """Pass the time with hot sweeps, up to the turn before the next full one."""
    while True:
        due_at = (await one.state()).next_full_at
        assert due_at is not None
        if due_at - one.clock.now <= timedelta(seconds=33):
            return
        await turns(one)


async def break_full_sweep_at(one: Rig, page: int) -> None:
    """Make the full sweep that is due next, and let its call for this page (from 1) fail for good."""
    await until_full_is_due(one)
    one.simulation.faults.add(faults.DENIED, When(call="list", nth=frozenset({page})))
    one.clock.advance(33)
    await one.poll()
    one.simulation.faults.clear()
    assert (await one.state()).walk is not None


async def snapshot(one: Rig, job_id: str) -> Snapshot:
    row = await one.store.job("prod", JobKey("", job_id))
    assert row is not None
    return row.snapshot


class Calls:
    """The calls that the cloud was asked since this was made."""

    def __init__(self, one: Rig) -> None:
        self._cloud = one.simulation.cloud
        self._from = self._cloud.asked

    @property
    def all(self) -> list[Call]:
        return [call for call in self._cloud.calls if call.question.number > self._from]

    @property
    def pages(self) -> list[str | None]:
        """The tokens of the pages of full sweeps that were asked for, None for a first page."""
        return [
            call.question.one("nextToken")
            for call in self.all
            if call.question.lists and call.question.one("jobStatuses") is None
        ]

    @property
    def statuses(self) -> list[str | None]:
        """The statuses that were asked for, in order."""
        return [
            status
            for call in self.all
            if call.question.lists and (status := call.question.one("jobStatuses"))
        ]

    @property
    def described(self) -> list[str]:
        """The jobs that DescribeJob was asked about."""
        return [
            call.question.path.rpartition("/")[2] for call in self.all if not call.question.lists
        ]


def true_time(clock: Clock) -> datetime:
    """The time in a place whose clock nobody steps."""
    return START + timedelta(seconds=clock.elapsed)
