"""Contract of the store where there is much of something: no verb asks too much at once, none reads everything."""

import sqlite3

from sqlalchemy import Connection

from jobwatch.core.conditions import Condition, ConditionName, Subject
from jobwatch.core.model import JobKey
from jobwatch.store import noticing, order
from jobwatch.store.values import Pruned, Retention
from tests.contract.databases import Stores
from tests.contract.test_store_transactions import Plans
from tests.contract.watcher import Clock, Watcher
from tests.factories import DAY, NOW, SECOND, job

PARAMETERS = 32_766
"""So many a statement may have on SQLite as it comes; PostgreSQL's driver allows one more."""


def _as_it_comes(connection: Connection) -> None:
    """Some distributions allow more parameters than SQLite does by itself."""
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, PARAMETERS)


async def test_endings_may_make_more_deliveries_pointless_than_a_statement_has_parameters(
    stores: Stores,
) -> None:
    store = await stores.open()

    def work(connection: Connection) -> None:
        _as_it_comes(connection)
        order.supersede(connection, range(PARAMETERS + 2), NOW)

    await store._database.write(work)


def _condition(number: int) -> Condition:
    subject = Subject(JobKey("", f"j{number}"), ConditionName.STALLED)
    return Condition(id=f"cnd_{number}", subject=subject, since=NOW, opened_at=NOW)


async def test_many_closings_at_once_do_not_read_every_delivery(file_stores: Stores) -> None:
    store = await file_stores.open()
    plans = Plans(store)
    closed = [_condition(number) for number in range(order.CHUNK)]
    found = await store._database.write(lambda each: noticing._closings(each, closed))
    assert len(found) == order.CHUNK
    assert plans.details
    assert plans.walks() == []


async def test_forgetting_a_job_does_not_read_every_change_of_its_source(
    file_stores: Stores, clock: Clock
) -> None:
    prod = await Watcher.start(await file_stores.open(), clock)
    await prod.sees(job("Failed", id="gone"), job("Failed", id="listed"))
    await prod.store.mark_left(prod.lease, [1], NOW)
    plans = Plans(prod.store)
    keep = Retention(jobs=400 * DAY, events=1000 * DAY, dead_deliveries=1000 * DAY)
    assert await prod.store.prune(keep, NOW + 400 * DAY + SECOND) == Pruned(jobs=1)
    assert [each for each, _ in plans.details if each.endswith("PRIMARY KEY (source_id=?)")] == []
    assert len(await prod.store.changes("prod", JobKey("", "listed"))) == 1
