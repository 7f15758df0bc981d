"""`jobwatch sources`: nothing of how a source fares is hidden; and a sweep that somebody asks for."""

import asyncio
import json
from pathlib import Path

import pytest
import yaml

from jobwatch.app.clock import utc_now
from jobwatch.app.sweeping import sweep_one
from jobwatch.cli.ending import Exit
from jobwatch.core.plan import PlanReason
from jobwatch.settings import load_settings
from jobwatch.simulator import faults as f
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.cli_rig import (
    aside,
    child,
    configuration,
    end_of,
    fill_story,
    jobwatch,
    lives,
    logged,
    read,
    slowly,
    spawn,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_story(tmp_path_factory.mktemp("story"))


def test_a_source_shows_its_plan_its_calls_its_clock_its_keys_and_its_last_error(
    file: Path,
) -> None:
    done = jobwatch("sources", "prod", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "hot, because it was due; 11 pages, 14 calls, 2 jobs asked about one by one, took 2.0 s",
        "1 unfinished job as of ",
        "full sweep in 1 h 5",
        "12 pages, 12,000 jobs so far",
        "the cloud refuses to list by status Pausing",
        "1,234 in the last hour, 7 of them throttled; 2.5 of 10 a second allowed",
        "the cloud asked for a pause",
        "the cloud is 3.2 s ahead",
        "tke-oidc, expire ",
        "in the last day: 5 min until ",
        "AccessDenied: Access ␛[31mDenied. (request NjEx-request), 1 h 4",
        " min ago; recovered",
    ):
        assert words in done.stdout
    assert all(line.isprintable() for line in done.stdout.splitlines())


def test_the_same_comes_as_json_with_stable_keys(file: Path) -> None:
    (shown,) = read("sources", "--config", file)["sources"]
    assert shown["last_sweep"]["reason"] in set(PlanReason)
    assert shown["last_sweep"]["refused"] == ["Pausing"]
    assert (shown["calls"]["last_hour"], shown["calls"]["throttled"]) == (1234, 7)
    assert shown["calls"]["withheld_reason"] == "retry_after"
    assert shown["clock_offset_seconds"] == 3.2
    assert shown["credentials"]["kind"] == "tke-oidc"
    assert shown["full_sweep"]["pages"] == 12
    assert (shown["error"]["request_id"], shown["recovered"]) == ("NjEx-request", True)
    assert "token" not in json.dumps(shown)


def test_a_source_that_was_never_tried_has_the_same_keys(tmp_path: Path) -> None:
    file = fill_story(tmp_path)
    tree = yaml.safe_load(file.read_text())
    other = {**tree["sources"]["prod"]["provider"], "region": "ap-guangzhou"}
    tree["sources"]["other"] = {"provider": other}
    file.write_text(yaml.safe_dump(tree))
    untried, known = read("sources", "--config", file)["sources"]
    assert set(known) == set(untried)
    assert (untried["name"], untried["standing"]) == ("other", "not tried yet")
    assert untried["all_data_at"] is None
    done = jobwatch("sources", "other", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "never" in done.stdout


def test_whoever_is_sent_to_a_lost_store_sees_which_one_is_read_and_since_when_it_remembers(
    tmp_path: Path,
) -> None:
    file = fill_story(tmp_path)
    shown = read("sources", "--config", file)["store"]
    assert shown["path"] == str(tmp_path / "jobwatch.db")
    since = shown["created_at"].replace("T", " ")[:19]
    for words in ([], ["prod"]):
        done = jobwatch("sources", *words, "--config", file)
        said = "".join(done.stdout.split())  # a long path is folded
        assert f"store{shown['path']}rememberssince" in said
        assert f" {since} UTC (" in done.stdout


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_fits_the_terminal(file: Path, width: int) -> None:
    done = child("sources", "--config", file, env={"COLUMNS": str(width)})
    assert max(map(len, done.stdout.splitlines())) <= width
    assert "suspect" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prdo"], "there is no source prdo; there are prod"),
        (["sweep"], "name the source: jobwatch sources sweep NAME"),
        (["sweep", "prdo"], "the configuration has no source prdo; did you mean prod?"),
        (["prod", "more"], "write `jobwatch sources`"),
        (["prod", "--timeout", "5s"], "--timeout belongs to"),
    ],
)
def test_words_that_name_no_source_are_bad_usage(file: Path, words: list[str], said: str) -> None:
    done = jobwatch("sources", *words, "--config", file)
    assert (done.returncode, done.stdout) == (Exit.MISUSED, "")
    assert said in done.stderr


async def test_without_a_daemon_a_sweep_is_made_at_once_and_delivers_nothing(
    tmp_path: Path,
) -> None:
    async with Simulation(World(lives()), clock=utc_now) as simulation:
        hooks = {"ops": simulation.hook_url()}
        file = configuration(tmp_path, endpoint=simulation.endpoint, hooks=hooks)
        done = await aside("sources", "sweep", "prod", "--config", file)
        assert (done.returncode, done.stderr) == (Exit.DONE, "")
        assert "prod: 4 jobs read in 1 page and " in done.stdout
        assert "1 unfinished" in done.stdout
        assert "4 deliveries wait for `jobwatch run` or `jobwatch once`" in done.stdout
        assert not simulation.sink.received
        events = await aside("events", "--config", file, "--output", "json")
        assert all(event["released"] for event in json.loads(events.stdout)["events"])


