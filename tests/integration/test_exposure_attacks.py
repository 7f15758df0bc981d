"""What strangers tried on the HTTP server: each test is named for what must not come of it."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from structlog.testing import capture_logs

from jobwatch.core.errors import ConfigError, StoreError
from jobwatch.web import Reloaded, build_app, serve
from jobwatch.web.api.reloads import Reloads
from jobwatch.web.serving.connections import BODY_BYTES, HEAD_BYTES, Limits
from tests.integration.exposed import CHANGE, OPERATE, READ, Door, exposed, port_of, say
from tests.integration.test_access_served import bearer
from tests.web_rig import bare_view, opened_store

STRANGER = {"X-Forwarded-For": "203.0.113.9"}
"""A proxy on this machine lends its address to everybody."""

TROUBLE = "the store is held by another jobwatch: pid=17 host=db-3 owner=jobwatch"
UNOPENED = ["the store is not open yet; the log says why"]


async def missing(door: Door, headers: dict[str, str], **view: object) -> list[str]:
    """What readiness tells."""
    made = bare_view(tokens=door.view.tokens, missing=lambda: (TROUBLE,), **view)
    async with (
        serve(build_app(made), "127.0.0.1", 0) as url,
        aiohttp.ClientSession(headers=headers) as client,
        client.get(f"{url}/readyz") as answer,
    ):
        assert answer.status == 503
        found: list[str] = (await answer.json())["missing"]
        return found


@pytest.mark.parametrize(
    ("door", "headers", "told"),
    [
        (Door(read=READ), STRANGER, UNOPENED),
        (Door(read=READ), STRANGER | bearer("wrong-token-0123456789"), UNOPENED),
        (Door(failure=ConfigError(["no token"])), {}, UNOPENED),
        (Door(read=READ), STRANGER | bearer(READ), [TROUBLE]),
        (Door(read=READ, operate=OPERATE), STRANGER | bearer(OPERATE), [TROUBLE]),
        (Door(read=READ), {}, [TROUBLE]),
        (Door(), STRANGER, [TROUBLE]),
    ],
)
async def test_where_the_store_lies_and_who_holds_it_is_told_to_no_stranger(
    door: Door, headers: dict[str, str], told: list[str]
) -> None:
    assert await missing(door, headers) == told


async def test_which_source_was_not_tried_yet_is_told_to_every_probe() -> None:
    async with opened_store() as store:
        assert await missing(Door(read=READ), STRANGER, store=lambda: store) == [TROUBLE]


async def test_what_a_request_expects_is_not_repeated() -> None:
    async with exposed(Door(read=READ)) as client:
        said = await say(
            port_of(client),
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: evil<b>\r\nConnection: close\r\n\r\n",
        )
    assert said.startswith(b"HTTP/1.1 417")
    assert b"evil" not in said


async def test_an_upgrade_lets_nothing_ride_on_an_open_path() -> None:
    """What comes after it is a request like any other, and asks for itself."""
    asked = b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    async with exposed(Door(read=READ)) as client:
        said = await say(
            port_of(client),
            asked % (b"/healthz", upgrade) + asked % (b"/metrics", b"Connection: close\r\n"),
        )
    assert b"HTTP/1.1 101" not in said
    assert b"jobwatch_build_info" not in said


async def test_a_second_request_does_not_ride_on_the_token_of_the_first() -> None:
    first = f"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {READ}\r\n\r\n".encode()
    async with exposed(Door(read=READ)) as client:
        said = await say(
            port_of(client),
            first + b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
    assert said.count(b"jobwatch_build_info{") == 1
    assert b"HTTP/1.1 401" in said


async def test_a_long_path_does_not_fill_the_log_of_a_store_that_is_not_open() -> None:
    with capture_logs() as logs:
        async with (
            serve(build_app(bare_view()), "127.0.0.1", 0) as url,
            aiohttp.ClientSession() as client,
            client.get(f"{url}/jobs/prod/{'x' * 4000}") as answer,
        ):
            assert answer.status == 503
    (entry,) = [each for each in logs if each["event"] == "request.refused"]
    assert len(entry["path"]) <= 200


async def test_a_crowd_that_orders_reloads_costs_two() -> None:
    begun, free = 0, asyncio.Event()

    async def reload() -> Reloaded:
        nonlocal begun
        begun += 1
        number = begun
        await free.wait()
        return Reloaded(changed=(f"reload {number}",))

    reloads = Reloads(reload)
    first = asyncio.create_task(reloads.reload())
    await asyncio.sleep(0)
    others = [asyncio.create_task(reloads.reload()) for _ in range(100)]
    await asyncio.sleep(0)
    free.set()
    assert (await first).changed == ("reload 1",)
    # Who came while it was under way may have changed the file after it was read.
    assert {each.changed for each in await asyncio.gather(*others)} == {("reload 2",)}
    assert (await reloads.reload()).changed == ("reload 3",)


async def test_a_reload_that_fails_is_tried_again_for_whoever_is_next() -> None:
    answers: list[Reloaded | StoreError] = [StoreError("busy"), Reloaded(changed=("x",))]

    async def reload() -> Reloaded:
        await asyncio.sleep(0)
        answer = answers.pop(0)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    reloads = Reloads(reload)
    first, second = await asyncio.gather(reloads.reload(), reloads.reload(), return_exceptions=True)
    assert isinstance(first, StoreError)
    assert second == Reloaded(changed=("x",))


async def test_a_strangers_body_is_refused_before_any_of_it_is_kept() -> None:
    """A thousand of them, all but their last byte, would otherwise be larger than the daemon."""

    async def endless() -> AsyncIterator[bytes]:
        yield b"token="

    async with exposed(Door(read=READ)) as client:
        for path in ("/login", "/logout"):
            assert (await client.post(path, data=b"a" * 40_000)).status == 413
            assert (await client.post(path, data=endless())).status == 411


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_head_without_end_is_not_listened_to_for_long(before: bytes) -> None:
    """The parser keeps twice what it is given, and a stranger has a thousand connections."""
    lines = b"".join(b"A%d: %s\r\n" % (n, b"a" * 1000) for n in range(HEAD_BYTES // 1000 + 1))
    async with exposed(Door(), Limits(head=600)) as client:
        said = await say(port_of(client), before + b"GET / HTTP/1.1\r\nHost: x\r\n" + lines)
        assert said.count(b"HTTP/1.1 200") == bool(before)


async def test_a_large_body_that_comes_with_its_head_is_no_long_head() -> None:
    door = Door()
    body = b"a" * BODY_BYTES
    head = f"POST {CHANGE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    async with exposed(door) as client:
        again = f"{head}\r\n".encode() + body
        last = f"{head}Connection: close\r\n\r\n".encode() + body
        said = await say(port_of(client), again + again + last)
    assert said.count(b"HTTP/1.1 200") == 3
    assert door.bodies == [body] * 3
