"""Commands that go on until they are stopped, as child processes."""

import asyncio
import json
import re
import signal
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
import yaml

from jobwatch.app.clock import utc_now
from jobwatch.cli.ending import Exit
from jobwatch.simulator.receiver import Manner, Reply
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.cli_rig import PATIENCE, complaints, configuration, end_of, line_with, logged, spawn


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_daemon_ends_cleanly_when_it_is_told_to(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = await spawn("run", "--config", configuration(tmp_path))
    await logged(process, "daemon.started")
    process.send_signal(number)
    assert await end_of(process) == Exit.DONE
    assert "Traceback" not in await complaints(process)


async def test_a_second_signal_ends_a_daemon_that_still_waits_for_a_receiver(
    tmp_path: Path,
) -> None:
    world = World()
    async with Simulation(world, clock=utc_now) as simulation:
        simulation.sink.always("/hook", Reply(manner=Manner.STALL))
        file = configuration(
            tmp_path, endpoint=simulation.endpoint, hooks={"ops": simulation.hook_url()}
        )
        daemon = await spawn("run", "--config", file)
        await logged(daemon, "sweep.finished")
        world.add(JobScript(id="job-1", created_at=utc_now(), steps=(Step("Active"),)))
        await simulation.sink.wait_for(1, within=PATIENCE)
        daemon.terminate()
        await logged(daemon, "stop.requested")
        daemon.terminate()
        assert await end_of(daemon) == 128 + signal.SIGTERM
        assert "ended at once by a second SIGTERM" in await complaints(daemon)


async def test_events_are_followed_beside_a_daemon_that_holds_the_store(tmp_path: Path) -> None:
    world = World()
    async with Simulation(world, clock=utc_now) as simulation:
        file = configuration(
            tmp_path, endpoint=simulation.endpoint, hooks={"ops": simulation.hook_url()}
        )
        daemon = await spawn("run", "--config", file)
        await logged(daemon, "sweep.finished")
        follower = await spawn("events", "--follow", "--config", file, "--output", "json")
        world.add(JobScript(id="job-1", created_at=utc_now(), steps=(Step("Active"),)))
        first = json.loads(await line_with(follower, "job.discovered"))
        world.set("job-1", utc_now(), status="Failed")
        second = json.loads(await line_with(follower, "job.failed"))
        assert first["position"] < second["position"]
        assert second["released"]

        once = await spawn("once", "--config", file)
        said = await complaints(once)
        assert await end_of(once) == Exit.FAILED
        assert f"pid={daemon.pid}" in said

        follower.send_signal(signal.SIGINT)
        assert await end_of(follower) == Exit.DONE
        assert await complaints(follower) == ""
        daemon.terminate()
        assert await end_of(daemon) == Exit.DONE


async def test_the_simulated_cloud_comes_with_a_configuration_that_watches_it(
    tmp_path: Path,
) -> None:
    cloud = await spawn("simulate", "--jobs", "12", "--output", "json")
    assert cloud.stdout is not None
    async with asyncio.timeout(PATIENCE):
        document = json.loads(await cloud.stdout.readuntil(b"\n}\n"))
    assert document["endpoint"].startswith("http://127.0.0.1:")
    file = tmp_path / "jobwatch.yaml"
    file.write_text(yaml.safe_dump(document["configuration"]))

    once = await spawn("once", "--config", file)
    said = await complaints(once)
    assert await end_of(once) == Exit.DONE, said

    cloud.send_signal(signal.SIGINT)
    assert await end_of(cloud) == Exit.DONE
    assert await complaints(cloud) == ""


async def test_the_simulated_cloud_prints_a_configuration_to_paste() -> None:
    cloud = await spawn("simulate", "--jobs", "0")
    introduction = await line_with(cloud, "listens at")
    endpoint = re.findall(r"http://\S+\d", introduction)[0]
    assert endpoint in await line_with(cloud, "endpoint: ")
    cloud.terminate()
    assert await end_of(cloud) == Exit.DONE


async def test_the_simulated_cloud_says_when_it_cannot_listen() -> None:
    first = await spawn("simulate", "--jobs", "0")
    port = re.findall(r"http://127\.0\.0\.1:(\d+)", await line_with(first, "listens at"))[0]
    second = await spawn("simulate", "--port", port)
    assert await end_of(second) == Exit.FAILED
    said = await complaints(second)
    assert said.startswith(f"jobwatch: cannot listen on 127.0.0.1:{port}: ")
    assert said.count("\n") == 1
    first.terminate()
    await end_of(first)


async def shows_jobs_wherever_it_is_typed(line: str) -> None:
    """A shell of another terminal knows nothing of the environment that the demo runs in."""
    path = "/usr/bin:/bin"
    shell = await asyncio.create_subprocess_shell(
        line, stdout=PIPE, stderr=PIPE, env={"PATH": path}, cwd="/"
    )
    out, complained = await shell.communicate()
    assert shell.returncode == Exit.DONE, complained
    assert b"nightly copy" in out


async def test_the_demo_soon_tells_a_success_a_partial_failure_and_a_failure_with_its_reasons() -> (
    None
):
    demo = await spawn("demo", "--port", "0")
    page = await line_with(demo, "status page")
    begun = (
        asyncio.get_running_loop().time()
    )  # how long Python takes to start is the machine's business
    assert re.search(r" http://127\.0\.0\.1:\d+/$", page.strip())
    typed = (await line_with(demo, "look inside")).split("look inside", 1)[1]
    await line_with(demo, "● job.succeeded  “nightly copy")
    await shows_jobs_wherever_it_is_typed(typed)
    await line_with(demo, "● job.completed_with_failures  “restore")
    await line_with(demo, "● job.failed  “copy logs")
    assert "FailureThresholdExceeded: More than 50%" in await line_with(demo, " why ")
    assert "signature verified" in await line_with(demo, " webhook ")
    assert asyncio.get_running_loop().time() - begun <= 12

    demo.send_signal(signal.SIGINT)
    summary = await line_with(demo, "events told")
    assert "verified" in summary
    assert await end_of(demo) == Exit.DONE
    assert await complaints(demo) == ""


async def test_the_demo_ends_by_itself_and_takes_a_free_port_where_its_own_is_taken() -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as taken:
        port = taken.sockets[0].getsockname()[1]
        demo = await spawn("demo", "--for", "1s", "--port", str(port))
        page = await line_with(demo, "status page")
        assert f":{port}/" not in page
        assert await end_of(demo) == Exit.DONE
        assert await complaints(demo) == ""
