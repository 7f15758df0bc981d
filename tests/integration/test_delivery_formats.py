"""A job that ends with failures, told to every vendor's robot: real poller, store, notifier and transport, strict robots."""

import json
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.digest import DigestPolicy
from jobwatch.core.events import EventType
from jobwatch.core.model import FailureReason
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.core.routing import Selection, Subscription
from jobwatch.formats import CHATS
from jobwatch.formats.values import Mention, Style
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store.values import DeliveryFilter, DeliveryRow
from tests.contract import watcher
from tests.integration.delivery_rig import office
from tests.rig import Channel, Clock, Given, Rig, job, rig, step
from tests.robots import (
    KEY,
    ROBOTS,
    DingTalk,
    Feishu,
    PagerDuty,
    Robot,
    Said,
    Slack,
    Teams,
    WeCom,
    at_work,
)

PROBLEMS = Selection(types=frozenset({EventType.COMPLETED_WITH_FAILURES, EventType.FAILED}))
WANTS = (Subscription(receiver="chat", wants=PROBLEMS, give_up_after=timedelta(hours=6)),)
WRONG = "f" * 32
LOUD = Style(
    language="zh",
    title_prefix="[jobwatch] ",
    mention=Mention(
        types=frozenset({"job.completed_with_failures"}), mobiles=("13800000001",), everybody=True
    ),
)
each_robot = pytest.mark.parametrize("kind", ROBOTS, ids=lambda kind: kind.format)


def partly_failed(name: str = "job-1") -> JobScript:
    life = (step("Active", 20, done=1.0, failing=0.3), step("Complete"))
    why = FailureReason(code="NoSuchKey", message="gone <@all> [x](https://evil.example)")
    return job(name, *life, description="nightly 备份 <at id=all></at> **x**", failures=(why,))


def told_to(robot: Robot, **more: Any) -> Given:
    """One receiver that is this robot, with the digest that chats have unless they say otherwise."""
    digest = DigestPolicy(first=3, every=timedelta(minutes=1)) if robot.format in CHATS else None
    recipient = robot.recipient(**more)
    channel = Channel(recipient=lambda: recipient, format=robot.format, digest=digest)
    return Given(receivers=("chat",), subscriptions=WANTS, channels={"chat": channel})


async def deliveries(one: Rig) -> list[DeliveryRow]:
    return list((await one.store.deliveries(DeliveryFilter(), limit=100)).rows)


@each_robot
async def test_a_partly_failed_job_reaches_every_robot_as_its_vendor_wants_it(
    kind: type[Robot], clock: Clock, path: Path
) -> None:
    """At the first try something in between answers; what is sent again is the same, under a new signature."""
    world = World([partly_failed()])
    async with (
        at_work(kind(clock)) as robot,
        Simulation(world, clock=clock) as sim,
        rig(sim, clock, path, told_to(robot, style=LOUD)) as one,
    ):
        await one.turn()
        clock.advance(30)
        # Any 2xx says that a workflow was started; of the others, none that is not in the vendor's words is believed.
        status, result = (502, Result.HTTP_5XX) if kind is Teams else (200, Result.BODY_ERROR)
        robot.instead.append(Said(status, "<html>please log in", kind="text/html"))
        await one.turn()
        (row,) = await deliveries(one)
        assert (row.state, row.last_result) == (DeliveryState.PENDING, result)
        clock.advance(5)
        await one.deliver()
        first, again = map(without_signature, robot.bodies)
        assert first == again
        assert (robot.refused, robot.exceeded) == ([], [])
        (message,) = robot.messages
        shown = json.dumps(message, ensure_ascii=False)
        assert "job-1" in shown
        assert "nightly 备份" in shown
        assert re.search(r"(?<!\d)10\D{1,12}3\D", shown)  # 3 of 10 tasks
        (row,) = await deliveries(one)
        assert (row.state, row.last_result) == (DeliveryState.DELIVERED, Result.OK)


def without_signature(body: bytes) -> dict[str, object]:
    """A message without what Feishu signs anew for every try."""
    return {
        name: part for name, part in json.loads(body).items() if name not in ("timestamp", "sign")
    }


