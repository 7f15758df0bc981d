"""`jobwatch check --online`: one look at every source, what is wrong with it, and what watching it costs."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobwatch.app.advice import advice
from jobwatch.app.clock import utc_now
from jobwatch.cli.ending import Exit
from jobwatch.core.errors import (
    BrokenReason,
    BrokenWalk,
    CallWithheld,
    Denied,
    NoCredentials,
    Throttled,
    TransportError,
    TransportKind,
    WithheldReason,
)
from jobwatch.poller.failing import Breaking
from jobwatch.settings import load_settings
from jobwatch.simulator import faults as f
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.cli_rig import aside, child, configuration, fill_story, jobwatch, lives
from tests.factories import MINUTE, api_error


@pytest.fixture
async def cloud() -> AsyncIterator[Simulation]:
    async with Simulation(World(lives()), clock=utc_now) as running:
        yield running


@pytest.fixture
def file(tmp_path: Path, cloud: Simulation) -> Path:
    hooks = {"ops": "https://hooks.example.com/ops"}
    return configuration(tmp_path, endpoint=cloud.endpoint, hooks=hooks)


def rewrite(file: Path, **keys: Any) -> None:
    """Change keys of the source; those of its provider are a mapping."""
    tree = yaml.safe_load(file.read_text())
    source = tree["sources"]["prod"]
    source["provider"].update(keys.pop("provider", {}))
    source.update(keys)
    file.write_text(yaml.safe_dump(tree))


async def online(file: Path) -> tuple[int, Any]:
    """The exit code, and what was found of the one source."""
    done = await aside("check", "--online", "--config", file, "--output", "json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)["online"]["prod"]


async def test_a_sound_source_costs_two_calls_to_look_at(cloud: Simulation, file: Path) -> None:
    code, found = await online(file)
    assert code == Exit.DONE
    assert (found["reachable"], found["described"], found["troubles"]) == (True, True, [])
    assert (found["listed_on_first_page"], found["more_follow"]) == (4, False)
    assert found["credentials"] == {"kind": "configuration", "expires_at": None}
    assert found["calls_made"] == cloud.cloud.asked == 2
    assert abs(found["clock_offset_seconds"]) < 5
    assert not list(file.parent.glob("jobwatch.db*"))


async def test_the_cost_in_calls_is_told_and_compared_with_the_limit(file: Path) -> None:
    done = await aside("check", "--online", "--config", file)
    assert "prod: sound" in done.stdout
    assert "about 3,600 calls an hour" in done.stdout  # every second, one page
    assert "sweeps will take longer" not in done.stdout
    rewrite(file, rate_limit={"requests_per_second": 0.5})
    done = await aside("check", "--online", "--config", file)
    assert "rate_limit lets 1,800 an hour out: sweeps will take longer" in done.stdout


async def test_the_cost_is_a_least_one_while_only_the_first_page_is_known(tmp_path: Path) -> None:
    world = World.generate(start=utc_now(), seed=1, jobs=1200)
    async with Simulation(world, clock=utc_now) as cloud:
        file = configuration(tmp_path, endpoint=cloud.endpoint)
        code, found = await online(file)
        assert (code, found["more_follow"], found["at_least"]) == (Exit.DONE, True, True)


async def test_what_the_store_knows_of_the_listing_makes_the_cost(tmp_path: Path) -> None:
    async with Simulation(World(lives()), clock=utc_now) as cloud:
        file = configuration(tmp_path, endpoint=cloud.endpoint)
        assert (await aside("sources", "sweep", "prod", "--config", file)).returncode == 0
        _, found = await online(file)
        assert not found["at_least"]
        assert found["calls_per_hour"] == found["calls_per_hour_full"] == 3600


async def test_a_denied_listing_is_told_with_its_request_id_and_what_to_do(
    cloud: Simulation, file: Path
) -> None:
    cloud.faults.add(f.DENIED)
    code, found = await online(file)
    assert code == Exit.UNREADABLE
    (trouble,) = found["troubles"]
    assert (found["reachable"], trouble["call"], trouble["code"]) == (
        False, "ListJobs", "AccessDenied",
    )  # fmt: skip
    assert trouble["request_id"]
    assert "cos:ListJobs" in trouble["advice"]
    assert found["calls_per_hour"] is None


async def test_a_detail_that_is_denied_is_trouble_although_jobs_can_be_listed(
    cloud: Simulation, file: Path
) -> None:
    cloud.faults.add(f.DENIED, f.When(call="describe"))
    code, found = await online(file)
    assert code == Exit.UNREADABLE
    assert (found["reachable"], found["described"]) == (True, False)
    assert "cos:DescribeJob" in found["troubles"][0]["advice"]


async def test_wrong_keys_and_missing_keys_are_told_apart(file: Path) -> None:
    rewrite(file, provider={"credentials": {"secret_id": "AKIDnobody", "secret_key": "no-key"}})
    code, found = await online(file)
    assert code == Exit.UNREADABLE
    assert "check secret_id and secret_key" in found["troubles"][0]["advice"]
    rewrite(file, provider={"credentials": {"use": "environment"}})
    code, found = await online(file)
    assert (code, found["calls_made"]) == (Exit.UNREADABLE, 0)
    assert found["troubles"][0]["class"] == "credentials"
    assert "TENCENTCLOUD_SECRET_ID" in found["troubles"][0]["message"]


async def test_a_cloud_that_is_not_there_is_told_for_people_without_a_secret(file: Path) -> None:
    rewrite(file, provider={"endpoint": "http://127.0.0.1:9"})
    done = await aside("check", "--online", "--config", file)
    assert done.returncode == Exit.UNREADABLE
    assert "prod: cannot be watched as it is" in done.stdout
    said = " ".join(done.stdout.split())
    assert "http://127.0.0.1:9 cannot be reached: check endpoint, firewall and routes" in said
    assert "demo-not-a-real-key" not in done.stdout + done.stderr


@pytest.mark.parametrize(("env", "width"), [({}, 80), ({"COLUMNS": "50"}, 50)])
async def test_a_source_without_keys_is_told_whole_on_lines_that_fit(
    file: Path, env: dict[str, str], width: int
) -> None:
    """Every line was padded to 400 columns once, and the end of the sentence, what to set up, was cut."""
    rewrite(file, provider={"credentials": {"use": "environment"}})
    done = await asyncio.to_thread(child, "check", "--online", "--config", file, env=env)
    _, found = await online(file)
    lines = done.stdout.partition("\nOnline\n")[2].splitlines()
    assert max(map(len, lines)) <= width
    assert lines == [line.rstrip() for line in lines]
    assert found["troubles"][0]["message"] in " ".join(" ".join(lines).split())


async def test_a_listing_without_jobs_leaves_describe_untried(tmp_path: Path) -> None:
    async with Simulation(World(), clock=utc_now) as cloud:
        file = configuration(tmp_path, endpoint=cloud.endpoint)
        code, found = await online(file)
        assert (code, found["described"], found["calls_made"]) == (Exit.DONE, None, 1)


def test_without_online_nothing_is_called(tmp_path: Path) -> None:
    file = fill_story(tmp_path)
    done = jobwatch("check", "--config", file, "--output", "json")
    assert json.loads(done.stdout)["online"] is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NoCredentials("none"), "under provider.credentials"),
        (api_error(Denied), "cos:ListJobs on resource *"),
        (api_error(Throttled), "lower rate_limit"),
        (BrokenWalk(BrokenReason.PAGE_CAP, "x"), "is not the cloud"),
        (CallWithheld(WithheldReason.RETRY_AFTER, MINUTE), "after that time"),
        *((TransportError(kind, "x"), "check ") for kind in TransportKind),
    ],
)
def test_every_trouble_has_advice(tmp_path: Path, error: Breaking, words: str) -> None:
    source = load_settings(configuration(tmp_path), {}).settings.sources["prod"]
    told = advice("ListJobs", error, source)
    assert words in told
    assert "{" not in told
