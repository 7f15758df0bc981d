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
from jobwatch.simulator.world import World
from jobwatch.transport import Transport
from tests.truth.cloud import Door, Fuse, WatchedCloud, Weather
from tests.truth.coverage import Coverage
from tests.truth.lives import START, between
from tests.truth.parts import Stand, Watching, watching
from tests.truth.stage import Clocks, Scene, Served
from tests.truth.trouble import Plan, Spell, VaultSpell

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
    coverage: Coverage
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
    cloud: WatchedCloud
    log: Log
    events: int = 0

    @property
    def now(self) -> datetime:
        return self.stand.weather.clocks.cloud

    def spell(self) -> Spell:
        spells = self.stand.plan.spells
        return next((each for each in spells if each.begin <= self.now < each.end), QUIET)

    def vault_spells(self) -> list[VaultSpell]:
        """The troubles of single vaults at present."""
        now = self.now
        return [each for each in self.stand.plan.vault_spells if each.span.covers(now, now)]


async def play(plan: Plan, path: Path, *, sockets: bool = False) -> tuple[Log, Scene]:
    """Run a world to its end; the store stays at `path`."""
    rng = Random(f"play:{plan.seed}")
    scene = Scene(plan, rng)
    replica = Scene(plan, rng) if plan.lag else None
    clocks = Clocks(wrong=plan.wrong)
    weather = Weather(clocks, [each for each in (scene, replica) if each], rng)
    weather.steps, weather.slowest = list(plan.steps), plan.slowest
    cloud = WatchedCloud(
        world=World(),
        scene=scene,
        coverage=Coverage(plan=plan),
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
    log = Log(served=cloud.served, coverage=cloud.coverage)

    async def run(transport: Transport, endpoint: str) -> None:
        stand = Stand(
            plan=plan, path=path, endpoint=endpoint, transport=transport,
            weather=weather, fuse=fuse, rng=rng,
        )  # fmt: skip
        await _run(Show(stand=stand, cloud=cloud, log=log))

    if not sockets:
        await run(Door(cloud, weather, fuse), NOWHERE)
        return log, scene
    server = Server(cloud.application())
    await server.start()
    try:
        async with Transport() as transport:
            await run(transport, server.url)
    finally:
        await server.stop()
    return log, scene


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
    begun: tuple[Spell, list[VaultSpell]] | None = None
    while show.now < show.stand.plan.close:
        spell = show.spell()
        if spell.down:
            return
        at_present = spell, show.vault_spells()
        if at_present != begun:
            weather.clear()
            of_vaults = [(each.act, each.when) for each in at_present[1]]
            for act, when in (*of_vaults, *spell.rules):
                weather.add(act, when)
            show.cloud.lagging, begun = spell.lagging, at_present
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
        _take_stock(show, began)


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
    return pause


def _take_stock(show: Show, began: datetime) -> None:
    with sqlite3.connect(show.stand.path) as database:
        (events,) = database.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()
        everything, unfinished, baselined = database.execute(
            "SELECT all_data_at, unfinished_data_at, baselined_at FROM sources"
        ).fetchone()
    database.close()
    if baselined and show.log.baselined_at is None:
        show.log.baselined_at = show.now
    if show.stand.plan.of_vaults:
        wrong = show.stand.weather.clocks.wrong
        show.log.coverage.claim(everything, unfinished, wrong)
    if events > show.events:
        show.log.told.append((show.events, began, show.now))
        show.events = events
