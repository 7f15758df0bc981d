"""What a daemon does not import until it is needed: it starts sooner, and stays smaller."""

import subprocess
import sys
from pathlib import Path

LATER = ("alembic", "asyncpg", "jinja2", "jobwatch.simulator", "sqlalchemy.dialects.postgresql")

STARTED = f"""
import asyncio, gc, sys
from datetime import UTC, datetime
from pathlib import Path
from jobwatch.cli.starting import hurry
before = gc.get_stats()[0]["collections"]
hurry()
import jobwatch.app.daemon
passes = gc.get_stats()[0]["collections"] - before
from jobwatch.store import SqliteSettings, Store
async def begin():
    settings = SqliteSettings(path=Path(sys.argv[1]))
    clock = lambda: datetime(2026, 11, 21, tzinfo=UTC)
    await (await Store.open(settings, owner="x", clock=clock, exclusive=True)).close()
asyncio.run(begin())
print([name for name in {LATER} if name in sys.modules], passes < 10)
"""


def test_the_daemon_makes_a_new_store_without_what_few_need_and_without_looking_for_garbage(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", STARTED, str(tmp_path / "new.db")]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[] True"
