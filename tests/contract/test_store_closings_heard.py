"""Contract of closings that are told in a digest, or of what was: nobody waits for them in vain."""

import pytest

from jobwatch.core.digest import DigestPolicy
from jobwatch.core.outbox import Delivery, DeliveryState, Result
from jobwatch.store import Store
from jobwatch.store.outbox_values import Redelivery
from jobwatch.store.values import DeliveryFilter
from tests.contract.watcher import OPS, Clock, Watcher, claim, outcome, send_all
from tests.factories import HOUR, MINUTE, SECOND, job

POLICY = DigestPolicy(first=1, every=MINUTE)
NAMES = ("a", "b", "c")


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    """Three jobs that were told already."""
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = (OPS,)
    await watcher.sees(*(job(id=name) for name in NAMES))
    await send_all(store, clock())
    return watcher


async def stalled(store: Store, state: DeliveryState) -> list[int]:
    """What tells of conditions and stands so."""
    listed = await store.deliveries(DeliveryFilter(state=state), limit=100)
    return [row.id for row in listed.rows if row.event_type == "job.stalled"]


async def in_a_digest(prod: Watcher, *, closed: bool) -> Delivery:
    """Claimed: all but the first of three openings, or of three closings."""
    opened = [await prod.opens(job_id=name) for name in NAMES]
    if closed:
        await send_all(prod.store, prod.clock())
        for each in opened:
            await prod.closes(each)
    (alone,) = await claim(prod.store, digest=POLICY)
    await prod.store.settle([outcome(alone, prod.clock())])
    prod.clock.advance(MINUTE)
    (digest,) = await claim(prod.store, digest=POLICY)
    assert digest.event_type == "digest"
    return digest


async def test_who_heard_an_opening_in_a_digest_and_asks_for_it_again_hears_the_closing(
    prod: Watcher, clock: Clock
) -> None:
    digest = await in_a_digest(prod, closed=False)
    await prod.store.settle([outcome(digest, clock())])
    absorbed = min(await stalled(prod.store, DeliveryState.ABSORBED))
    await prod.store.redeliver(Redelivery(delivery=absorbed), give_up_after={"ops": None})
    for each in await prod.open_conditions():
        await prod.closes(each.condition)
    waiting = await stalled(prod.store, DeliveryState.PENDING)
    assert absorbed in waiting
    assert len(waiting) == 4


async def test_a_digest_that_tells_a_closing_is_never_too_old(prod: Watcher, clock: Clock) -> None:
    digest = await in_a_digest(prod, closed=True)
    failed = outcome(digest, clock(), Result.HTTP_5XX, again_in=2 * HOUR)
    await prod.store.settle([failed])
    clock.advance(2 * HOUR + SECOND)
    (again,) = await claim(prod.store, digest=POLICY, max_age=HOUR)
    assert again.id == digest.id