Mistake: TypeAlias = tuple[type[Robot], dict[str, Any], Result, ReceiverState]
WRONG_KEY: dict[str, Any] = {"key": WRONG}
MISTAKES: dict[str, Mistake] = {
    "wecom_key": (WeCom, WRONG_KEY, Result.GONE, ReceiverState.PAUSED),
    "dingtalk_key": (DingTalk, WRONG_KEY, Result.NOT_FOUND, ReceiverState.FAILING),
    "dingtalk_secret": (DingTalk, {"secrets": ("SECother",)}, Result.AUTH, ReceiverState.FAILING),
    "feishu_secret": (Feishu, {"secrets": ("other",)}, Result.AUTH, ReceiverState.FAILING),
    "slack_key": (Slack, WRONG_KEY, Result.NOT_FOUND, ReceiverState.FAILING),
    "teams_key": (Teams, WRONG_KEY, Result.NOT_FOUND, ReceiverState.FAILING),
    "pagerduty_key": (PagerDuty, {"routing_key": WRONG}, Result.AUTH, ReceiverState.FAILING),
}


def mistaken(robot: Robot, name: str, more: dict[str, Any]) -> Channel:
    """The robot, configured with a wrong key or secret."""
    url = robot.url.replace(KEY, more.get("key", KEY))
    rest = {each: value for each, value in more.items() if each != "key"}
    recipient = replace(robot.recipient(name, **rest), url=url)
    return Channel(recipient=lambda: recipient, format=robot.format)


async def test_a_wrong_key_keeps_the_message_and_leaves_the_robot_alone(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(office(tmp_path / "db", watcher.Clock()))
        robots: dict[str, Robot] = {}
        for name, (kind, more, *_) in MISTAKES.items():
            robots[name] = await stack.enter_async_context(at_work(kind(one.clock)))
            one.open(name, mistaken(robots[name], name, more))
        await one.fail("job-1")
        await one.deliver()
        found = {name: (await one.rows(name))[0] for name in MISTAKES}
        assert {row.state for row in found.values()} == {DeliveryState.PENDING}
        stands = {name: await one.standing(name) for name in MISTAKES}
        assert {name: (found[name].last_result, stands[name].state) for name in MISTAKES} == {
            name: (result, state) for name, (_, _, result, state) in MISTAKES.items()
        }
        asked = {name: len(robot.arrivals) for name, robot in robots.items()}
        one.clock.advance(timedelta(seconds=299))
        await one.deliver()
        assert {name: len(robot.arrivals) for name, robot in robots.items()} == asked
        assert not any(robot.messages for robot in robots.values())


async def test_a_locked_dingtalk_robot_is_left_alone_for_ten_minutes(tmp_path: Path) -> None:
    """Somebody else used up the robot's minute: our first message locks it."""
    async with (
        office(tmp_path / "db", watcher.Clock()) as one,
        at_work(DingTalk(one.clock)) as robot,
    ):
        one.open("ops", mistaken(robot, "ops", {}))
        robot.arrivals += [one.clock()] * 20
        await one.fail("job-1")
        await one.deliver()
        assert len(robot.exceeded) == 1
        assert (await one.standing()).held_until == one.clock() + timedelta(minutes=10)
        one.clock.advance(timedelta(seconds=599))
        await one.deliver()
        assert len(robot.arrivals) == 21
        one.clock.advance(timedelta(seconds=1))
        await one.deliver()
        (row,) = await one.rows()
        assert (len(robot.messages), row.state, row.attempts) == (1, DeliveryState.DELIVERED, 2)


async def test_two_receivers_of_one_robot_share_its_rate(tmp_path: Path) -> None:
    names = ("ops", "team")
    async with office(tmp_path / "db", watcher.Clock()) as one, at_work(WeCom(one.clock)) as robot:
        for name in names:
            one.open(name, mistaken(robot, name, {}))
        await one.fail(*(f"job-{number}" for number in range(12)))
        await one.deliver()
        assert len(robot.messages) == 18
        one.clock.advance(timedelta(seconds=59))
        await one.deliver()
        assert len(robot.messages) == 18
        one.clock.advance(timedelta(seconds=1))
        await one.deliver()
        assert (len(robot.messages), robot.exceeded, robot.refused) == (24, [], [])
        rows = [row for name in names for row in await one.rows(name)]
        assert {row.state for row in rows} == {DeliveryState.DELIVERED}
