"""What a glance and a story read of a SQLite file, by the database's own plan: never all jobs that are remembered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event

from jobwatch.core.conditions import ConditionName
from jobwatch.core.model import JobKey
from jobwatch.store import SqliteSettings, Store, glancing
from jobwatch.store.glance_values import Wanted
from tests.contract.databases import migrated_file
from tests.contract.watcher import Clock, Watcher
from tests.factories import NOW, job

BOUNDED = ("ix_jobs_unfinished", "ix_conditions_open", "ix_deliveries_open", "ix_deliveries_dead")
"""Indexes that may be walked: what is unfinished, open or given up is few."""

LARGE = ("jobs", "conditions", "progress_samples", "changes", "events", "deliveries", "attempts")


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    path = await migrated_file(tmp_path)
    store = await Store.open(
        SqliteSettings(path=path), owner="test", clock=lambda: NOW, exclusive=True
    )
    watcher = await Watcher.start(store, Clock())
    await watcher.sees(job(id="a"), job("Failed", id="b"))
    await watcher.opens(ConditionName.STALLED, "a")
    await store.close()
    return path


@pytest.fixture
def connection(file: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def scans(connection: Connection, asked: list[tuple[str, Any]]) -> list[str]:
    """The steps of all plans that walk through a large table."""
    steps = [
        (statement, row[3])
        for statement, values in asked
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    ]
    return [
        step
        for statement, step in steps
        if step.startswith(tuple(f"SCAN {name}" for name in LARGE))
        and not any(name in step for name in BOUNDED)
        and not ("ix_jobs_observed_at" in step and "LIMIT" in statement)
    ]


@pytest.mark.parametrize("source", [None, "prod"])
def test_no_reading_walks_through_all_that_is_remembered(
    connection: Connection, source: str | None
) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(
        connection,
        "before_cursor_execute",
        lambda *said: asked.append((said[2], said[3])),
    )
    glancing.glance(connection, Wanted(receivers=("ops",), source=source), NOW)
    glancing.whole_story(connection, "prod", JobKey("", "a"), 10, NOW)
    questions = list(asked)
    assert len(questions) > 10
    assert scans(connection, questions) == []
