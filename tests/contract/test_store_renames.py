"""Names that changed in the configuration: what is known under the old one is found under the new one."""

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import Connection, insert, select, update

from jobwatch.core.breaker import PauseReason, ReceiverState
from jobwatch.core.census import DELIVERIES
from jobwatch.core.conditions import ConditionState
from jobwatch.core.errors import ConfigError
from jobwatch.core.muting import Silence
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.core.overview import Identity
from jobwatch.core.routing import Subscription
from jobwatch.store import Store
from jobwatch.store.outbox_tables import conditions, deliveries, events
from jobwatch.store.receiving import TAKEN_OUT
from jobwatch.store.tables import sources
from jobwatch.store.values import DeliveryFilter, DeliveryRow
from tests import factories
from tests.contract.databases import Stores
from tests.contract.test_store_receivers import notice, write
from tests.contract.watcher import OTHER, PROD, Clock, Watcher, claim, manner, outcome, send_all
from tests.factories import DAY, HOUR, MINUTE

OPS = manner().fingerprint
"""As every receiver of these tests is reached."""

TEAM = Subscription(receiver="team")


def named(name: str, identity: Identity = PROD) -> Identity:
    return replace(identity, name=name)


async def renamed(store: Store, new: str = "team", old: str = "ops") -> int:
    """Rename a receiver and all that waits for it. Returns how much that is."""
    assert await store.rename_receivers([new, "chat"], {new: OPS}) == {new: old}
    moved = 0
    while some := await store.follow_receivers([new, "chat"]):
        moved += some
    return moved


async def watching(stores: Stores, clock: Clock, *jobs: str) -> tuple[Store, Watcher]:
    """A store with failed jobs that wait for `ops`, which was told before."""
    store = await stores.open()
    watcher = await Watcher.start(store, clock)
    watcher.subscriptions = (Subscription(receiver="ops"),)
    await watcher.sees(factories.job("Failed", id="first"))
    await watcher.releases_all()
    await send_all(store, clock())
    await watcher.sees(*(factories.job("Failed", id=each) for each in jobs))
    await watcher.releases_all()
    return store, watcher


async def of(store: Store, receiver: str) -> list[DeliveryRow]:
    return list((await store.deliveries(DeliveryFilter(receiver=receiver), limit=100)).rows)


async def test_a_source_under_a_new_name_is_the_one_it_was(stores: Stores, clock: Clock) -> None:
    store, watcher = await watching(stores, clock, "job-1")
    await store.mute(Silence(source="prod", reason="known"), until=clock() + DAY)
    before = await store.source(watcher.lease)
    registered = await store.register([named("main")])
    assert registered.renamed == {"main": "prod"}
    assert registered.states["main"] == replace(before, identity=named("main"))
    assert [each.silence.source for each in await store.mutes()] == ["main"]
    lease = await store.acquire("main", lease=MINUTE)
    assert lease is not None
    assert (lease.source_id, lease.fence) == (watcher.lease.source_id, watcher.lease.fence + 1)
    assert len(await store.known(lease, [factories.job(id="first").key])) == 1
    counted = {each.subject for each in (await store.overview()).series}
    assert counted >= {"main"}
    assert "prod" not in counted
    assert (await store.register([named("main")])).renamed == {}


async def test_of_two_sources_of_the_past_the_one_tried_last_is_renamed(
    stores: Stores, clock: Clock
) -> None:
    store = await stores.open()
    for name in ("old", "older"):  # one of them has another account for as long as both are there
        await store.register([named(name, replace(PROD, account=name))])
    lease = await store.acquire("older", lease=MINUTE)
    assert lease is not None
    await store.begin_sweep(lease, clock())
    await write(store, _share_account)
    assert (await store.register([named("main")])).renamed == {"main": "older"}


def _share_account(connection: Connection) -> None:
    connection.execute(update(sources).values(account=PROD.account))


@pytest.mark.parametrize("account", ["", "-"])
async def test_an_account_that_says_nothing_is_never_taken_for_another(
    stores: Stores, account: str
) -> None:
    store = await stores.open()
    await store.register([named("vaults", replace(OTHER, account=account))])
    registered = await store.register([named("archive", replace(OTHER, account=account))])
    assert registered.renamed == {}
    assert (await store.register([named("vaults", replace(OTHER, account=account))])).renamed == {}


