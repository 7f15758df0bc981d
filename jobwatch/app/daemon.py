"""The daemon: starts the loops, stops them in order."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import structlog

from jobwatch.app.assembling import GRACE, PATIENCE, every_loop, open_parts
from jobwatch.app.clock import utc_now
from jobwatch.app.exposure import certificate_loops, open_tls
from jobwatch.app.orphans import retire_receivers
from jobwatch.app.parts import Parts, Settling, freeze_heap, open_store
from jobwatch.app.reloading import Origin, Reloader
from jobwatch.app.service import Service, watchdog
from jobwatch.app.shapes import shapes, single_jobs
from jobwatch.app.turning import Turners
from jobwatch.app.view import Readiness, web_view
from jobwatch.core.errors import StoreError, StoreLocked, StoreUnusable
from jobwatch.core.overview import Overview
from jobwatch.loop import Loop, MonotonicClock, Pulse, lag_meter
from jobwatch.metrics import Metrics
from jobwatch.settings import Settings
from jobwatch.store import Store
from jobwatch.store.place import StoreReplaced
from jobwatch.store.values import Pruned, Retention
from jobwatch.web.server import build_app, serve

LOCK_RETRY = timedelta(seconds=1)
OPENING = timedelta(minutes=5)
"""How long a service manager lets the store be opened: a large one is read, and an older one migrated."""

REFRESH = timedelta(seconds=5)
PRUNE = timedelta(hours=1)
log = structlog.get_logger()


async def run(
    settings: Settings,
    *,
    stop: asyncio.Event,
    origin: Origin | None = None,
    service: Service | None = None,
    listening: Callable[[str], None] | None = None,
) -> None:
    """Watch until `stop` is set.

    The HTTP server comes first, so that a daemon that waits for another one's store says so. `origin` is where the
    settings came from, and newer ones come from; without one they stay. `service` is told how things go. Raises
    `ConfigError` where the port is taken, `StoreUnusable` where the store cannot be opened.
    """
    freeze_heap()
    service = service or Service()
    readiness, pulse = Readiness(settings), Pulse()
    metrics = Metrics(shapes(settings), list(settings.receivers))
    metrics.configured(utc_now())
    async with AsyncExitStack() as stack:
        app = build_app(web_view(readiness, metrics, pulse))
        host, port = settings.http.address
        tls = readiness.tls = open_tls(settings)
        url = await stack.enter_async_context(serve(app, host, port, tls))
        if listening is not None:
            listening(url)
        store = await _wait_for_store(readiness, service, stop)
        if store is None:
            return
        stack.push_async_callback(store.close)
        parts = await stack.enter_async_context(open_parts(settings, store, metrics, pulse))
        freeze_heap()
        reloader = _reloader(origin, parts, service, readiness) if origin is not None else None
        readiness.opened(parts, reloader)
        log.info(
            "daemon.started", sources=len(parts.watched), receivers=len(parts.notifiers), url=url
        )
        await _turn_loops(parts, readiness, service, stop)
    log.info("daemon.stopped")


def _reloader(origin: Origin, parts: Parts, service: Service, readiness: Readiness) -> Reloader:
    return Reloader(origin=origin, parts=parts, service=service, going_on=readiness.summary)


async def _wait_for_store(
    readiness: Readiness, service: Service, stop: asyncio.Event
) -> Store | None:
    """Open the store; while another daemon holds it, or its disk is full, wait, unready, and say so."""
    told = ""
    while not stop.is_set():
        service.starting(readiness.missing()[0], OPENING)
        try:
            return await open_store(readiness.settings)
        except StoreLocked as locked:
            readiness.waiting_for(locked.holder)
            if told != locked.holder:
                told = locked.holder
                log.warning("store.locked", holder=locked.holder)
        except StoreUnusable:
            raise
        except StoreError as error:  # a full disk, somebody's lock: what passes without us
            readiness.waiting_until(str(error))
            if not told:
                told = str(error)
                log.warning("store.awaited", error=told)
        await MonotonicClock().pause(LOCK_RETRY.total_seconds(), stop)
    return None


async def _turn_loops(
    parts: Parts, readiness: Readiness, service: Service, stop: asyncio.Event
) -> None:
    """Turn every loop until told to stop; then stop claiming, let what is in flight end, give back the rest."""
    try:
        async with asyncio.TaskGroup() as group:
            parts.spawn_in(group)
            turners = parts.turners = Turners(
                group=group, stop=stop, pulse=parts.pulse, on_failure=parts.step_failed
            )
            turners.start([*own_loops(parts), *every_loop(parts)])
            turners.start(certificate_loops(readiness.tls, readiness.current))
            if service.managed:
                turners.start([_watchdog(parts, readiness, service)])
            if readiness.reloader is not None:
                await readiness.reloader.begin()
                turners.start([readiness.reloader.loop()])
            service.ready(readiness.summary())
            await stop.wait()
            service.stopping()
            log.info("stop.requested")
            # A sweep is cut between two pages: every verb of the store runs to its end all the same.
            await turners.end_all()
            async with asyncio.TaskGroup() as closing:
                for notifier in parts.notifiers.values():
                    closing.create_task(notifier.close(GRACE))
    finally:
        await parts.store.give_back(parts.store.owner)


def _watchdog(parts: Parts, readiness: Readiness, service: Service) -> Loop:
    """The loop that tells the service manager that all the others turn."""

    def stalled() -> list[str]:
        return parts.pulse.stalled(time.monotonic())

    return Loop(name="service", step=watchdog(service, stalled, readiness.summary))


def own_loops(parts: Parts) -> list[Loop]:
    """The loops that are about no single source or receiver, and turn whatever is configured."""

    async def prune() -> timedelta:
        keep = parts.settings.retention
        kept = Retention(jobs=keep.jobs, events=keep.events, dead_deliveries=keep.dead_deliveries)
        # What a sweep told to a receiver in the very moment in which it was taken out.
        await retire_receivers(parts.store, parts.settings)
        pruned = await parts.store.prune(kept, utc_now())
        # A call removes a bounded number of rows; the rest follows at once.
        return timedelta() if pruned != Pruned() else PRUNE

    return [
        Loop(name="refresh", step=Refresher(parts=parts).turn),
        Loop(name="prune", step=prune, patience=PATIENCE),
        Loop(name="lag", step=lag_meter(parts.metrics.loop_lagged, MonotonicClock())),
        Loop(name="heap", step=Settling(watched=parts.watched).turn),
    ]


@dataclass(slots=True, kw_only=True)
class Refresher:
    """Shows the store as it is now.

    A store that cannot be read is asked again as often as ever: no backoff leaves the series old once it is mended.
    """

    parts: Parts
    failing: bool = False

    async def turn(self) -> timedelta:
        """Read the store once; a failure is counted, and only the first in a row is logged."""
        try:
            overview = await self.parts.store.overview(single_jobs(self.parts.settings))
        except StoreError as error:
            self.parts.step_failed(error)
            self.parts.pulse.failed("refresh")
            if not self.failing:
                log.warning("refresh.failed", error=str(error))
            self.failing = True
            if isinstance(error, StoreReplaced) and self.parts.turners is not None:
                # Giving back the claims fails for the same reason: so the daemon ends, with these words and code 1.
                self.parts.turners.stop.set()
            return REFRESH
        self.failing = False
        self.parts.metrics.show(overview)
        _heed(self.parts, overview)
        return REFRESH


def _heed(parts: Parts, overview: Overview) -> None:
    """Wake whoever may have been asked for something beside the daemon: through the store, because that is all they share."""
    for depth in overview.outbox:
        # A receiver was resumed, or something is sent again: its notifier looks, and pauses as before if it was not.
        if depth.pending and depth.receiver in parts.notifiers:
            parts.notifiers[depth.receiver].bell.ring()
    for state in overview.sources:
        if state.asked_at is not None and state.identity.name in parts.watched:
            parts.watched[state.identity.name].source.bell.ring()
