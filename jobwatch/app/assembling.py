"""Puts the parts together as the settings want them: at the start, and again whenever the settings change.

Law of this module: it compares what is there with what is wanted and mends the difference, so a step that failed is
made good by doing it again. What did not change keeps working meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from jobwatch.app.network import open_doors
from jobwatch.app.orphans import release_orphans, retire_receivers
from jobwatch.app.parts import Parts
from jobwatch.app.shapes import open_providers, shapes, single_jobs
from jobwatch.app.telling import fingerprints, open_keepers, open_notifier, post_for
from jobwatch.app.watching import Watched, open_source
from jobwatch.core.codec import Provider
from jobwatch.core.index import JobIndex
from jobwatch.core.overview import Identity
from jobwatch.loop import Loop, Pulse
from jobwatch.metrics import Metrics
from jobwatch.notifier import Notifier
from jobwatch.settings import Settings
from jobwatch.store import Store

GRACE = timedelta(seconds=10)
"""How long deliveries in flight may go on once their receiver, or the daemon, is told to stop."""

PATIENCE = timedelta(minutes=5)
"""How long a turn that is no sweep may take beyond its own waiting."""

log = structlog.get_logger()


@asynccontextmanager
async def open_parts(
    settings: Settings, store: Store, metrics: Metrics, pulse: Pulse
) -> AsyncIterator[Parts]:
    """Build everything that stands on an open store. Raises `ConfigError` for a source bound to another account."""
    async with open_doors(settings) as doors:
        parts = Parts(settings=settings, store=store, metrics=metrics, pulse=pulse, doors=doors)
        await assemble(parts)
        yield parts


async def assemble(parts: Parts) -> None:
    """Bring the parts in line with `parts.settings`.

    1. Receivers that are gone finish what is in flight, while everybody else goes on as before; then what watches
       sources that are gone ends.
    2. What has another name now gets it, before anything is told to the new name.
    3. Sources and receivers come, or take the newer settings; last what was taken out is told.

    Raises `ConfigError` for a source bound to another account, `StoreError`.
    """
    settings, store = parts.settings, parts.store
    providers = open_providers(settings)
    await _let_receivers_go(parts)
    await _let_sources_go(parts)
    await _learn_names(parts, providers)
    for name, provider in providers.items():
        await _take_source(parts, name, provider)
    # Before a receiver is told again, it has everything that waits for it: its news goes out in order.
    await retire_receivers(store, settings)
    for name in settings.receivers:
        _take_receiver(parts, name)
    await release_orphans(store, settings)
    await _exchange_keepers(parts)
    parts.wake_notifiers()


def identities(providers: dict[str, Provider]) -> list[Identity]:
    """Whose jobs each source lists."""
    return [
        Identity(name=name, kind=each.kind, region=each.region, account=each.account)
        for name, each in providers.items()
    ]


async def _let_receivers_go(parts: Parts) -> None:
    """Let what is in flight to receivers that are gone end, settle it, and give the rest back."""
    gone = [each for name, each in parts.notifiers.items() if name not in parts.settings.receivers]
    await parts.end([notifier_loop(each) for each in gone])
    if flying := {task for each in gone for task in each.running}:
        await asyncio.wait(flying, timeout=GRACE.total_seconds())
    for each in gone:
        name = each.post.receiver
        await each.close(timedelta())
        # A loop that was ended while it claimed does not know what it has.
        await parts.store.give_back(parts.store.owner, receiver=name)
        del parts.notifiers[name]
        log.info("receiver.removed", receiver=name)


async def _let_sources_go(parts: Parts) -> None:
    """End what watches sources that are gone, or that are reached otherwise now."""
    wanted = parts.settings.sources
    for name, watched in tuple(parts.watched.items()):
        if name in wanted and watched.fits(wanted[name]):
            continue
        # First of all, so that one that is wanted again after a failure here is built anew.
        del parts.watched[name]
        await parts.end(watched.loops())
        # Nobody knows who else holds on to the source; a million jobs should not stay for that.
        watched.source.index = JobIndex(0)
        if name not in wanted:
            await parts.store.hand_back(watched.source.lease)
            log.info("source.removed", source=name)


async def _learn_names(parts: Parts, providers: dict[str, Provider]) -> None:
    """Have the store and the metrics know sources and receivers by the names they have now."""
    settings, store = parts.settings, parts.store
    registered = await store.register(identities(providers))
    for new, old in registered.renamed.items():
        log.info("source.renamed", source=new, previous=old)
    renamed = await store.rename_receivers(
        settings.receivers, fingerprints(settings, store.store_id)
    )
    for new, old in renamed.items():
        log.info("receiver.renamed", receiver=new, previous=old)
    # Counters under a new name that began at 0 and jumped to what they are would look like a burst.
    overview = await store.overview(single_jobs(settings)) if parts.turners is not None else None
    parts.metrics.bound(shapes(settings), list(settings.receivers))
    if overview is not None:
        parts.metrics.show(overview)


async def _take_source(parts: Parts, name: str, provider: Provider) -> None:
    watched = parts.watched.get(name)
    if watched is None:
        watched = parts.watched[name] = await open_source(parts.site, name, provider)
    else:
        watched.adjust(parts.settings, provider)
    parts.start(watched.loops())


def _take_receiver(parts: Parts, name: str) -> None:
    notifier = parts.notifiers.get(name)
    if notifier is None:
        notifier = parts.notifiers[name] = open_notifier(parts.outlet, name)
    else:
        notifier.post = post_for(parts.settings, name, parts.store.store_id)
    # One that was to go, and is wanted again after a failure meanwhile, does not turn any more.
    parts.start([notifier_loop(notifier)])


def notifier_loop(notifier: Notifier) -> Loop:
    """The loop of one receiver."""
    return Loop(
        name=f"notifier:{notifier.post.receiver}",
        step=notifier.deliver_due,
        bell=notifier.bell,
        patience=notifier.post.timeout + PATIENCE,
    )


async def _exchange_keepers(parts: Parts) -> None:
    """What looks after receivers and the heartbeat knows the settings of now."""
    if parts.kept_for != parts.settings:
        parts.kept_for = None
        await parts.end(parts.keepers)
        parts.keepers = open_keepers(parts.outlet, shapes(parts.settings))
        parts.kept_for = parts.settings
    parts.start(parts.keepers)


def every_loop(parts: Parts) -> list[Loop]:
    """The loops of all sources and receivers, and those around them."""
    watched: list[Watched] = list(parts.watched.values())
    return [
        *(loop for each in watched for loop in each.loops()),
        *parts.keepers,
        *(notifier_loop(each) for each in parts.notifiers.values()),
    ]
