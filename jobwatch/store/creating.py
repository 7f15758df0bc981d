"""Makes a new SQLite file at once, as the revisions would have made it one after the other.

Alembic costs 100 ms at the first start and 11 MB for as long as the process lives, and a new file has nothing to
migrate. A test makes a file in both ways and compares them.
"""

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    column,
    insert,
    table,
)

from jobwatch.store.tables import meta, metadata

version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where Alembic keeps the revision; not one of `metadata`, whose tables are ours."""

_STATISTICS = (
    ("jobs", "jobs", "1000000 100000 1"),
    ("jobs", "sqlite_autoindex_jobs_2", "1000000 100000 50000 1"),
    ("jobs", "ix_jobs_unfinished", "1000 300 100 50"),
    ("jobs", "ix_jobs_left", "100000 50000 100"),
    ("jobs", "ix_jobs_observed_at", "1000000 1000"),
    ("jobs", "ix_jobs_expiring", "1000 500 2"),
    ("changes", "changes", "100000 50000 50000 2 1"),
    ("events", "sqlite_autoindex_events_1", "100000 1"),
    ("events", "sqlite_autoindex_events_2", "100000 50000 1"),
    ("events", "ix_events_recorded_at", "100000 20"),
    ("events", "ix_events_held", "50 25 2"),
    ("events", "ix_events_condition", "100000 3"),
    ("deliveries", "sqlite_autoindex_deliveries_1", "100000 2 1"),
    ("deliveries", "ix_deliveries_due", "1000 500 10"),
    ("deliveries", "ix_deliveries_open", "1000 500 400 300 3 1"),
    ("deliveries", "ix_deliveries_claimed", "50 5"),
    ("deliveries", "ix_deliveries_dead", "1000 500 10"),
    ("attempts", "ix_attempts_delivery_id", "100000 2"),
    ("conditions", "ix_conditions_open", "1000 500 400 2 1"),
    ("conditions", "ix_conditions_job", "100000 50000 40000 5"),
    ("conditions", "ix_conditions_closed", "100000 20"),
    ("series", "series", "1000 500 100 10 1"),
)
"""Rows of an index, then for each of its columns how many rows share one value of it and of those before it."""


def create(connection: Connection, revision: str) -> None:
    """Make every table and index in an empty file, and say that it is of this revision."""
    metadata.create_all(connection, checkfirst=False)
    version.create(connection)
    _teach_planner(connection)  # while they are empty: ANALYZE would add what it finds
    connection.execute(insert(version), {"version_num": revision})
    connection.execute(insert(meta), {"key": "sequence", "value": "0"})


def _teach_planner(connection: Connection) -> None:
    """Without statistics SQLite walks every job of a source to find ten of them by name."""
    connection.exec_driver_sql("ANALYZE")  # makes the table of statistics
    statistics = table("sqlite_stat1", column("tbl"), column("idx"), column("stat"))
    names = ("tbl", "idx", "stat")
    rows = [dict(zip(names, row, strict=True)) for row in _STATISTICS]
    connection.execute(insert(statistics), rows)
    connection.exec_driver_sql("ANALYZE sqlite_schema")  # reads them back into this connection
