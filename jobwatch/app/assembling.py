"""Puts the parts together as the settings want them: at the start, and again whenever the settings change.

Law of this module: it compares what is there with what is wanted and mends the difference, so a step that failed is
made good by doing it again. What did not change keeps working meanwhile.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from jobwatch.app.network import open_doors
from jobwatch.app.orphans import release_orphans, retire_receivers
from jobwatch.app.parts import Parts
from jobwatch.app.shapes import open_providers, shapes
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

    Sources first, because what they tell names receivers; then the receivers, each with what waits for it; last what
    was taken out. Raises `ConfigError` for a source bound to another account, `StoreError`.
    """
    settings, store = parts.settings, parts.store
    providers = open_providers(settings)
    await _let_sources_go(parts)
    registered = await store.register(identities(providers))
    for new, old in registered.renamed.items():
        log.info("source.renamed", source=new, previous=old)
    await _let_receivers_go(parts)
    parts.metrics.bound(shapes(settings), list(settings.receivers))
    for name, provider in providers.items():
        await _take_source(parts, name, provider)
    await _rename_receivers(parts)
    for name in settings.receivers:
        _take_receiver(parts, name)
    await retire_receivers(store, settings)
    await release_orphans(store, settings)
    await _exchange_keepers(parts)


def identities(providers: dict[str, Provider]) -> list[Identity]:
    """Whose jobs each source lists."""
    return [
        Identity(name=name, kind=each.kind, region=each.region, account=each.account)
        for name, each in providers.items()
    ]


async def _let_sources_go(parts: Parts) -> None:
    """End what watches sources that are gone, or that are reached otherwise now."""
    wanted = parts.settings.sources
    for name, watched in tuple(parts.watched.items()):
        if name in wanted and watched.fits(wanted[name]):
            continue
        await parts.end(watched.loops())
        del parts.watched[name]
        # Nobody knows who else holds on to the source; a million jobs should not stay for that.
        watched.source.index = JobIndex(0)
        if name not in wanted:
            await parts.store.hand_back(watched.source.lease)
            log.info("source.removed", source=name)


async def _take_source(parts: Parts, name: str, provider: Provider) -> None:
    watched = parts.watched.get(name)
    if watched is not None:
        watched.adjust(parts.settings, provider)
        return
    watched = parts.watched[name] = await open_source(parts.site, name, provider)
    parts.start(watched.loops())


async def _let_receivers_go(parts: Parts) -> None:
    """Let what is in flight to receivers that are gone end, settle it, and give the rest back."""
    for name, notifier in tuple(parts.notifiers.items()):
        if name not in parts.settings.receivers:
            await parts.end([notifier_loop(notifier)])
            await notifier.close(GRACE)
            del parts.notifiers[name]
            log.info("receiver.removed", receiver=name)


async def _rename_receivers(parts: Parts) -> None:
    marks = fingerprints(parts.settings, parts.store.store_id)
    renamed = await parts.store.rename_receivers(parts.settings.receivers, marks)
    for new, old in renamed.items():
        log.info("receiver.renamed", receiver=new, previous=old)


def _take_receiver(parts: Parts, name: str) -> None:
    notifier = parts.notifiers.get(name)
    if notifier is not None:
        notifier.post = post_for(parts.settings, name, parts.store.store_id)
        notifier.bell.ring()
        return
    notifier = parts.notifiers[name] = open_notifier(parts.outlet, name)
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
    await parts.end(parts.keepers)
    parts.keepers = open_keepers(parts.outlet, shapes(parts.settings))
    parts.start(parts.keepers)


def every_loop(parts: Parts) -> list[Loop]:
    """The loops of all sources and receivers, and those around them."""
    watched: list[Watched] = list(parts.watched.values())
    return [
        *(loop for each in watched for loop in each.loops()),
        *parts.keepers,
        *(notifier_loop(each) for each in parts.notifiers.values()),
    ]