async def test_a_source_that_is_still_configured_gives_its_name_to_nobody(stores: Stores) -> None:
    store = await stores.open()
    await store.register([PROD])
    both = [PROD, named("second", replace(PROD, region="ap-beijing"))]
    assert (await store.register(both)).renamed == {}


async def test_a_rename_beside_a_mistaken_identity_changes_nothing(stores: Stores) -> None:
    store = await stores.open()
    await store.register([PROD, named("two", replace(PROD, account="2"))])
    wrong = [named("main"), named("two", replace(PROD, account="3"))]
    said = await store.misnamed(wrong)
    assert len(said) == 1
    assert "sources.two" in said[0]
    with pytest.raises(ConfigError) as caught:
        await store.register(wrong)
    assert caught.value.problems == tuple(said)
    assert {each.identity.name for each in await store.sources()} == {"prod", "two"}
    assert await store.misnamed([PROD]) == []


async def test_what_waits_for_a_renamed_receiver_goes_to_it_once(
    stores: Stores, clock: Clock
) -> None:
    store, watcher = await watching(stores, clock, "job-1", "job-2")
    (failed,) = await claim(store, 1)
    await store.settle([outcome(failed, clock(), Result.TIMEOUT, again_in=HOUR)])
    assert await renamed(store) == 2
    watcher.subscriptions = (TEAM,)
    assert {each.job_id for each in await of(store, "ops")} == {"first"}
    assert {each.attempts for each in await of(store, "team")} == {0, 1}
    assert await store.retire_receivers(["team"]) == {}
    assert len(await send_all(store, clock(), "team")) == 1
    clock.advance(HOUR)
    assert len(await send_all(store, clock(), "team")) == 1
    counted = {(each.subject, *each.series): each.value for each in (await store.overview()).series}
    assert counted["team", DELIVERIES, ("delivered",)] == 3
    assert not [key for key in counted if key[0] == "ops"]


async def test_dead_letters_of_a_renamed_receiver_may_be_sent_again(
    stores: Stores, clock: Clock
) -> None:
    store, _ = await watching(stores, clock, "job-1", "job-2")
    assert await store.retire_receivers(["team"]) == {"ops": 2}
    assert await renamed(store) == 2
    assert {each.state for each in await of(store, "team")} == {DeliveryState.DEAD}
    assert {each.last_answer for each in await of(store, "team")} == {TAKEN_OUT}


async def test_what_a_sweep_that_began_before_tells_the_old_name_follows(
    stores: Stores, clock: Clock
) -> None:
    store, watcher = await watching(stores, clock)
    assert await renamed(store) == 0
    await watcher.sees(factories.job("Suspended", id="late"))
    await watcher.opens(job_id="late")  # told to `ops` by a desk that does not know better
    await watcher.releases_all()
    assert await store.follow_receivers(["team"]) > 0
    assert await store.retire_receivers(["team"]) == {}
    assert {each.condition.told for each in await watcher.open_conditions()} == {("team",)}


async def test_who_was_renamed_twice_is_found_under_both_names(
    stores: Stores, clock: Clock
) -> None:
    store, watcher = await watching(stores, clock)
    await renamed(store)
    await send_all(store, clock(), "team")  # notes how it is reached
    assert await store.rename_receivers(["crew"], {"crew": OPS}) == {"crew": "team"}
    await watcher.sees(factories.job("Failed", id="late"))
    assert await store.follow_receivers(["crew"]) == 1
    assert [each.job_id for each in await of(store, "crew")] == ["late"]


async def test_a_name_that_is_configured_anew_is_nobodys_former_name(
    stores: Stores, clock: Clock
) -> None:
    store, watcher = await watching(stores, clock)
    await renamed(store)
    await watcher.sees(factories.job("Failed", id="late"))
    assert await store.follow_receivers(["ops", "team"]) == 0
    assert await store.rename_receivers(["ops", "team"], {"ops": "another"}) == {}
    assert {each.job_id for each in await of(store, "ops")} == {"first", "late"}


async def test_a_pause_goes_with_the_receiver_and_is_closed_under_its_new_name(
    stores: Stores, clock: Clock
) -> None:
    store, _ = await watching(stores, clock, "job-1")
    await claim(store, 0, "chat")
    await store.pause_receiver("chat")
    await store.tell_own([notice(ConditionState.OPENED)], clock())
    found = await store.rename_receivers(["ops", "talk"], {"talk": OPS})
    assert found == {"talk": "chat"}
    (row,) = await store.receivers(["talk"])
    assert (row.state, row.reason) == (ReceiverState.PAUSED, PauseReason.COMMAND)
    (opened,) = await store.receiver_conditions()
    assert (opened.id, opened.subject.key.id) == ("cnd_1", "talk")
    kept = select(deliveries.c.receiver, deliveries.c.job_id).where(deliveries.c.source_id == 0)
    assert await write(store, lambda connection: tuple(connection.execute(kept).one())) == (
        "ops",
        "talk",
    )
    about = select(conditions.c.receiver)
    assert await write(store, lambda connection: connection.scalar(about)) == "talk"


