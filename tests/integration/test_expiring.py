"""Output of running sources that expires: told in time and once, whoever restarts, whatever breaks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from jobwatch.core.codec import Known, Walk
from jobwatch.core.first_sight import FirstSight
from jobwatch.core.http import HttpResponse
from jobwatch.core.model import Job, JobDetail, JobKey, JobPage, Outcome
from jobwatch.core.rules import NO_RULES, Rules
from jobwatch.poller.judging import judge
from jobwatch.providers.cos_batch import CosBatch
from jobwatch.simulator import faults
from jobwatch.simulator.faults import When
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.world import World
from tests import factories
from tests.contract.watcher import Clock as Now
from tests.contract.watcher import Watcher
from tests.integration.watching_rig import DAY, HOUR, MINUTE, turn, turns
from tests.rig import START, Clock, Given, Rig, job, provider_for, rig, step

EXPIRING = "job.output_expiring"
GIVEN = Given(rules=Rules(expiring_before=2 * HOUR), first_sight=FirstSight.EVERYTHING)
ENDS = job("j", step("Active", 60, done=1.0), step("Complete"))
"""Its output is there until a day and a minute after the start."""

EXPIRES_AT = START + DAY + MINUTE


class Giving(CosBatch):
    """A provider whose jobs give output when they succeed; the cloud keeps it for a day."""

    def read_page(self, response: HttpResponse, walk: Walk, known: Known) -> JobPage:
        page = CosBatch.read_page(self, response, walk, known)
        return replace(page, jobs=tuple(map(_with_output, page.jobs)))

    def read_detail(self, response: HttpResponse, key: JobKey) -> JobDetail:
        found = CosBatch.read_detail(self, response, key)
        return replace(found, job=_with_output(found.job))


def _with_output(found: Job) -> Job:
    if found.outcome is not Outcome.SUCCEEDED or found.ended_at is None:
        return found
    return replace(found, output_expires_at=found.ended_at + DAY)


@asynccontextmanager
async def watched(cloud: Simulation, clock: Clock, path: Path, given: Given) -> AsyncIterator[Rig]:
    """A source whose jobs give output, on the store at `path`."""
    async with rig(cloud, clock, path, given) as one:
        one.source.client.provider = Giving(provider_for(cloud).settings)
        yield one


@asynccontextmanager
async def account(clock: Clock, path: Path, given: Given = GIVEN) -> AsyncIterator[Rig]:
    """One job, read when it had ended."""
    clock.advance(120)
    async with (
        Simulation(World([ENDS]), clock=clock) as cloud,
        watched(cloud, clock, path, given) as one,
    ):
        await turn(one)
        yield one


async def at(one: Rig, left: timedelta) -> None:
    """Let a turn come when so much is left of the output."""
    one.clock.now = EXPIRES_AT - left
    await turn(one)


def reminders(one: Rig) -> list[str]:
    return [job_id for kind, job_id in one.told if kind == EXPIRING]


async def test_people_are_reminded_once_when_less_than_the_rule_says_is_left(
    clock: Clock, path: Path
) -> None:
    async with account(clock, path) as one:
        assert one.told == [("job.succeeded", "j")]
        await at(one, 2 * HOUR + MINUTE)
        assert reminders(one) == []
        await at(one, 2 * HOUR - MINUTE)
        assert reminders(one) == ["j"]
        await turns(one, 3)
        await at(one, MINUTE)
        assert reminders(one) == ["j"]
        assert await one.value("jobwatch_events_total", EXPIRING) == 1
        finished = await one.value("jobwatch_jobs_finished_total", "COSPutObjectCopy", "succeeded")
        assert finished == 1
        data = one.event(EXPIRING, "j")["data"]
        assert data["severity"] == "warning"
        assert data["job"]["output_expires_at"] == "2026-11-22T12:01:00Z"
        assert data["detail"] == one.event("job.succeeded", "j")["data"]["detail"]


async def test_a_restart_tells_nothing_twice_and_forgets_nothing(clock: Clock, path: Path) -> None:
    clock.advance(120)
    async with Simulation(World([ENDS]), clock=clock) as cloud:
        async with watched(cloud, clock, path, GIVEN) as one:
            await turn(one)
        clock.now = EXPIRES_AT - HOUR
        async with watched(cloud, clock, path, GIVEN) as one:
            await one.poll()  # and it dies before anything is delivered
        async with watched(cloud, clock, path, GIVEN) as one:
            await turns(one, 2)
            assert reminders(one) == ["j"]


async def test_a_source_that_cannot_be_reached_reminds_all_the_same(
    clock: Clock, path: Path
) -> None:
    async with account(clock, path) as one:
        one.simulation.faults.add(faults.DENIED)
        await at(one, HOUR)
        assert (await one.state()).failures > 0
        assert reminders(one) == ["j"]


async def test_history_is_reminded_of_and_a_source_without_a_baseline_of_nothing(
    clock: Clock, path: Path
) -> None:
    clock.now = EXPIRES_AT - HOUR
    ended = [replace(ENDS, id="a"), replace(ENDS, id="b")]
    small = Options(quirks=Quirks(page_size=1))
    given = replace(GIVEN, first_sight=FirstSight.BASELINE, page_size=1)
    async with (
        Simulation(World(ended), clock=clock, options=small) as cloud,
        watched(cloud, clock, path, given) as one,
    ):
        cloud.faults.add(faults.DENIED, When(has_token=True))
        await turn(one)
        assert await one.store.known(one.source.lease, [JobKey("", "a")]), "its page was read"
        assert (await one.state()).baselined_at is None
        assert one.told == []
        cloud.faults.clear()
        await turns(one, 2)
        assert one.told == [(EXPIRING, "a"), (EXPIRING, "b")]


async def test_what_is_gone_is_told_to_nobody(clock: Clock, path: Path) -> None:
    async with account(clock, path) as one:
        await at(one, timedelta())
        await turns(one, 2)
        assert reminders(one) == []


async def test_switched_on_later_the_rule_tells_what_is_still_there(
    clock: Clock, path: Path
) -> None:
    async with account(clock, path, replace(GIVEN, rules=NO_RULES)) as one:
        await at(one, HOUR)
        assert reminders(one) == []
        one.source.desk = replace(one.source.desk, rules=GIVEN.rules)
        await turns(one, 2)
        assert reminders(one) == ["j"]


async def test_the_clock_of_the_cloud_decides(clock: Clock, path: Path) -> None:
    async with account(clock, path) as one:
        one.simulation.faults.add(faults.Skew(by=10 * MINUTE))
        await at(one, 2 * HOUR + 5 * MINUTE)
        assert one.source.clock_offset >= 9 * MINUTE
        assert reminders(one) == ["j"]


async def test_more_than_one_transaction_takes_are_all_told_once(clock: Clock, path: Path) -> None:
    async with account(clock, path, replace(GIVEN, receivers=())) as one:
        watcher = Watcher(one.store, one.source.lease, Now(clock.now), subscriptions=())
        soon = clock.now + HOUR
        many = (factories.job("Done", id=f"{n}", output_expires_at=soon) for n in range(1001))
        await watcher.sees(*many)
        for _ in range(2):
            await judge(one.source, fresh=False)
            assert await one.value("jobwatch_events_total", EXPIRING) == 1001
