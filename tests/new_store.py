"""A store that was opened once and is empty: migrating it costs more than most tests, and each would do it alike."""

import asyncio
import secrets
import sqlite3
import tempfile
from contextlib import closing
from datetime import datetime
from functools import cache
from pathlib import Path

from jobwatch.store import SqliteSettings, Store
from jobwatch.store.columns import to_micros


@cache
def _template(now: datetime) -> bytes:
    """The file as a first start at this time leaves it; made in a loop of its own, on a thread that has none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        asyncio.run(_opened_once(path, now))
        return path.read_bytes()


async def _opened_once(path: Path, now: datetime) -> None:
    settings = SqliteSettings(path=path)
    store = await Store.open(settings, owner="template", clock=lambda: now, exclusive=True)
    await store.close()


def new_store(path: Path, now: datetime) -> Path:
    """Put an empty store there, born `now`, with an identity and a seed of its own as every new store has."""
    path.write_bytes(_template(now))
    born = {
        "store_id": secrets.token_hex(16),
        "fingerprint_seed": str(secrets.randbits(63)),
        "created_at": str(to_micros(now)),
    }
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "UPDATE meta SET value = ? WHERE key = ?", [(value, key) for key, value in born.items()]
        )
    return path
