"""kill -9 from outside, over and over: nothing is lost, and only deliveries in flight are repeated, with the same id.

In flight means: claimed and unsettled in the database after the kill.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count, cycle, product
from pathlib import Path
from random import Random

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.core.model import FailureReason
from jobwatch.simulator.faults import Hook, When
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.receiver import Received, Reply
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port
from tests.faults.dying_daemon import VERBS
from tests.rig import job, step

PAGE = 20
JOBS_A_ROUND = 4
PAGES_KILLED = 14
POSTS_KILLED = 14
RANDOM_KILLS = 10
VERBS_KILLED = list(product(VERBS, ("before", "inside", "after")))
WRAPPER = (str(Path(__file__).parent / "dying_daemon.py"),)

pytestmark = pytest.mark.timeout(900)


@dataclass(slots=True, kw_only=True)
class Battle:
    """The daemon, the world it watches, the truth, and what was in flight at each kill."""

    simulation: Simulation
    daemon: Daemon
    truth: dict[str, str] = field(default_factory=dict)
    in_flight: set[str] = field(default_factory=set)
    kills: int = 0
    names: "count[int]" = field(default_factory=count)

    def end_jobs(self) -> None:
        """Let a few of the running jobs end, each in another way."""
        ways = cycle(
            ["job.succeeded", "job.completed_with_failures", "job.failed", "job.cancelled"]
        )
        for way, _ in zip(ways, range(JOBS_A_ROUND), strict=False):
            name = f"job-{next(self.names):04}"
            self.truth[name] = way
            self._end(name, way)

    def _end(self, name: str, way: str) -> None:
        world, now = self.simulation.world, utc_now()
        match way:
            case "job.succeeded":
                world.set(name, now, status="Complete", succeeded=10, failed=0)
            case "job.completed_with_failures":
                world.set(name, now, status="Complete", succeeded=4, failed=6)
            case "job.failed":
                reason = FailureReason(code="ManifestUnreadable", message=f"no manifest for {name}")
                world.set(name, now, status="Failed", failures=(reason,))
            case _:
                world.set(name, now, status="Cancelled")

    def killed(self) -> None:
        """Look at what the kill left behind."""
        assert not self.daemon.running
        self.kills += 1
        self.in_flight |= self.daemon.in_flight()

    async def until(self, done: Callable[[], bool], within: float = 30.0) -> None:
        """Wait for something that the daemon does."""
        async with asyncio.timeout(within):
            while not done():
                await asyncio.sleep(0.02)

    async def start(self) -> None:
        self.daemon.start()
        await asyncio.to_thread(self.daemon.wait_ready)

    async def round(self, arm: Callable[[], Awaitable[None]]) -> None:
        """Start the daemon if it is dead, let jobs end, and wait until the armed kill has happened."""
        if not self.daemon.running:
            await self.start()
        await arm()
        self.end_jobs()
        await self.until(lambda: not self.daemon.running)
        self.killed()


async def kill(battle: Battle) -> None:
    await asyncio.to_thread(battle.daemon.kill)


def running_jobs(number: int) -> list[JobScript]:
    now = utc_now()
    return [
        job(f"job-{n:04}", step("Active", 90_000, done=1.0), created=now) for n in range(number)
    ]


async def test_kills_lose_nothing_and_repeat_only_what_was_in_flight(tmp_path: Path) -> None:
    rounds = PAGES_KILLED + POSTS_KILLED + RANDOM_KILLS + len(VERBS_KILLED)
    world = World(running_jobs(rounds * JOBS_A_ROUND + PAGE))
    options = Options(quirks=Quirks(page_size=PAGE))
    async with Simulation(world, clock=utc_now, options=options) as simulation:
        port = free_port()
        daemon = Daemon(folder=tmp_path, config=configuration(simulation, port), port=port)
        battle = Battle(simulation=simulation, daemon=daemon)
        try:
            await kill_while_a_page_is_served(battle)
            await kill_while_the_receiver_has_the_post(battle)
            await kill_at_random(battle)
            await kill_inside_the_store(battle)
            assert battle.kills == rounds >= 50
            await battle.start()
            await battle.until(lambda: len(told(battle)) == len(battle.truth), within=60)
            await battle.until(lambda: open_deliveries(battle) == 0)
            assert await asyncio.to_thread(daemon.stop) == 0
        finally:
            if daemon.running:
                daemon.kill()
        check(battle)


async def kill_while_a_page_is_served(battle: Battle) -> None:
    faults = battle.simulation.faults
    for number in range(PAGES_KILLED):
        page = number % 7 + 1

        async def arm(page: int = page) -> None:
            async def die(_question: object) -> None:
                await kill(battle)

            faults.add(Hook(callback=die), When(call="list", nth=frozenset({page})))

        await battle.round(arm)
        faults.clear()


async def kill_while_the_receiver_has_the_post(battle: Battle) -> None:
    sink = battle.simulation.sink
    for number in range(POSTS_KILLED):

        async def arm(nth: int = number % 3) -> None:
            async def die(_received: Received) -> None:
                await kill(battle)

            sink.script("/ops", *[Reply() for _ in range(nth)], Reply(hook=die))

        await battle.round(arm)


async def kill_at_random(battle: Battle) -> None:
    chance = Random(20261121)
    for _ in range(RANDOM_KILLS):
        if not battle.daemon.running:
            await battle.start()
        battle.end_jobs()
        await asyncio.sleep(chance.uniform(0, 1.5))
        await kill(battle)
        battle.killed()


async def kill_inside_the_store(battle: Battle) -> None:
    daemon = battle.daemon
    for verb, moment in VERBS_KILLED:
        daemon.program, daemon.environment = WRAPPER, {"DIE_IN": f"{verb}:{moment}:1"}
        battle.end_jobs()
        daemon.start()
        await battle.until(lambda: not daemon.running)
        battle.killed()
    daemon.program, daemon.environment = ("-m", "jobwatch"), {}


def told(battle: Battle) -> set[str]:
    return {event["subject"] for event in battle.simulation.sink.events}


def open_deliveries(battle: Battle) -> int:
    where = "state IN ('pending', 'claimed')"
    return int(battle.daemon.query(f"SELECT count(*) FROM deliveries WHERE {where}")[0][0])


def check(battle: Battle) -> None:
    """Compare everything that was told, and every counter, with the truth."""
    ids: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    times: defaultdict[str, int] = defaultdict(int)
    for received in battle.simulation.sink.received:
        assert received.valid
        assert received.id == received.event["id"]
        ids[received.event["subject"], received.event["type"]].add(received.id)
        bodies[received.id].add(received.body)
        times[received.id] += 1
    assert set(ids) == set(battle.truth.items())
    assert all(len(each) == 1 for each in ids.values()), "an ending was told as two events"
    assert all(len(each) == 1 for each in bodies.values()), "a body changed between two tries"
    repeated = {event_id for event_id, number in times.items() if number > 1}
    assert repeated <= battle.in_flight
    assert battle.in_flight, "no kill ever hit a delivery in flight"

    daemon, jobs = battle.daemon, len(battle.truth)
    assert daemon.counter("jobwatch_jobs_finished_total") == jobs
    assert daemon.counter("jobwatch_events_total") == jobs + 1  # that the source was read once
    assert daemon.counter("jobwatch_deliveries_total") == jobs
    assert daemon.query("PRAGMA integrity_check") == [("ok",)]
    print(
        f"kills: {battle.kills}, endings told: {jobs}, requests: {sum(times.values())}, "
        f"in flight at a kill: {len(battle.in_flight)}, repeated: {len(repeated)}"
    )
