import asyncio, os
from hypothesis import settings, HealthCheck
from hypothesis.stateful import run_state_machine_as_test
from tests.contract.databases import migrated_file
from tests.contract.machine_whole import Whole
from tests.contract.machine_world import OnSqlite, OnPostgres
from tests.contract.test_store_outbox_machine import runner, LIVES, PHASES
def live(world,lives):
    class Here(Whole):
        def __init__(self): super().__init__(world, world.run)
    run_state_machine_as_test(Here, settings=settings(phases=PHASES,max_examples=lives,stateful_step_count=30,deadline=None,suppress_health_check=list(HealthCheck)))
def test_sqlite(runner,tmp_path):
    live(OnSqlite(runner, runner.run(migrated_file(tmp_path)), tmp_path), LIVES)
def test_pg(runner,postgres_server):
    world = OnPostgres(runner, runner.run(postgres_server.new_database(migrated=True)))
    try: live(world, LIVES)
    finally: runner.run(world.close())
