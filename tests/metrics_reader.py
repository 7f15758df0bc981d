"""Shows the store series of a store that somebody else may be writing, at a moment that the caller names.

python -m tests.metrics_reader jobwatch.db 1700000000.0
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from jobwatch.core.overview import SingleJobs
from jobwatch.metrics import Metrics
from jobwatch.metrics.table import ROWS, Kept
from jobwatch.store import PostgresSettings, SqliteSettings, Store, overviewing
from jobwatch.store.overviewing import Facts
from tests.overviews import shape
from tests.scrapes import TEXT

SOURCES = ("prod", "vault_jobs")
OF_PROCESS = tuple(row.name for row in ROWS if row.kept is Kept.PROCESS)


async def store_series(store: Store, at: datetime, limit: int = 10) -> list[str]:
    """Every line of the store series, those of single jobs too, as they are `at` a moment."""
    facts = Facts(store.created_at, 0, at, SingleJobs(limit, SOURCES))
    seen = await store._database.read(lambda connection: overviewing.overview(connection, facts))
    made = Metrics([shape(name) for name in SOURCES], ["ops", "chat"], monotonic=lambda: 0.0)
    made.show(seen)
    page = made.render(TEXT, "").body.decode().splitlines()
    return [line for line in page if not line.startswith(("#", *OF_PROCESS))]


async def read(settings: SqliteSettings | PostgresSettings, at: datetime) -> list[str]:
    """The same, read by a process that only looks."""
    store = await Store.open(settings, owner="reader", clock=lambda: at, exclusive=False)
    try:
        return await store_series(store, at)
    finally:
        await store.close()


if __name__ == "__main__":
    path, moment = Path(sys.argv[1]), datetime.fromtimestamp(float(sys.argv[2]), UTC)
    print("\n".join(asyncio.run(read(SqliteSettings(path=path), moment))))
