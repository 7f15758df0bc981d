"""Runs a world: turns of the poller, passes of the detailer, restarts and pauses, until all has come out."""

import asyncio
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from jobwatch.detailer import release_details
from jobwatch.poller import turn
from jobwatch.simulator.simulation import DEMO_ACCOUNT, Server
from jobwatch.transport import Transport
from tests.truth.cloud import Door, Fuse, WatchedCloud, Weather
from tests.truth.lives import START, between
from tests.truth.parts import Stand, Watching, watching
from tests.truth.stage import Clocks, Served, Stage
from tests.truth.trouble import Plan, Spell

QUIET = Spell(begin=START, end=START)
SOONEST = timedelta(milliseconds=50)
NOWHERE = "http://127.0.0.1:1"


@dataclass(slots=True, kw_only=True)
class Log:
    """What was seen while the world ran. Times are the cloud's.

    `told` holds, for each turn that told something, the number of events before it, and when it began and ended.
    `downs` are the times in which nothing ran.
    """

    served: Served
    told: list[tuple[int, datetime, datetime]] = field(default_factory=list)
    downs: list[tuple[datetime, datetime]] = field(default_factory=list)
    began_at: datetime = START
    baselined_at: datetime | None = None
    closed_at: datetime = START
    turns: int = 0
    restarts: int = 0


@dataclass(slots=True, kw_only=True)
class Show:
    """A world while it runs."""

    stand: Stand
    stage: Stage
    cloud: WatchedCloud
    log: Log
    events: int = 0

    @property
    def now(self) -> datetime:
        return self.stand.weather.clocks.cloud

    def spell(self) -> Spell:
        spells = self.stand.plan.spells
        return next((each for each in spells if each.begin <= self.now < each.end), QUIET)


async def play(plan: Plan, path: Path, *, sockets: bool = False) -> tuple[Log, Stage]:
    """Run a world to its end; the store stays at `path`."""
    rng = Random(f"play:{plan.seed}")
    stage = Stage(plan.lives, rng)
    replica = Stage(plan.lives, rng) if plan.lag else None
    clocks = Clocks(wrong=plan.wrong)
    weather = Weather(clocks, [each for each in (stage, replica) if each], rng)
    weather.steps, weather.slowest = list(plan.steps), plan.slowest
    cloud = WatchedCloud(
        world=stage,
        stage=stage,
        replica=replica,
        lag=plan.lag or timedelta(),
        late_lists=plan.late_lists,
        account=DEMO_ACCOUNT,
        clock=clocks.by_cloud,
        faults=weather,
        quirks=plan.quirks,
        rng=rng,
    )
    fuse = Fuse()
    log = Log(served=cloud.served)

    async def run(transport: Transport, endpoint: str) -> None:
        stand = Stand(
            plan=plan, path=path, endpoint=endpoint, transport=transport,
            weather=weather, fuse=fuse, rng=rng,
        )  # fmt: skip
        await _run(Show(stand=stand, stage=stage, cloud=cloud, log=log))

    if not sockets:
        await run(Door(cloud, weather, fuse), NOWHERE)
        return log, stage
    server = Server(cloud.application())
    await server.start()
    try:
        async with Transport() as transport:
            await run(transport, server.url)
    finally:
        await server.stop()
    return log, stage


async def _run(show: Show) -> None:
    plan, weather = show.stand.plan, show.stand.weather
    while show.now < plan.close:
        spell = show.spell()
        if spell.down:
            show.log.downs.append((show.now, spell.end))
            weather.pass_time(spell.end - show.now)
            continue
        async with watching(show.stand) as process:
            await _live(show, process)
        show.log.restarts += 1
        weather.pass_time(between(show.stand.rng, 0.2, 60))
    show.log.closed_at = show.now


async def _live(show: Show, process: Watching) -> None:
    """Run one process until it is cut short, or until the spell or the world ends it."""
    rng, weather = show.stand.rng, show.stand.weather
    begun: Spell | None = None
    while show.now < show.stand.plan.close:
        spell = show.spell()
        if spell.down:
            return
        if spell is not begun:
            weather.clear()
            for act, when in spell.rules:
                weather.add(act, when)
            show.cloud.lagging, begun = spell.lagging, spell
        cut = rng.random() < spell.cuts
        pause = await _turn(show, process, rng.choice((5, 40, 300)) if cut else 0)
        if pause is None:
            return
        weather.pass_time(max(pause, SOONEST))


async def _turn(show: Show, process: Watching, fuse_length: float) -> timedelta | None:
    """One turn of the poller and the passes of the detailer that it asks for; None where it was cut short."""
    stand, began = show.stand, show.now
    fuse = stand.fuse
    fuse.left = 1 + int(stand.rng.random() * fuse_length) if fuse_length else 0
    fuse.blown = False
    fuse.task = asyncio.current_task() and asyncio.create_task(_step(show, process))
    assert fuse.task is not None
    try:
        return await fuse.task
    except asyncio.CancelledError:
        if not fuse.blown:
            raise
        return None
    finally:
        fuse.task = None
        show.log.turns += 1
        show.log.served.turned(show.now, whole=not fuse.blown)
        _count_events(show, began)


async def _step(show: Show, process: Watching) -> timedelta:
    if show.stand.plan.together:
        async with asyncio.TaskGroup() as group:
            details = group.create_task(release_details(process.detailer))
            pause = await turn(process.source)
            await details
    else:
        pause = await turn(process.source)
        if not pause:
            # At once, as the bell would have it.
            await release_details(process.detailer)
    if show.log.baselined_at is None:
        state = await process.source.store.source(process.source.lease)
        show.log.baselined_at = show.now if state.baselined_at else None
    return pause


def _count_events(show: Show, began: datetime) -> None:
    with sqlite3.connect(show.stand.path) as database:
        (events,) = database.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()
    database.close()
    if events > show.events:
        show.log.told.append((show.events, began, show.now))
        show.events = events
