"""Troubles of users, provoked for real: each scene gives what jobwatch said about it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from jobwatch.app.clock import utc_now
from jobwatch.simulator.fault_spec import parse_faults
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.world import World
from tests.cli_rig import Done, aside, child, complaints, configuration, end_of, life, lives, spawn

Tree = dict[str, Any]
WIDE = {"COLUMNS": "4000"}
"""So wide that no sentence is broken."""


def words(done: Done) -> str:
    return done.stdout + done.stderr


def edit(file: Path, change: Callable[[Tree], object]) -> Path:
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(tree)
    file.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return file


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


# ── sources ─────────────────────────────────────────────────────────────────────────

NOWHERE = ("http://127.0.0.1:9", "https://jobwatch.invalid")
FAULTS = ("expired_token", "denied", "slowdown", "internal", "reset", "html200", "skew=+20m")
KEYS: tuple[Tree, ...] = (
    {"secret_id": "AKIDother", "secret_key": "demo-not-a-real-key"},
    {"secret_id": "AKIDdemo-not-a-real-id", "secret_key": "another-not-a-real-key"},
    {"use": "environment"},
    {"metadata_endpoint": "http://127.0.0.1:9"},
)


async def sources(parent: Path) -> str:
    """Everything that `check --online` says of clouds, keys and networks that are not as they should be."""
    file = configuration(parent)
    usual = yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]["prod"]
    async with AsyncExitStack() as stack:
        sound = (await stack.enter_async_context(cloud())).endpoint
        others = [(await stack.enter_async_context(cloud(each))).endpoint for each in FAULTS]
        made: list[Tree] = [{"endpoint": sound, "credentials": each} for each in KEYS]
        made += [{"endpoint": each} for each in (*others, *NOWHERE)]
        named = {
            "prod" if not at else f"prod_{at}": _source(usual, each, at)
            for at, each in enumerate(made)
        }
        edit(file, lambda tree: tree.update(sources=named))
        nobody = {**WIDE, "HOME": str(parent)}  # whose keys would be found there
        return words(await aside("check", "--online", "--config", file, env=nobody))


def _source(usual: Tree, provider: Tree, number: int) -> Tree:
    """Each has a region of its own: two sources on one are refused."""
    return {"provider": {**usual["provider"], **provider, "region": f"ap-region-{number}"}}


@asynccontextmanager
async def cloud(fault: str = "") -> AsyncIterator[Simulation]:
    options = Options(faults=parse_faults(fault), secrets=())
    async with Simulation(World(lives()), clock=utc_now, options=options) as simulation:
        yield simulation


# ── receivers, and who is told what ─────────────────────────────────────────────────

KEY = "whsec_ZXhhbXBsZSBvbmx5OiBtYWtlIHlvdXIgb3duIGtleSE="
REPLIES = {
    "wrong_key": Reply(status=401, body=b"bad signature"),
    "not_there": Reply(status=404),
    "gone": Reply(status=410),
    "elsewhere": Reply(status=302, headers={"Location": "https://elsewhere.example.com"}),
    "puzzled": Reply(status=400, body=b"no such field"),
    "too_fast": Reply(status=429),
    "broken": Reply(status=500),
    "narrow": Reply(status=413),
    "slow": Reply(delay=timedelta(seconds=30)),
}
WANTS: dict[str, Tree] = {
    "no_types": {"types": ["job.cancelled"]},
    "no_sources": {"types": ["*"], "sources": ["dev"]},
    "no_operations": {"types": ["*"], "operations": ["COSRestoreObject"]},
    "no_descriptions": {"types": ["*"], "descriptions": ["billing*"]},
    "no_small_ones": {"types": ["*"], "failed_tasks_at_least": 1000},
}


async def receivers(parent: Path) -> str:
    """What a test says to each kind of answer, and what a job's story says of who was told and who was not."""
    options = Options(secrets=())
    old = life("job-old", "Active", "Complete")
    before = type(old)(id="job-old", created_at=utc_now() - timedelta(days=2), steps=old.steps)
    async with Simulation(World([*lives(), before]), clock=utc_now, options=options) as simulation:
        file = edit(
            configuration(parent, endpoint=simulation.endpoint),
            lambda tree: _many(tree, simulation),
        )
        names = yaml.safe_load(file.read_text(encoding="utf-8"))["receivers"]
        commands: list[tuple[str, ...]] = [
            ("receivers", "test", name) for name in names if name not in WANTS
        ]
        commands += [("explain", f"prod/{job}") for job in ("job-failed", "job-partly", "job-old")]
        said = [await run(file, "once")]
        said += [words(await aside(*each, "--config", file, env=WIDE)) for each in commands]
        return "\n".join(said)


