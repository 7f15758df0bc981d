"""One look at a source through the network: does it answer, with which keys, and what is to be done where it does not.

A probe asks for the vaults where the cloud lists them, for one page of jobs (of each of the first few vaults), and for
the detail of one job that was listed. It leaves nothing behind.
"""

import asyncio
import random
import time
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from jobwatch.app.advice import advice
from jobwatch.app.clock import utc_now
from jobwatch.app.keys import real_world
from jobwatch.app.network import cloud_door
from jobwatch.client import ApiClient, Surroundings
from jobwatch.core.codec import CallName, Known, Provider, Walk
from jobwatch.core.errors import (
    ApiError,
    BrokenWalk,
    CallResult,
    CallWithheld,
    NoCredentials,
    NoSuchJob,
    TransportError,
    TransportKind,
)
from jobwatch.core.gate import Bucket
from jobwatch.core.model import JobKey, JobPage
from jobwatch.core.overview import LastError, SourceKeys
from jobwatch.credentials import CredentialSource, open_credentials
from jobwatch.poller.failing import Breaking, describe_error
from jobwatch.poller.sound import OF_ONE_SCOPE
from jobwatch.providers import open_provider
from jobwatch.settings import Settings, Source
from jobwatch.transport import Sender

PATIENCE = timedelta(seconds=60)
"""For all calls, with their retries."""
SCOPES_LOOKED_AT = 5
"""A vault that is not looked at costs nothing here, and may be wrong."""

TROUBLES = (ApiError, TransportError, BrokenWalk, NoCredentials, CallWithheld)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A call that gave no result: what was said, and what to do about it. `scope` is the vault it was about."""

    call: CallName
    error: LastError
    advice: str
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one look at a source found.

    `scopes` are the vaults that there are to watch, None where nobody could say. `listed` is how many jobs the first
    page shows, of each of the `looked_at` vaults, None where there was no page; `more` that others follow.
    `described` is whether DescribeJob gave a detail, None where there was nothing to ask about. `problems` are what
    the source of the keys had to say on the way. `calls` counts every try.
    """

    source: str
    scopes: tuple[str, ...] | None = None
    looked_at: int = 0
    listed: int | None = None
    more: bool = False
    described: bool | None = None
    troubles: tuple[Trouble, ...] = ()
    problems: tuple[str, ...] = ()
    keys: SourceKeys | None = None
    clock_offset: timedelta | None = None
    calls: int = 0

    @property
    def sound(self) -> bool:
        """Whether the source can be watched."""
        return not self.troubles


class _Unobserved:
    """Nobody counts the calls of a probe but the client itself."""

    def called(self, call: str, result: CallResult, took: float) -> None:
        """Count nothing."""

    def waited(self, seconds: float) -> None:
        """Add nothing."""


@dataclass(slots=True, kw_only=True)
class _Look:
    """A probe under way. `call` and `scope` are what is asked for at the moment."""

    settings: Source
    client: ApiClient
    call: CallName = "ListJobs"
    scope: str = ""
    scopes: tuple[str, ...] | None = None
    looked_at: int = 0
    listed: int | None = None
    more: bool = False
    described: bool | None = None
    troubles: list[Trouble] = field(default_factory=list)

    async def look(self) -> None:
        """Make the calls, and note what they meet."""
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                await self._look()
        except TROUBLES as error:
            self._note(error)
        except TimeoutError:
            words = f"no answer within {PATIENCE.total_seconds():.0f} s"
            self._note(TransportError(TransportKind.TIMEOUT, words))

    async def _look(self) -> None:
        self.call = "ListVaults" if self.client.settled_scopes is None else "ListJobs"
        self.scopes = await self.client.scopes()
        self.call, self.listed = "ListJobs", None if self.scopes else 0
        keys = [await self._list_of_several(scope) for scope in self.scopes[:SCOPES_LOOKED_AT]]
        self.more = self.more or len(self.scopes) > SCOPES_LOOKED_AT
        key = next((each for each in keys if each is not None), None)
        if key is not None:
            self.call, self.scope = "DescribeJob", key.scope
            await self._describe(key)

    async def _list_of_several(self, scope: str) -> JobKey | None:
        """The first job of a vault; one of several that cannot be read hides none of the others."""
        try:
            return await self._list(scope)
        except OF_ONE_SCOPE as error:
            if self.scopes and len(self.scopes) == 1:
                raise
            self._note(error)
            return None

    async def _list(self, scope: str) -> JobKey | None:
        """Read one page; the first job on it."""
        self.scope = scope
        async with aclosing(self.client.pages(Walk(scope), Known())) as pages:
            page = await anext(pages, JobPage(jobs=()))
        self.looked_at += 1
        self.listed = (self.listed or 0) + page.listed
        self.more = self.more or page.next_token is not None
        return page.jobs[0].key if page.jobs else None

    async def _describe(self, key: JobKey) -> None:
        """Ask for the detail of one job."""
        # It was listed a moment ago; that it is gone by now proves as well that we may ask.
        with suppress(NoSuchJob):
            await self.client.describe(key)
        self.described = True

    def _note(self, error: Breaking) -> None:
        if self.call == "DescribeJob":
            self.described = False
        told = describe_error(error, utc_now())
        what = advice(self.call, error, self.settings)
        self.troubles.append(Trouble(call=self.call, error=told, advice=what, scope=self.scope))


async def probe_all(settings: Settings) -> tuple[Probe, ...]:
    """Look at every source at once, in the order of the configuration. Raises `ConfigError` for a bad `egress.ca_file`."""
    async with cloud_door(settings) as transport:
        looks = [probe(settings, name, transport) for name in settings.sources]
        return tuple(await asyncio.gather(*looks))


async def probe(settings: Settings, name: str, transport: Sender) -> Probe:
    """Look at one source. What goes wrong stands in the value."""
    source = settings.sources[name]
    provider = open_provider(source.provider)
    keys = open_credentials(source.provider.credentials, real_world(transport))
    client = _client(source, provider, transport, keys)
    look = _Look(settings=source, client=client)
    await look.look()
    facts = keys.facts
    return Probe(
        source=name,
        scopes=look.scopes,
        looked_at=look.looked_at,
        listed=look.listed,
        more=look.more,
        described=look.described,
        troubles=tuple(look.troubles),
        problems=keys.take_problems(),
        keys=SourceKeys(kind=facts.kind, expires_at=facts.expires_at) if facts else None,
        clock_offset=client.clock_offset,
        calls=client.calls,
    )


def _client(
    source: Source, provider: Provider, transport: Sender, keys: CredentialSource
) -> ApiClient:
    limit = source.rate_limit
    return ApiClient(
        provider=provider,
        transport=transport,
        credentials=keys,
        bucket=Bucket(rate=limit.requests_per_second, burst=limit.burst),
        observer=_Unobserved(),
        around=Surroundings(now=utc_now, monotonic=time.monotonic, chance=random.random),
    )
