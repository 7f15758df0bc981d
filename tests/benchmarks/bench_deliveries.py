"""Deliveries end to end against a bare aiohttp client that posts the same bodies: G10.

Besides: what a receiver that hangs takes from another one, and what it costs to fold ten thousand events into a digest.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import aiohttp

from jobwatch.app.clock import utc_now
from jobwatch.app.parts import Parts
from jobwatch.core.digest import DigestPolicy
from jobwatch.core.model import Job, Phase
from jobwatch.notifier import Notifier
from jobwatch.poller.observing import observe
from jobwatch.poller.source import watch_for
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET
from jobwatch.store.outbox_values import Claim, Claimed
from jobwatch.store.values import EventFilter
from tests.benchmarks.daemon_parts import Taken, measured, opened
from tests.benchmarks.page_server import pin, served
from tests.benchmarks.rows import Row, median

AT_ONCE = 50
ROUNDS = 5
CONTENT_TYPE = "application/cloudevents+json"
PAIRS = 3
FOLDED = 10_000
FOLDS = 3


def delivery_rows(count: int) -> list[Row]:
    """Measure with so many deliveries a round."""
    pin()
    with tempfile.TemporaryDirectory() as folder, served(1) as port:
        ours, bare = asyncio.run(_measure(count, port, Path(folder)))
        rows = [*_hanging_rows(count, port), *_digest_rows(port)]
    cpu, bare_cpu = (median(each.cpu for each in taken) / count * 1e6 for taken in (ours, bare))
    wall, bare_wall = (median(each.wall for each in taken) / count for taken in (ours, bare))
    costs = f"{bare_cpu:.0f} us of processor / ours {cpu:.0f}"
    rates = f"ours {1 / wall:.0f}/s, bare {1 / bare_wall:.0f}/s"
    return [
        *rows,
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


# ── a receiver that hangs ────────────────────────────────────────────────────────────


def _hanging_rows(count: int, port: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        alone, beside = asyncio.run(_beside_a_hanging_one(count, port, Path(folder)))
    ratio = median(one / other for one, other in zip(alone, beside, strict=True))
    rates = f"{count / median(alone):.0f}/s, then {count / median(beside):.0f}/s"
    return [Row("G10", f"while another receiver hangs / alone: {rates}", ratio, 0.5, least=True)]


async def _beside_a_hanging_one(
    count: int, port: int, folder: Path
) -> tuple[list[float], list[float]]:
    """Wall seconds of the same work, in turn alone and beside a receiver that takes everything and says nothing."""
    alone: list[float] = []
    beside: list[float] = []
    hanging = {"other": _receiver(port, "/hangs", "standard")}
    async with opened(port, folder, hanging) as parts:
        healthy = partial(_deliver, parts.notifiers["ops"])
        for number in range(PAIRS):
            await _tell(parts, 2 * number, count)
            alone.append((await measured(healthy)).wall)
            await _tell(parts, 2 * number + 1, count)
            async with _delivering(parts.notifiers["other"]):
                beside.append((await measured(healthy)).wall)
    return alone, beside


def _receiver(port: int, path: str, form: str) -> dict[str, object]:
    signed = {"secrets": [DEMO_WEBHOOK_SECRET]} if form == "standard" else {}
    wants = {"types": ["*"]}
    return {"url": f"http://127.0.0.1:{port}{path}", "format": form, "wants": wants, **signed}


@asynccontextmanager
async def _delivering(notifier: Notifier) -> AsyncIterator[None]:
    """A notifier that works all the while, and ends at once."""

    async def work() -> None:
        while True:
            await notifier.deliver_due()

    task = asyncio.create_task(work())
    while not notifier.running:
        await asyncio.sleep(0)
    yield
    task.cancel()
    await asyncio.wait([task])
    await notifier.close(timedelta())


# ── a digest ─────────────────────────────────────────────────────────────────────────


def _digest_rows(port: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        folds = asyncio.run(_folds(port, Path(folder)))
    seconds, lag = (median(values) for values in zip(*folds, strict=True))
    what = f"{FOLDED} events into a digest, in one transaction"
    return [
        Row("G10", what, seconds, 2, "s"),
        Row("G4", "loop lag max meanwhile", lag, 50, "ms"),
    ]


async def _folds(port: int, folder: Path) -> list[tuple[float, float]]:
    """Seconds of each claim that folds, and how late the loop was, in ms."""
    found: list[tuple[float, float]] = []
    async with opened(port, folder, {"chat": _receiver(port, "/chat", "slack")}) as parts:
        for number in range(FOLDS):
            await _tell(parts, number, FOLDED)
            taken = await measured(partial(_fold, parts.notifiers["chat"]))
            found.append((taken.wall, max(taken.lags)))
    return found


async def _fold(notifier: Notifier) -> None:
    post = notifier.post
    at_once = DigestPolicy(first=0, every=timedelta(minutes=1), patient=False)
    manner = replace(post.manner(post.recipient()), digest=at_once, rates=())
    claimed: Claimed = await notifier.store.claim_due(
        Claim(manner=manner, limit=post.concurrency, lease=post.timeout)
    )
    assert [each.event_type for each in claimed.deliveries] == ["digest"]
