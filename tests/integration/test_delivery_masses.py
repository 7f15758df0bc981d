"""Ten thousand at once: a receiver that hangs delays nobody else, and a robot is never told more than it takes."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import yaml

from jobwatch.core.digest import DigestPolicy
from jobwatch.core.events import EventType
from jobwatch.core.model import Job, JobDetail, Phase, Progress
from jobwatch.core.outbox import DeliveryState
from jobwatch.core.routing import Selection, Subscription
from jobwatch.poller.observing import observe_details
from jobwatch.poller.source import watch_for
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store.values import DeliveryFilter, DeliveryRow
from tests.cli_rig import aside
from tests.contract import watcher
from tests.daemon import configuration
from tests.integration.delivery_rig import Office, office, webhook
from tests.raw_server import Peer, Server, serving
from tests.rig import Channel, Clock, Given, Rig, rig
from tests.robots import WeCom, at_work

MANY, PAGE = 10_000, 1000
HEALTHY = 300
CONCURRENCY = 8
MINUTE = timedelta(minutes=1)
FAILED = Selection(types=frozenset({EventType.FAILED}))
FEW = Selection(descriptions=("few*",))


async def never_answers(peer: Peer) -> None:
    await peer.request()
    await peer.until_closed()


async def drips(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        await peer.send(b" ")
        await asyncio.sleep(0.05)


async def answers(peer: Peer) -> None:
    while True:
        await peer.request()
        await peer.answer()


def to(name: str, server: Server) -> Channel:
    recipient = webhook(name, server.url())
    # Longer than any test lasts: nothing that hangs is ever given up here.
    return Channel(
        recipient=lambda: recipient, concurrency=CONCURRENCY, timeout=timedelta(minutes=5)
    )


async def queue_up(one: Office) -> None:
    """Ten thousand pieces of news, of which a few are everybody's business, among the others."""
    for first in range(0, MANY, PAGE):
        few = HEALTHY * PAGE // MANY
        names = [f"few-{first + each}" for each in range(few)]
        await one.discover(*(f"many-{first + each}" for each in range(PAGE - few)), *names)


async def test_ten_thousand_for_receivers_that_hang_or_drip_do_not_delay_a_healthy_one(
    tmp_path: Path,
) -> None:
    async with (
        serving(never_answers) as hanging,
        serving(drips) as dripping,
        serving(answers) as healthy,
        office(tmp_path / "db", watcher.Clock()) as one,
    ):
        one.open("hangs", to("hangs", hanging))
        one.open("works", to("works", healthy), FEW)
        one.open("drips", to("drips", dripping), FEW)
        await queue_up(one)
        stuck = [one.group.create_task(one.deliver(name)) for name in ("hangs", "drips")]
        await one.deliver("works")
        assert {row.state for row in await one.rows("works")} == {DeliveryState.DELIVERED}
        assert (len(healthy.requests), healthy.connections) == (HEALTHY, CONCURRENCY)
        # Meanwhile the others still wait for the answers to their first attempts, and hold nothing more.
        for name, server in {"hangs": hanging, "drips": dripping}.items():
            assert server.connections == len(one.notifiers[name].running) == CONCURRENCY
        assert not any(each.done() for each in stuck)
        for task in stuck:
            task.cancel()
        await asyncio.wait(stuck)
        await asyncio.gather(*(each.close(timedelta()) for each in one.notifiers.values()))
        for name, count in {"hangs": MANY, "drips": HEALTHY}.items():
            rows = await one.rows(name)
            assert Counter((row.state, row.attempts) for row in rows) == {
                (DeliveryState.PENDING, 0): count
            }


def failed(clock: Clock, number: int) -> JobDetail:
    return JobDetail(
        job=Job(
            id=f"job-{number:05}",
            status="Failed",
            phase=Phase.FAILED,
            operation="COSPutObjectCopy",
            description="few of them" if number % 200 == 0 else "many of them",
            progress=Progress(total=10, succeeded=4, failed=6),
            created_at=clock.now - MINUTE,
            ended_at=clock.now,
        )
    )


def flooded(robot: WeCom) -> Given:
    """One robot in two receivers: one gets digests, the other every message by itself."""
    recipients = {name: robot.recipient(name) for name in ("chat", "each")}
    chat = Channel(
        recipient=lambda: recipients["chat"],
        format="wecom",
        digest=DigestPolicy(first=3, every=MINUTE),
        give_up_after=timedelta(hours=6),
    )
    each = Channel(recipient=lambda: recipients["each"], format="wecom")
    return Given(
        receivers=("chat", "each"),
        subscriptions=[
            Subscription(receiver="chat", wants=FAILED, give_up_after=timedelta(hours=6)),
            Subscription(receiver="each", wants=replace(FEW, types=FAILED.types)),
        ],
        channels={"chat": chat, "each": each},
    )


async def rows_of(one: Rig, receiver: str, state: DeliveryState | None = None) -> list[DeliveryRow]:
    wanted = DeliveryFilter(receiver=receiver, state=state)
    return list((await one.store.deliveries(wanted, limit=2 * MANY)).rows)


async def test_ten_thousand_failures_never_exceed_a_robots_rate_and_are_all_accounted_for(
    clock: Clock, path: Path
) -> None:
    robot = WeCom(clock)
    async with (
        at_work(robot),
        Simulation(World(), clock=clock) as sim,
        rig(sim, clock, path, flooded(robot)) as one,
    ):
        await one.sweep()
        began = clock()
        for first in range(0, MANY, PAGE):
            watch = watch_for(one.source, await one.state(), clock())
            await observe_details(
                one.source, [failed(clock, first + each) for each in range(PAGE)], watch
            )
            await one.deliver()
            clock.advance(1)
        assert robot.arrivals[0] - began <= timedelta(seconds=2)
        for _ in range(600):
            await one.deliver()
            if not any(notifier.again_at for notifier in one.notifiers.values()):
                break
            clock.advance(1)
        assert (robot.exceeded, robot.refused) == ([], [])
        assert max(robot.within(MINUTE, each) for each in robot.arrivals) <= 18
        by_itself = await rows_of(one, "each")
        assert Counter(row.state for row in by_itself) == {DeliveryState.DELIVERED: MANY // 200}
        told = await rows_of(one, "chat", DeliveryState.DELIVERED)
        absorbed = await rows_of(one, "chat", DeliveryState.ABSORBED)
        digests = {row.event_id for row in told if row.event_type == EventType.DIGEST}
        assert {row.digest_id for row in absorbed} == digests
        heard = [row.job_id for row in told if row.event_type == EventType.FAILED]
        heard += [row.job_id for row in absorbed]
        assert sorted(heard) == [f"job-{number:05}" for number in range(MANY)]
        assert len(robot.messages) == len(by_itself) + len(told)
        await assert_explained(sim, path, absorbed[0])


async def assert_explained(sim: Simulation, path: Path, absorbed: DeliveryRow) -> None:
    """`explain` names the digest that told an absorbed event."""
    config = path.with_name("jobwatch.yaml")
    config.write_text(yaml.safe_dump(configuration(sim, 0)), encoding="utf-8")
    done = await aside("explain", f"prod/{absorbed.job_id}", "--config", config, "--output", "json")
    assert done.returncode == 0, done.stderr
    (line,) = [each for each in json.loads(done.stdout)["story"] if each["kind"] == "delivery"]
    assert line["words"].startswith("chat, job.failed: ")
    assert absorbed.digest_id is not None
    assert absorbed.digest_id in line["words"]