async def test_a_daemon_that_holds_the_store_sweeps_when_it_is_asked(tmp_path: Path) -> None:
    world = World()
    async with Simulation(world, clock=utc_now) as simulation:
        file = slowly(configuration(tmp_path, endpoint=simulation.endpoint))
        daemon = await spawn("run", "--config", file)
        await logged(daemon, "sweep.finished")
        world.add(JobScript(id="job-1", created_at=utc_now(), steps=(Step("Active"),)))
        done = await aside("sources", "sweep", "prod", "--config", file, "--output", "json")
        assert (done.returncode, done.stderr) == (Exit.DONE, "")
        shown = json.loads(done.stdout)
        assert (shown["done"], shown["by"]) == (True, "daemon")
        assert (shown["source"]["listed"], shown["sweep"]["reason"]) == (1, "asked_for")

        simulation.faults.add(f.DENIED)
        done = await aside("sources", "sweep", "prod", "--config", file)
        assert done.returncode == Exit.FAILED
        assert done.stderr.startswith("jobwatch: prod could not be swept: AccessDenied: ")
        daemon.terminate()
        assert await end_of(daemon) == Exit.DONE


async def test_a_sweep_that_takes_too_long_is_left_to_the_daemon(tmp_path: Path) -> None:
    async with Simulation(World(), clock=utc_now) as simulation:
        file = slowly(configuration(tmp_path, endpoint=simulation.endpoint))
        daemon = await spawn("run", "--config", file)
        await logged(daemon, "sweep.finished")
        simulation.faults.add(f.Stall())
        done = await aside("sources", "sweep", "prod", "--timeout", "1s", "--config", file)
        wrong = done.stderr
        assert done.returncode == Exit.FAILED
        assert "prod is not swept after 1 s" in wrong
        assert "`jobwatch sources prod` shows how far" in wrong
        daemon.kill()
        await end_of(daemon)


async def test_a_sweep_that_breaks_without_a_daemon_says_why(tmp_path: Path) -> None:
    async with Simulation(World(), clock=utc_now) as simulation:
        simulation.faults.add(f.DENIED)
        file = configuration(tmp_path, endpoint=simulation.endpoint)
        done = await aside("sources", "sweep", "prod", "--config", file)
        assert done.returncode == Exit.FAILED
        assert done.stderr.startswith("jobwatch: prod could not be swept: AccessDenied: ")
        assert done.stderr.count("\n") == 1
        assert "request " in done.stderr


LEAVE_ALONE = f.Say(
    status=503, code="ServiceUnavailable", message="busy", headers=(("Retry-After", "300"),)
)


async def test_a_sweep_while_calls_are_withheld_showed_the_old_error_as_if_it_had_just_asked(
    tmp_path: Path,
) -> None:
    async with Simulation(World(), clock=utc_now) as simulation:
        simulation.faults.add(LEAVE_ALONE)
        file = configuration(tmp_path, endpoint=simulation.endpoint)
        command = ("sources", "sweep", "prod", "--config", file)
        done = await aside(*command)
        assert "prod could not be swept: ServiceUnavailable: busy" in done.stderr
        asked = simulation.cloud.asked
        done = await aside(*command)
        assert done.returncode == Exit.FAILED
        assert done.stderr.startswith("jobwatch: prod was not asked: calls are withheld until 2")
        assert "because the cloud asked for a pause, the last with ServiceUnav" in done.stderr
        assert "; try again then" in done.stderr
        assert done.stderr.count("\n") == 1
        assert simulation.cloud.asked == asked
        shown = await asyncio.to_thread(read, "sources", "--config", file)
        assert shown["sources"][0]["failures"] == 1, "what was not asked did not fail"


async def test_a_daemon_that_withholds_calls_is_not_said_to_have_asked(tmp_path: Path) -> None:
    async with Simulation(World(), clock=utc_now) as simulation:
        simulation.faults.add(LEAVE_ALONE)
        file = configuration(tmp_path, endpoint=simulation.endpoint)
        daemon = await spawn("run", "--config", file)
        await logged(daemon, "sweep.failed")
        asked = simulation.cloud.asked
        done = await aside("sources", "sweep", "prod", "--config", file, "--output", "json")
        assert done.returncode == Exit.FAILED
        assert done.stderr.startswith("jobwatch: prod was not asked: calls are withheld until 2")
        assert "; the daemon sweeps then" in done.stderr
        assert json.loads(done.stdout)["done"] is False
        assert simulation.cloud.asked == asked
        daemon.terminate()
        assert await end_of(daemon) == Exit.DONE


async def test_a_sweep_with_mended_keys_goes_out_though_calls_are_withheld(tmp_path: Path) -> None:
    async with Simulation(World(lives()), clock=utc_now) as simulation:
        file = configuration(tmp_path, endpoint=simulation.endpoint)
        good = simulation.credentials.secret_id
        file.write_text(file.read_text().replace(good, "AKIDwrong"))
        for _ in range(6):
            state = await sweep_one(load_settings(file, {}).settings, "prod")
        assert (state.failures, simulation.cloud.asked) == (5, 5)
        file.write_text(file.read_text().replace("AKIDwrong", good))
        state = await sweep_one(load_settings(file, {}).settings, "prod")
        assert (state.failures, state.listed) == (0, 4)
