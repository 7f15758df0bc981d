"""The simulated cloud in bad weather, and a door to it without a socket: the same bytes, thirty times as fast."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from urllib.parse import parse_qs, unquote, urlsplit

from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.poller.observing import DESCRIBES_AT_ONCE
from jobwatch.simulator import faults
from jobwatch.simulator.answers import Answer, Question
from jobwatch.simulator.cloud import Cloud
from jobwatch.simulator.faults import Before, Bend, Cut, Faults, Raw, Reset, Stall
from jobwatch.simulator.world import World
from jobwatch.transport import Transport
from tests.truth.coverage import Coverage
from tests.truth.stage import Clocks, Scene, Served

CALL_TIMEOUT = timedelta(seconds=30)


class Weather(Faults):
    """The faults in force. Each request takes some time, in which the world goes on."""

    def __init__(self, clocks: Clocks, scenes: list[Scene], rng: Random) -> None:
        super().__init__(seed=rng.getrandbits(32))
        self.clocks, self.scenes, self.rng = clocks, scenes, rng
        self.slowest = 0.4
        self.steps: list[tuple[datetime, timedelta]] = []

    def decide(self, question: Question, now: datetime) -> tuple[list[Before], Bend | None]:
        self.pass_time(timedelta(seconds=self.rng.uniform(0.01, self.slowest)))
        return super().decide(question, now)

    def pass_time(self, by: timedelta) -> None:
        """Let both clocks run; our own steps where that is due."""
        self.clocks.advance(by)
        while self.steps and self.steps[0][0] <= self.clocks.cloud:
            self.clocks.wrong += self.steps.pop(0)[1]
        for scene in self.scenes:
            scene.act(self.clocks.cloud)


@dataclass(slots=True, kw_only=True)
class WatchedCloud(Cloud):
    """A cloud that notes what it shows, and one of whose calls may be answered by a replica that lags behind.

    `late_lists` says which: ListJobs, or DescribeJob. Where both lag, nobody could tell what is true.
    """

    scene: Scene
    coverage: Coverage
    served: Served = field(default_factory=Served)
    replica: Scene | None = None
    lag: timedelta = timedelta()
    lagging: float = 0.0
    late_lists: bool = True
    rng: Random

    def _answer(self, question: Question, bend: Bend | None, now: datetime) -> Answer:
        seen_at, scene = now, self.scene
        late = question.lists == self.late_lists and self.rng.random() < self.lagging
        if self.replica and late:
            seen_at, scene = now - self.lag, self.replica
        scope = question.vault or ""
        stage = scene.stages.get(scope)
        self.world, self.vaults = stage or World(), scene.vaults
        if stage is not None:
            stage.served = []
        # The zero-argument form of super() does not work in a slotted dataclass.
        answer = Cloud._answer(self, question, bend, seen_at)
        if answer.status == 200:
            ended = bend is not None or stage is None or not stage.more
            self.coverage.note(question, now, bent=bend is not None, ended=ended)
        elif bend == faults.STATUS_REJECTED:
            self.coverage.refused_at = now
        if answer.status == 200 and stage is not None:
            self.served.note(scope, stage.served, now, whole=bend is None)
        return answer


class Fuse:
    """Cancels the turn under way after so many steps: what a restart does, at any moment."""

    def __init__(self) -> None:
        self.left = 0
        self.task: asyncio.Task[timedelta] | None = None
        self.blown = False

    async def burn(self) -> None:
        if self.task is not None and self.left > 0:
            self.left -= 1
            if self.left == 0:
                self.blown = True
                self.task.cancel()
        await asyncio.sleep(0)


class Door(Transport):
    """Hands requests to the cloud in this process."""

    def __init__(self, cloud: WatchedCloud, weather: Weather, fuse: Fuse) -> None:
        super().__init__()
        self.cloud, self.weather, self.fuse = cloud, weather, fuse

    async def send(
        self,
        request: HttpRequest,
        *,
        timeout: timedelta,  # noqa: ASYNC109  as in the real one
        connect_timeout: timedelta = timedelta(),
        max_body: int,
        truncate: bool = False,
    ) -> HttpResponse:
        del timeout, connect_timeout, max_body, truncate
        await self.fuse.burn()
        cloud = self.cloud
        cloud.asked += 1
        question = question_of(request, cloud.asked, cloud.quirks.seed)
        _, bend = cloud.faults.decide(question, cloud.clock())
        now = cloud.clock()
        answer = cloud._answer(question, bend, now)
        headers = dict(answer.headers)
        if not (isinstance(bend, Raw) and bend.gateway):
            headers = {**cloud.api(question).headers(question, answer.status, now), **headers}
        await self.fuse.burn()
        return self._carried(replace(answer, headers=headers), bend)

    def _carried(self, answer: Answer, bend: Bend | None) -> HttpResponse:
        body = answer.body
        match bend:
            case Cut(honest=True):
                body = body[: bend.at]
            case Cut() | Reset():
                raise TransportError(TransportKind.RESET, "the answer broke off")
            case Stall():
                self.weather.pass_time(CALL_TIMEOUT / DESCRIBES_AT_ONCE)
                raise TransportError(TransportKind.TIMEOUT, "no whole answer in the time allowed")
            case _:
                pass
        headers = {name.lower(): value for name, value in answer.headers.items()}
        headers["content-type"] = answer.content_type
        return HttpResponse(status=answer.status, headers=headers, body=body)


def question_of(request: HttpRequest, number: int, seed: int) -> Question:
    parts = urlsplit(request.url)
    return Question(
        method=request.method,
        url=request.url,
        path=unquote(parts.path),
        query=parse_qs(parts.query, keep_blank_values=True),
        headers={name.lower(): value for name, value in request.headers.items()},
        number=number,
        seed=seed,
    )
