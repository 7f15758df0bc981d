"""Says "all is well" to whoever watches the watcher, and is silent otherwise.

Law: silence is the alarm. It beats only while every loop turns, every source is fresh, and nothing waits too long for
a receiver that is not paused on purpose. Whatever goes wrong with a beat stays in the log.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import structlog

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.errors import ConfigError, StoreError, TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.overview import Overview
from jobwatch.metrics.freshness import SourceShape, is_up

WAITS_TOO_LONG = timedelta(minutes=10)
A_MINUTE = timedelta(minutes=1)
STARTING = timedelta(minutes=10)
"""How long a start may take before it is worth a warning that not every source was swept yet."""

LOOK_AGAIN = timedelta(seconds=5)
"""The pause before the first beat: whoever watches the watcher should not wait a day for it where beats are daily."""

TIMEOUT = timedelta(seconds=10)
ANSWER_LIMIT = 1024
SUCCESS = range(200, 300)

log = structlog.get_logger()


class Send(Protocol):
    """The part of the transport that a heartbeat uses."""

    async def __call__(
        self,
        request: HttpRequest,
        *,
        timeout: timedelta,  # noqa: ASYNC109  the transport's own parameter
        max_body: int,
        truncate: bool,
    ) -> HttpResponse: ...


@dataclass(slots=True, kw_only=True)
class Heart:
    """What beats: `url` gives the address, a secret, as it is now; `stalled` names the loops that hang.

    `receivers` says how long each lets news wait for a digest.
    `withheld`, `warned` and `failed` are what the last turn met, so that each is logged once until it changes. `began`
    is when it came to be, in seconds of `monotonic`, and `beating` whether all was well since.
    """

    url: Callable[[], str]
    every: timedelta
    shapes: Sequence[SourceShape]
    receivers: Mapping[str, timedelta]
    overview: Callable[[], Awaitable[Overview]]
    stalled: Callable[[], Sequence[str]]
    send: Send
    monotonic: Callable[[], float] = time.monotonic
    began: float = field(init=False)
    beating: bool = field(default=False, init=False)
    warned: bool = field(default=False, init=False)
    withheld: tuple[str, ...] = field(default=(), init=False)
    failed: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.began = self.monotonic()

    @property
    def starting(self) -> bool:
        """Whether it may be that nothing is wrong, and not every source was swept yet."""
        return not self.beating and self.monotonic() - self.began < STARTING.total_seconds()


async def beat(heart: Heart) -> timedelta:
    """Beat once if all is well. Returns the pause until the next beat. Raises nothing."""
    try:
        overview = await heart.overview()
    except StoreError:
        reasons: tuple[str, ...] = ("the store cannot be read",)
    else:
        reasons = reasons_to_withhold(overview, heart.shapes, heart.receivers, heart.stalled())
    _note_withheld(heart, reasons)
    if not reasons:
        heart.beating = True
        _note_failed(heart, await _sent(heart))
    return heart.every if heart.beating else min(heart.every, LOOK_AGAIN)


def reasons_to_withhold(
    overview: Overview,
    shapes: Iterable[SourceShape],
    receivers: Mapping[str, timedelta],
    stalled: Iterable[str],
) -> tuple[str, ...]:
    """Why not to say that all is well, in words; nothing if all is. Ages are counted to the moment of the overview.

    A receiver that is left alone because it fails counts: news does not get through. What waits for the end of a
    digest's window waits on purpose, so that window and a minute are allowed where it is the longer time.
    """
    states = {state.identity.name: state for state in overview.sources}
    return (
        *(f"the loop {name} is stalled" for name in sorted(stalled)),
        *(
            f"the source {shape.name} is not fresh"
            for shape in shapes
            if not is_up(states.get(shape.name), shape, overview.now)
        ),
        *(
            f"the receiver {depth.receiver} waits for news since over {allowed // A_MINUTE} minutes"
            for depth in overview.outbox
            if depth.receiver in receivers
            and overview.receivers.get(depth.receiver) is not ReceiverState.PAUSED
            and depth.oldest_at is not None
            and overview.now - depth.oldest_at > (allowed := _allowed(receivers[depth.receiver]))
        ),
    )


def _allowed(digest_every: timedelta) -> timedelta:
    return max(WAITS_TOO_LONG, digest_every + A_MINUTE)


async def _sent(heart: Heart) -> str:
    """Send one beat: what went wrong, or nothing. The URL is in none of these words."""
    try:
        request = HttpRequest(method="GET", url=heart.url())
        answer = await heart.send(request, timeout=TIMEOUT, max_body=ANSWER_LIMIT, truncate=True)
    except TransportError as error:
        return error.kind.value
    except (ConfigError, ValueError):
        return "url_unusable"
    return "" if answer.status in SUCCESS else f"http_{answer.status}"


def _note_withheld(heart: Heart, reasons: tuple[str, ...]) -> None:
    warn = bool(reasons) and not heart.starting
    if reasons == heart.withheld and warn == heart.warned:
        return
    heart.withheld, heart.warned = reasons, warn
    if warn:
        log.warning("heartbeat.withheld", reasons=reasons)
    elif reasons:
        log.info("heartbeat.withheld", reasons=reasons)
    else:
        log.info("heartbeat.resumed")


def _note_failed(heart: Heart, failure: str) -> None:
    if failure != heart.failed:
        heart.failed = failure
        if failure:
            log.warning("heartbeat.failed", reason=failure)
        else:
            log.info("heartbeat.sent")
