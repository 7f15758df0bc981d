"""The page of a daemon that has seen everything: sources of every kind, events of every sort, single jobs by name."""

import asyncio
import gzip
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from jobwatch.app.clock import utc_now
from jobwatch.core.events import EventType
from jobwatch.metrics import table
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Options, Server, Simulation
from jobwatch.simulator.vault_lives import VAULT_KINDS, vault_script
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port
from tests.programs import program
from tests.prometheus import lint, prometheus
from tests.rig import job, step

HOUR = timedelta(hours=1)
MANY = [f"many-{number}" for number in range(14)]
QUICK = {
    "stalled_after": "1s",
    "stuck_after": "1s",
    "waiting_after": "0s",
    "overdue_after": "1s",
    "failing": {"ratio": 0.05, "min_finished": 1},
    "unreachable_after": "1s",
    "expiring_before": "1d",
}
BY_COMMAND = {EventType.TEST}
"""What no daemon records."""

pytestmark = pytest.mark.timeout(120)


def jobs() -> World:
    """A job for every way to end, and for every way to be a problem."""
    waiting = {"stuck": "New", "waiting": "Suspended", "changes": "Ready"}
    scripts = [
        JobScript(id=name, created_at=utc_now() - HOUR, steps=(step(status),))
        for name, status in waiting.items()
    ]
    at_work = ("done", "in part", "failed", "cancelled", "stalled", "failing", "gone", *MANY)
    scripts += [job(name, step("Active"), created=utc_now() - HOUR) for name in at_work]
    scripts.append(
        job(
            'its "own"\\ id',
            step("Active"),
            created=utc_now() - HOUR,
            operation="COSNewThing",
            description='a\\b "quoted"\n<br>归档',
        )
    )
    world, now = World(scripts), utc_now()
    world.set("done", now, status="Complete", succeeded=10, failed=0)
    world.set("in part", now, status="Complete", succeeded=4, failed=6)
    world.set("failed", now, status="Failed")
    world.set("cancelled", now, status="Cancelled")
    world.set("failing", now, succeeded=1, failed=5)
    return world


def vaults() -> VaultWorld:
    """A job of every kind that a vault knows, all of them over."""
    rng = Random(5)
    return VaultWorld(
        {
            "backup": World(
                [vault_script(kind, rng, utc_now() - HOUR, speed=1000) for kind in VAULT_KINDS]
            )
        }
    )


def watched(simulation: Simulation, port: int) -> dict[str, Any]:
    """A configuration in which everything is there and everything can go wrong."""
    config = configuration(simulation, port, rules=QUICK)
    prod = config["sources"]["prod"] | {"first_sight": "everything", "vanished_after": "1s"}
    nowhere = prod["provider"] | {"region": "ap-guangzhou", "endpoint": "http://127.0.0.1:1"}
    cas = {"kind": "cas", "region": "ap-chengdu", "vaults": ["*"], "endpoint": simulation.endpoint}
    cas["credentials"] = prod["provider"]["credentials"]
    config["sources"] = {
        "prod": prod,
        "nowhere": prod | {"provider": nowhere},
        "vault_jobs": prod | {"provider": cas},
    }
    hook = simulation.hook_url
    every = {"types": ["*"]}
    config["receivers"] = {
        "ops": config["receivers"]["ops"] | {"wants": every},
        "gone": config["receivers"]["ops"] | {"url": hook("/gone"), "wants": every},
        "chat": {
            "url": hook("/chat"),
            "format": "slack",
            "wants": every,
            "digest": {"first": 1, "every": "1s"},
        },
    }
    config["metrics"] = {"per_job": {"enabled": True, "limit": 10}}
    return config


