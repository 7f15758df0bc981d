"""`jobwatch check --online` for vaults: which there are, what may be asked, and what is wrong."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobwatch.app.clock import utc_now
from jobwatch.cli.ending import Exit
from jobwatch.simulator import faults as f
from jobwatch.simulator.routes import Call
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.vault_job import VaultJob
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World
from tests.cli_rig import aside, configuration


def retrieval(job_id: str) -> JobScript:
    return JobScript(
        id=job_id,
        created_at=utc_now() - timedelta(minutes=2),
        steps=(Step("InProgress"),),
        operation="ArchiveRetrieval",
        vault_job=VaultJob(),
    )


@pytest.fixture
async def cloud() -> AsyncIterator[Simulation]:
    worlds = {"backup_1": World([retrieval("-a"), retrieval("_b")]), "empty": World()}
    async with Simulation(World(), vaults=VaultWorld(worlds), clock=utc_now) as running:
        yield running


def watching(folder: Path, cloud: Simulation, *vaults: str, **keys: Any) -> Path:
    file = configuration(folder, endpoint=cloud.endpoint)
    tree = yaml.safe_load(file.read_text())
    provider = tree["sources"]["prod"]["provider"]
    del provider["uin"], provider["appid"]
    provider |= {"kind": "cas", "vaults": list(vaults), **keys}
    file.write_text(yaml.safe_dump(tree))
    return file


async def online(file: Path) -> tuple[int, Any]:
    done = await aside("check", "--online", "--config", file, "--output", "json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)["online"]["prod"]


async def test_vaults_are_found_and_one_job_is_asked_about(
    cloud: Simulation, tmp_path: Path
) -> None:
    code, found = await online(watching(tmp_path, cloud, "*"))
    assert (code, found["troubles"]) == (Exit.DONE, [])
    assert found["vaults"] == ["backup_1", "empty"]
    assert (found["listed_on_first_page"], found["described"]) == (2, True)
    assert (found["more_follow"], found["at_least"]) == (False, False)
    assert found["calls_made"] == cloud.cloud.asked == 4
    assert found["calls_per_hour"] > 2 * 3600  # every second, two vaults


async def test_people_are_told_which_vaults_there_are(cloud: Simulation, tmp_path: Path) -> None:
    done = await aside("check", "--online", "--config", watching(tmp_path, cloud, "*"))
    assert "prod: sound" in done.stdout
    assert "backup_1, empty" in done.stdout
    assert "2 jobs on the first page of 2 vaults, and that is all" in done.stdout


async def test_globs_that_want_no_vault_are_told(cloud: Simulation, tmp_path: Path) -> None:
    file = watching(tmp_path, cloud, "nothing_*")
    code, found = await online(file)
    assert (code, found["vaults"], found["calls_made"]) == (Exit.DONE, [], 1)
    done = await aside("check", "--online", "--config", file)
    assert "no vault is wanted" in done.stdout


@pytest.mark.parametrize(
    ("call", "name", "words"),
    [
        ("vaults", "ListVaults", "or write the names of the vaults down"),
        ("list", "ListJobs", "the vaults belong to the account of the keys"),
        ("describe", "DescribeJob", "the vaults belong to the account of the keys"),
    ],
)
async def test_the_permission_that_lacks_is_named(
    cloud: Simulation, tmp_path: Path, call: Call, name: str, words: str
) -> None:
    cloud.faults.add(f.DENIED, f.When(call=call))
    code, found = await online(watching(tmp_path, cloud, "backup_*"))
    (trouble,) = found["troubles"]
    assert (code, trouble["call"], trouble["code"]) == (
        Exit.UNREADABLE, name, "AccessDeniedException",
    )  # fmt: skip
    assert f"name/cas:{name} on resource *" in trouble["advice"]
    assert words in trouble["advice"]
    assert trouble["vault"] == (None if call == "vaults" else "backup_1")
    assert trouble["request_id"]


async def test_named_vaults_are_not_asked_for_and_one_that_is_not_there_is_named(
    cloud: Simulation, tmp_path: Path
) -> None:
    code, found = await online(watching(tmp_path, cloud, "backup_1", "gone"))
    (trouble,) = found["troubles"]
    assert (code, trouble["vault"], trouble["call"]) == (Exit.UNREADABLE, "gone", "ListJobs")
    assert trouble["code"] == "ResourceNotFoundException"
    assert "the names under `vaults`" in trouble["advice"]
    assert found["calls_made"] == 3


async def test_vaults_that_cannot_be_read_hide_none_of_the_others(
    cloud: Simulation, tmp_path: Path
) -> None:
    cloud.faults.add(f.DENIED, f.When(call="list", vault="backup_1"))
    file = watching(tmp_path, cloud, "gone", "backup_1", "empty", "lost")
    code, found = await online(file)
    assert code == Exit.UNREADABLE
    assert [each["vault"] for each in found["troubles"]] == ["gone", "backup_1", "lost"]
    assert (found["listed_on_first_page"], found["more_follow"]) == (0, False)
    done = await aside("check", "--online", "--config", file)
    assert "and that is all" not in done.stdout


async def test_the_account_of_others_is_told_as_such(cloud: Simulation, tmp_path: Path) -> None:
    code, found = await online(watching(tmp_path, cloud, "*", uid=7))
    assert code == Exit.UNREADABLE
    assert "uid 7 is the account that owns the vaults" in found["troubles"][0]["advice"]
