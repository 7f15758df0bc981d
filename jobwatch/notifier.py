"""Delivers one receiver's outbox: claims, sends, settles. Receivers never wait for each other.

Law: nothing is marked told before it was told. A claim is leased and fenced; an attempt that ends after its lease
changes nothing.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypedDict

import structlog

from jobwatch.core.breaker import Breaker, ReceiverState
from jobwatch.core.errors import RenderError, TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.outbox import (
    Attempt,
    Delivery,
    DeliveryState,
    Result,
    RetryPolicy,
    Settlement,
    settle,
)
from jobwatch.formats import FormatName, build, classify
from jobwatch.formats.answers import shown
from jobwatch.formats.values import Recipient, Told, Verdict
from jobwatch.loop import Bell
from jobwatch.store import Store
from jobwatch.store.outbox_values import Claim, Manner

LEASE_MARGIN = timedelta(seconds=15)
ANSWER_LIMIT = 16 * 1024
IDLE = timedelta(seconds=60)
BREATH = timedelta(milliseconds=100)
"""The least pause after a claim that gave nothing: what is due may be held by another claim."""

log = structlog.get_logger()


class Send(Protocol):
    """The part of the transport that the notifier uses."""

    async def __call__(
        self,
        request: HttpRequest,
        *,
        timeout: timedelta,  # noqa: ASYNC109  the transport's own parameter
        max_body: int,
        truncate: bool,
    ) -> HttpResponse: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """How a receiver is reached: its settings, as the notifier needs them.

    `recipient` is where messages go as the configuration says now. `manner` is what the store has to know of that.
    """

    receiver: str
    format: FormatName
    recipient: Callable[[], Recipient]
    manner: Callable[[Recipient], Manner]
    policy: RetryPolicy
    timeout: timedelta
    concurrency: int


@dataclass(slots=True, kw_only=True)
class Notifier:
    """One receiver's deliveries in flight. `spawn` starts a task in the one task group.

    `post` may be replaced between two claims: what is in flight ends as it began.
    """

    post: Post
    store: Store
    send: Send
    attempted: Callable[[str, float], None]
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    spawn: Callable[[Coroutine[None, None, Settlement]], asyncio.Task[Settlement]]
    bell: Bell = field(default_factory=Bell)
    running: dict[asyncio.Task[Settlement], int] = field(default_factory=dict)
    unsettled: list[Settlement] = field(default_factory=list)
    again_at: datetime | None = None
    stands: Breaker = field(default_factory=Breaker)

    async def deliver_due(self) -> timedelta:
        """One pass over the outbox: claim what can start now, wait for the first to end, settle what ended.

        What ends while a transaction runs is settled together by the next pass. Returns the pause until there
        may be something to do again.
        """
        if self.unsettled:  # before their claims' leases end, and they are sent again
            await self._settle_ended()
        if len(self.running) < self.post.concurrency:
            try:
                await self._claim()
            except Exception:  # what was told is settled all the same, lest it is told again
                await self._settle_ended()
                raise
        if not self.running:
            return self._until_again()
        await self._first_ended()
        await self._those_beside_it()
        await self._settle_ended()
        return timedelta()

    async def close(self, grace: timedelta) -> None:
        """Claim no more; let what is in flight end within `grace`, settle it, and give the rest back."""
        if self.running:
            _, late = await asyncio.wait(self.running, timeout=grace.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.wait(self.running)
        await self._settle_ended()

    async def _claim(self) -> None:
        """Start what may be sent now. A recipient that cannot be read costs no attempt: nothing is claimed for it."""
        post = self.post
        recipient = post.recipient()
        claimed = await self.store.claim_due(
            Claim(
                manner=post.manner(recipient),
                limit=post.concurrency - len(self.running),
                lease=post.timeout + LEASE_MARGIN,
                held=tuple(self.running.values()),
            )
        )
        self.again_at = claimed.again_at
        report_turn(self.post.receiver, self.stands, claimed.breaker)
        self.stands = claimed.breaker
        for each in claimed.deliveries:
            self.running[self.spawn(self._attempt(each, post, recipient))] = each.id

    async def _attempt(self, delivery: Delivery, post: Post, recipient: Recipient) -> Settlement:
        """Send once. Never raises: whatever happens becomes the result of the attempt."""
        started_at = self.clock()
        began = asyncio.get_running_loop().time()
        answer: HttpResponse | TransportError | None = None
        try:
            answer = await self._send(delivery, post, recipient, started_at)
            verdict = classify(post.format, answer, recipient, self.clock())
        except asyncio.CancelledError:
            # Only `close` cancels: the settlement gives the claim back, so swallowing this loses nothing.
            verdict = Verdict(result=Result.CANCELLED)
        except RenderError as error:
            verdict = Verdict(result=Result.RENDER_ERROR, answer=shown(str(error), recipient))
        except Exception as error:  # one poison delivery must not end the loop
            log.exception("attempt.broken", **_about(delivery))
            verdict = Verdict(result=Result.RENDER_ERROR, answer=type(error).__name__)
        took = asyncio.get_running_loop().time() - began
        self.attempted(post.receiver, took)
        attempt = Attempt(
            started_at=started_at,
            took=timedelta(seconds=took),
            result=verdict.result,
            status=answer.status if isinstance(answer, HttpResponse) else None,
            answer=verdict.answer,
            retry_after=verdict.retry_after,
        )
        return settle(delivery, attempt, post.policy, now=self.clock(), chance=self.chance())

    async def _send(
        self, delivery: Delivery, post: Post, recipient: Recipient, now: datetime
    ) -> HttpResponse | TransportError:
        told = Told(id=delivery.event_id, type=delivery.event_type, body=delivery.body)
        request = build(post.format, told, recipient, now)
        try:
            return await self.send(
                request, timeout=post.timeout, max_body=ANSWER_LIMIT, truncate=True
            )
        except TransportError as error:
            return error

    async def _first_ended(self) -> None:
        """Wait until an attempt ends, or until there may be something to claim for a free slot."""
        if len(self.running) >= self.post.concurrency:
            await asyncio.wait(self.running, return_when=asyncio.FIRST_COMPLETED)
            return
        pause = self._until_again()
        rung = asyncio.ensure_future(self.bell.wait())
        waits: set[asyncio.Future[Settlement] | asyncio.Future[None]] = {*self.running, rung}
        try:
            await asyncio.wait(
                waits, timeout=pause.total_seconds(), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            rung.cancel()

    async def _those_beside_it(self) -> None:
        """Let attempts end whose answers are there already: one transaction settles them all."""
        before, ended = 0, sum(task.done() for task in self.running)
        while before < ended:
            await asyncio.sleep(0)
            before, ended = ended, sum(task.done() for task in self.running)

    async def _settle_ended(self) -> None:
        """Settle in one transaction. What could not be settled is kept for the next pass."""
        ended = [task for task in self.running if task.done()]
        self.unsettled += [task.result() for task in ended]
        for task in ended:
            del self.running[task]
        if not self.unsettled:
            return
        await self.store.settle(self.unsettled)
        for settlement in self.unsettled:
            self._report(settlement)
        self.unsettled.clear()

    def _until_again(self) -> timedelta:
        if self.again_at is None:
            return IDLE
        return min(IDLE, max(BREATH, self.again_at - self.clock()))

    def _report(self, settlement: Settlement) -> None:
        attempt, delivery = settlement.attempt, settlement.delivery
        # That a receiver is in trouble is said once, by `receiver.tripped`, and not at every attempt.
        level = log.warning if settlement.state is DeliveryState.DEAD else log.info
        level(
            "delivery.settled",
            **_about(delivery),
            state=settlement.state.value,
            result=attempt.result.value,
            http_status=attempt.status,
            error=_unanswered(attempt),
            attempt=delivery.attempt,
            duration_seconds=attempt.took.total_seconds(),
            due_at=settlement.due_at,
        )


def _unanswered(attempt: Attempt) -> str | None:
    """What went wrong on the way there. Answers may repeat the event, and templates are their owner's: no line has those."""
    underway = attempt.status is None and attempt.result is not Result.RENDER_ERROR
    return attempt.answer or None if underway else None


