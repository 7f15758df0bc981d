"""A heartbeat on a real socket: sent while all is well, and what is logged when it is not."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from jobwatch.core.errors import ConfigError, StoreError
from jobwatch.core.overview import Overview
from jobwatch.heartbeat import LOOK_AGAIN, STARTING, Heart, beat
from jobwatch.transport import Transport
from tests.factories import MINUTE
from tests.overviews import overview, shape, state
from tests.raw_server import Peer, serving


class World:
    """What the heart looks at; a test changes it."""

    def __init__(self) -> None:
        self.known: Overview | StoreError = overview()
        self.stalled: list[str] = []
        self.status = "200 OK"
        self.url: str | None = None
        self.seconds = 0.0

    async def overview(self) -> Overview:
        if isinstance(self.known, StoreError):
            raise self.known
        return self.known

    def current(self) -> str:
        if self.url is None:
            raise ConfigError(["the file is not readable"])
        return self.url

    async def answers(self, peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.answer(status=self.status)

    def heart(self, transport: Transport) -> Heart:
        return Heart(
            url=self.current,
            every=MINUTE,
            shapes=[shape()],
            receivers={"ops": timedelta()},
            overview=self.overview,
            stalled=lambda: self.stalled,
            send=transport.send,
            monotonic=lambda: self.seconds,
        )


def events(logs: list[Any]) -> list[str]:
    return [each["event"] for each in logs]


async def test_it_is_sent_while_all_is_well_and_withheld_while_not(transport: Transport) -> None:
    world = World()
    async with serving(world.answers) as server:
        world.url, heart = server.url("/ping/canary"), world.heart(transport)
        with capture_logs() as logs:
            for _ in range(2):
                assert await beat(heart) == MINUTE
            world.stalled = ["poller:prod"]
            for _ in range(3):
                assert await beat(heart) == MINUTE
            world.stalled = []
            await beat(heart)
    assert len(server.requests) == 3
    assert {each.split(b"\r\n")[0] for each in server.requests} == {b"GET /ping/canary HTTP/1.1"}
    assert events(logs) == ["heartbeat.withheld", "heartbeat.resumed"]
    assert logs[0]["reasons"] == ("the loop poller:prod is stalled",)


async def test_why_it_is_withheld_is_said_once_until_it_changes(transport: Transport) -> None:
    world = World()
    heart = world.heart(transport)
    world.seconds = STARTING.total_seconds()
    with capture_logs() as logs:
        for known in (
            StoreError("the store failed"),
            StoreError("the store failed"),
            overview(sources=(state(failures=1),)),
            overview(sources=(state(failures=2),)),
        ):
            world.known = known
            await beat(heart)
    assert [each["reasons"] for each in logs] == [
        ("the store cannot be read",),
        ("the source prod is not fresh",),
    ]


async def test_a_start_is_no_trouble_and_the_first_beat_comes_as_soon_as_all_is_well(
    transport: Transport,
) -> None:
    world = World()
    world.known = overview(sources=())
    async with serving(world.answers) as server:
        world.url, heart = server.url(), world.heart(transport)
        with capture_logs() as logs:
            assert [await beat(heart) for _ in range(2)] == [LOOK_AGAIN] * 2
            world.known = overview()
            assert await beat(heart) == MINUTE
            world.known = overview(sources=())
            assert await beat(heart) == MINUTE
    assert len(server.requests) == 1
    assert [(each["event"], each["log_level"]) for each in logs] == [
        ("heartbeat.withheld", "info"),
        ("heartbeat.resumed", "info"),
        ("heartbeat.withheld", "warning"),
    ]


async def test_a_start_that_takes_too_long_is_warned_of_once(transport: Transport) -> None:
    world = World()
    world.known = overview(sources=())
    heart = world.heart(transport)
    with capture_logs() as logs:
        for world.seconds in (0.0, STARTING.total_seconds() - 1, STARTING.total_seconds(), 9e9):
            await beat(heart)
    assert [each["log_level"] for each in logs] == ["info", "warning"]
    assert logs[0]["reasons"] == logs[1]["reasons"]


@pytest.mark.parametrize(
    ("status", "reason"), [("500 Oops", "http_500"), ("302 Found", "http_302")]
)
async def test_an_answer_that_is_no_success_is_said_once_and_when_it_is_over(
    transport: Transport, status: str, reason: str
) -> None:
    world = World()
    async with serving(world.answers) as server:
        world.url, world.status, heart = server.url(), status, world.heart(transport)
        with capture_logs() as logs:
            await beat(heart)
            await beat(heart)
            world.status = "204 No Content"
            await beat(heart)
    assert events(logs) == ["heartbeat.failed", "heartbeat.sent"]
    assert logs[0]["reason"] == reason


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (None, "url_unusable"),
        ("http://127.0.0.1:1/canary?key=canary", "connect"),
        ("no url canary", "protocol"),
    ],
)
async def test_whatever_goes_wrong_stays_in_the_log_without_the_url(
    transport: Transport, url: str | None, reason: str
) -> None:
    world = World()
    world.url = url
    heart = world.heart(transport)
    with capture_logs() as logs:
        assert await beat(heart) == MINUTE
    assert [(each["event"], each["reason"]) for each in logs] == [("heartbeat.failed", reason)]
    assert "canary" not in repr(logs)
    assert "canary" not in repr(heart)
