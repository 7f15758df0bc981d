"""Stores that cannot be used and daemons that wait, provoked for real: each scene gives what jobwatch said about it."""

import asyncio
import json
import shutil
import signal
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import yaml

from jobwatch.cli.health import HEALTH, judge, sentence
from jobwatch.simulator.simulation import Simulation
from tests.cli_rig import aside, child, configuration
from tests.daemon import Daemon, free_port
from tests.e2e.trouble_scenes import WIDE, cloud, edit, folder, run, words


async def stores(parent: Path) -> str:
    """What commands say of a store that they cannot use."""
    async with cloud() as simulation:
        file = configuration(folder(parent, "sound"), endpoint=simulation.endpoint)
        await run(file, "once")
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
            said += await _while_theyrun(first, second)
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


async def _while_theyrun(first: Daemon, second: Daemon) -> list[str]:
    first.start()
    said = [await _asked(first, "was not attempted yet")]
    said.append(await _standing_still(first))
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


async def _standing_still(daemon: Daemon) -> str:
    """What is said of a process that is there and does nothing."""
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        return words(await aside("health", "--config", daemon.folder / "jobwatch.yaml", env=WIDE))
    finally:
        daemon.process.send_signal(signal.SIGCONT)


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