@dataclass(slots=True, kw_only=True)
class Loud:
    """The daemon, and the account that it watches."""

    simulation: Simulation
    daemon: Daemon

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.daemon.port}/metrics"

    async def until(self, types: set[EventType]) -> None:
        """Wait until the store has an event of each of these types."""
        wanted = {each.value for each in types}
        for _ in range(600):
            rows = await asyncio.to_thread(self.daemon.query, "SELECT DISTINCT type FROM events")
            if not (missing := wanted - {row[0] for row in rows}):
                return
            assert self.daemon.running, self.daemon.tail()
            await asyncio.sleep(0.1)
        raise AssertionError(f"never told: {sorted(missing)}\n{self.daemon.tail()}")

    async def shown(self, text: str) -> None:
        """Wait until the page has this: it is refreshed now and then."""
        async with asyncio.timeout(30):
            while text not in (await asyncio.to_thread(fetch, self.url))[0].decode():
                await asyncio.sleep(0.2)


@asynccontextmanager
async def loud(folder: Path) -> AsyncIterator[Loud]:
    """A daemon that has told an event of every type."""
    port = free_port()
    options = Options(secrets=())  # a robot signs nothing
    async with Simulation(jobs(), clock=utc_now, vaults=vaults(), options=options) as simulation:
        simulation.sink.always("/gone", Reply(status=410))
        simulation.sink.always("/chat", Reply(status=200, body=b"ok"))
        daemon = Daemon(folder=folder, config=watched(simulation, port), port=port)
        daemon.start()
        one = Loud(simulation=simulation, daemon=daemon)
        try:
            await asyncio.to_thread(daemon.wait_ready)
            await everything_happens(one)
            yield one
        finally:
            daemon.kill()


async def everything_happens(one: Loud) -> None:
    world = one.simulation.world
    await one.until({EventType.BASELINED, EventType.DISCOVERED})
    world.set("changes", utc_now(), status="Active")
    world.remove("gone")
    await one.until({EventType.VANISHED, EventType.STATUS_CHANGED})
    for name in MANY:
        world.remove(name)
    await one.until(set(EventType) - BY_COMMAND)
    await one.shown('jobwatch_events_total{source="prod",type="source.suspect"} 1.0')


def fetch(url: str, **headers: str) -> tuple[bytes, str]:
    """A page as it came, and its content type."""
    asked = urllib.request.Request(
        url, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return answer.read(), answer.headers["Content-Type"]


@dataclass(slots=True, kw_only=True)
class Between:
    """Stands between Prometheus and the daemon, and keeps what each of them said."""

    url: str
    accept: str = ""
    content_type: str = ""
    body: bytes = b""

    async def pass_on(self, request: web.Request) -> web.Response:
        accept, encoding = request.headers["Accept"], request.headers["Accept-Encoding"]
        body, content_type = await asyncio.to_thread(
            fetch, self.url, Accept=accept, Accept_Encoding=encoding
        )
        self.accept, self.content_type, self.body = accept, content_type, body
        headers = {"Content-Type": content_type, "Content-Encoding": "gzip"}
        return web.Response(body=body, headers=headers)


async def test_promtool_finds_nothing_on_the_page_and_prometheus_reads_it_as_openmetrics(
    tmp_path: Path,
) -> None:
    program("promtool")
    async with loud(tmp_path) as one:
        plain, content_type = await asyncio.to_thread(fetch, one.url)
        assert content_type.startswith("text/plain; version=0.0.4")
        assert not await asyncio.to_thread(lint, plain)
        await read_by_prometheus(one, tmp_path / "prometheus")


async def read_by_prometheus(one: Loud, folder: Path) -> None:
    between = Between(url=one.url)
    application = web.Application()
    application.router.add_get("/metrics", between.pass_on)
    server = Server(application)
    await server.start()
    target = server.url.removeprefix("http://")
    try:
        async with prometheus(folder) as scraper:
            scraper.scrape(target)
            await scraper.until(lambda: scraper.query(f'up{{instance="{target}"}} == 1'))
            scraped = scraper.query(f'scrape_samples_scraped{{instance="{target}"}}')
    finally:
        await server.stop()
    assert "application/openmetrics-text" in between.accept
    assert between.content_type.startswith("application/openmetrics-text; version=1.0.0")
    text = gzip.decompress(between.body).decode()
    families = list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    assert {round(value) for value in scraped.values()} == {
        sum(len(each.samples) for each in families)
    }
    assert {each.name for each in families} <= {row.family for row in table.ROWS}
