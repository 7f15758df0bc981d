"""kill -9 around every step of a delivery, and inside what a person's commands write: nothing is lost, and nothing is
told twice but what was in flight at a kill, with the same bytes.

In flight means: claimed and unsettled in the database after the kill. Three receivers are told of every ending: one by
one, by a robot that takes 18 messages a minute, and by a bot whose news is all folded into digests.
"""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.simulator.receiver import Received, Reply
from tests.faults.campaign import ALL, CHATS, CODE_0, WRAPPER, Campaign, campaign

MOMENTS = ("before", "inside", "after")
KILLS_IN_STORE = [
    *product(("take", "settle_group", "fold"), MOMENTS, (1,)),
    *product(("take",), MOMENTS, (2,)),
    *product(("write_outcomes",), ("before", "inside"), (1,)),
]
POSTS_KILLED = 2
BURSTS_KILLED, BURST = 2, 6
ORDERS_KILLED = 4 * len(MOMENTS)
ROUNDS_TO_SPARE = 12
PATIENCE = 5.0
ROBOT_RATE, ROBOT_WINDOW = 18, timedelta(minutes=1)

pytestmark = pytest.mark.timeout(420)


async def test_kills_around_a_delivery_lose_nothing_and_repeat_only_what_was_in_flight(
    tmp_path: Path,
) -> None:
    rounds = 2 * BURSTS_KILLED + len(KILLS_IN_STORE) + 2 * POSTS_KILLED + ORDERS_KILLED
    async with campaign(tmp_path, 4 * (rounds + ROUNDS_TO_SPARE) + 4) as fought:
        await kill_while_the_robot_has_a_burst(fought)
        await kill_inside_the_store(fought)
        await kill_while_a_receiver_has_the_post(fought)
        await fought.battle.start()
        await kill_orders(fought)
        for name in ALL:
            await fought.settled(name)
        assert await asyncio.to_thread(fought.daemon.stop) == 0
        check_accounts(fought)
        check_messages(fought)
        check_rate(fought)
        check_counters(fought)


async def kill_while_the_robot_has_a_burst(fought: Campaign) -> None:
    """Twice eight messages take most of a minute's places; who forgets them over a restart sends too many afterwards."""

    async def die(_received: Received) -> None:
        await asyncio.to_thread(fought.daemon.kill)

    for _ in range(BURSTS_KILLED):
        last = Reply(status=CODE_0.status, body=CODE_0.body, hook=die)
        fought.chats.script("/robot", *[CODE_0] * (BURST - 1), last)
        fought.battle.end_jobs()
        fought.battle.end_jobs()
        fought.daemon.start()
        await fought.until_killed()


async def kill_inside_the_store(fought: Campaign) -> None:
    """A busy machine may settle four answers one by one, and no group is there to die in: then more jobs end."""
    daemon = fought.daemon
    for verb, moment, nth in KILLS_IN_STORE:
        daemon.program, daemon.environment = (WRAPPER,), {"DIE_IN": f"{verb}:{moment}:{nth}"}
        fought.battle.end_jobs()
        daemon.start()
        await fought.until_killed(patience=PATIENCE, more=3)
    daemon.program, daemon.environment = ("-m", "jobwatch"), {}


async def kill_while_a_receiver_has_the_post(fought: Campaign) -> None:
    """The message arrived, and its answer never does. The robot's rate may be spent: it gets no post then."""

    async def die(_received: Received) -> None:
        await asyncio.to_thread(fought.daemon.kill)

    for _ in range(POSTS_KILLED):
        for sink, path in ((fought.battle.simulation.sink, "/ops"), (fought.chats, "/board")):
            sink.script(path, Reply(status=CODE_0.status, body=CODE_0.body, hook=die))
            fought.battle.end_jobs()
            fought.daemon.start()
            await fought.until_killed()


