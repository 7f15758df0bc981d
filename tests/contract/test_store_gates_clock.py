"""Contract of rate gates where the clock is set back: they delay a window's length, not until it caught up."""

from datetime import timedelta

from jobwatch.core.rate_gate import Rate
from tests.contract.databases import Stores
from tests.contract.watcher import OPS, Clock, Watcher, claim, outcome
from tests.factories import HOUR, MINUTE, SECOND, job

RATE = (Rate(2, MINUTE),)


async def test_a_clock_set_back_delays_a_full_gate_by_one_window(
    stores: Stores, clock: Clock
) -> None:
    prod = await Watcher.start(await stores.open(), clock)
    prod.subscriptions = (OPS,)
    await prod.sees(*(job(id=f"job-{number}") for number in range(4)))
    sent = await claim(prod.store, rates=RATE)
    await prod.store.settle([outcome(each, clock()) for each in sent])
    clock.step(timedelta(0) - HOUR)
    assert await claim(prod.store, rates=RATE) == []
    clock.advance(MINUTE + SECOND)
    assert len(await claim(prod.store, rates=RATE)) == 2
