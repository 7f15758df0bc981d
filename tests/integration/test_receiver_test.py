"""A test message on its way to a receiver, by hand: what is sent, what comes back, and what is remembered of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from jobwatch.app import testing
from jobwatch.app.clock import utc_now
from jobwatch.app.telling import gate_key
from jobwatch.core.errors import ConfigError
from jobwatch.core.outbox import Result
from jobwatch.core.rate_gate import RateGate
from jobwatch.settings import Settings
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET
from jobwatch.store import SqliteSettings, Store, receivers
from tests.factories import HOUR
from tests.raw_server import Peer, Server, serving

PROVIDER = {"kind": "cos-batch", "region": "ap-chengdu", "uin": "100000000001", "appid": "125"}


class Robot:
    """A receiver that answers everything alike."""

    def __init__(self, body: bytes = b"", status: str = "200 OK") -> None:
        self.body, self.status = body, status

    async def __call__(self, peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.answer(self.body, status=self.status)


def settings(url: str, folder: Path, **receiver: Any) -> Settings:
    return Settings.model_validate(
        {
            "sources": {"prod": {"provider": PROVIDER}},
            "receivers": {"ops": {"url": url, **receiver}},
            "store": {"kind": "sqlite", "path": folder / "jobwatch.db"},
        }
    )


def wecom(server: Server, folder: Path) -> Settings:
    return settings(server.url(), folder, format="wecom")


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def sent(server: Server) -> list[tuple[dict[str, str], bytes]]:
    found = []
    for request in server.requests:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
        found.append(({name.lower(): value for name, value in lines}, body))
    return found


async def test_a_test_is_signed_and_each_is_an_event_of_its_own(tmp_path: Path) -> None:
    async with serving(Robot()) as server:
        there = settings(server.url(), tmp_path, secrets=[DEMO_WEBHOOK_SECRET])
        answers = [await testing.send_test(there, "ops") for _ in range(2)]
    for answer, (headers, body) in zip(answers, sent(server), strict=True):
        assert (answer.result, answer.status) == (Result.OK, 200)
        assert answer.request.body == body
        document = Webhook(DEMO_WEBHOOK_SECRET).verify(body, headers)
        assert document == json.loads(body)
        assert (document["type"], document["subject"]) == ("receiver.test", "ops")
        assert document["id"] == headers["webhook-id"]
    assert len({headers["webhook-id"] for headers, _ in sent(server)}) == 2
    assert is_empty(tmp_path)


@pytest.mark.parametrize(
    ("robot", "result", "status"),
    [
        (Robot(status="401 Unauthorized"), Result.AUTH, 401),
        (Robot(status="307 Elsewhere"), Result.REDIRECT, 307),
        (Robot(status="500 Oops"), Result.HTTP_5XX, 500),
    ],
)
async def test_what_the_receiver_thinks_of_it_is_said(
    robot: Robot, result: Result, status: int, tmp_path: Path
) -> None:
    async with serving(robot) as server:
        answer = await testing.send_test(
            settings(server.url(), tmp_path, secrets=[DEMO_WEBHOOK_SECRET]), "ops"
        )
    assert (answer.result, answer.status) == (result, status)
    assert "canary" not in repr(answer)


async def test_nobody_there_is_an_answer_too(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1/canary?key=canary"
    there = settings(url, tmp_path, secrets=[DEMO_WEBHOOK_SECRET])
    answer = await testing.send_test(there, "ops")
    assert (answer.result, answer.status) == (Result.CONNECT, None)
    assert "canary" not in repr(answer)


async def test_what_cannot_be_signed_is_not_sent(tmp_path: Path) -> None:
    there = settings("http://127.0.0.1:1/", tmp_path)
    broken = there.receivers["ops"].model_copy(update={"secrets": (SecretStr("no key"),)})
    there = there.model_copy(update={"receivers": {"ops": broken}})
    with pytest.raises(ConfigError):
        await testing.send_test(there, "ops")


async def test_a_test_takes_a_place_in_the_rate_of_its_url(tmp_path: Path) -> None:
    store = await Store.open(
        SqliteSettings(path=tmp_path / "jobwatch.db"), owner="a", clock=utc_now, exclusive=True
    )
    async with serving(Robot(b'{"errcode":0,"errmsg":"ok"}')) as server:
        there, key = wecom(server, tmp_path), gate_key(store.store_id, server.url())
        before = utc_now()
        assert (await testing.send_test(there, "ops")).result is Result.OK
        gate = await store._database.write(lambda connection: receivers.gate(connection, key))
        (place,) = gate.places
        assert before <= place.arrived_by <= utc_now()
        held = RateGate(held_until=utc_now() + HOUR)
        await store._database.write(
            lambda connection: receivers.keep_gate(connection, key, held, utc_now())
        )
        refused = await testing.send_test(there, "ops")
    assert (refused.result, refused.status) == (Result.RATE_LIMITED, None)
    assert refused.answer.startswith("not sent")
    assert len(server.requests) == 1
    assert (await store.overview()).outbox == ()
    await store.close()


async def test_without_a_store_a_robot_is_tested_all_the_same(tmp_path: Path) -> None:
    async with serving(Robot(b'{"errcode":93000,"errmsg":"invalid"}')) as server:
        answer = await testing.send_test(wecom(server, tmp_path), "ops")
    assert answer.result is not Result.OK
    assert answer.status == 200
    assert is_empty(tmp_path)