async def kill_orders(fought: Campaign) -> None:
    """What dies before its COMMIT changed nothing, what dies after it changed everything, and the daemon goes on."""
    for moment in MOMENTS:
        done = moment == "after"
        await kill_a_pause_and_a_resume(fought, moment, done=done)
        await kill_a_redelivery(fought, moment, done=done)
        await kill_a_mute(fought, moment, done=done)


def paused(fought: Campaign) -> bool:
    found = fought.daemon.query("SELECT state FROM receivers WHERE name = 'ops'")
    return found == [("paused",)]


async def kill_a_pause_and_a_resume(fought: Campaign, moment: str, *, done: bool) -> None:
    await fought.order("receivers", "pause", "ops", dying=f"pause:{moment}:1")
    assert paused(fought) is done
    await fought.order("receivers", "pause", "ops")
    told = len(fought.battle.simulation.sink.received)
    fought.battle.end_jobs()
    waiting = "receiver = 'ops' AND state = 'pending'"
    await fought.battle.until(lambda: fought.count(waiting) >= 4)
    await fought.order("receivers", "resume", "ops", dying=f"resume:{moment}:1")
    if not done:
        assert paused(fought)
        assert len(fought.battle.simulation.sink.received) == told
        await fought.order("receivers", "resume", "ops")
    await fought.settled("ops")


async def kill_a_redelivery(fought: Campaign, moment: str, *, done: bool) -> None:
    """One that was told already, and one that was given up: both are sent with the id that they had."""
    sink = fought.battle.simulation.sink
    sink.script("/ops", *[Reply(status=413)] * 4)
    fought.battle.end_jobs()
    await fought.battle.until(lambda: fought.count("state = 'dead'") == 4)
    bulk = ("redeliver", "--receiver", "ops", "--since", "1h")
    await fought.order(*bulk, dying=f"redeliver:{moment}:1")
    if not done:
        assert fought.count("state = 'dead'") == 4
        await fought.order(*bulk)
    await fought.settled("ops")
    ((number, event_id),) = fought.daemon.query(
        "SELECT id, event_id FROM deliveries WHERE receiver = 'ops' AND state = 'delivered' LIMIT 1"
    )
    await fought.order("redeliver", str(number), dying=f"redeliver:{moment}:1")
    fought.ordered["ops", event_id] += done
    await fought.settled("ops")


async def kill_a_mute(fought: Campaign, moment: str, *, done: bool) -> None:
    battle = fought.battle
    name = f"job-{next(battle.names):04}"
    words = ("mute", "--job", f"prod/{name}", "--for", "1h", "--reason", "known")
    await fought.order(*words, dying=f"mute:{moment}:1")
    assert len(fought.daemon.query("SELECT 1 FROM mutes")) == len(fought.muted) + done
    fought.muted |= {name} if done else set()
    battle.truth[name] = "job.cancelled"
    battle.simulation.world.set(name, utc_now(), status="Cancelled")
    await battle.until(lambda: fought.count(f"job_id = '{name}'") == len(ALL))
    await fought.settled("ops")


def check_accounts(fought: Campaign) -> None:
    """Each ending is one event, which each receiver was told by itself or in one digest that was told, or is muted."""
    rows = fought.daemon.query(
        "SELECT d.receiver, d.job_id, e.type, d.state, g.state FROM deliveries d "
        "JOIN events e ON e.id = d.event_id LEFT JOIN deliveries g "
        "ON g.event_id = d.digest_id AND g.receiver = d.receiver WHERE e.type <> 'digest'"
    )
    truth = set(fought.battle.truth.items())
    for receiver in ALL:
        mine = [row for row in rows if row[0] == receiver]
        assert sorted((job, type_) for _, job, type_, _, _ in mine) == sorted(truth)
        muted = {job for _, job, _, state, _ in mine if state == "muted"}
        assert muted == fought.muted
        fates = {(state, digest) for _, _, _, state, digest in mine if state != "muted"}
        alone = {("delivered", None)}
        assert fates <= (alone if receiver == "ops" else alone | {("absorbed", "delivered")})
    _check_digests(fought)


