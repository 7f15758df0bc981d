"""A client of one source under a clock that only sleeping, or the test, moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from jobwatch.client import ApiClient, Surroundings
from jobwatch.core.codec import CallName, Credentials, Known, Walk
from jobwatch.core.errors import CallResult, NoCredentials
from jobwatch.core.gate import Bucket
from jobwatch.credentials import KeyFacts
from jobwatch.providers.cos_batch import CosBatch, CosBatchSettings
from jobwatch.simulator.admission import Account
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import DEMO_CREDENTIALS, Options, Simulation
from jobwatch.simulator.world import World
from jobwatch.transport import Transport

T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
TEMPORARY = Credentials(secret_id="tmp-id", secret_key="tmp-key", token="TOKEN+with/slash==~")
ENDPOINT = "http://127.0.0.1:1"


@dataclass(slots=True)
class Around:
    """Time that passes only by sleeping, and what was noted while it did. `wrong` is how wrong our wall clock is."""

    elapsed: float = 0.0
    wrong: timedelta = timedelta()
    chance: float = 0.0
    slept: list[float] = field(default_factory=list)
    calls: list[tuple[CallName, CallResult]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def true(self) -> datetime:
        """The time by the cloud's clock."""
        return T0 + timedelta(seconds=self.elapsed)

    def now(self) -> datetime:
        return self.true() + self.wrong

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.elapsed += seconds
        await asyncio.sleep(0)

    def called(self, call: CallName, result: CallResult, took: float) -> None:
        assert took >= 0
        self.calls.append((call, result))

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    @property
    def results(self) -> list[CallResult]:
        return [result for _, result in self.calls]


@dataclass(slots=True)
class Keys:
    """Keys for a test: what holds now, and what a renewal would bring."""

    now: Credentials | None = DEMO_CREDENTIALS
    next: Credentials | None = None
    renewals: int = 0

    async def current(self) -> Credentials:
        if self.now is None:
            raise NoCredentials("no keys: set TENCENTCLOUD_SECRET_ID")
        return self.now

    async def renewed(self, rejected: Credentials) -> Credentials | None:
        assert rejected == self.now
        self.renewals += 1
        self.now = self.next or self.now
        return self.next

    async def refresh(self) -> timedelta:
        return timedelta(minutes=1)

    def take_problems(self) -> tuple[str, ...]:
        return ()

    @property
    def facts(self) -> KeyFacts | None:
        return None


PLENTY = Bucket(rate=1e6, burst=1_000_000)


def client_of(
    transport: Transport,
    around: Around,
    endpoint: str = ENDPOINT,
    keys: Keys | None = None,
    **more: Any,
) -> ApiClient:
    """A client; `more` are `bucket`, `remembered` and `offset`."""
    provider = CosBatch(
        CosBatchSettings.model_validate(
            {
                "kind": "cos-batch",
                "region": "ap-chengdu",
                "uin": "100000000001",
                "appid": "1250000000",
                "endpoint": endpoint,
            }
        )
    )
    return ApiClient(
        provider=provider,
        transport=transport,
        credentials=keys or Keys(),
        observer=around,
        around=Surroundings(
            now=around.now,
            monotonic=lambda: around.elapsed,
            chance=lambda: around.chance,
            sleep=around.sleep,
        ),
        source="prod",
        **{"bucket": PLENTY, **more},
    )


@asynccontextmanager
async def cloud_of(around: Around, jobs: int) -> AsyncIterator[Simulation]:
    """A simulated cloud with so many jobs, named job-0000 and so on."""
    world = World(JobScript(id=f"job-{number:04}", created_at=T0) for number in range(jobs))
    options = Options(account=Account(keys=(DEMO_CREDENTIALS, TEMPORARY)))
    async with Simulation(world, clock=around.true, options=options) as running:
        yield running


async def walk(client: ApiClient, status: str | None = None) -> list[list[str]]:
    """The ids of every page of a complete walk."""
    pages = client.pages(Walk(status=status), Known())
    return [[job.id for job in page.jobs] async for page in pages]
