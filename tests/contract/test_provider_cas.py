"""What CAS alone has: vaults, the fields of four types of jobs, and output that expires."""

from dataclasses import replace

import pytest

from jobwatch.core.codec import Walk
from jobwatch.core.errors import ApiError, NoSuchJob
from jobwatch.core.model import JobKey, Outcome
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.vault_job import ACTIONS, Condition, Inventory, VaultJob
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World
from tests.contract.provider_kinds import HABITS, client_of, listed, populated
from tests.rig import START, Clock

EVERYTHING = VaultJob(
    callback="https://user:secret@hooks.example.com/cas?token=hush#there",
    archive_id="-archive_", archive_size=2**40, archive_hash="a" * 64, range_hash="b" * 64,
    byte_range="0-1048575", tier="Bulk", inventory_size=2**33, bucket="b-1.cos.example.com",
    object="o/bj", marker="next", archive_description="归档",
    inventory=Inventory(format="CSV", start_date="2013-03-20T17:03:43.221Z",
                        end_date="2014-03-20T17:03:43.221Z", limit="10", marker="m"),
    condition=Condition(if_modified_since="Mon, 1 Jan 2024 00:00:00 GMT",
                        if_unmodified_since="Tue, 2 Jan 2024 00:00:00 GMT",
                        if_match="etag", if_none_match="other"),
)  # fmt: skip
PLACE = {"bucket": "b-1.cos.example.com", "object": "o/bj", "marker": "next"}
ARCHIVE = {"archive_id": "-archive_", "archive_size_bytes": 2**40}
PART = {"retrieval_byte_range": "0-1048575", "tier": "Bulk"}
OF_ACTION: dict[str, dict[str, object]] = {
    "ArchiveRetrieval": {
        **ARCHIVE, **PART, "archive_sha256_tree_hash": "a" * 64, "sha256_tree_hash": "b" * 64,
    },
    "InventoryRetrieval": {
        "inventory_size_bytes": 2**33,
        "inventory": {"format": "CSV", "start_date": "2013-03-20T17:03:43.221Z",
                      "end_date": "2014-03-20T17:03:43.221Z", "limit": "10", "marker": "m"},
    },
    "PushToCOS": {**ARCHIVE, **PART, **PLACE},
    "PullFromCOS": {
        **ARCHIVE, **PLACE, "range": "0-1048575", "archive_description": "归档",
        "condition": {"if_modified_since": "Mon, 1 Jan 2024 00:00:00 GMT",
                      "if_unmodified_since": "Tue, 2 Jan 2024 00:00:00 GMT",
                      "if_match": "etag", "if_none_match": "other"},
    },
}  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("habit", ["as documented", "mixed", "mixed otherwise"])
async def test_every_field_of_every_type_of_vault_job_is_read(action: str, habit: str) -> None:
    script = JobScript(
        id="-Job_1", created_at=START, steps=(Step("Succeeded", reason="all went well"),),
        operation=action, description="fetch <it>", vault_job=EVERYTHING,
    )  # fmt: skip
    vaults, options = VaultWorld({"v": World([script])}), Options(quirks=HABITS[habit])
    async with (
        Simulation(World(), vaults=vaults, clock=Clock(), options=options) as simulation,
        client_of("cas", simulation) as client,
    ):
        detail = await client.describe(JobKey("v", "-Job_1"))
        fields = dict(detail.fields or {})
        assert str(fields.pop("vault_qcs")).endswith(":vaults/v")
        assert fields == {
            "action": action,
            "completed": True,
            "callback_url": "https://hooks.example.com/cas",
            **OF_ACTION[action],
        }
        assert detail.status_reason == "all went well"
        (job,) = await listed(client, Walk(scope="v"))
        assert replace(job, fingerprint=0) == detail.job


async def test_a_failed_vault_job_is_completed_and_yet_failed_and_gives_nothing_to_fetch() -> None:
    script = JobScript(
        id="_x", created_at=START, steps=(Step("Failed", reason="no such archive"),),
        operation="ArchiveRetrieval", vault_job=VaultJob(),
    )  # fmt: skip
    vaults = VaultWorld({"v": World([script])})
    async with (
        Simulation(World(), vaults=vaults, clock=Clock()) as simulation,
        client_of("cas", simulation) as client,
    ):
        detail = await client.describe(JobKey("v", "_x"))
        assert (detail.fields or {})["completed"] is True
        assert detail.job.outcome is Outcome.FAILED
        assert detail.job.output_expires_at is None
        assert detail.status_reason == "no such archive"


@pytest.mark.parametrize("habit", HABITS)
async def test_vaults_are_found_page_by_page_as_they_come_and_go(habit: str) -> None:
    names = [f"vault {number:02}/ü" for number in range(20)]
    vaults = VaultWorld({name: World() for name in names})
    options = Options(quirks=HABITS[habit])
    async with (
        Simulation(World(), vaults=vaults, clock=Clock(), options=options) as simulation,
        client_of("cas", simulation) as client,
    ):
        assert await client.scopes() == tuple(names)
        vaults.remove(names[3])
        vaults.add("new")
        assert await client.scopes() == tuple(sorted({*names, "new"} - {names[3]}))
        for name in (names[0], "new"):
            assert await listed(client, Walk(scope=name)) == []


async def test_the_globs_of_a_source_choose_among_the_vaults() -> None:
    vaults = VaultWorld({name: World() for name in ("logs-1", "logs-2", "Logs-3", "other")})
    async with Simulation(World(), vaults=vaults, clock=Clock()) as simulation:
        async with client_of("cas", simulation, vaults=("logs-*", "oth?r")) as client:
            assert await client.scopes() == ("logs-1", "logs-2", "other")
        asked = simulation.cloud.asked
        async with client_of("cas", simulation, vaults=("other", "missing")) as client:
            assert await client.scopes() == ("other", "missing")
        assert simulation.cloud.asked == asked


async def test_what_is_said_of_a_vault_that_is_not_there_is_said_of_no_job() -> None:
    async with (
        populated(Clock(), seed=1, jobs=2) as simulation,
        client_of("cas", simulation) as client,
    ):
        for name in ("gone", "old logs", "job", "old jobs", "a", "vault"):
            with pytest.raises(ApiError) as listing:
                await listed(client, Walk(scope=name))
            with pytest.raises(ApiError) as describing:
                await client.describe(JobKey(name, "anything"))
            for caught in (listing.value, describing.value):
                assert caught.code == "ResourceNotFoundException"
                assert not isinstance(caught, NoSuchJob)
