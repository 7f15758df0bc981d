"""Output that expires: whether people were reminded of it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# Rows of the index, then for each of its columns how many rows share one value of it and of those before it.
_STATISTICS = ("jobs", "ix_jobs_expiring", "1000 500 2")


def upgrade() -> None:
    """Add a column, and an index of what people are yet to be reminded of."""
    op.add_column("jobs", sa.Column("expiry_told_at", sa.BigInteger()))
    condition = sa.text("output_expires_at IS NOT NULL AND expiry_told_at IS NULL")
    op.create_index(
        "ix_jobs_expiring",
        "jobs",
        ["source_id", "output_expires_at"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
    if op.get_context().dialect.name == "sqlite":
        _teach_planner()


def _teach_planner() -> None:
    statistics = sa.table("sqlite_stat1", sa.column("tbl"), sa.column("idx"), sa.column("stat"))
    table, index, stat = _STATISTICS
    op.bulk_insert(statistics, [{"tbl": table, "idx": index, "stat": stat}])
    op.execute("ANALYZE sqlite_schema")  # reads it back into this connection
