"""A job that ends with failures, told to every vendor's robot: real poller, store, notifier and transport, strict robots."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.breaker import PauseReason, ReceiverState
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
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.values import DeliveryFilter, DeliveryRow
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


def told_to(robot: Robot, **more: object) -> Given:
    """One receiver that is this robot, with the digest that chats have unless they say otherwise."""
    digest = DigestPolicy(first=3, every=timedelta(minutes=1)) if robot.format in CHATS else None
    recipient = robot.recipient(**more)
    channel = Channel(recipient=lambda: recipient, format=robot.format, digest=digest)
    return Given(receivers=("chat",), subscriptions=WANTS, channels={"chat": channel})


async def deliveries(one: Rig) -> list[DeliveryRow]:
    return list((await one.store.deliveries(DeliveryFilter(), limit=100)).rows)


async def standing(one: Rig) -> ReceiverRow:
    (row,) = await one.store.receivers(["chat"])
    return row


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
        assert "10 个任务中有 3 个失败" in shown
        (row,) = await deliveries(one)
        assert (row.state, row.last_result) == (DeliveryState.DELIVERED, Result.OK)


def without_signature(body: bytes) -> dict[str, object]:
    """A message without what Feishu signs anew for every try."""
    return {
        name: part for name, part in json.loads(body).items() if name not in ("timestamp", "sign")
    }


def other_key(robot: Robot) -> Given:
    robot.url = robot.url.replace(KEY, WRONG)
    return told_to(robot)


MISTAKES: list[tuple[type[Robot], Callable[[Robot], Given], Result, ReceiverState]] = [
    (WeCom, other_key, Result.GONE, ReceiverState.PAUSED),
    (DingTalk, other_key, Result.NOT_FOUND, ReceiverState.FAILING),
    (DingTalk, lambda robot: told_to(robot, secrets=("SECother",)), Result.AUTH, ReceiverState.FAILING),
    (Feishu, lambda robot: told_to(robot, secrets=("other",)), Result.AUTH, ReceiverState.FAILING),
    (Slack, other_key, Result.NOT_FOUND, ReceiverState.FAILING),
    (Teams, other_key, Result.NOT_FOUND, ReceiverState.FAILING),
    (PagerDuty, lambda robot: told_to(robot, routing_key=WRONG), Result.AUTH, ReceiverState.FAILING),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "mistake", "result", "state"),
    MISTAKES,
    ids=[f"{kind.format}-{result.value}" for kind, _, result, _ in MISTAKES],
)
async def test_a_wrong_key_keeps_the_message_and_leaves_the_robot_alone(
    kind: type[Robot],
    mistake: Callable[[Robot], Given],
    result: Result,
    state: ReceiverState,
    clock: Clock,
    path: Path,
) -> None:
    world = World([partly_failed()])
    async with at_work(kind(clock)) as robot, Simulation(world, clock=clock) as sim:
        async with rig(sim, clock, path, mistake(robot)) as one:
            await one.turn()
            clock.advance(30)
            await one.turn()
            (row,) = await deliveries(one)
            assert (row.state, row.last_result) == (DeliveryState.PENDING, result)
            stands = await standing(one)
            assert stands.state is state
            assert robot.messages == []
            asked = len(robot.arrivals)
            clock.advance(250)
            await one.deliver()
            assert len(robot.arrivals) == asked
    reason = PauseReason.GONE if state is ReceiverState.PAUSED else result
    assert stands.reason == reason.value


async def test_a_locked_dingtalk_robot_is_left_alone_for_ten_minutes(
    clock: Clock, path: Path
) -> None:
    """Somebody else used up the robot's minute: our first message locks it."""
    world = World([partly_failed()])
    robot = DingTalk(clock)
    async with at_work(robot), Simulation(world, clock=clock) as sim:
        async with rig(sim, clock, path, told_to(robot)) as one:
            await one.turn()
            clock.advance(30)
            robot.arrivals += [clock()] * 20
            await one.turn()
            assert len(robot.exceeded) == 1
            assert (await standing(one)).held_until == clock() + timedelta(minutes=10)
            clock.advance(599)
            await one.deliver()
            assert len(robot.exceeded) == 1
            clock.advance(1)
            await one.deliver()
            assert len(robot.messages) == 1
            (row,) = await deliveries(one)
            assert (row.state, row.attempts) == (DeliveryState.DELIVERED, 2)


async def test_two_receivers_of_one_robot_share_its_rate(clock: Clock, path: Path) -> None:
    world = World([partly_failed(f"job-{number:02}") for number in range(12)])
    robot = WeCom(clock)
    names = ("chat", "team")
    subscriptions = [replace(WANTS[0], receiver=name) for name in names]
    async with at_work(robot), Simulation(world, clock=clock) as sim:
        channels = {
            name: Channel(recipient=lambda name=name: robot.recipient(name), format="wecom")  # type: ignore[misc]
            for name in names
        }
        given = Given(receivers=names, subscriptions=subscriptions, channels=channels)
        async with rig(sim, clock, path, given) as one:
            await one.turn()
            clock.advance(30)
            await one.turn()
            assert len(robot.messages) == 18
            for _ in range(200):
                if len(robot.messages) == 24:
                    break
                clock.advance(1)
                await one.deliver()
            assert (len(robot.messages), robot.exceeded, robot.refused) == (24, [], [])
            assert {row.receiver for row in await deliveries(one)} == set(names)
