"""The examples of docs/api.md, run as written against a daemon that watches a simulated cloud."""

import asyncio
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

from jobwatch.app.clock import utc_now
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.web.api import ENDPOINTS
from jobwatch.web.api.refused import Code
from tests.cli_rig import aside, lives
from tests.daemon import Daemon, configuration, free_port
from tests.documents.shown import fenced
from tests.programs import program

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
BASE = "http://127.0.0.1:19870"
REST = "…"
"""A key that stands for all that are not shown."""


def examples() -> list[tuple[str, Any]]:
    """Every command that the page shows, and the answer below it."""
    found = []
    for block in fenced(PAGE, "console"):
        for command, answer in re.findall(
            r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, flags=re.MULTILINE
        ):
            found.append((command, json.loads(answer)))
    return found


def unlike(shown: Any, real: Any, place: str = "") -> list[str]:
    """Where an answer is not of the shape that is shown; null and a value may stand for each other."""
    if shown is None or real is None:
        return []
    if isinstance(shown, dict) and isinstance(real, dict):
        return unlike_object(shown, real, place)
    if isinstance(shown, list) and isinstance(real, list):
        return unlike_list(shown, real, place)
    if isinstance(shown, str) and isinstance(real, str):
        # A word of the program is shown as it is; names, times and ids are examples.
        fixed = re.fullmatch(r"[a-z_]+", shown) and "id" not in place and "/event" not in place
        return [f"{place}: {real}"] if fixed and shown != real else []
    numbers = all(type(each) in (int, float) for each in (shown, real))
    return [] if numbers or type(shown) is type(real) else [f"{place}: {real!r}"]


def unlike_object(shown: dict[str, Any], real: dict[str, Any], place: str) -> list[str]:
    wrong = [f"{place}: {key}" for key in {*shown} - {*real, REST}]
    if REST not in shown:
        wrong += [f"{place}: not shown: {key}" for key in {*real} - {*shown}]
    for key in {*shown} & {*real}:
        wrong += unlike(shown[key], real[key], f"{place}/{key}")
    return wrong


def unlike_list(shown: list[Any], real: list[Any], place: str) -> list[str]:
    if not shown:
        return []
    if isinstance(shown[0], str):
        return [] if shown == real else [f"{place}: {real}"]
    return [each for item in real for each in unlike(shown[0], item, place)] or (
        [] if real else [f"{place}: is empty"]
    )


def ask(command: str, port: int) -> Any:
    words = shlex.split(command.replace(BASE, f"http://127.0.0.1:{port}"))
    assert words[:2] == ["curl", "-s"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout)


async def test_every_example_of_the_page_is_answered_as_shown(tmp_path: Path) -> None:
    program("curl")
    async with Simulation(World(lives()), clock=utc_now) as simulation:
        port = free_port()
        daemon = Daemon(folder=tmp_path, config=configuration(simulation, port), port=port)
        await asyncio.to_thread(daemon.start)
        try:
            await asyncio.to_thread(daemon.wait_ready)
            await asyncio.to_thread(wait_told, port)
            for command, shown in examples():
                real = await asyncio.to_thread(ask, command, port)
                assert not unlike(shown, real), (command, unlike(shown, real), real)
            await check_against_the_command_line(tmp_path / "jobwatch.yaml", port)
        finally:
            await asyncio.to_thread(daemon.stop)
    assert len(examples()) == 11


async def check_against_the_command_line(config: Path, port: int) -> None:
    """Both give the same documents of the same things."""
    for words, path, key in (
        (("jobs",), "jobs", "jobs"),
        (("jobs", "--outcome", "failed"), "jobs?outcome=failed", "jobs"),
        (("deliveries", "--state", "delivered"), "deliveries?state=delivered", "deliveries"),
        (("events", "--type", "job.failed"), "events?type=job.failed", "events"),
        (("receivers",), "receivers", "receivers"),
        (("mutes", "--ended"), "mutes?ended=true", "mutes"),
        *(
            (("job", "prod/job-failed"), "jobs/prod/job-failed", key)
            for key in (
                "job",
                "detail",
                "forecast",
                "conditions",
                "changes",
                "events",
                "deliveries",
            )
        ),
    ):
        done = await aside(*words, "--config", config, "--output", "json")
        real = await asyncio.to_thread(ask, f"curl -s {BASE}/api/v1/{path}", port)
        assert real[key] == json.loads(done.stdout)[key], (words, key)
    done = await aside("sources", "--config", config, "--output", "json")
    (source,) = (await asyncio.to_thread(ask, f"curl -s {BASE}/api/v1/sources", port))["sources"]
    del source["data_age_seconds"]
    (said,) = json.loads(done.stdout)["sources"]
    assert set(source) == set(said)
    for each in ("name", "account", "standing", "listed", "conditions", "baselined_at"):
        assert source[each] == said[each]


def wait_told(port: int) -> None:
    """Wait until all three endings were delivered."""
    for _ in range(300):
        told = ask(f"curl -s --retry 3 {BASE}/api/v1/deliveries?state=delivered", port)
        if len(told["deliveries"]) == 3:
            return
        subprocess.run(["sleep", "0.1"], check=True)
    raise AssertionError("not told")


def test_the_page_names_every_path_and_every_code() -> None:
    for each in ENDPOINTS:
        path = each.path.replace(":[^/]+", "")
        shown = path in PAGE or path.endswith("/resume")
        assert shown, path
    assert {each.value for each in Code} <= set(re.findall(r"`([a-z_]+)`", PAGE))
