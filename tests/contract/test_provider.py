"""Every provider against the simulated cloud that speaks its API: what one writes, the other reads.

The simulator is written from the API's pages and shares no reading code with the providers.
"""

from datetime import timedelta

import pytest

from jobwatch.core.codec import Credentials, Walk
from jobwatch.core.errors import (
    ApiError,
    Denied,
    KeysRejected,
    NoSuchJob,
    ServerError,
    StatusRejected,
    Throttled,
)
from jobwatch.core.model import Job, JobKey, Phase
from jobwatch.simulator import faults as f
from jobwatch.simulator.quirks import EmptyListing, Quirks
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World
from tests.contract.provider_kinds import HABITS, KINDS, client_of, listed, populated
from tests.rig import START, Clock


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("habit", HABITS)
async def test_a_listing_is_read_as_it_was_written(kind: str, habit: str) -> None:
    clock, expected = Clock(START + timedelta(minutes=7)), KINDS[kind]
    async with (
        populated(clock, seed=5, quirks=HABITS[habit]) as simulation,
        client_of(kind, simulation) as client,
    ):
        read: list[Job] = []
        for scope in await client.scopes():
            jobs = await listed(client, Walk(scope=scope))
            states = expected.world(simulation, scope).jobs_at(clock.now)
            assert len(jobs) == len(states)
            assert {job.scope for job in jobs} == {scope}
            assert all(expected.same(job, state) for job, state in zip(jobs, states, strict=True))
            read += jobs
        assert len(read) >= 60
        assert {job.phase for job in read} >= {Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("habit", HABITS)
async def test_details_are_read_as_they_were_written(kind: str, habit: str) -> None:
    clock, expected = Clock(START + timedelta(minutes=7)), KINDS[kind]
    async with (
        populated(clock, seed=6, jobs=24, quirks=HABITS[habit]) as simulation,
        client_of(kind, simulation) as client,
    ):
        for scope in expected.scopes:
            for state in expected.world(simulation, scope).jobs_at(clock.now):
                detail = await client.describe(JobKey(scope, state.id))
                assert expected.same(detail.job, state)
                assert expected.detailed(detail, state)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_walk_of_one_status_shows_that_status_alone(kind: str) -> None:
    clock = Clock(START + timedelta(minutes=7))
    async with populated(clock, seed=5) as simulation, client_of(kind, simulation) as client:
        for scope in KINDS[kind].scopes:
            everything = await listed(client, Walk(scope=scope))
            for status in client.provider.lifecycle.statuses:
                jobs = await listed(client, Walk(scope=scope, status=status))
                assert [job.id for job in jobs] == [
                    job.id for job in everything if job.status == status
                ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("empty", EmptyListing)
async def test_an_account_without_jobs_is_an_empty_listing(kind: str, empty: EmptyListing) -> None:
    options = Options(quirks=Quirks(empty_listing=empty))
    vaults = VaultWorld({"empty": World()})
    async with (
        Simulation(World(), vaults=vaults, clock=Clock(), options=options) as simulation,
        client_of(kind, simulation) as client,
    ):
        assert await client.scopes() == (KINDS[kind].empty_scope,)
        assert await listed(client, Walk(scope=KINDS[kind].empty_scope)) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_refusals_are_classed_by_what_the_caller_has_to_do(kind: str) -> None:
    expected, scope = KINDS[kind], KINDS[kind].scopes[0]
    async with populated(Clock(), seed=1, jobs=2) as simulation:
        async with client_of(kind, simulation) as client:
            with pytest.raises(NoSuchJob):
                await client.describe(JobKey(scope, "-nobody/knows?it"))
            with pytest.raises(StatusRejected):
                await listed(client, Walk(scope=scope, status="Hibernating"))
        for quirk in (True, False):
            simulation.cloud.quirks = Quirks(hidden_code=quirk)
            wrong = Credentials(secret_id=simulation.credentials.secret_id, secret_key="wrong")
            async with client_of(kind, simulation, wrong) as client:
                with pytest.raises(KeysRejected, match=expected.signature_word):
                    await listed(client, Walk(scope=scope))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("said", "read"),
    [
        (f.SLOW_DOWN, Throttled),
        (f.INTERNAL, ServerError),
        (f.UNAVAILABLE, ServerError),
        (f.TIMEOUT, ServerError),
        (f.DENIED, Denied),
        (f.EXPIRED_TOKEN, KeysRejected),
        (f.STATUS_REJECTED, StatusRejected),
    ],
)
async def test_each_refusal_of_a_fault_means_the_same_in_both_apis(
    kind: str, said: f.Say, read: type[ApiError]
) -> None:
    async with populated(Clock(), seed=1, jobs=2) as simulation:
        simulation.faults.add(said)
        async with client_of(kind, simulation) as client:
            with pytest.raises(read):
                await listed(client, Walk(scope=KINDS[kind].scopes[0]))
