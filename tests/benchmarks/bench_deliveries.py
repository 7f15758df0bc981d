"""Deliveries end to end against a bare aiohttp client that posts the same bodies: G10."""

import asyncio
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import aiohttp

from jobwatch.app.clock import utc_now
from jobwatch.app.parts import Parts
from jobwatch.core.model import Job, Phase
from jobwatch.notifier import Notifier
from jobwatch.poller.observing import observe
from jobwatch.poller.source import watch_for
from jobwatch.store.values import EventFilter
from tests.benchmarks.daemon_parts import Taken, measured, opened
from tests.benchmarks.page_server import pin, served
from tests.benchmarks.rows import Row, median

AT_ONCE = 50
ROUNDS = 5
CONTENT_TYPE = "application/cloudevents+json"


def delivery_rows(count: int) -> list[Row]:
    """Measure with so many deliveries a round."""
    pin()
    with tempfile.TemporaryDirectory() as folder, served(1) as port:
        ours, bare = asyncio.run(_measure(count, port, Path(folder)))
    cpu, bare_cpu = (median(each.cpu for each in taken) / count * 1e6 for taken in (ours, bare))
    wall, bare_wall = (median(each.wall for each in taken) / count for taken in (ours, bare))
    costs = f"{bare_cpu:.0f} us of processor / ours {cpu:.0f}"
    rates = f"ours {1 / wall:.0f}/s, bare {1 / bare_wall:.0f}/s"
    return [
        Row("G10", f"bare client / whole delivery: {costs}", bare_cpu / cpu, 0.25, least=True),
        Row("G10", f"the same by the clock: {rates}", bare_wall / wall, 0.25, least=True),
        Row(
            "G4", "loop lag max while delivering", median(max(each.lags) for each in ours), 15, "ms"
        ),
    ]


async def _measure(count: int, port: int, folder: Path) -> tuple[list[Taken], list[Taken]]:
    ours: list[Taken] = []
    bare: list[Taken] = []
    async with opened(port, folder) as parts:
        for number in range(ROUNDS):
            await _tell(parts, number, count)
            bodies = await _bodies(parts, count)
            ours.append(await measured(partial(_deliver, parts.notifiers["ops"])))
            bare.append(await measured(partial(_post, bodies, f"http://127.0.0.1:{port}/ops")))
    return ours, bare


async def _tell(parts: Parts, number: int, count: int) -> None:
    """Record new jobs, each of which is news."""
    source = parts.watched["prod"].source
    state = await parts.store.source(source.lease)
    watch = replace(watch_for(source, state, utc_now()), baselined=True)
    jobs = [
        Job(id=f"{number}-{each}", status="New", phase=Phase.PENDING, description="example-job")
        for each in range(count)
    ]
    for first in range(0, count, 1000):
        await observe(source, jobs[first : first + 1000], watch)


async def _bodies(parts: Parts, count: int) -> list[bytes]:
    page = await parts.store.events(EventFilter(), limit=count)
    assert len(page.rows) == count
    return [row.body for row in page.rows]


async def _deliver(notifier: Notifier) -> None:
    """Everything that is due, as the notifier's loop does it."""
    while not await notifier.deliver_due():
        pass


async def _post(bodies: Iterable[bytes], url: str) -> None:
    """The cheapest way to post them with the same client library."""
    waiting = iter(bodies)

    async def work(session: aiohttp.ClientSession) -> None:
        for body in waiting:
            async with session.post(
                url, data=body, headers={"content-type": CONTENT_TYPE}
            ) as answer:
                await answer.read()

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work(session))
