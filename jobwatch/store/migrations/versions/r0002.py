"""Conditions, and what a sweep leaves for the next process: gaps, costs, keys, a request for a full sweep."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Rows of the index, then for each of its columns how many rows share one value of it and of those before it.
_STATISTICS = (
    ("conditions", "ix_conditions_open", "1000 500 400 2 1"),
    ("conditions", "ix_conditions_job", "100000 50000 40000 5"),
    ("conditions", "ix_conditions_closed", "100000 20"),
    ("events", "ix_events_condition", "100000 3"),
)


def upgrade() -> None:
    """Add columns and indexes; nothing that was kept changes."""
    for name, kind in (
        ("gaps", sa.Text()),
        ("last_sweep", sa.Text()),
        ("keys", sa.Text()),
        ("asked_at", sa.BigInteger()),
        ("spending", sa.Text()),
    ):
        op.add_column("sources", sa.Column(name, kind))
    op.add_column("events", sa.Column("routes", sa.Text()))
    closing: sa.Column[bool] = sa.Column(
        "closing", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("deliveries", closing)
    _create_indexes()
    if op.get_context().dialect.name == "sqlite":
        _teach_planner()


def _create_indexes() -> None:
    job = ("source_id", "scope", "job_id")
    _index("ix_conditions_open", "conditions", *job, "name", where="closed_at IS NULL", unique=True)
    _index("ix_conditions_job", "conditions", *job)
    _index("ix_conditions_closed", "conditions", "closed_at", where="closed_at IS NOT NULL")
    _index("ix_events_condition", "events", "condition_id", where="condition_id IS NOT NULL")


def _index(name: str, table: str, *columns: str, where: str | None = None, **how: Any) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(
        name, table, [*columns], sqlite_where=condition, postgresql_where=condition, **how
    )


def _teach_planner() -> None:
    statistics = sa.table("sqlite_stat1", sa.column("tbl"), sa.column("idx"), sa.column("stat"))
    rows = [{"tbl": table, "idx": index, "stat": stat} for table, index, stat in _STATISTICS]
    op.bulk_insert(statistics, rows)
    op.execute("ANALYZE sqlite_schema")  # reads them back into this connection
