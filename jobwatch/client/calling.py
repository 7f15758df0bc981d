"""One call: build, wait for leave, send, read; cure what can be cured at once, and try again what may pass.

Every try is signed afresh, with the keys that hold and the time by the cloud's clock.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

import structlog

from jobwatch.client.failures import failed_call, hide_keys, result_of
from jobwatch.client.marking import mark_of
from jobwatch.client.turnstile import Surroundings, Turnstile
from jobwatch.core.clock_offset import Sighting, corrected, estimate, notable
from jobwatch.core.codec import CallName, Credentials, Provider, Signing
from jobwatch.core.errors import (
    ApiError,
    CallResult,
    CallWithheld,
    ClockSkew,
    Denied,
    KeysRejected,
    Malformed,
    NoCredentials,
    NoSuchJob,
    StatusRejected,
    TokenRejected,
    TransportError,
)
from jobwatch.core.gate import CallError, retry_pause
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.manners import REFUSALS
from jobwatch.credentials import CredentialSource
from jobwatch.transport import Sender

CALL_TIMEOUT = timedelta(seconds=30)
PAGE_LIMIT = 4 * 1024 * 1024

Answer = TypeVar("Answer")

# Pages first: a sweep is what everything else waits for.
_RANK: dict[CallName, int] = {"ListVaults": 0, "ListJobs": 0, "DescribeJob": 1}

# A permission that lacks DescribeJob alone must not keep anybody from listing.
_FORGIVEN: dict[CallName, tuple[type[ApiError], ...]] = {
    "ListVaults": (),
    "ListJobs": (),
    "DescribeJob": (Denied,),
}

ANSWERS = (NoSuchJob, StatusRejected, TokenRejected)
"""Refusals that say what the caller wanted to know."""

log = structlog.get_logger()


class CallObserver(Protocol):
    """Who is told about calls: the metrics of one source."""

    def called(self, call: CallName, result: CallResult, took: float) -> None:
        """Count one try of a call that took so many seconds, its wait in our own queue left out."""
        ...

    def waited(self, seconds: float) -> None:
        """Add time that a call waited for our own rate limit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Answer]):
    """What is asked, and how the answer is read. `cured` are the troubles that were already met by a cure.

    `forgiven` are errors that say nothing about other calls, besides those of every call of that name.
    """

    name: CallName
    build: Callable[[Signing], HttpRequest]
    read: Callable[[HttpResponse], Answer]
    forgiven: tuple[type[ApiError], ...] = ()
    cured: set[type[ApiError]] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Caller:
    """Makes the calls of one source, and counts them."""

    source: str
    provider: Provider
    transport: Sender
    credentials: CredentialSource
    turnstile: Turnstile
    observer: CallObserver
    around: Surroundings
    offset: timedelta | None = None
    calls: int = 0
    throttled: int = 0

    async def call(self, call: Call[Answer]) -> Answer:
        """Try until there is an answer, until there is no hope, or until nothing may go out."""
        tries = 0
        failure: CallError | None = None
        while True:
            try:
                return await self._try(call)
            except (TransportError, ApiError) as error:
                failure = error
            except CallWithheld:
                if failure is None:
                    raise
                # What went wrong tells more than that we now stay away for it.
                self._report(failure, tries)
                raise failure from None
            tries += 1
            pause = retry_pause(failure, tries, chance=self.around.chance())
            if pause is None or self.turnstile.withheld():
                self._report(failure, tries)
                raise failure
            await self.around.sleep(pause.total_seconds())

    async def _try(self, call: Call[Answer]) -> Answer:
        """Make one try, and one more for each trouble that is cured at once."""
        await self.notice_keys()
        withheld = self.turnstile.withheld()
        if withheld:
            raise withheld
        # Before the queue: keys that take their time must not let the calls behind them out as one burst.
        keys = await self.credentials.current()
        forgiven = _FORGIVEN[call.name] + call.forgiven
        leave = await self.turnstile.enter(_RANK[call.name], forgiven)
        with self.turnstile.judging(leave):
            while True:
                self.observer.waited(leave.waited)
                try:
                    return await self._send(call, keys)
                except (ClockSkew, *REFUSALS) as error:
                    leave.keys = self._mark(keys)
                    better = await self._cure(call, error, keys)
                    if better is None:
                        raise
                    keys = better
                await self.turnstile.enter_again(leave)

    async def notice_keys(self) -> None:
        """Where calls are withheld because keys were refused, let one out at once if there are others now."""
        if not self.turnstile.waits_for_keys():
            return
        with suppress(NoCredentials):  # whoever has to call is told of what was answered before
            self.turnstile.given(self._mark(await self.credentials.current()))

    def _mark(self, keys: Credentials) -> int:
        return mark_of(self.provider, Signing(credentials=keys, now=self.around.now()))

    async def _cure(
        self, call: Call[Answer], error: ApiError, used: Credentials
    ) -> Credentials | None:
        """The keys to try again with, where something is better now; each cure is tried once a call."""
        if isinstance(error, Denied) or type(error) in call.cured:
            return None
        call.cured.add(type(error))
        if isinstance(error, KeysRejected):
            return await self.credentials.renewed(used)
        # `_send` took the offset from the refusal, where that told the time.
        return used if isinstance(error, ClockSkew) and error.at is not None else None

    async def _send(self, call: Call[Answer], keys: Credentials) -> Answer:
        sent_at, began = self.around.now(), self.around.monotonic()
        signing = Signing(credentials=keys, now=sent_at + (self.offset or timedelta()))
        try:
            response = await self.transport.send(
                call.build(signing), timeout=CALL_TIMEOUT, max_body=PAGE_LIMIT
            )
        except TransportError as error:
            self._failed(call.name, error, self.around.monotonic() - began)
            raise
        took = self.around.monotonic() - began
        try:
            answer = self._read(call, response, sent_at)
        except ApiError as error:
            hide_keys(error, keys)
            self._failed(call.name, error, took)
            raise
        self._count(call.name, CallResult.OK, took)
        log.debug(
            "call.answered",
            source=self.source,
            call=call.name,
            result=CallResult.OK.value,
            http_status=response.status,
            request_id=self.provider.request_id(response),
            duration_seconds=took,
        )
        return answer

    def _failed(self, call: CallName, error: CallError, took: float) -> None:
        """Count one try that failed, and note in its error what was called."""
        error.call = call
        result = result_of(error) if isinstance(error, TransportError) else error.result
        self._count(call, result, took)
        log.debug(
            "try.failed",
            source=self.source,
            duration_seconds=took,
            **failed_call(error),
        )

    def _report(self, error: CallError, tries: int) -> None:
        """Say that a call is given up, unless its refusal is an answer that whoever called waits for."""
        level = log.debug if isinstance(error, ANSWERS) else log.warning
        level(
            "call.failed",
            source=self.source,
            tries=tries,
            **failed_call(error),
        )

    def _read(self, call: Call[Answer], response: HttpResponse, sent_at: datetime) -> Answer:
        at = self.provider.answered_at(response)
        seen = Sighting(at, sent_at, self.around.now()) if at else None
        if seen:
            self._set_offset(estimate(self.offset, seen))
        try:
            return call.read(response)
        except ClockSkew:
            if seen:
                self._set_offset(corrected(self.offset, seen))
            raise
        except ApiError:
            raise
        except Exception as error:
            # A fault of ours must not keep anybody from being told that the source cannot be read.
            log.exception(
                "answer.unread",
                source=self.source,
                call=call.name,
                http_status=response.status,
                request_id=self.provider.request_id(response),
            )
            why = f"the answer could not be read: {type(error).__name__}"
            raise Malformed(code="Malformed", message=why, status=response.status) from error

    def _count(self, call: CallName, result: CallResult, took: float) -> None:
        self.calls += 1
        self.throttled += result is CallResult.THROTTLED
        self.observer.called(call, result, took)

    def _set_offset(self, offset: timedelta | None) -> None:
        before, self.offset = self.offset, offset
        if offset is None or notable(before) == notable(offset):
            return
        level = log.warning if notable(offset) else log.info
        level("clock.offset_changed", source=self.source, offset_seconds=offset.total_seconds())
