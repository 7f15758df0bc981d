"""Troubles of users, provoked for real: each scene gives what jobwatch said about it."""

import asyncio
import json
import shutil
import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from jobwatch.app.clock import utc_now
from jobwatch.cli.health import HEALTH, judge, sentence
from jobwatch.simulator.fault_spec import parse_faults
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.world import World
from tests.cli_rig import Done, aside, child, complaints, configuration, end_of, life, lives, spawn
from tests.daemon import Daemon, free_port

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

FAULTS = ("expired_token", "denied", "slowdown", "internal", "reset", "html200", "skew=+20m")
KEYS: tuple[Tree, ...] = (
    {"secret_id": "AKIDother", "secret_key": "demo-not-a-real-key"},
    {"secret_id": "AKIDdemo-not-a-real-id", "secret_key": "another-not-a-real-key"},
    {"use": "environment"},
    {"metadata_endpoint": "http://127.0.0.1:9"},
)


async def sources(parent: Path) -> str:
    """Everything that `check --online` says of a cloud, of keys and of a network that are not as they should be."""
    clouds = [_with_fault(folder(parent, str(at)), each) for at, each in enumerate(FAULTS)]
    others = [_with_keys(folder(parent, f"keys-{at}"), each) for at, each in enumerate(KEYS)]
    lost = [_unreached(folder(parent, f"lost-{at}"), at == 1) for at in range(2)]
    said = [await each for each in (*clouds, *others, *lost)]
    return "\n".join(said)


@asynccontextmanager
async def cloud(fault: str = "") -> AsyncIterator[Simulation]:
    options = Options(faults=parse_faults(fault), secrets=())
    async with Simulation(World(lives()), clock=utc_now, options=options) as simulation:
        yield simulation


async def _online(file: Path) -> str:
    nobody = {**WIDE, "HOME": str(file.parent)}  # whose keys would be found there
    return words(await aside("check", "--online", "--config", file, env=nobody))


async def _with_fault(place: Path, fault: str) -> str:
    async with cloud(fault) as simulation:
        return await _online(configuration(place, endpoint=simulation.endpoint))


async def _with_keys(place: Path, keys: Tree) -> str:
    async with cloud() as simulation:
        file = configuration(place, endpoint=simulation.endpoint)
        edit(file, lambda tree: tree["sources"]["prod"]["provider"].update(credentials=keys))
        return await _online(file)


async def _unreached(place: Path, nowhere: bool) -> str:  # noqa: FBT001  # two ways of not arriving
    file = configuration(place)
    if nowhere:
        edit(file, lambda tree: tree["sources"]["prod"]["provider"].update(endpoint="https://jobwatch.invalid"))  # fmt: skip
    return await _online(file)


# ── receivers, and who is told what ─────────────────────────────────────────────────

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
        commands = [("receivers", "test", name) for name in names if name not in WANTS]
        commands += [("explain", f"prod/{job}") for job in ("job-failed", "job-partly", "job-old")]
        said = [await _run(file, "once")]
        said += [words(await aside(*each, "--config", file, env=WIDE)) for each in commands]
        return "\n".join(said)


async def _run(file: Path, command: str) -> str:
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
            each["secrets"] = ["whsec_ZXhhbXBsZSBvbmx5OiBtYWtlIHlvdXIgb3duIGtleSE="]
    tree["receivers"] = made
    there = tree["sources"]["prod"]["provider"]
    tree["sources"]["dev"] = {"provider": {**there, "region": "ap-beijing"}}


# ── the start ───────────────────────────────────────────────────────────────────────

