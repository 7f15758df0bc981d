"""One look at a source through the network: does it answer, with which keys, and what is to be done where it does not.

A probe makes one call of ListJobs and, where a job is listed, one of DescribeJob. It leaves nothing behind.
"""

import asyncio
import random
import time
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from jobwatch.app.clock import utc_now
from jobwatch.app.keys import real_world
from jobwatch.app.network import cloud_door
from jobwatch.client import ApiClient, Surroundings
from jobwatch.core.codec import Known, Provider, Walk
from jobwatch.core.errors import (
    ApiError,
    BrokenWalk,
    CallResult,
    CallWithheld,
    ClockSkew,
    Denied,
    KeysRejected,
    Malformed,
    NoCredentials,
    NoSuchJob,
    ServerError,
    Throttled,
    TransportError,
    TransportKind,
)
from jobwatch.core.gate import Bucket
from jobwatch.core.model import JobKey, JobPage
from jobwatch.core.overview import LastError, SourceKeys
from jobwatch.credentials import CredentialSource, open_credentials
from jobwatch.poller.failing import Breaking, describe_error
from jobwatch.providers import open_provider
from jobwatch.settings import Settings, Source
from jobwatch.transport import Transport

PATIENCE = timedelta(seconds=60)
"""For both calls, with their retries."""

Call: TypeAlias = Literal["ListJobs", "DescribeJob"]
TROUBLES = (ApiError, TransportError, BrokenWalk, NoCredentials, CallWithheld)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A call that gave no result: what was said, and what to do about it."""

    call: Call
    error: LastError
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one look at a source found.

    `listed` is how many jobs the first page shows, None where there was no page; `more` that others follow.
    `described` is whether DescribeJob gave a detail, None where there was nothing to ask about. `problems` are what
    the source of the keys had to say on the way. `calls` counts every try.
    """

    source: str
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
    """A probe under way."""

    settings: Source
    client: ApiClient
    listed: int | None = None
    more: bool = False
    described: bool | None = None

    async def list(self) -> JobKey | None:
        """Read one page; the first job on it."""
        async with aclosing(self.client.pages(Walk(), Known())) as pages:
            page = await anext(pages, JobPage(jobs=()))
        self.listed, self.more = page.listed, page.next_token is not None
        return page.jobs[0].key if page.jobs else None

    async def describe(self, key: JobKey) -> None:
        """Ask for the detail of one job."""
        # It was listed a moment ago; that it is gone by now proves as well that we may ask.
        with suppress(NoSuchJob):
            await self.client.describe(key)
        self.described = True

    async def trouble(self) -> Trouble | None:
        """Make both calls; what the first of them that fails meets."""
        call: Call = "ListJobs"
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                key = await self.list()
                call = "DescribeJob"
                if key is not None:
                    await self.describe(key)
        except TROUBLES as error:
            return self._trouble(call, error)
        except TimeoutError:
            words = f"no answer within {PATIENCE.total_seconds():.0f} s"
            return self._trouble(call, TransportError(TransportKind.TIMEOUT, words))
        return None

    def _trouble(self, call: Call, error: Breaking) -> Trouble:
        if call == "DescribeJob":
            self.described = False
        told = describe_error(error, utc_now())
        return Trouble(call=call, error=told, advice=advice(call, error, self.settings))


async def probe_all(settings: Settings) -> tuple[Probe, ...]:
    """Look at every source at once, in the order of the configuration. Raises `ConfigError` for a bad `egress.ca_file`."""
    async with cloud_door(settings) as transport:
        looks = [probe(settings, name, transport) for name in settings.sources]
        return tuple(await asyncio.gather(*looks))


async def probe(settings: Settings, name: str, transport: Transport) -> Probe:
    """Look at one source. What goes wrong stands in the value."""
    source = settings.sources[name]
    provider = open_provider(source.provider)
    keys = open_credentials(source.provider.credentials, real_world(transport))
    client = _client(source, provider, transport, keys)
    look = _Look(settings=source, client=client)
    trouble = await look.trouble()
    facts = keys.facts
    return Probe(
        source=name,
        listed=look.listed,
        more=look.more,
        described=look.described,
        troubles=(trouble,) if trouble else (),
        problems=keys.take_problems(),
        keys=SourceKeys(kind=facts.kind, expires_at=facts.expires_at) if facts else None,
        clock_offset=client.clock_offset,
        calls=client.calls,
    )


def _client(
    source: Source, provider: Provider, transport: Transport, keys: CredentialSource
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


_ADVICE: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (NoCredentials,),
        "give the source keys: under provider.credentials, or in one of the places named here",
    ),
    (
        (KeysRejected,),
        (
            "the keys were refused: check secret_id and secret_key, that they are not disabled, and "
            "that temporary ones have not expired and come with their token"
        ),
    ),
    (
        (ClockSkew,),
        "the time of the signature was refused: set the clock of this host right (NTP)",
    ),
    (
        (Denied,),
        (
            "allow the owner of the keys cos:{call} on resource *, and check that uin {uin}, "
            "appid {appid} and region {region} belong together"
        ),
    ),
    (
        (Throttled,),
        "the account is called too often: lower rate_limit, or look for who else calls",
    ),
    (
        (ServerError,),
        "the cloud has trouble of its own: try again; its support asks for the request id",
    ),
    (
        (Malformed, BrokenWalk),
        "what answers at {where} is not the cloud: check endpoint and region",
    ),
    ((ApiError,), "check region {region}, uin {uin} and appid {appid}"),
    ((CallWithheld,), "try again after that time"),
)
_ADVICE_ON_THE_WAY: dict[TransportKind, str] = {
    TransportKind.DNS: "{where} has no address: check region and endpoint, and this host's DNS",
    TransportKind.CONNECT: "{where} cannot be reached: check endpoint, firewall and routes",
    TransportKind.TIMEOUT: "{where} does not answer: check endpoint, firewall and routes",
    TransportKind.RESET: "{where} ends connections: check endpoint, firewall and proxies",
    TransportKind.TLS: "{where} has no certificate that this host trusts: check endpoint and proxies",
    TransportKind.BLOCKED: "{where} lies where jobwatch may not send to: check egress",
    TransportKind.TOO_LARGE: "what answers at {where} is not the cloud: check endpoint and proxies",
    TransportKind.PROTOCOL: "what answers at {where} is not the cloud: check endpoint and proxies",
}


def advice(call: Call, error: Breaking, source: Source) -> str:
    """What to do about an error, for the person who set the source up."""
    if isinstance(error, TransportError):
        words = _ADVICE_ON_THE_WAY[error.kind]
    else:
        words = next(words for kinds, words in _ADVICE if isinstance(error, kinds))
    provider = source.provider
    return words.format(
        call=call,
        where=provider.base_url,
        region=provider.region,
        uin=provider.uin,
        appid=provider.appid,
    )
