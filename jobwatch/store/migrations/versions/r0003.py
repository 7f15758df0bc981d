"""Delivery: breakers, rate gates, digests, budgets that a person renewed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns, and a table of rate gates. Columns that nothing ever filled make room."""
    for name in ("probe_token", "rate_tat", "rate_key"):
        op.drop_column("receivers", name)
    for name, kind in (
        ("trust", sa.Integer()),
        ("probe", sa.BigInteger()),
        ("recent", sa.Text()),
        ("windows", sa.Text()),
        ("gate", sa.Text()),
    ):
        op.add_column("receivers", sa.Column(name, kind))
    op.create_table(
        "gates",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("places", sa.Text(), nullable=False),
        sa.Column("held_until", sa.BigInteger()),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_gates"),
    )
    _renew_deliveries()
    op.execute("INSERT INTO meta (key, value) VALUES ('sequence', '0')")


def _renew_deliveries() -> None:
    op.add_column("deliveries", sa.Column("renewed_at", sa.BigInteger()))
    spent: sa.Column[int] = sa.Column("spent", sa.Integer(), nullable=False, server_default="0")
    op.add_column("deliveries", spent)
    manual: sa.Column[bool] = sa.Column(
        "manual", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("deliveries", manual)
    condition = sa.text("digest_id IS NOT NULL")
    op.create_index(
        "ix_deliveries_digest",
        "deliveries",
        ["digest_id"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
