"""A proxy that shouts back the password it was given: it reaches no log, store, page or command either."""

import asyncio
import base64
from pathlib import Path

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port
from tests.e2e.canaries import findings, secret, signing, target, written
from tests.e2e.test_secrets_stay import command_line, pages, remains, said, until
from tests.raw_server import Peer, serving
from tests.rig import job, step

ANSWERS = ("407 Proxy Authentication Required", "502 Bad Gateway", "302 Found", "200 Ok")

pytestmark = pytest.mark.timeout(120)


def login(word: str) -> str:
    return f"{secret('user')}:{secret(word)}"


def carried(word: str) -> bytes:
    """How a password travels."""
    return base64.b64encode(login(word).encode())


async def shouts(peer: Peer) -> None:
    """Answers in the receiver's place, with all that it knows."""
    head = await peer.request()
    status = ANSWERS[len(peer.requests) % len(ANSWERS)]
    word = "turned" if carried("turned") in head else "proxy"
    known = f"{login(word)} {carried(word).decode()} {login(word).upper()} ".encode()
    where = f"Location: http://{login(word)}@elsewhere.invalid{target('proxied')}"
    # What follows a granted tunnel is no TLS.
    await peer.answer(known + head, status, (where, f"Proxy-Authenticate: {login(word)}"))


async def test_a_proxys_password_goes_nowhere_but_to_the_proxy_and_is_read_again_when_it_changes(
    tmp_path: Path,
) -> None:
    names = ("job-0", "job-1")
    world = World(
        [job(name, step("Active", 90_000, done=1.0), created=utc_now()) for name in names]
    )
    async with serving(shouts) as proxy, Simulation(world, clock=utc_now) as simulation:
        port = free_port()
        config = configuration(simulation, port, log={"level": "debug", "format": "json"})
        at = proxy.url("").removeprefix("http://")
        file = written(tmp_path, f"http://{login('proxy')}@{at}")
        config["egress"] = {"allow_http": True, "proxy_file": str(file)}
        common = {"secrets": [signing("first")], "timeout": "2s"}
        config["receivers"] = {
            "plain": common | {"url": "http://hooks.example.com" + target("proxied")},
            "tunnel": common | {"url": "https://hooks.example.com" + target("proxied")},
        }
        daemon = Daemon(folder=tmp_path, config=config, port=port)
        daemon.start()
        try:
            await asyncio.to_thread(daemon.wait_ready)
            world.set("job-0", utc_now(), status="Failed")
            await until(lambda: len(proxy.requests) >= len(ANSWERS))
            assert all(carried("proxy") in head for head in proxy.requests)
            file.write_text(f"http://{login('turned')}@{at}\n", encoding="utf-8")
            heard = len(proxy.requests)
            world.set("job-1", utc_now(), status="Failed")
            await until(lambda: len(proxy.requests) > heard)
            assert carried("turned") in proxy.requests[-1]
            assert carried("proxy") not in proxy.requests[-1]
            places = {"command line": command_line(daemon), **await pages(daemon)}
            places |= await said_of_the_proxy(daemon)
            assert await asyncio.to_thread(daemon.stop) == 0
        finally:
            if daemon.running:
                daemon.kill()
    assert findings(places | remains(daemon)) == []


async def said_of_the_proxy(daemon: Daemon) -> dict[str, str]:
    found: dict[str, str] = {}
    for words in (("check",), ("receivers",), ("deliveries",), ("explain", "prod/job-0")):
        found |= await said(daemon, words, {0})
    for name in daemon.config["receivers"]:
        found |= await said(daemon, ("receivers", "test", name), {0, 1, 2})
    return found