async def run(file: Path, command: str) -> str:
    process = await spawn(command, "--config", file, env=WIDE)
    said = await complaints(process)
    await end_of(process)
    return said


def _many(tree: Tree, simulation: Simulation) -> None:
    made: dict[str, Tree] = {}
    for name, reply in REPLIES.items():
        simulation.sink.always(f"/{name}", reply)
        made[name] = {"url": simulation.hook_url(f"/{name}"), "timeout": "1s"}
    made |= {
        name: {"url": simulation.hook_url(f"/{name}"), "wants": wants}
        for name, wants in WANTS.items()
    }
    simulation.sink.always("/robot", Reply(status=200, body=b"<html>log in</html>"))
    made["robot"] = {"url": simulation.hook_url("/robot"), "format": "dingtalk"}
    made["closed"] = {"url": "http://127.0.0.1:9/closed"}
    made["no_name"] = {"url": "https://jobwatch.invalid/x"}
    made["no_tls"] = {"url": simulation.hook_url("/x").replace("http:", "https:")}
    made["metadata"] = {"url": "https://169.254.169.254/x"}
    for each in made.values():
        if each.get("format", "standard") == "standard":
            each["secrets"] = [KEY]
    tree["receivers"] = made
    there = tree["sources"]["prod"]["provider"]
    tree["sources"]["dev"] = {"provider": {**there, "region": "ap-beijing"}}


ENDLESS = ("repeat", "endless_empty", "unavailable")


async def sweeps(parent: Path) -> str:
    """What is said of clouds whose lists do not end, or that say nothing else than that they have trouble."""
    file = configuration(parent)
    usual = yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]["prod"]
    async with AsyncExitStack() as stack:
        found = [(await stack.enter_async_context(cloud(each))).endpoint for each in ENDLESS]
        named = {
            name: _source(usual, {"endpoint": endpoint}, at)
            for at, (name, endpoint) in enumerate(zip(ENDLESS, found, strict=True))
        }
        edit(file, lambda tree: tree.update(sources=named))
        return await run(file, "once")


async def silence(parent: Path) -> str:
    """What is said of a job that ended badly while its source was muted."""
    options = Options(secrets=())
    async with Simulation(World([]), clock=utc_now, options=options) as before:
        file = configuration(parent, endpoint=before.endpoint)
        receiver = {"url": before.hook_url("/ops"), "secrets": [KEY], "wants": {"types": ["*"]}}
        edit(file, lambda tree: tree.update(receivers={"ops": receiver}))
        await run(file, "once")
    mute = ("mute", "--source", "prod", "--for", "1h", "--reason", "known")
    said = [words(await aside(*mute, "--config", file, env=WIDE))]
    async with Simulation(World(lives()), clock=utc_now, options=options) as after:
        there = {"endpoint": after.endpoint}
        edit(file, lambda tree: tree["sources"]["prod"]["provider"].update(there))
        await run(file, "once")
        said.append(words(await aside("explain", "prod/job-failed", "--config", file, env=WIDE)))
    return "\n".join(said)


# ── the start ───────────────────────────────────────────────────────────────────────

MISTAKEN = """
sources:
  prod:
    everyy: 30s
    provider: {kind: cos-batch, region: ap-chengdu, uin: "100000000001"}
rules: {stalled_after: 30}
"""
UNREADABLE = """
sources:
  prod:
    provider: {kind: cos-batch, region: ap-chengdu, uin: "100000000001", appid: "1250000000"}
receivers:
  ops: {url_file: nowhere}
"""
NOT_YET = (
    UNREADABLE.split("receivers:", maxsplit=1)[0]
    + """
store: {kind: postgres, dsn: "postgresql://db.example.com/jobwatch"}
"""
)


async def starts(parent: Path) -> str:
    """What a start says that fails: for the configuration, the port, and what lies in the store's place."""
    mistaken = folder(parent, "mistaken") / "jobwatch.yaml"
    said = []
    for part in (MISTAKEN, UNREADABLE, NOT_YET):
        mistaken.write_text(part, encoding="utf-8")
        said.append(words(await aside("check", "--config", mistaken, env=WIDE)))
    said.append(words(await aside("check", "--config", configuration(folder(parent, "told")), env=WIDE)))  # fmt: skip
    said.append(await asyncio.to_thread(_on_a_port_that_is_taken, folder(parent, "port")))
    text = folder(parent, "text")
    (text / "jobwatch.db").write_text("no database" * 99, encoding="utf-8")
    said.append(words(await asyncio.to_thread(child, "run", "--config", configuration(text))))
    return "\n".join(said)


def _on_a_port_that_is_taken(place: Path) -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        file = edit(configuration(place), lambda tree: tree.update(http={"listen": listen}))
        return words(child("run", "--config", file))
