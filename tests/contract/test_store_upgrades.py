"""From every released schema to the present one: what was kept stays as it was, and the verbs go on with it."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import ColumnElement, Connection, column, insert, select, table, text

from jobwatch import store as package
from jobwatch.core.errors import StoreUnusable
from jobwatch.core.model import JobKey
from jobwatch.core.overview import SourceState
from jobwatch.core.rules import Window
from jobwatch.store import SqliteSettings
from jobwatch.store.columns import to_micros
from jobwatch.store.engine import SqliteDatabase
from jobwatch.store.engine_postgres import PostgresDatabase
from jobwatch.store.schema import REVISIONS
from jobwatch.store.tables import APPLICATION_ID
from jobwatch.store.transactions import Database
from jobwatch.store.values import DeliveryFilter, EventFilter
from tests.contract.databases import Stores
from tests.contract.watcher import PROD, Clock, Watcher, claim
from tests.factories import MINUTE, NOW, job

T = to_micros(NOW)

FIRST: dict[str, dict[str, Any]] = {
    "meta": {"key": "fingerprint_seed", "value": "7"},
    "sources": {
        "id": 1,
        "name": PROD.name,
        "kind": PROD.kind,
        "region": PROD.region,
        "account": PROD.account,
        "baselined_at": T,
        "all_data_at": T,
        "last_error": '{"at":1,"error_class":"denied","code":"x","message":"y","request_id":""}',
        "failures": 2,
        "sequence": 9,
        "last_row": 3,
    },
    "jobs": {
        "source_id": 1,
        "row": 3,
        "scope": "",
        "job_id": "old",
        "version": 2,
        "status": "Active",
        "phase": "running",
        "operation": "Copy",
        "description": "kept",
        "total": 10,
        "succeeded": 1,
        "failed": 0,
        "fingerprint": -1,
        "first_seen_at": T,
        "observed_at": T,
        "status_since": T,
        "counted": False,
        "refused": 0,
        "history": False,
    },
    "changes": {
        "source_id": 1,
        "scope": "",
        "job_id": "old",
        "version": 1,
        "kind": "discovered",
        "status_after": "Active",
        "observed_at": T,
        "authority": "listing",
        "history": False,
        "late": False,
        "event_id": "evt_old",
        "routes": '{"ops":"wanted"}',
    },
    "progress_samples": {
        "source_id": 1,
        "row": 3,
        "at": T,
        "total": 10,
        "succeeded": 1,
        "failed": 0,
    },
    "series": {
        "subject_kind": "source",
        "subject_id": "1",
        "name": "jobwatch_events_total",
        "labels": '["job.discovered"]',
        "value": 1.0,
    },
    "events": {
        "id": "evt_old",
        "source_id": 1,
        "sequence": 9,
        "type": "job.discovered",
        "severity": "info",
        "scope": "",
        "job_id": "old",
        "ending": False,
        "recorded_at": T,
        "observed_at": T,
        "late": False,
        "released_at": T,
        "body": b"{}",
    },
    "deliveries": {
        "event_id": "evt_old",
        "receiver": "ops",
        "source_id": 1,
        "scope": "",
        "job_id": "old",
        "sequence": 9,
        "ending": False,
        "state": "pending",
        "reason": "wanted",
        "due_at": T,
        "created_at": T,
    },
    "attempts": {
        "delivery_id": 1,
        "number": 1,
        "trigger": "auto",
        "started_at": T,
        "took_ms": 5,
        "result": "timeout",
        "answer": "",
    },
    "receivers": {"name": "ops", "state": "active", "updated_at": T},
    "conditions": {
        "id": "cnd_old",
        "source_id": 1,
        "scope": "",
        "job_id": "old",
        "name": "stalled",
        "since": T,
        "opened_at": T,
        "told": "[]",
    },
    "mutes": {"reason": "because", "created_at": T, "expires_at": T},
}
"""A row of every table, as the first schema had them. Numbers that the database gives are 1."""

BIRTH = ({"key": "store_id", "value": "s"}, {"key": "created_at", "value": str(T)})


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest) -> Stores:
    """A place of each kind with nothing in it."""
    name = "file_stores" if request.param == "sqlite" else "server_stores"
    found = request.getfixturevalue(name)
    assert isinstance(found, Stores)
    return found


def database(stores: Stores) -> Database:
    if isinstance(stores.settings, SqliteSettings):
        return SqliteDatabase(stores.path, stores.clock, folds=True)
    return PostgresDatabase(stores.settings.dsn.get_secret_value(), stores.clock)


def found_in(name: str, connection: Connection) -> list[dict[str, Any]]:
    columns: list[ColumnElement[Any]] = [column(each) for each in FIRST[name]]
    rows = connection.execute(select(*columns).select_from(table(name)))
    return [dict(row._mapping) for row in rows]


def run_revisions(connection: Connection, last: str = "head") -> None:
    """An empty database, migrated as far as this revision."""
    config = Config()
    folder = Path(next(iter(package.__path__))) / "migrations"
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    command.upgrade(config, last)
    if connection.dialect.name == "sqlite":
        connection.execute(text(f"PRAGMA application_id={APPLICATION_ID}"))


def fill(connection: Connection, revision: str = "0001") -> None:
    """An old schema, by its revision alone, and rows as the first one had them."""
    run_revisions(connection, revision)
    for name, row in FIRST.items():
        connection.execute(insert(table(name, *map(column, row))), [row])
    connection.execute(insert(table("meta", column("key"), column("value"))), BIRTH)


async def filled(stores: Stores, revision: str = "0001") -> None:
    raw = database(stores)
    await raw.write(lambda connection: fill(connection, revision))
    await raw.close()


@pytest.mark.parametrize("revision", REVISIONS[:-1])
async def test_a_store_of_an_old_schema_keeps_every_row(empty: Stores, revision: str) -> None:
    await filled(empty, revision)
    store = await empty.open()
    for name, row in FIRST.items():
        rows = await store._database.read(partial(found_in, name))
        assert row in rows, name
    assert (store.store_id, store.created_at, store.fingerprint_seed) == ("s", NOW, 7)


async def test_a_source_of_the_first_schema_has_nothing_of_what_was_not_kept_then(
    empty: Stores,
) -> None:
    await filled(empty)
    (found,) = await (await empty.open()).sources()
    new = SourceState(source_id=1, identity=PROD)
    names = ("gaps", "walk", "asked_at", "manners", "spending", "keys", "last_sweep")
    assert {name: getattr(found, name) for name in names} == {
        name: getattr(new, name) for name in names
    }
    assert (found.all_data_at, found.failures, found.sequence) == (NOW, 2, 9)


async def test_a_store_of_the_first_schema_goes_on_where_it_was(
    empty: Stores, clock: Clock
) -> None:
    await filled(empty)
    prod = await Watcher.start(await empty.open(), clock)
    (opened,) = await prod.store.open_conditions(prod.lease)
    assert opened.snapshot == await prod.snapshot("old")
    (told,) = await prod.store.job_events("prod", JobKey("", "old"))
    assert (told.event.id, told.routes) == ("evt_old", {"ops": "wanted"})
    clock.advance(MINUTE)
    await prod.sees(job("Failed", id="old"), job(id="new"))
    rows = (await prod.store.deliveries(DeliveryFilter(receiver="ops"), limit=10)).rows
    assert [each.state for each in reversed(rows)] == ["superseded", "pending", "pending"]
    events = (await prod.store.events(EventFilter(), limit=10)).rows
    assert [each.sequence for each in events] == [11, 10, 9]
    assert len(await claim(prod.store)) == 1


async def test_nobody_was_reminded_of_output_before_there_were_reminders(
    empty: Stores, clock: Clock
) -> None:
    await filled(empty, "0003")
    prod = await Watcher.start(await empty.open(), clock)
    row = await prod.store.job("prod", JobKey("", "old"))
    assert row is not None
    assert (row.snapshot.job.output_expires_at, row.expiry_told_at) == (None, None)
    await prod.sees(job("Done", id="old", output_expires_at=NOW + MINUTE))
    found = await prod.store.expiring(prod.lease, Window(NOW, NOW + MINUTE), limit=9)
    assert [each.job.id for each in found] == ["old"]


async def test_a_reader_beside_it_waits_for_the_daemon_to_migrate(empty: Stores) -> None:
    await filled(empty)
    with pytest.raises(StoreUnusable, match="jobwatch run"):
        await empty.open(exclusive=False)


async def test_what_was_recorded_before_sweeps_had_names_says_of_none(empty: Stores) -> None:
    await filled(empty, "0004")
    (row,) = (await (await empty.open()).events(EventFilter(), limit=10)).rows
    assert (row.id, row.sweep) == ("evt_old", None)
