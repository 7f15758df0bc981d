"""Calls to one source: build, wait for the rate limit, send, read; paging and retries.

Law of this module: the provider says what a call is and what its answer means, `core.paging` when a
walk ends and `core.gate` when to try again; this module only does it. Every try is signed afresh.
"""

import asyncio
from bisect import insort
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Literal, Protocol, TypeAlias, TypeVar

from jobwatch.core.codec import Known, Provider, Signing, Walk
from jobwatch.core.errors import (
    ApiError,
    BrokenWalk,
    CallResult,
    TokenRejected,
    TransportError,
    TransportKind,
)
from jobwatch.core.gate import Bucket, retry_pause
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.model import JobDetail, JobKey, JobPage
from jobwatch.core.paging import Broken, Cursor, Next, Step
from jobwatch.credentials import CredentialSource
from jobwatch.transport import Transport

CALL_TIMEOUT = timedelta(seconds=30)
PAGE_LIMIT = 4 * 1024 * 1024

CallName: TypeAlias = Literal["ListJobs", "DescribeJob"]
Answer = TypeVar("Answer")

# Pages first: a sweep is what everything else waits for.
_RANK: dict[CallName, int] = {"ListJobs": 0, "DescribeJob": 1}


class CallObserver(Protocol):
    """Who is told about calls: the metrics of one source."""

    def called(self, call: CallName, result: CallResult, took: float) -> None:
        """Count one try of a call that took so many seconds, its wait in our own queue left out."""
        ...

    def waited(self, seconds: float) -> None:
        """Add time that a call waited for our own rate limit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a client takes from the world. `monotonic` is in seconds, `chance` in [0, 1)."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    chance: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(order=True, slots=True)
class _Place:
    """A place in the queue: lower ranks first, then who came first."""

    rank: int
    number: int
    moved: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


class Turnstile:
    """The rate limit of one source as a queue: whoever stands first takes the next token."""

    def __init__(self, bucket: Bucket, around: Surroundings) -> None:
        self._bucket = bucket
        self._around = around
        self._queue: list[_Place] = []
        self._numbers = count()

    async def enter(self, rank: int) -> float:
        """Wait for a token; the seconds waited. A cancelled wait takes none."""
        began = self._around.monotonic()
        place = _Place(rank, next(self._numbers))
        insort(self._queue, place)
        try:
            await self._take(place)
        finally:
            self._queue.remove(place)
            if self._queue:
                self._queue[0].moved.set()
        return self._around.monotonic() - began

    async def _take(self, place: _Place) -> None:
        while True:
            while self._queue[0] is not place:
                place.moved.clear()
                await place.moved.wait()
            self._bucket, wait = self._bucket.take(self._around.monotonic())
            if not wait:
                return
            # Somebody of a lower rank may step in front meanwhile, so the place is looked at again.
            await self._around.sleep(wait)


class ApiClient:
    """One source's API: pages of jobs, details of a job. Safe for several tasks at once."""

    def __init__(
        self,
        *,
        provider: Provider,
        transport: Transport,
        credentials: CredentialSource,
        bucket: Bucket,
        observer: CallObserver,
        around: Surroundings,
    ) -> None:
        self._provider = provider
        self._transport = transport
        self._credentials = credentials
        self._observer = observer
        self._around = around
        self._turnstile = Turnstile(bucket, around)

    async def pages(self, walk: Walk, known: Known) -> AsyncIterator[JobPage]:
        """Walk through a listing, page by page; normal exhaustion proves that it was complete.

        A walk whose token was refused begins again, so jobs may be shown twice. Raises `BrokenWalk`
        where the pages prove nothing, `ApiError` and `TransportError` where a call failed for good,
        `ConfigError` where there are no credentials.
        """
        cursor = Cursor()
        step: Step = Next(None)
        while isinstance(step, Next):
            try:
                page = await self._list(walk, step.token, known)
            except TokenRejected:
                step = cursor.rejected()
                continue
            yield page
            step = cursor.advance(page)
        if isinstance(step, Broken):
            raise BrokenWalk(step.reason, step.text)

    async def describe(self, key: JobKey) -> JobDetail:
        """Ask for the detail of one job. Raises as `pages`, `NoSuchJob` for an unknown job."""
        return await self._call(
            "DescribeJob",
            partial(self._provider.describe_job, key),
            partial(self._provider.read_detail, key=key),
        )

    async def _list(self, walk: Walk, token: str | None, known: Known) -> JobPage:
        return await self._call(
            "ListJobs",
            partial(self._provider.list_jobs, walk, token),
            partial(self._provider.read_page, walk=walk, known=known),
        )

    async def _call(
        self,
        call: CallName,
        build: Callable[[Signing], HttpRequest],
        read: Callable[[HttpResponse], Answer],
    ) -> Answer:
        tries = 0
        while True:
            tries += 1
            try:
                return await self._try(call, build, read)
            except (TransportError, ApiError) as error:
                pause = retry_pause(error, tries, chance=self._around.chance())
                if pause is None:
                    raise
            await self._around.sleep(pause.total_seconds())

    async def _try(
        self,
        call: CallName,
        build: Callable[[Signing], HttpRequest],
        read: Callable[[HttpResponse], Answer],
    ) -> Answer:
        waited = await self._turnstile.enter(_RANK[call])
        self._observer.waited(waited)
        request = build(Signing(credentials=self._credentials.current(), now=self._around.now()))
        began = self._around.monotonic()
        try:
            response = await self._transport.send(
                request, timeout=CALL_TIMEOUT, max_body=PAGE_LIMIT
            )
            took = self._around.monotonic() - began
            answer = read(response)
        except TransportError as error:
            took = self._around.monotonic() - began
            self._observer.called(call, _result(error), took)
            raise
        except ApiError as error:
            self._observer.called(call, error.result, took)
            raise
        self._observer.called(call, CallResult.OK, took)
        return answer


def _result(error: TransportError) -> CallResult:
    match error.kind:
        case TransportKind.TIMEOUT:
            return CallResult.TIMEOUT
        case TransportKind.TOO_LARGE | TransportKind.PROTOCOL:
            return CallResult.MALFORMED
        case _:
            return CallResult.NETWORK
