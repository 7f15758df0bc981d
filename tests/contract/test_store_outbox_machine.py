"""The outbox under whatever order of news, claims, answers, delays, crashes and orders: the laws hold on both databases.

`OUTBOX_LIVES=2000` lives longer than a usual run of the tests does: that many lives on SQLite, a quarter of it on
PostgreSQL. Give pytest `--timeout=0` with it.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.databases import PostgresServer, migrated_file
from tests.contract.machine_whole import Whole
from tests.contract.machine_world import OnPostgres, OnSqlite

ASKED = os.environ.get("OUTBOX_LIVES")
LIVES = int(ASKED or "8")
PHASES = [phase for phase in Phase if ASKED or phase is not Phase.shrink]
"""In a usual run a life that broke a law is shown as it is: making it shorter takes minutes."""


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def live(world: OnSqlite | OnPostgres, lives: int) -> None:
    class Here(Whole):
        def __init__(self) -> None:
            super().__init__(world, world.run)

    run_state_machine_as_test(
        Here,
        settings=settings(
            phases=PHASES,
            max_examples=lives,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_laws_of_the_outbox_hold_on_sqlite(runner: asyncio.Runner, tmp_path: Path) -> None:
    template = runner.run(migrated_file(tmp_path))
    live(OnSqlite(runner, template, tmp_path), LIVES)


def test_the_laws_of_the_outbox_hold_on_postgresql(
    runner: asyncio.Runner, postgres_server: PostgresServer | str
) -> None:
    if isinstance(postgres_server, str):
        reason = f"PostgreSQL cannot be started here: {postgres_server}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    world = OnPostgres(runner, runner.run(postgres_server.new_database(migrated=True)))
    try:
        live(world, max(1, LIVES // 4))
    finally:
        runner.run(world.close())