def _check_digests(fought: Campaign) -> None:
    """A digest counts its members, each of them once."""
    members = Counter(
        id_ for (id_,) in fought.daemon.query(
            "SELECT digest_id FROM deliveries WHERE digest_id IS NOT NULL"
        )
    )  # fmt: skip
    bodies = dict(fought.daemon.query("SELECT id, body FROM events WHERE type = 'digest'"))
    totals = {id_: json.loads(body)["data"]["total"] for id_, body in bodies.items()}
    assert totals == members
    assert fought.daemon.counter("jobwatch_deliveries_total") > 0
    receivers = {name for (name,) in fought.daemon.query(
        "SELECT receiver FROM deliveries WHERE event_id IN (SELECT id FROM events WHERE type = 'digest')"
    )}  # fmt: skip
    assert receivers == set(CHATS), "nobody was told a digest"


def check_messages(fought: Campaign) -> None:
    """What arrived is what was to be told, byte by byte, and twice only if it was in flight at a kill."""
    arrived = [*fought.battle.simulation.sink.received, *fought.chats.received]
    repeated = 0
    for receiver in ALL:
        expected = fought.expected(receiver)
        told = Counter(
            each.body for each in arrived if each.path == f"/{receiver}" and each.status < 300
        )
        ids = {body: id_ for id_, body in expected.items()}
        assert len(ids) == len(expected), "two deliveries look alike"
        assert set(told) == set(ids)
        for body, times in told.items():
            id_ = (receiver, ids[body])
            assert times <= 1 + fought.ordered[id_] + fought.in_flight[id_], f"{id_}: {times} times"
            repeated += times - 1
    assert fought.in_flight, "no kill ever hit a delivery in flight"
    assert {name for name, _ in fought.in_flight} == set(ALL)
    for received in fought.battle.simulation.sink.received:
        assert received.valid
        assert received.id == received.event["id"]
    print(
        f"kills: {fought.battle.kills}, messages: {len(arrived)}, in flight: {len(fought.in_flight)}, repeated: {repeated}"
    )


def check_rate(fought: Campaign) -> None:
    """In no window did the robot get more than it takes, whoever restarted, and it did get more than one window's."""
    times = [each.at for each in fought.chats.received if each.path == "/robot"]
    assert len(times) > ROBOT_RATE
    for first, beyond in zip(times, times[ROBOT_RATE:], strict=False):
        assert beyond - first > ROBOT_WINDOW


def check_counters(fought: Campaign) -> None:
    """Counters say what the rows say."""
    daemon = fought.daemon
    counted = Counter[tuple[str, str, str]]()
    for receiver, name, labels, value in daemon.query(
        "SELECT subject_id, name, labels, value FROM series WHERE subject_kind = 'receiver'"
    ):
        counted[receiver, name, ",".join(json.loads(labels))] += int(value)
    attempts = daemon.query(
        "SELECT d.receiver, a.result, count(*) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id GROUP BY 1, 2"
    )
    rows = daemon.query("SELECT receiver, state, count(*) FROM deliveries GROUP BY 1, 2")
    by_name = {
        name: {
            (receiver, label): value
            for (receiver, series, label), value in counted.items()
            if series == name
        }
        for name in ("jobwatch_delivery_attempts_total", "jobwatch_deliveries_total")
    }
    tried = {(receiver, result): number for receiver, result, number in attempts}
    assert by_name["jobwatch_delivery_attempts_total"] == tried
    kept = {(receiver, state): number for receiver, state, number in rows}
    kept |= {("ops", "dead"): tried["ops", "too_large"], ("ops", "delivered"): tried["ops", "ok"]}
    assert by_name["jobwatch_deliveries_total"] == kept
    assert daemon.counter("jobwatch_jobs_finished_total") == len(fought.battle.truth)
    assert daemon.query("PRAGMA integrity_check") == [("ok",)]
