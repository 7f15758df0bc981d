"""Every provider against the simulated cloud that speaks its API: what one writes, the other reads.

The simulator is written from the API's pages and shares no reading code with the providers.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from jobwatch.client import ApiClient, Surroundings
from jobwatch.core.codec import Credentials, Known, Provider, Walk
from jobwatch.core.errors import KeysRejected, NoSuchJob, StatusRejected
from jobwatch.core.gate import Bucket
from jobwatch.core.model import Job, JobKey, Phase
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.simulator.quirks import PLAIN, EmptyListing, LastToken, Quirks
from jobwatch.simulator.script import JobState
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.world import World
from jobwatch.transport import Transport
from tests.rig import START, Clock, provider_for

PROVIDERS: dict[str, Callable[[Simulation], Provider]] = {"cos-batch": provider_for}
HABITS = {
    "as documented": PLAIN,
    "mixed": Quirks(seed=1),
    "mixed otherwise": Quirks(seed=2, last_token=LastToken.ECHO),
    "small pages": Quirks(seed=3, page_size=7, last_token=LastToken.ECHO),
    "small pages without a last token": Quirks(seed=4, page_size=7, last_token=LastToken.ABSENT),
}


@dataclass(frozen=True, slots=True)
class FixedKeys:
    """One key pair."""

    keys: Credentials
    facts = None

    async def current(self) -> Credentials:
        return self.keys

    async def renewed(self, _rejected: Credentials) -> Credentials | None:
        return None

    async def refresh(self) -> timedelta:
        return timedelta(1)

    def take_problems(self) -> tuple[str, ...]:
        return ()


@asynccontextmanager
async def client_of(
    kind: str, simulation: Simulation, keys: Credentials | None = None
) -> AsyncIterator[ApiClient]:
    shape = SourceShape(
        name="one", provider=kind, region="", operations=(), statuses=(),
        every=timedelta(1), full_every=timedelta(1),
    )  # fmt: skip
    waits = Clock()
    async with Transport() as transport:
        yield ApiClient(
            provider=PROVIDERS[kind](simulation),
            transport=transport,
            credentials=FixedKeys(keys or simulation.credentials),
            bucket=Bucket(rate=1e6, burst=1_000_000),
            observer=Metrics([shape], []).for_source("one"),
            around=Surroundings(
                now=simulation.cloud.clock,
                monotonic=waits.monotonic,
                chance=lambda: 0.5,
                sleep=waits.sleep,
            ),
        )


async def listed(client: ApiClient, walk: Walk = Walk()) -> list[Job]:  # noqa: B008  a value
    return [job async for page in client.pages(walk, Known()) for job in page.jobs]


def same(job: Job, state: JobState) -> bool:
    """Whether what was read is what the cloud holds."""
    progress = job.progress
    script = state.script
    return (
        job.id == state.id
        and job.status == state.status
        and job.operation == script.operation
        and job.description == script.description
        and job.priority == script.priority
        and job.created_at == script.created_at.replace(microsecond=0)
        and job.ended_at == state.ended_at
        and progress is not None
        and (progress.total, progress.succeeded, progress.failed)
        == (state.total, state.succeeded, state.failed)
    )


@pytest.mark.parametrize("kind", PROVIDERS)
@pytest.mark.parametrize("habit", HABITS)
async def test_a_listing_is_read_as_it_was_written(kind: str, habit: str) -> None:
    clock = Clock(START + timedelta(minutes=7))
    world = World.generate(start=START, seed=5, jobs=60, unfinished=40, speed=30)
    options = Options(quirks=HABITS[habit])
    async with (
        Simulation(world, clock=clock, options=options) as simulation,
        client_of(kind, simulation) as client,
    ):
        jobs = await listed(client)
        states = world.jobs_at(clock.now)
        assert len(jobs) == len(states) >= 60
        assert all(same(job, state) for job, state in zip(jobs, states, strict=True))
        assert {job.phase for job in jobs} >= {Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED}


@pytest.mark.parametrize("kind", PROVIDERS)
@pytest.mark.parametrize("habit", HABITS)
async def test_details_are_read_as_they_were_written(kind: str, habit: str) -> None:
    clock = Clock(START + timedelta(minutes=7))
    world = World.generate(start=START, seed=6, jobs=40, unfinished=20, speed=30)
    options = Options(quirks=HABITS[habit])
    async with (
        Simulation(world, clock=clock, options=options) as simulation,
        client_of(kind, simulation) as client,
    ):
        for state in world.jobs_at(clock.now):
            detail = await client.describe(JobKey("", state.id))
            assert same(detail.job, state)
            assert detail.failures == state.failures
            assert detail.role == state.script.role
            assert detail.suspended_at == state.suspended_at
            assert (detail.manifest or {})["object"] == state.script.manifest.object_arn
            assert (detail.manifest or {})["etag"] == state.script.manifest.etag


@pytest.mark.parametrize("kind", PROVIDERS)
async def test_a_walk_of_one_status_shows_that_status_alone(kind: str) -> None:
    clock = Clock(START + timedelta(minutes=7))
    world = World.generate(start=START, seed=5, jobs=60, unfinished=40, speed=30)
    async with Simulation(world, clock=clock) as simulation, client_of(kind, simulation) as client:
        everything = await listed(client)
        for status in PROVIDERS[kind](simulation).lifecycle.statuses:
            jobs = await listed(client, Walk(status=status))
            assert [job.id for job in jobs] == [
                job.id for job in everything if job.status == status
            ]


@pytest.mark.parametrize("kind", PROVIDERS)
@pytest.mark.parametrize("empty", EmptyListing)
async def test_an_account_without_jobs_is_an_empty_listing(kind: str, empty: EmptyListing) -> None:
    options = Options(quirks=Quirks(empty_listing=empty))
    async with (
        Simulation(World(), clock=Clock(), options=options) as simulation,
        client_of(kind, simulation) as client,
    ):
        assert await listed(client) == []


@pytest.mark.parametrize("kind", PROVIDERS)
async def test_refusals_are_classed_by_what_the_caller_has_to_do(kind: str) -> None:
    async with Simulation(World(), clock=Clock()) as simulation:
        async with client_of(kind, simulation) as client:
            with pytest.raises(NoSuchJob):
                await client.describe(JobKey("", "-nobody/knows?it"))
            with pytest.raises(StatusRejected):
                await listed(client, Walk(status="Hibernating"))
        for quirk in (True, False):
            simulation.cloud.quirks = Quirks(hidden_code=quirk)
            wrong = Credentials(secret_id=simulation.credentials.secret_id, secret_key="wrong")
            async with client_of(kind, simulation, wrong) as client:
                with pytest.raises(KeysRejected, match="SignatureDoesNotMatch"):
                    await listed(client)
