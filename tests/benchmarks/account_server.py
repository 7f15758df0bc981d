"""Accounts on loopback, in a child process, under a clock that the measuring process moves, or the true one.

The archive of jobs that ended long ago is pages made from one template; everybody else lives in the simulator's
world and is told by the simulator's own answers. Every call is counted, and takes as long as it is told to.
"""

import asyncio
import contextlib
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from jobwatch.app.clock import utc_now
from jobwatch.simulator.answers import Question, Refusal, refuse, respond
from jobwatch.simulator.markup import Writer
from jobwatch.simulator.quirks import PLAIN
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.world import World
from tests.benchmarks.page_server import pin
from tests.benchmarks.population import START

_CONTEXT = multiprocessing.get_context("spawn")
_HEAD = b"HTTP/1.1 %d x\r\nDate: %s\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n"
_TOKEN = "archive-"
_SERVERS: list[asyncio.Server] = []
"""They end when nobody holds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is listed: pages of an archive, then the jobs of these scripts. `call` is how long a call takes."""

    scripts: Sequence[JobScript]
    archive_pages: int = 0
    page_size: int = 1000
    call: timedelta = timedelta()


class Counts(NamedTuple):
    """Calls: pages of the whole list, pages of one status, DescribeJob."""

    full: int
    hot: int
    described: int

    @property
    def all(self) -> int:
        return sum(self)

    def since(self, before: "Counts") -> "Counts":
        return Counts(*(now - then for now, then in zip(self, before, strict=True)))


def _shared(kind: str, count: int) -> Any:
    return _CONTEXT.Array(kind, count)


@dataclass(frozen=True, slots=True)
class Account:
    """The account as the measuring process holds it: its port, its clock and its counts.

    Several contents are several accounts that share all this. A `live` one stands under the true clock, in which every
    call takes the time that it takes.
    """

    contents: Sequence[Content]
    live: bool = False
    _elapsed: Any = field(default_factory=lambda: _CONTEXT.Value("d", 0.0))
    _counts: Any = field(default_factory=lambda: _shared("q", 3))
    _port: Any = field(default_factory=_CONTEXT.Queue)

    def elapsed(self) -> float:
        """Simulated seconds since the start."""
        return float(self._elapsed.value)

    def now(self) -> datetime:
        """The time of day there."""
        if self.live:
            return utc_now()
        return START + timedelta(seconds=self.elapsed())

    def advance(self, pause: timedelta) -> None:
        """Let time pass."""
        with self._elapsed.get_lock():
            self._elapsed.value += pause.total_seconds()

    def counted(self) -> Counts:
        """The calls until now."""
        return Counts(*self._counts)

    def count(self, place: int, took: timedelta) -> None:
        """Count a call, and let it take its time."""
        self._counts[place] += 1
        self.advance(took)

    def opened(self, port: int) -> None:
        """Say where it listens."""
        self._port.put(port)

    def port(self) -> int:
        """Wait for it to listen, or for the next one of them."""
        return int(self._port.get(timeout=300))


@contextlib.contextmanager
def account(content: Content) -> Iterator[tuple[Account, int]]:
    """Serve an account from a child process; gives it and its port."""
    with _served(Account((content,))) as made:
        yield made, made.port()


@contextlib.contextmanager
def live_accounts(contents: Sequence[Content]) -> Iterator[tuple[Account, list[int]]]:
    """Serve accounts under the true clock from one child process; gives what they share and their ports."""
    with _served(Account(contents, live=True)) as made:
        yield made, [made.port() for _ in contents]


@contextlib.contextmanager
def _served(made: Account) -> Iterator[Account]:
    child = _CONTEXT.Process(target=_serve, args=(made,), daemon=True)
    child.start()
    try:
        yield made
    finally:
        child.terminate()
        child.join()


def _serve(made: Account) -> None:
    pin(last=True)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        for content in made.contents:
            connect = partial(_Connection, _Cloud(made, content))
            server = await loop.create_server(connect, "127.0.0.1", 0)
            made.opened(server.sockets[0].getsockname()[1])
            _SERVERS.append(server)
        await loop.create_future()

    asyncio.run(serve())


class _Cloud:
    def __init__(self, made: Account, content: Content) -> None:
        self._account, self._content = made, content
        self._world, self._writer = World(content.scripts), Writer(PLAIN)
        members = "".join(map(_archived, range(content.page_size)))
        self._archive = f"<ListJobsResult><Jobs>{members}</Jobs><NextToken>{_TOKEN}@@@@@</NextToken></ListJobsResult>".encode()
        self._next = self._archive.rindex(b"@@@@@")

    def answer(self, target: str) -> bytes:
        """The whole answer to a GET."""
        url = urlsplit(target)
        question = Question(method="GET", url=target, path=url.path, query=parse_qs(url.query))
        filtered = question.one("jobStatuses") is not None
        place = 2 if not question.lists else 1 if filtered else 0
        self._account.count(place, self._content.call)
        now = self._account.now()
        status, body = 200, b"" if filtered or not question.lists else self._old(question)
        if not body:
            status, body = self._live(question, now)
        date = format_datetime(now, usegmt=True).encode()
        return _HEAD % (status, date, len(body)) + body

    def _old(self, question: Question) -> bytes:
        """A page of the archive; the token of its last one begins the list of the living."""
        token = question.one("nextToken") or f"{_TOKEN}00000"
        if not token.startswith(_TOKEN) or int(token[-5:]) >= self._content.archive_pages:
            return b""
        number = int(token[-5:])
        body = self._archive[: self._next].replace(b"@@@@@", b"%05d" % number)
        return body + b"%05d" % (number + 1) + self._archive[self._next + 5 :]

    def _live(self, question: Question, now: datetime) -> tuple[int, bytes]:
        if (question.one("nextToken") or "").startswith(_TOKEN):
            query = {name: each for name, each in question.query.items() if name != "nextToken"}
            question = Question(method="GET", url=question.url, path=question.path, query=query)
        try:
            answer = respond(question, self._world, self._writer, now)
        except Refusal as refusal:
            answer = refuse(question, refusal, self._writer)
        return answer.status, answer.body


def _archived(number: int) -> str:
    return (
        "<member><CreationTime>2026-10-20T10:10:10Z</CreationTime>"
        f"<Description>example-job {number}</Description>"
        f"<JobId>0@@@@@00-0000-4000-9000-{number:012}</JobId>"
        "<Operation>COSPutObjectCopy</Operation><Priority>10</Priority>"
        "<ProgressSummary><NumberOfTasksFailed>0</NumberOfTasksFailed>"
        "<NumberOfTasksSucceeded>1000000</NumberOfTasksSucceeded>"
        "<TotalNumberOfTasks>1000000</TotalNumberOfTasks></ProgressSummary>"
        "<Status>Complete</Status><TerminationDate>2026-10-20T11:10:10Z</TerminationDate></member>"
    )


class _Connection(asyncio.Protocol):
    def __init__(self, cloud: _Cloud) -> None:
        self._cloud, self._buffer = cloud, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) != -1:
            head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
            self._transport.write(self._cloud.answer(head.split(b" ", 2)[1].decode()))
