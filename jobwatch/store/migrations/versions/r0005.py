"""Correlation: which sweep brought an event."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add a column. What was recorded before says of no sweep."""
    op.add_column("events", sa.Column("sweep", sa.Text()))