async def test_whoever_heard_of_a_condition_under_another_name_hears_that_it_closed(
    stores: Stores, clock: Clock
) -> None:
    store, watcher = await watching(stores, clock)
    await watcher.sees(factories.job("Suspended", id="job-1"))
    opened = await watcher.opens()
    for _ in ("discovered", "stalled"):
        await send_all(store, clock())
    await watcher.reminds(opened)  # waits: nobody began to send it
    await renamed(store)
    watcher.subscriptions = (TEAM,)
    (open_now,) = await watcher.open_conditions()
    assert open_now.condition.told == ("team",)
    await watcher.closes(open_now.condition)
    told = [each.event_type for each in await send_all(store, clock(), "team")]
    assert told == ["job.stalled"]


async def test_two_that_are_reached_alike_are_told_apart_by_nothing(
    stores: Stores, clock: Clock
) -> None:
    store, _ = await watching(stores, clock, "job-1")
    assert await store.rename_receivers(["a", "b"], {"a": OPS, "b": OPS}) == {}
    await claim(store, 0, "chat")  # reached like `ops`
    assert await store.rename_receivers(["team"], {"team": OPS}) == {}
    assert len(await of(store, "ops")) == 2


async def test_a_name_that_has_a_queue_of_its_own_gets_no_other(
    stores: Stores, clock: Clock
) -> None:
    store, watcher = await watching(stores, clock, "job-1")
    watcher.subscriptions = (TEAM,)
    await watcher.sees(factories.job("Failed", id="job-2"))
    assert await store.rename_receivers(["team"], {"team": OPS}) == {}
    assert {each.job_id for each in await of(store, "ops")} == {"first", "job-1"}


async def test_claims_of_one_receiver_are_given_back_and_no_others(
    stores: Stores, clock: Clock
) -> None:
    store, watcher = await watching(stores, clock)
    watcher.subscriptions = (TEAM, Subscription(receiver="ops"))
    await watcher.sees(factories.job("Failed", id="job-1"))
    await watcher.releases_all()
    await claim(store, receiver="ops")
    await claim(store, receiver="team")
    assert await store.give_back("a", receiver="ops") == 1
    states = {each.receiver: each.state for each in await of_all(store) if each.job_id == "job-1"}
    assert states == {"ops": DeliveryState.PENDING, "team": DeliveryState.CLAIMED}


async def of_all(store: Store) -> list[DeliveryRow]:
    return list((await store.deliveries(DeliveryFilter(), limit=100)).rows)


async def test_a_long_queue_is_brought_over_and_given_up_in_bounded_parts(
    file_stores: Stores, clock: Clock
) -> None:
    store, _ = await watching(file_stores, clock, "job-1")
    rows = 5_001
    await write(store, partial(_copy, rows=rows))
    assert await store.rename_receivers(["team"], {"team": OPS}) == {"team": "ops"}
    parts = []
    while some := await store.follow_receivers(["team"]):
        parts.append(some)
    assert (sum(parts), max(parts)) == (rows + 1, 5000)
    parts = []
    while given_up := await store.retire_receivers(["crew"]):
        parts += given_up.values()
    assert (sum(parts), max(parts)) == (rows + 1, 5000)


def _copy(connection: Connection, *, rows: int) -> None:
    """So many more deliveries like the one that waits."""
    pending = select(deliveries).where(deliveries.c.state == "pending")
    row = connection.execute(pending).mappings().one()
    event = connection.execute(select(events).where(events.c.id == row["event_id"])).mappings()
    event_row = dict(event.one())
    del event_row["position"]
    plain = {name: value for name, value in row.items() if name != "id"}
    numbers = range(1000, 1000 + rows)
    connection.execute(
        insert(events), [event_row | {"id": f"evt_{each}", "sequence": each} for each in numbers]
    )
    connection.execute(
        insert(deliveries),
        [plain | {"event_id": f"evt_{each}", "sequence": each} for each in numbers],
    )
