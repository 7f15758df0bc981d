"""Two hundred sources in one daemon, under the true clock: how late endings are, and what it takes.

The whole daemon runs here, with its loops, its HTTP server and a receiver; the accounts are the simulator's, in a child
process. Measured once every source was read and has drifted from the others for an interval.
"""

import asyncio
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from jobwatch import logs
from jobwatch.app.clock import utc_now
from jobwatch.app.daemon import run
from jobwatch.app.parts import open_store
from jobwatch.settings import Settings
from jobwatch.simulator.lives import script_of
from jobwatch.simulator.script import JobScript, Step
from tests.benchmarks.account_server import Account, Content, Counts, live_accounts
from tests.benchmarks.daemon_parts import Taken, configuration, measured, provider_at, resident
from tests.benchmarks.delays import Delays, delays
from tests.benchmarks.page_server import pin, served
from tests.benchmarks.population import START, flow
from tests.benchmarks.rows import Row, median, percentile

SOURCES = 200
UNFINISHED = 30
ENDED = 70
EVERY = timedelta(seconds=30)
"""The default of `every`."""

ENDING_EVERY = timedelta(minutes=1)
"""In each source a job ends so often, as in docs/detection.md."""

JITTER = 1.1
SPAN = 90.0
READY_WITHIN = 180.0
TOLD_WITHIN = EVERY.total_seconds() * JITTER + 10
"""After the span, so that its last endings are told as well."""

P95 = EVERY.total_seconds() + 3
"""Seconds. Jobs end at any time within an interval: of 20 endings 19 wait for at most 0.95 of it, up to a tenth more by
its jitter, and two seconds are left for two hundred sweeps that may fall together."""

HALF_A_CORE = 50.0


@dataclass(frozen=True, slots=True)
class _Found:
    ready: float
    ticking: float
    """The share of a core that the measuring itself takes."""
    taken: Taken
    counts: Counts
    megabytes: float
    delays: Delays


def source_rows() -> list[Row]:
    """Let the daemon watch them for a while."""
    pin()
    started = utc_now()
    scripts = _population(started)
    contents = [Content(scripts=each, page_size=1) for each in scripts]
    with (
        tempfile.TemporaryDirectory() as folder,
        served(1) as receiver,
        live_accounts(contents) as (made, ports),
    ):
        settings = Settings.model_validate(_configuration(receiver, Path(folder), ports))
        found = asyncio.run(_watched(made, settings, [job for each in scripts for job in each]))
    return _rows(found)


def _population(started: datetime) -> list[list[JobScript]]:
    """Jobs for each source: a flow of living ones that is dealt out by chance, and those that ended long ago."""
    chance = Random("sources")
    later, until = started - START, START + timedelta(hours=1)
    dealt: list[list[JobScript]] = [[] for _ in range(SOURCES)]
    for script in flow(SOURCES * UNFINISHED, until, ending_every=ENDING_EVERY / SOURCES):
        moved = replace(script, created_at=script.created_at + later)
        dealt[chance.randrange(SOURCES)].append(moved)
    for each in dealt:
        each += [_ended(chance, started) for _ in range(ENDED)]
    return dealt


def _ended(chance: Random, started: datetime) -> JobScript:
    created_at = started - timedelta(days=chance.uniform(2, 60))
    steps = (Step("Active", timedelta(hours=1), done=1.0), Step("Complete"))
    return replace(script_of("succeeds", chance, created_at), steps=steps)


def _configuration(receiver: int, folder: Path, ports: list[int]) -> dict[str, Any]:
    """Everything at its defaults, but for where it is."""
    every = {"every": f"{EVERY.seconds}s"}
    return {
        **configuration(receiver, folder),
        "sources": {
            f"source_{number}": {"provider": provider_at(port, number), **every}
            for number, port in enumerate(ports)
        },
    }


async def _watched(made: Account, settings: Settings, scripts: list[JobScript]) -> _Found:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    idle = await measured(partial(asyncio.sleep, 2))
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:  # noqa: ASYNC230
        logs.configure("info", "json", nowhere)
        async with asyncio.TaskGroup() as group:
            listening: asyncio.Future[str] = loop.create_future()
            began = time.monotonic()
            group.create_task(run(settings, stop=stop, listening=listening.set_result))
            await _ready(await listening)
            ready = time.monotonic() - began
            await asyncio.sleep(EVERY.total_seconds() * JITTER)
            before, from_ = made.counted(), made.now()
            taken = await measured(partial(asyncio.sleep, SPAN))
            span, counts, megabytes = (from_, made.now()), made.counted().since(before), resident()
            await asyncio.sleep(TOLD_WITHIN)
            stop.set()
    late = await _told(settings, scripts, span)
    return _Found(ready, idle.cpu / idle.wall, taken, counts, megabytes, late)


async def _ready(url: str) -> None:
    """Wait until every source was read once."""
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until:
        if await asyncio.to_thread(_says_yes, f"{url}/readyz"):
            return
        await asyncio.sleep(0.25)
    raise RuntimeError("the daemon did not get ready")


def _says_yes(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


async def _told(
    settings: Settings, scripts: list[JobScript], span: tuple[datetime, datetime]
) -> Delays:
    store = await open_store(settings)
    try:
        broken = [each for each in await store.sources() if each.failures]
        if broken:
            raise RuntimeError(f"{len(broken)} sources broke: {broken[0].last_error}")
        return await delays(store, scripts, span)
    finally:
        await store.close()


def _rows(found: _Found) -> list[Row]:
    taken, seconds = found.taken, [*found.delays.known, *found.delays.unseen]
    if not seconds:
        raise RuntimeError("nothing was told")
    events = found.delays.events
    share = (taken.cpu / taken.wall - found.ticking) * 100
    a_minute = 60 / taken.wall
    calls = f"{found.counts.all * a_minute:.0f} calls/min"
    spread = f"median {median(seconds):.1f}, max {max(seconds):.1f}, of {len(seconds)}"
    many = f"{SOURCES} sources"
    return [
        Row(
            "late",
            f"{many}: an ending recorded, p95 ({spread})",
            percentile(seconds, 0.95),
            P95,
            "s",
        ),
        Row(
            "late",
            "endings that were not told within the next interval",
            found.delays.missed,
            0,
            "",
        ),
        Row("late", f"processor of one core, {calls}, everything", share, HALF_A_CORE, "%"),
        Row(
            "late",
            f"events a minute, {events / len(seconds):.1f} for each ending",
            events * a_minute,
            unit="",
        ),
        Row("late", "ready, every source read for the first time (wall)", found.ready, unit="s"),
        Row("G4", f"loop lag p99, {many}", percentile(taken.lags, 0.99), 5, "ms"),
        Row(
            "G4",
            f"loop lag max, {many}, {SPAN:.0f} s (busy for {taken.busiest:.0f} of it)",
            max(taken.lags),
            15,
            "ms",
        ),
        Row("G5", f"resident memory, {many}, 20,000 jobs listed", found.megabytes, unit="MB"),
    ]
