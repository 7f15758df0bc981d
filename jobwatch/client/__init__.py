"""Calls to one source: pages of jobs and details of a job, with the manners that the cloud may expect.

Law of this package: the provider says what a call is and what its answer means, `core.paging` when a walk ends,
`core.gate` when to try again and `core.manners` when a call may go out; this package only does it.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import KW_ONLY, InitVar, dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from jobwatch.client.calling import CALL_TIMEOUT, PAGE_LIMIT, Call, Caller, CallObserver
from jobwatch.client.turnstile import Leave, Surroundings, Turnstile
from jobwatch.core.codec import Known, Provider, ScopeList, Walk
from jobwatch.core.errors import (
    BrokenReason,
    BrokenWalk,
    CallWithheld,
    Denied,
    Malformed,
    TokenRejected,
)
from jobwatch.core.gate import Bucket
from jobwatch.core.http import HttpResponse
from jobwatch.core.manners import Manners
from jobwatch.core.model import JobDetail, JobKey, JobPage
from jobwatch.core.paging import TOKEN_LIMIT, Broken, Cursor, Next, Step
from jobwatch.credentials import CredentialSource
from jobwatch.transport import Sender

__all__ = [
    "CALL_TIMEOUT",
    "PAGE_LIMIT",
    "ApiClient",
    "CallObserver",
    "Leave",
    "Surroundings",
    "Turnstile",
]


@dataclass(eq=False, repr=False)
class ApiClient:
    """One source's API: pages of jobs, details of a job. Safe for several tasks at once.

    `bucket` is what the user allows, `source` the name for the log. `remembered` is what `remember` gave an earlier
    process, whatever became of it since; None where there was none. `offset` is the cloud's clock minus ours.
    """

    _: KW_ONLY
    provider: Provider
    transport: InitVar[Sender]
    credentials: InitVar[CredentialSource]
    bucket: InitVar[Bucket]
    observer: InitVar[CallObserver]
    around: Surroundings
    remembered: InitVar[Mapping[str, Any] | None] = None
    offset: InitVar[timedelta | None] = None
    source: str = ""
    _turnstile: Turnstile = field(init=False)
    _caller: Caller = field(init=False)

    def __post_init__(
        self,
        transport: Sender,
        credentials: CredentialSource,
        bucket: Bucket,
        observer: CallObserver,
        remembered: Mapping[str, Any] | None,
        offset: timedelta | None,
    ) -> None:
        now, monotonic = self.around.now(), self.around.monotonic()
        manners = (
            Manners.of(bucket)
            if remembered is None
            else Manners.restored(bucket, remembered, now=now, monotonic=monotonic)
        )
        self._turnstile = Turnstile(manners, self.around)
        self._caller = Caller(
            source=self.source,
            provider=self.provider,
            transport=transport,
            credentials=credentials,
            turnstile=self._turnstile,
            observer=observer,
            around=self.around,
            offset=offset,
        )

    @property
    def clock_offset(self) -> timedelta | None:
        """How far the cloud's clock is ahead of ours; None until an answer told."""
        return self._caller.offset

    @property
    def calls(self) -> int:
        """How many tries were made since this client was built."""
        return self._caller.calls

    @property
    def throttled(self) -> int:
        """How many of them the cloud refused as too many."""
        return self._caller.throttled

    @property
    def rate(self) -> float:
        """How many calls a second may go out at present."""
        return self._turnstile.manners.budget.bucket.rate

    @property
    def limit(self) -> float:
        """How many calls a second may go out at best: what the user allows."""
        return self._turnstile.manners.budget.ceiling

    def withheld(self) -> timedelta:
        """How long no call will go out: until then each one raises `CallWithheld`. Zero when free."""
        withheld = self.refusal()
        return withheld.remaining if withheld else timedelta()

    def refusal(self) -> CallWithheld | None:
        """The error that a call would meet now, which says why and how long; None where it would go out or wait."""
        return self._turnstile.withheld()

    async def notice_keys(self) -> None:
        """Where calls are withheld because keys were refused, let one out at once if there are others now."""
        await self._caller.notice_keys()

    def remember(self) -> dict[str, Any]:
        """What the next process has to know of our manners, as a small JSON document for `remembered`."""
        return dict(self._turnstile.manners.remember(self.around.now(), self.around.monotonic()))

    async def pages(
        self, walk: Walk, known: Known, cursor: Cursor | None = None
    ) -> AsyncGenerator[JobPage, None]:
        """Walk through a listing, page by page; normal exhaustion proves that it was complete.

        `cursor` takes up a walk that was put down. While a page is in the caller's hands, the cursor already stands
        before the next one. A walk whose token was refused begins again and shows every page again (`restarted`).
        Raises `BrokenWalk` where the pages prove nothing, `ApiError` and `TransportError` where a call failed for
        good, `CallWithheld` where none goes out for now, `NoCredentials` where there are no keys.
        """
        cursor = cursor or Cursor()
        step: Step = Next(cursor.asked)
        while isinstance(step, Next):
            try:
                page = await self._list(walk, step.token, known)
            except TokenRejected:
                step = cursor.rejected()
                continue
            step = cursor.advance(page)
            yield page
        if isinstance(step, Broken):
            raise BrokenWalk(step.reason, step.text)

    @property
    def settled_scopes(self) -> tuple[str, ...] | None:
        """The scopes that nobody has to be asked for; None where the cloud lists them."""
        scopes = self.provider.scopes
        return scopes if isinstance(scopes, tuple) else None

    async def scopes(self) -> tuple[str, ...]:
        """The scopes of the source at present, sorted: those that are settled, or those that the cloud lists.

        Raises as `pages`.
        """
        scopes = self.provider.scopes
        if isinstance(scopes, tuple):
            return scopes
        found: set[str] = set()
        cursor = Cursor()
        step: Step = Next(None)
        while isinstance(step, Next):
            step = await self._list_scopes(scopes, step.token, cursor, found)
        if isinstance(step, Broken):
            raise BrokenWalk(step.reason, f"the list of vaults: {step.text}")
        return tuple(sorted(found))

    async def _list_scopes(
        self, scopes: ScopeList, token: str | None, cursor: Cursor, found: set[str]
    ) -> Step:
        try:
            page = await self._caller.call(
                Call(name="ListVaults", build=partial(scopes.request, token), read=scopes.read)
            )
        except TokenRejected:
            return cursor.rejected()
        found.update(page.scopes)
        if len(found) > SCOPES_ALLOWED:
            return Broken(BrokenReason.TOO_MANY_SCOPES, f"there are more than {SCOPES_ALLOWED}")
        return cursor.advance(page)

    async def describe(self, key: JobKey) -> JobDetail:
        """Ask for the detail of one job. Raises as `pages`, `NoSuchJob` for an unknown job."""
        return await self._caller.call(
            Call(
                name="DescribeJob",
                build=partial(self.provider.describe_job, key),
                read=partial(self.provider.read_detail, key=key),
            )
        )

    async def _list(self, walk: Walk, token: str | None, known: Known) -> JobPage:
        def read(response: HttpResponse) -> JobPage:
            return _bounded(self.provider.read_page(response, walk, known), response)

        return await self._caller.call(
            Call(
                name="ListJobs",
                build=partial(self.provider.list_jobs, walk, token),
                read=read,
                # Vaults in a row that the keys may not read must not stay between us and those that they may.
                forgiven=(Denied,) if walk.scope else (),
            )
        )


SCOPES_ALLOWED = 10_000
"""Each costs a call in every sweep: with more of them, `vaults` has to name fewer."""


def _bounded(page: JobPage, response: HttpResponse) -> JobPage:
    """Let no page pass whose token is larger than any token should be, whichever provider read it."""
    if page.next_token is not None and len(page.next_token) > TOKEN_LIMIT:
        why = f"the next token has more than {TOKEN_LIMIT} characters"
        raise Malformed(code="Malformed", message=why, status=response.status)
    return page
