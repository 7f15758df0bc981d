"""The vendors' robots as strict servers on loopback: they check what is signed, how large it is and what is in it.

Every request is counted, by the robot's own clock, in sliding windows of the published length; one too many is answered
as the vendor answers it, and noted in `exceeded`. What a robot would not show is noted in `refused`. The pages that say
so are named in the module of each format.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qs

from aiohttp import web

from jobwatch.core.rate_gate import Rate
from jobwatch.formats import FormatName
from jobwatch.formats.values import Recipient
from jobwatch.simulator.simulation import Server

KEY = "0123456789abcdef0123456789abcdef"
"""What the robots' URLs hold, and PagerDuty's routing key."""

SECRET = "SEC0123456789abcdef"
JSON = "application/json"


class Call(NamedTuple):
    """One request, whole."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        """The body. ValueError where it is no JSON, TypeError where it is no object."""
        found = json.loads(self.body)
        if not isinstance(found, dict):
            raise TypeError("the body is no JSON object")
        return found


class Said(NamedTuple):
    """A robot's answer."""

    status: int
    body: str
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = JSON


class RefusedError(Exception):
    """What is wrong with a request, and how the vendor says so."""

    def __init__(self, why: str, said: Said) -> None:
        super().__init__(why)
        self.said = said


def want(right: object, why: str, said: Said) -> None:
    if not right:
        raise RefusedError(why, said)


def code(number: int, words: str = "", name: str = "errcode", status: int = 200) -> Said:
    return Said(status, json.dumps({name: number, "errmsg" if name == "errcode" else "msg": words}))


def text(status: int, words: str, **headers: str) -> Said:
    shown = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Said(status, words, shown, "text/html")


def is_text(value: object, most: int, count: Callable[[str], int] = len) -> bool:
    return isinstance(value, str) and 0 < count(value) <= most


def in_bytes(value: str) -> int:
    return len(value.encode())


@dataclass(slots=True)
class Robot:
    """One robot. `messages` are those that it showed, `arrivals` are the times of every request.

    `instead` is what stands between us and it says to the next requests.
    """

    format: ClassVar[FormatName]
    path: ClassVar[str]
    rates: ClassVar[tuple[Rate, ...]]
    ok: ClassVar[Said]
    too_often: ClassVar[Said]
    garbled: ClassVar[Said]

    clock: Callable[[], datetime]
    secret: str = SECRET
    url: str = ""
    arrivals: list[datetime] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    exceeded: list[datetime] = field(default_factory=list)
    instead: list[Said] = field(default_factory=list)

    def recipient(self, name: str = "chat", **more: Any) -> Recipient:
        """What somebody who set the robot up would configure."""
        return Recipient(name=name, url=self.url, **more)

    def answer(self, call: Call) -> Said:
        """Count the request, then look at it."""
        now = self.clock()
        self.arrivals.append(now)
        self.bodies.append(call.body)
        if self.instead:
            return self.instead.pop(0)
        if self.counts_too_many(now):
            self.exceeded.append(now)
            return self.too_often
        try:
            self.look(call)
        except RefusedError as refused:
            self.refused.append(str(refused))
            return refused.said
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            self.refused.append(f"{type(error).__name__}: {error}")
            return self.garbled
        self.messages.append(call.said)
        return self.ok

    def counts_too_many(self, now: datetime) -> bool:
        return any(self.within(rate.per, now) > rate.messages for rate in self.rates)

    def within(self, per: timedelta, until: datetime) -> int:
        """Requests in the window that ends at that time."""
        return sum(until - per < each <= until for each in self.arrivals)

    def look(self, call: Call) -> None:
        """Take the request, or raise what is wrong with it."""
        json_type = call.headers.get("content-type", "").startswith(JSON)
        want(call.method == "POST" and json_type, "is no POST of JSON", self.garbled)
        self.check(call)

    def check(self, call: Call) -> None:
        raise NotImplementedError


@asynccontextmanager
async def at_work(robot: Robot) -> AsyncIterator[Robot]:
    """Let a robot listen on a port of its own."""

    async def handle(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = parse_qs(request.rel_url.raw_query_string, keep_blank_values=True)
        call = Call(request.method, request.path, query, headers, await request.read())
        if call.path != robot.path.partition("?")[0]:
            return web.Response(status=404, text="no_service")
        said = robot.answer(call)
        return web.Response(
            status=said.status, text=said.body, headers=dict(said.headers), content_type=said.kind
        )

    app = web.Application(client_max_size=1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", handle)
    server = Server(app)
    await server.start()
    robot.url = server.url + robot.path
    try:
        yield robot
    finally:
        await server.stop()