MISTAKEN = """
sources:
  prod:
    evry: 30s
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


# ── the store, and a daemon that waits ──────────────────────────────────────────────


async def stores(parent: Path) -> str:
    """What commands say of a store that they cannot use."""
    async with cloud() as simulation:
        file = configuration(folder(parent, "sound"), endpoint=simulation.endpoint)
        await _run(file, "once")
    database = file.parent / "jobwatch.db"
    there_is_none = configuration(folder(parent, "none"))
    said = [words(await aside("jobs", "--config", there_is_none, env=WIDE))]
    said.append(words(await aside("explain", "prod/job-failed", "--config", file, env=WIDE)))
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        mute = ("mute", "--source", "prod", "--for", "1h", "--reason", "x")
        said.append(words(await aside(*mute, "--config", file, env=WIDE)))
    for name, spoil in (("damaged", _damage), ("newer", _make_newer)):
        spoilt = configuration(folder(parent, name))
        shutil.copy(database, spoilt.parent)
        spoil(spoilt.parent / "jobwatch.db")
        said.append(words(await aside("jobs", "--config", spoilt, env=WIDE)))
    return "\n".join(said)


def _damage(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[100 : 3 * 4096] = b"\xee" * (3 * 4096 - 100)
    database.write_bytes(content)


def _make_newer(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


async def waits(parent: Path) -> str:
    """What a daemon says that is not ready, is refused a reload, and loses its store; and one that waits for the first."""
    async with cloud("delay=20s") as simulation:
        first, second = (_daemon(parent, simulation, name) for name in ("first", "second"))
        first.config["store"] = second.config["store"] = {"path": str(parent / "jobwatch.db")}
        second.config["http"]["read_token"] = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
        second.config["http"]["operate_token"] = "f9e8d7c6b5a493827160f5e4d3c2b1a0"
        said = [words(await aside("health", "--config", configuration(parent), env={"JOBWATCH_HTTP__LISTEN": "127.0.0.1:9"}))]  # fmt: skip
        try:
            said += await _while_they_run(first, second)
        finally:
            for each in (first, second):
                if each.running:
                    each.kill()
    return "\n".join([*said, first.tail(), second.tail(), _stalled()])


def _daemon(parent: Path, simulation: Simulation, name: str) -> Daemon:
    place, port = folder(parent, name), free_port()
    file = configuration(place, endpoint=simulation.endpoint)
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    return Daemon(folder=place, config={**tree, "http": {"listen": f"127.0.0.1:{port}"}}, port=port)


async def _while_they_run(first: Daemon, second: Daemon) -> list[str]:
    first.start()
    said = [await _asked(first, "was not attempted yet")]
    second.start()
    said.append(await _asked(second, "store is not open"))
    ready = ("health", "--ready", "--config")
    said.append(words(await aside(*ready, second.folder / "jobwatch.yaml", env=WIDE)))
    second_file, first_file = (each.folder / "jobwatch.yaml" for each in (second, first))
    said.append(words(await asyncio.to_thread(child, "once", "--config", second_file)))
    edit(first_file, lambda tree: tree.update(rulez={}))
    said += [
        await asyncio.to_thread(_answer, each, "/-/reload", "POST") for each in (first, second)
    ]
    second.kill()  # it would make a file where the store was
    (first.folder.parent / "jobwatch.db").unlink()
    async with asyncio.timeout(60):
        while first.running:
            await asyncio.sleep(0.1)
    return said


async def _asked(daemon: Daemon, awaited: str) -> str:
    """What `/readyz` answers to who comes through a proxy, once it says what is awaited."""
    async with asyncio.timeout(30):
        while True:
            body = await asyncio.to_thread(_answer, daemon, "/readyz", "GET")
            if awaited in body:
                return " ".join(json.loads(body)["missing"])
            assert daemon.running, daemon.tail()
            await asyncio.sleep(0.1)


def _answer(daemon: Daemon, path: str, method: str) -> str:
    """What is answered; who only reads comes through a proxy, and so from elsewhere."""
    headers = {"Content-Type": "application/json"}
    if method == "GET":
        headers = {"X-Forwarded-For": "192.0.2.1"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{daemon.port}{path}", method=method, headers=headers
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        return refused.read().decode()
    except OSError:  # it does not listen yet
        return ""


def _stalled() -> str:
    """A loop that hangs cannot be had from outside: what a daemon answers then, as `jobwatch health` reads it."""
    body = json.dumps({"healthy": False, "stalled": ["poller:prod"]}).encode()
    return sentence(judge(503, body, HEALTH), HEALTH)
