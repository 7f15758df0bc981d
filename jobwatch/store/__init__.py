"""The store: snapshots, events, the outbox and their counters, in one SQLite file or in PostgreSQL.

Law of this package: verbs, not rows. Every verb is one transaction that happens as a whole or not at all, whoever
is cancelled or killed meanwhile; a verb that writes for a source proves first that it still owns it.
"""

from jobwatch.store.settings import PostgresSettings, SqliteSettings, StoreSettings
from jobwatch.store.store import Store

__all__ = ["PostgresSettings", "SqliteSettings", "Store", "StoreSettings"]
