"""Conditions stand in the store: restarts, downtime and other settings neither repeat nor lose what was told."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobwatch.core.events import EventType
from jobwatch.core.routing import Selection, Subscription
from jobwatch.core.rules import Rules
from jobwatch.simulator import faults
from jobwatch.simulator.faults import When
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.integration.condition_rig import (
    AFTER,
    CONDITIONS,
    GIVEN,
    LIVES,
    RULES,
    WORKS,
    assert_one_story,
    notes,
    states,
)
from tests.integration.watching_rig import (
    HOUR,
    turn,
    turns,
)
from tests.rig import Clock, Given, job, rig, step


async def test_who_was_told_an_opening_is_told_its_closing_and_nobody_else(
    clock: Clock, path: Path
) -> None:
    world = World([job("j", step("Suspended", 1000), WORKS)])

    def given(**wants: frozenset[EventType]) -> Given:
        subscriptions = [
            Subscription(receiver=name, wants=Selection(types=types))
            for name, types in wants.items()
        ]
        return replace(GIVEN, subscriptions=subscriptions, receivers=("ops", "other"))

    before = given(ops=CONDITIONS, other=frozenset({EventType.FAILED}))
    after = given(ops=frozenset({EventType.FAILED}), other=CONDITIONS)
    async with Simulation(world, clock=clock) as cloud:
        async with rig(cloud, clock, path, before) as one:
            await turns(one, 15)
            assert states(one) == ["opened"]
        async with rig(cloud, clock, path, after) as two:
            await turns(two, 20)
            told = [(each.path, each.event["data"]["condition"]["state"]) for each in two.accepted]
            assert told[0] == ("/ops", "opened")
            assert ("/ops", "closed") in told
            assert ("/other", "opened") not in told


async def test_hours_in_which_nobody_watched_stall_nothing(clock: Clock, path: Path) -> None:
    lives = [
        job("halting", step("Active", 1000, done=0.5), step("Active"), total=100),
        job("waits", step("Suspended")),
        job("prepares", step("Preparing")),
    ]
    world = World(lives)
    async with Simulation(world, clock=clock) as cloud:
        async with rig(cloud, clock, path, GIVEN) as one:
            await turns(one, 3)
        clock.advance(6 * HOUR.total_seconds())
        async with rig(cloud, clock, path, GIVEN) as two:
            await turn(two)
            await turns(two, 3)
            assert notes(two) == [], "a hundred seconds before the gap, and as many after it"
            await turns(two, 8)
            assert {note["name"] for note in notes(two)} == {"stalled", "stuck", "waiting"}


async def test_a_rule_that_is_switched_off_closes_what_it_had_opened(
    clock: Clock, path: Path
) -> None:
    world = World([job("j", step("Suspended")), job("k", step("Active"))])
    off = replace(GIVEN, rules=Rules(stalled_after=AFTER))
    async with Simulation(world, clock=clock) as cloud:
        async with rig(cloud, clock, path, GIVEN) as one:
            await turns(one, 13)
            assert sorted(note["name"] for note in notes(one)) == ["stalled", "waiting"]
        async with rig(cloud, clock, path, off) as two:
            await turns(two, 25)
            assert states(two, "waiting") == ["opened", "closed"]
            assert notes(two, "waiting")[-1]["severity"] == "info"
            assert states(two, "stalled") == ["opened"]


@pytest.mark.parametrize("name", [*sorted(LIVES), "unreachable"])
async def test_a_restart_in_any_state_tells_nothing_twice(
    clock: Clock, path: Path, name: str
) -> None:
    rules = replace(RULES, overdue_after=AFTER if name == "overdue" else None)
    given = replace(GIVEN, rules=rules)
    world = World([LIVES.get(name, job("j", WORKS))])
    async with Simulation(world, clock=clock) as cloud:
        async with rig(cloud, clock, path, given) as one:
            await turn(one)
        if name == "unreachable":
            cloud.faults.add(faults.DENIED, When(until=timedelta(seconds=2000)))
        told: list[dict[str, Any]] = []
        while clock.elapsed < 3300 and (not told or told[-1]["state"] != "closed"):
            async with rig(cloud, clock, path, given) as two:
                await turns(two, seconds=55)
                told = notes(two)
        assert_one_story(told, reminders=range(1, 4))
