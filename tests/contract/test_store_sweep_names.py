"""Contract of the way back: an event keeps the name of the sweep that brought it, wherever it is read."""

from dataclasses import replace

from jobwatch.core.model import JobKey
from jobwatch.core.recording import notice_for
from jobwatch.store.values import EventFilter
from tests.contract.watcher import Watcher, claim
from tests.factories import job

SWEEP = "swp_0123456789ab"


async def test_an_event_keeps_its_sweep_from_its_recording_to_its_delivery(prod: Watcher) -> None:
    batch = await prod.batch(job("Failed"))
    written = await prod.store.record(prod.lease, replace(batch, sweep=SWEEP))
    (telling,) = written.tellings
    assert (telling.sweep, telling.job, telling.receivers) == (SWEEP, "job-1", ["ops", "chat"])
    assert telling.waits
    (waiting,) = await prod.store.awaiting_detail(prod.lease, limit=9)
    assert (waiting.sweep, waiting.event_id) == (SWEEP, telling.event_id)
    await prod.releases_all()
    sent = await claim(prod.store)
    assert {(each.sweep, each.job, each.scope) for each in sent} == {(SWEEP, "job-1", "")}
    (row,) = (await prod.store.events(EventFilter(), limit=9)).rows
    assert row.sweep == SWEEP
    (told,) = await prod.store.job_events("prod", JobKey("", "job-1"))
    assert told.event.sweep == SWEEP


async def test_a_condition_is_told_with_the_sweep_that_found_it(prod: Watcher) -> None:
    await prod.sees(job())
    snapshot = await prod.snapshot()
    (before,) = (await prod.store.events(EventFilter(), limit=9)).rows
    batch = await prod.batch(job("Complete"))
    event = batch.entries[0].event
    assert event is not None
    notice = notice_for(replace(event, snapshot=snapshot, needs_detail=False), prod.desk)
    made = replace(batch, entries=(), notices=(notice,), sweep=SWEEP)
    await prod.store.record(prod.lease, made)
    rows = (await prod.store.events(EventFilter(), limit=9)).rows
    assert {each.sweep for each in rows if each.id != before.id} == {SWEEP}


async def test_what_no_sweep_brought_says_so(prod: Watcher) -> None:
    await prod.sees(job("Failed"))
    (row,) = (await prod.store.events(EventFilter(), limit=9)).rows
    assert row.sweep is None


async def test_an_event_that_nobody_is_told_is_no_telling(prod: Watcher) -> None:
    prod.subscriptions = ()
    written = await prod.sees(job("Failed"))
    assert (written.events, written.tellings) == (1, [])
