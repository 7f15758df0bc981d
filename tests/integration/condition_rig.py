"""What the tests of conditions share: rules, lives that break them, and what was told of conditions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from jobwatch.core.events import EventType
from jobwatch.core.routing import Selection, Subscription
from jobwatch.core.rules import FailingRule, Rules
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.integration.watching_rig import (
    MINUTE,
    turn,
)
from tests.rig import Clock, Given, Rig, job, rig, step

AFTER = 5 * MINUTE
REMIND = 10 * MINUTE
RULES = Rules(
    stalled_after=AFTER,
    stuck_after=AFTER,
    waiting_after=AFTER,
    overdue_after=90 * MINUTE,
    failing=FailingRule(ratio=0.5, min_finished=5),
    unreachable_after=AFTER,
    remind_every=REMIND,
)
CONDITIONS = frozenset(
    {
        EventType.STALLED,
        EventType.STUCK,
        EventType.WAITING,
        EventType.OVERDUE,
        EventType.FAILING,
        EventType.UNREACHABLE,
        EventType.SUSPECT,
    }
)
GIVEN = Given(
    rules=RULES, subscriptions=[Subscription(receiver="ops", wants=Selection(types=CONDITIONS))]
)
WORKS = step("Active", 86400, done=1.0)

LIVES = {
    "stalled": job("j", step("Active", 2000), step("Active", 500, done=1.0), step("Complete")),
    "stuck": job("j", step("Preparing", 2000), WORKS),
    "waiting": job("j", step("Suspended", 2000), WORKS),
    "overdue": job("j", step("Active", 2000, done=1.0), step("Complete"), total=1000),
    "failing": job(
        "j", step("Active", 300, done=0.4, failing=0.6), step("Active", 5000, done=1.0), total=100
    ),
}


def notes(one: Rig, name: str | None = None) -> list[dict[str, Any]]:
    """Everything told of conditions, in order, with the time at which it was observed."""
    told = []
    for event in one.simulation.sink.events:
        note = event["data"]["condition"]
        if note is not None and name in (None, note["name"]):
            at = datetime.fromisoformat(event["data"]["observed_at"])
            told.append({**note, "at": at, "severity": event["data"]["severity"]})
    return told


def states(one: Rig, name: str | None = None) -> list[str]:
    return [note["state"] for note in notes(one, name)]


@asynccontextmanager
async def small_account(
    scripts: list[JobScript], clock: Clock, path: Path, rules: Rules = RULES
) -> AsyncIterator[Rig]:
    """An account that one call reads, which was read once."""
    given = replace(GIVEN, rules=rules)
    async with (
        Simulation(World(scripts), clock=clock) as cloud,
        rig(cloud, clock, path, given) as one,
    ):
        await turn(one)
        yield one


def assert_one_story(told: list[dict[str, Any]], *, reminders: range) -> None:
    """Opened once, reminded as often as there was time for it, closed once, all under one id."""
    assert [note["state"] for note in told][:1] == ["opened"]
    assert [note["state"] for note in told][-1:] == ["closed"]
    between = told[1:-1]
    assert {note["state"] for note in between} <= {"reminded"}
    assert [note["reminder"] for note in between] == list(range(1, len(between) + 1))
    assert len(between) in reminders
    assert len({note["id"] for note in told}) == 1
    for earlier, later in pairwise(told[:-1]):
        assert REMIND <= later["at"] - earlier["at"] <= REMIND + MINUTE
    assert told[-1]["severity"] == "info"
