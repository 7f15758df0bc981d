"""The simulated APIs, COS Batch and CAS, behind one socket.

`build_cloud` makes the aiohttp application, `Cloud` is what tests hold: the world, the vaults, the rules of
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
from jobwatch.simulator.admission import Account
from jobwatch.simulator.answers import Answer, Question, Refusal
from jobwatch.simulator.apis import Api, BatchApi, VaultApi
from jobwatch.simulator.faults import BadToken, Bend, Faults, Raw
from jobwatch.simulator.markup import Writer
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.reshape import instead, reshape
from jobwatch.simulator.vault_markup import VaultWriter
from jobwatch.simulator.vaults import VaultWorld
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
    vaults: VaultWorld = field(default_factory=VaultWorld)
    faults: Faults = field(default_factory=Faults)
    quirks: Quirks = field(default_factory=Quirks)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=REMEMBERED_CALLS))
    asked: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: tuple[Writer, VaultWriter] | None = None

    def application(self) -> web.Application:
        """Build the aiohttp application of this cloud."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        app.on_shutdown.append(self._close)
        return app

    def count(self, path: str | None = None, *, status: str | None = None) -> int:
        """How many of the remembered calls were for a path (and for one status)."""
        return sum(
            path in (None, call.question.path) and status in (None, call.question.status)
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
            common = self.api(question).headers(question, answer.status, now)
            answer = replace(answer, headers={**common, **answer.headers})
        return await effects.send(request, answer, bend, self.closing)

    def api(self, question: Question) -> Api:
        """The API that is asked. Writers keep what they wrote, so they are kept as long as the quirks are the same."""
        if self._writers is None or self._writers[0].quirks is not self.quirks:
            self._writers = Writer(self.quirks), VaultWriter(self.quirks)
        writer, vault_writer = self._writers
        if question.route is None:
            return BatchApi(world=self.world, account=self.account, writer=writer)
        return VaultApi(vaults=self.vaults, account=self.account, writer=vault_writer)

    def _answer(self, question: Question, bend: Bend | None, now: datetime) -> Answer:
        api = self.api(question)
        answer = instead(bend, lambda refusal: api.refuse(question, refusal))
        if answer is not None:
            return answer
        try:
            api.admit(question, now)
            if isinstance(bend, BadToken) and question.call != "describe":
                return api.bad_page(bend, question, now)
            return reshape(bend, api.respond(question, now), question)
        except Refusal as refusal:
            return api.refuse(question, refusal)


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
