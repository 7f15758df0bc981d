"""What was taken out of the configuration: what is left to tell of it is told, and nothing is lost."""

from collections import Counter

import structlog

from jobwatch.app.clock import utc_now
from jobwatch.app.watching import LEASE
from jobwatch.core.detail import DetailError
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import Origin
from jobwatch.core.overview import Identity
from jobwatch.core.recording import Desk
from jobwatch.poller import close_all
from jobwatch.settings import Settings, subscriptions
from jobwatch.store import Store
from jobwatch.store.values import Release

ORPHANS_AT_ONCE = 500

log = structlog.get_logger()


async def retire_receivers(store: Store, settings: Settings) -> None:
    """Give up what waits for receivers that were taken out of the configuration: it can be redelivered.

    What is told to one that has another name now is brought over to that.
    """
    while await store.follow_receivers(settings.receivers):
        pass
    retired: Counter[str] = Counter()
    while some := await store.retire_receivers(settings.receivers):
        retired.update(some)
    for name, deliveries in retired.items():
        log.warning("receiver.retired", receiver=name, deliveries=deliveries)


async def release_orphans(store: Store, settings: Settings) -> None:
    """Tell what is left to tell of sources that were taken out of the configuration.

    Events that waited for detail go without it, and what is open is closed: nobody would ever do it again.
    """
    for state in await store.sources():
        name = state.identity.name
        lease = None if name in settings.sources else await store.acquire(name, lease=LEASE)
        if lease is None:
            continue
        while waiting := await store.awaiting_detail(lease, limit=ORPHANS_AT_ONCE):
            releases = [
                Release(event_id=each.event_id, detail=None, error=DetailError.SOURCE_REMOVED)
                for each in waiting
            ]
            await store.release(lease, releases)
        closed = await close_all(store, lease, _orphans_desk(settings, state.identity), utc_now())
        if closed:
            log.info("conditions.closed", source=name, reason="source_removed", closed=closed)


def _orphans_desk(settings: Settings, identity: Identity) -> Desk:
    """What events of a removed source are made of; its labels went with its settings."""
    origin = Origin(
        instance=settings.instance,
        source=identity.name,
        provider=identity.kind,
        region=identity.region,
        account=identity.account,
        labels={},
        public_url=settings.http.public_url,
    )
    return Desk(
        origin=origin,
        lifecycle=Lifecycle(rows=()),
        operations=(),
        subscriptions=subscriptions(settings),
    )
