"""The receiver of the simulator, sent to by a plain HTTP client; and what starts and stops it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from standardwebhooks import Webhook

from jobwatch.simulator.cloud import build_cloud
from jobwatch.simulator.receiver import Manner, Received, Reply
from jobwatch.simulator.simulation import (
    DEMO_CREDENTIALS,
    DEMO_WEBHOOK_SECRET,
    Options,
    Server,
    Simulation,
)
from jobwatch.simulator.world import World

T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
OLDER_SECRET = "whsec_b2xkZXItZGVtby1zZWNyZXQtMTIzNDU2Nzg5MA=="


def clock() -> datetime:
    return T0


@pytest.fixture
async def simulation(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Simulation]:
    options = Options(secrets=(DEMO_WEBHOOK_SECRET, OLDER_SECRET))
    async with Simulation(World(), clock=clock, options=options) as running:
        yield running
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


async def post(
    url: str, *, secret: str = DEMO_WEBHOOK_SECRET, at: datetime = T0, event: str = "evt_1"
) -> tuple[int, bytes]:
    body = json.dumps({"id": event, "description": "\u5907\u4efd"}, ensure_ascii=False)
    headers = {
        "webhook-id": event,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": "v1,AAAA " + Webhook(secret).sign(event, at, body),
    }
    async with aiohttp.ClientSession() as session:
        sent = session.post(url, data=body.encode(), headers=headers, allow_redirects=False)
        async with sent as response:
            return response.status, await response.read()


async def test_a_signed_event_is_accepted_and_recorded(simulation: Simulation) -> None:
    assert await post(simulation.hook_url()) == (204, b"")
    assert await post(simulation.hook_url(), secret=OLDER_SECRET, event="evt_2") == (204, b"")
    first, second = await simulation.sink.wait_for(2)
    assert (first.id, first.path, first.at, first.valid) == ("evt_1", "/hook", T0, True)
    assert first.headers["webhook-id"] == "evt_1"
    assert second.number == 2
    assert simulation.sink.events == [
        {"id": "evt_1", "description": "备份"},
        {"id": "evt_2", "description": "备份"},
    ]


@pytest.mark.parametrize(
    ("secret", "at"),
    [
        ("whsec_d3Jvbmctc2VjcmV0LXdyb25nLXNlY3JldC13cm9uZw==", T0),
        (DEMO_WEBHOOK_SECRET, T0 - timedelta(minutes=6)),
        (DEMO_WEBHOOK_SECRET, T0 + timedelta(minutes=6)),
    ],
)
async def test_a_bad_signature_is_refused_and_recorded(
    simulation: Simulation, secret: str, at: datetime
) -> None:
    status, _ = await post(simulation.hook_url(), secret=secret, at=at)
    (received,) = simulation.sink.received
    assert (status, received.valid, received.accepted) == (401, False, False)
    assert simulation.sink.events == []


async def test_a_request_without_signature_is_refused(simulation: Simulation) -> None:
    async with aiohttp.ClientSession() as session, session.post(simulation.hook_url()) as response:
        assert response.status == 401


async def test_every_path_follows_its_own_script(simulation: Simulation) -> None:
    sink = simulation.sink
    later = {"Retry-After": "7"}
    sink.script("/a", Reply(status=503, headers=later), Reply(status=302, body=b"there"))
    sink.always("/b", Reply(status=410))
    statuses = [(await post(simulation.hook_url(path)))[0] for path in ("/a", "/b", "/a", "/b")]
    assert statuses == [503, 410, 302, 410]
    sink.always("/b", None)
    assert [(await post(simulation.hook_url(path)))[0] for path in ("/a", "/b")] == [204, 204]
    assert [each.path for each in sink.accepted] == ["/a", "/b"]


async def test_a_large_and_a_dripping_reply_arrive(simulation: Simulation) -> None:
    slow = timedelta(milliseconds=1)
    simulation.sink.script(
        "/hook",
        Reply(status=200, body=b"{}", filler=1_000_000),
        Reply(status=200, body=b"drop", manner=Manner.DRIP, delay=slow),
        Reply(status=200, body=b"late", delay=slow),
    )
    assert len((await post(simulation.hook_url()))[1]) > 1_000_000
    assert await post(simulation.hook_url()) == (200, b"drop")
    assert await post(simulation.hook_url()) == (200, b"late")


@pytest.mark.parametrize(
    ("manner", "error"),
    [(Manner.RESET, aiohttp.ClientConnectionError), (Manner.STALL, TimeoutError)],
)
async def test_a_reply_that_does_not_come(
    simulation: Simulation, manner: Manner, error: type[Exception]
) -> None:
    simulation.sink.script("/hook", Reply(status=200, manner=manner))
    with pytest.raises(error):
        async with asyncio.timeout(0.5 if error is TimeoutError else 10):
            await post(simulation.hook_url())
    assert len(simulation.sink.received) == 1


async def test_callbacks_run_before_the_answer_and_only_where_they_should() -> None:
    told: list[tuple[str, str]] = []

    async def accepted(received: Received) -> None:
        told.append(("accepted", received.id))

    async def hooked(received: Received) -> None:
        told.append(("hooked", received.id))

    async with Simulation(World(), clock=clock, options=Options(on_accepted=accepted)) as running:
        running.sink.script("/hook", Reply(status=500, hook=hooked), Reply(status=200))
        await post(running.hook_url(), event="evt_1")
        await post(running.hook_url(), event="evt_2")
        assert told == [("hooked", "evt_1"), ("accepted", "evt_2")]


async def test_a_sink_without_secrets_takes_everything() -> None:
    async with (
        Simulation(World(), clock=clock, options=Options(secrets=())) as running,
        aiohttp.ClientSession() as session,
        session.post(running.hook_url(), data=b"[1]") as response,
    ):
        assert response.status == 204
        (received,) = running.sink.accepted
        assert received.valid is None
        with pytest.raises(TypeError):
            _ = received.event


async def test_waiting_for_what_does_not_come_ends(simulation: Simulation) -> None:
    with pytest.raises(TimeoutError):
        await simulation.sink.wait_for(1, within=0.01)


async def test_a_cloud_can_be_built_alone_and_a_taken_port_is_told() -> None:
    server = Server(build_cloud(World(), DEMO_CREDENTIALS, clock=clock))
    with pytest.raises(RuntimeError):
        _ = server.url
    await server.start()
    async with aiohttp.ClientSession() as session, session.get(server.url + "/jobs") as response:
        assert response.status == 400  # not even an appid
    port = int(server.url.rpartition(":")[2])
    taken = Server(build_cloud(World(), DEMO_CREDENTIALS, clock=clock), port)
    with pytest.raises(OSError, match="address already in use"):
        await taken.start()
    await server.stop()
