"""No secret reaches the log, whatever fails: a proxy, the keys, files, tokens, the database. At debug, with tracebacks."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession, web

from jobwatch.app.clock import utc_now
from jobwatch.simulator.simulation import Server, Simulation
from jobwatch.simulator.world import World
from tests.cli_rig import Done, child
from tests.daemon import Daemon, configuration, free_port
from tests.e2e.canaries import findings, secret, signing, target, written
from tests.rig import job, step

pytestmark = pytest.mark.timeout(120)

DEBUG = {"level": "debug", "format": "json"}
ERROR = "<Error><Code>SignatureDoesNotMatch</Code><Message>{}</Message><RequestId>NjEx</RequestId></Error>"


async def echo(request: web.Request) -> web.Response:
    """A cloud, a proxy and a receiver that repeat to whoever asks what they were sent."""
    said = " ".join(
        [request.raw_path, *(f"{name}={text}" for name, text in request.headers.items())]
    )
    text = ERROR.format(said.replace("&", "&amp;").replace("<", ""))
    heads = {"x-cos-request-id": "NjEx", "content-type": "application/xml"}
    return web.Response(status=403, text=text, headers=heads)


@asynccontextmanager
async def echoing() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", echo)
    server = Server(app)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


@asynccontextmanager
async def running(daemon: Daemon, *, ready: bool = True) -> AsyncIterator[Daemon]:
    daemon.start()
    try:
        if ready:
            await asyncio.to_thread(daemon.wait_ready)
        yield daemon
    finally:
        if daemon.running:
            await asyncio.to_thread(daemon.stop)


async def until(done: Callable[[], bool], within: float = 45.0) -> None:
    async with asyncio.timeout(within):
        while not done():
            await asyncio.sleep(0.1)


def receiver(base: str) -> dict[str, Any]:
    return {
        "url": base + target("hook"),
        "secrets": [signing("signing")],
        "headers": {"Authorization": f"Bearer {secret('header')}"},
        "timeout": "2s",
    }


def tokens() -> dict[str, Any]:
    return {"read_token": secret("read") * 2, "operate_token": secret("operate") * 2}


async def knock(port: int) -> None:
    """Ask with tokens that are wrong, or at the wrong place."""
    url = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Bearer {secret('wrong')}"}
    async with ClientSession() as session:
        for answer in (
            await session.get(f"{url}/api/v1/jobs?token={secret('query')}", headers=headers),
            await session.post(f"{url}/-/reload", headers=headers),
            await session.post(f"{url}/login", data={"token": secret("form")}),
        ):
            answer.release()


async def test_a_cloud_that_repeats_what_it_is_sent_and_whoever_tries_tokens(
    tmp_path: Path,
) -> None:
    port = free_port()
    async with echoing() as base, Simulation(World(), clock=utc_now) as simulation:
        config = configuration(simulation, port, log=DEBUG)
        provider = config["sources"]["prod"]["provider"]
        provider["endpoint"] = base
        provider["credentials"] = {
            "secret_id": secret("id"),
            "secret_key": secret("key"),
            "token": secret("session"),
        }
        config["receivers"] = {"ops": receiver(base)}
        config["http"] |= tokens()
        daemon = Daemon(folder=tmp_path, config=config, port=port)
        async with running(daemon):
            await until(lambda: len(daemon.logged("sweep.failed")) >= 1)
            await knock(port)
    log = daemon.log.read_text(encoding="utf-8")
    assert daemon.logged("call.failed")[0]["request_id"] == "NjEx"
    kept = str(daemon.query("SELECT last_error FROM sources"))
    assert "SignatureDoesNotMatch" in kept
    assert findings({"log": log, "store": kept}) == []


async def test_a_proxy_whose_password_is_refused(tmp_path: Path) -> None:
    port = free_port()
    async with echoing() as base, Simulation(World(), clock=utc_now) as simulation:
        config = configuration(simulation, port, log=DEBUG)
        config["egress"] = {
            "proxy": base.replace("//", f"//{secret('user')}:{secret('password')}@"),
        }
        config["receivers"] = {"ops": receiver("https://hooks.invalid")}
        config["sources"]["prod"]["provider"]["endpoint"] = "https://cloud.invalid"
        config["heartbeat"] = {"url": "https://beats.invalid" + target("beat"), "every": "10s"}
        daemon = Daemon(folder=tmp_path, config=config, port=port)
        async with running(daemon, ready=False):
            await until(lambda: bool(daemon.logged("sweep.failed") or not daemon.running))
    assert daemon.logged("sweep.failed"), daemon.tail()
    assert findings({"log": daemon.log.read_text(encoding="utf-8")}) == []


async def test_a_file_and_a_database_that_break_tell_nothing_of_what_they_held(
    tmp_path: Path,
) -> None:
    """The tracebacks of a database's errors name statements, and not what was to be written."""
    port = free_port()
    about: dict[str, Any] = {"created": utc_now(), "description": secret("text")}
    world = World([job(f"job-{number}", step("Active", 90_000), **about) for number in range(2)])
    async with Simulation(world, clock=utc_now) as simulation:
        config = configuration(simulation, port, log=DEBUG)
        file = written(tmp_path, simulation.hook_url("/" + secret("path")))
        config["receivers"]["filed"] = {"url_file": str(file), "secrets": [signing("filed")]}
        daemon = Daemon(folder=tmp_path, config=config, port=port)
        async with running(daemon):
            await until(lambda: bool(daemon.logged("sweep.finished")))
            file.write_text(f"no url {secret('broken')}\x00\n", encoding="utf-8")
            world.set("job-0", utc_now(), status="Failed")
            await until(lambda: bool(daemon.logged("secret.unread")))
            with closing(sqlite3.connect(daemon.database, timeout=10)) as connection:
                connection.execute("ALTER TABLE events RENAME TO lost")
            world.set("job-1", utc_now(), status="Failed")
            await until(lambda: bool(daemon.logged("step.failed")))
            await until(lambda: bool(daemon.logged("sweep.abandoned")))
    failed = daemon.logged("step.failed")
    assert any("Traceback" in each["traceback"] for each in failed)
    assert daemon.logged("sweep.abandoned")
    assert findings({"log": daemon.log.read_text(encoding="utf-8")}) == []


def test_a_dsn_that_cannot_be_used(tmp_path: Path) -> None:
    dsn = f"postgresql://{secret('user')}:{secret('password')}@127.0.0.1:{free_port()}/x?application_name={secret('name')}"
    file = tmp_path / "jobwatch.yaml"
    source = {
        "kind": "cos-batch",
        "region": "ap-chengdu",
        "uin": "100000000001",
        "appid": "1250000000",
        "credentials": {"secret_id": secret("id"), "secret_key": secret("key")},
    }
    config = {
        "sources": {"prod": {"provider": source}},
        "store": {"kind": "postgres", "dsn": dsn},
        "http": {"listen": f"127.0.0.1:{free_port()}"},
        "log": DEBUG,
    }
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    done: Done = child("run", "--config", file)
    assert done.returncode != 0
    assert findings({"log": done.stdout + done.stderr}) == []
