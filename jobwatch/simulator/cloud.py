"""The simulated control API behind a socket.

`build_cloud` makes the aiohttp application, `Cloud` is what tests hold: the world, the rules of
failure, and a record of every call. The endpoint is `http://127.0.0.1:PORT`.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from aiohttp import web

from jobwatch.core.codec import Credentials
from jobwatch.simulator import effects
from jobwatch.simulator.admission import Account, admit
from jobwatch.simulator.answers import (
    Answer,
    Question,
    Refusal,
    common_headers,
    refuse,
    respond,
)
from jobwatch.simulator.faults import BadToken, Bend, Faults, Raw
from jobwatch.simulator.markup import Writer
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.reshape import bad_page, instead, reshape
from jobwatch.simulator.world import World

Clock = Callable[[], datetime]
REMEMBERED_CALLS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as the cloud saw it. `status` is what was answered, or meant to be."""

    question: Question
    at: datetime
    status: int
    bend: Bend | None = None


@dataclass(slots=True, kw_only=True)
class Cloud:
    """The simulated cloud. Everything but `calls` may be replaced while it runs."""

    world: World
    account: Account
    clock: Clock
    faults: Faults = field(default_factory=Faults)
    quirks: Quirks = field(default_factory=Quirks)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=REMEMBERED_CALLS))
    asked: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _writer: Writer | None = None

    def application(self) -> web.Application:
        """Build the aiohttp application of this cloud."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        app.on_shutdown.append(self._close)
        return app

    def count(self, path: str | None = None, *, status: str | None = None) -> int:
        """How many of the remembered calls were for a path (and a value of jobStatuses)."""
        return sum(
            path in (None, call.question.path)
            and status in (None, call.question.one("jobStatuses"))
            for call in self.calls
        )

    async def _close(self, _: web.Application) -> None:
        self.closing.set()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        question = _question(request, self.asked, self.quirks.seed)
        before, bend = self.faults.decide(question, self.clock())
        await effects.run_before(before, question)
        now = self.clock()
        now += self.faults.skew(now)
        answer = self._answer(question, bend, now)
        self.calls.append(Call(question=question, at=now, status=answer.status, bend=bend))
        if not (isinstance(bend, Raw) and bend.gateway):
            common = common_headers(question, answer.status, now)
            answer = replace(answer, headers={**common, **answer.headers})
        return await effects.send(request, answer, bend, self.closing)

    def _answer(self, question: Question, bend: Bend | None, now: datetime) -> Answer:
        writer = self._current_writer()
        answer = instead(bend, question, writer)
        if answer is not None:
            return answer
        try:
            admit(question, self.account, self.quirks, now)
            if isinstance(bend, BadToken) and question.lists:
                return bad_page(bend, question, self.world.page(now).states, writer)
            answer = respond(question, self.world, writer, now)
            return reshape(bend, answer, question)
        except Refusal as refusal:
            return refuse(question, refusal, writer)

    def _current_writer(self) -> Writer:
        """The writer for the present quirks; it keeps what it wrote, so it is kept too."""
        if self._writer is None or self._writer.quirks is not self.quirks:
            self._writer = Writer(self.quirks)
        return self._writer


def build_cloud(
    world: World,
    credentials: Credentials,
    *,
    clock: Clock,
    faults: Faults | None = None,
    quirks: Quirks | None = None,
) -> web.Application:
    """Build a cloud for one key pair of the demo account, where no hold on it is needed."""
    cloud = Cloud(
        world=world,
        account=Account(keys=(credentials,)),
        clock=clock,
        faults=faults or Faults(),
        quirks=quirks or Quirks(),
    )
    return cloud.application()


def _question(request: web.Request, number: int, seed: int) -> Question:
    query = {name: request.query.getall(name) for name in request.query}
    return Question(
        method=request.method,
        # The signature covers what was sent, not what a URL class makes of it.
        url=f"http://{request.headers.get('Host', '')}{request.raw_path}",
        path=request.path,
        query=query,
        headers={name.lower(): value for name, value in request.headers.items()},
        number=number,
        seed=seed,
    )