class _About(TypedDict):
    receiver: str
    event_id: str
    delivery_id: int
    type: str
    scope: str
    job: str
    sweep: str | None


def _about(delivery: Delivery) -> _About:
    """Which delivery it is, and the way back to the sweep that brought it."""
    return _About(
        receiver=delivery.receiver,
        event_id=delivery.event_id,
        delivery_id=delivery.id,
        type=delivery.event_type,
        scope=delivery.scope,
        # What orders the other deliveries is no job.
        job=delivery.job if delivery.event_type.startswith("job.") else "",
        sweep=delivery.sweep,
    )


def report_turn(receiver: str, before: Breaker, now: Breaker) -> None:
    """Say that a receiver began to fail, is tried, or is well again. Who is paused or resumed, the attendant says."""
    turned = (before.state, now.state)
    match turned:
        case (ReceiverState.FAILING, ReceiverState.FAILING) if now.openings > before.openings:
            _report_failing(receiver, now)
        case (was, ReceiverState.FAILING) if was is not ReceiverState.FAILING:
            _report_failing(receiver, now)
        case (ReceiverState.FAILING, ReceiverState.HALF_OPEN):
            log.info("receiver.tried", receiver=receiver, reason=now.reason)
        case (ReceiverState.FAILING | ReceiverState.HALF_OPEN, ReceiverState.ACTIVE):
            log.info("receiver.recovered", receiver=receiver)
        case _:
            pass


def _report_failing(receiver: str, now: Breaker) -> None:
    log.warning(
        "receiver.tripped",
        receiver=receiver,
        reason=now.reason,
        failures=now.failures,
        until=now.open_until,
    )
