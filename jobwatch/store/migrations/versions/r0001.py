"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Rows of the index, then for each of its columns how many rows share one value of it and of those before it.
_STATISTICS = (
    ("jobs", "jobs", "1000000 100000 1"),
    ("jobs", "sqlite_autoindex_jobs_2", "1000000 100000 50000 1"),
    ("jobs", "ix_jobs_unfinished", "1000 300 100 50"),
    ("jobs", "ix_jobs_left", "100000 50000 100"),
    ("jobs", "ix_jobs_observed_at", "1000000 1000"),
    ("changes", "changes", "100000 50000 50000 2 1"),
    ("events", "sqlite_autoindex_events_1", "100000 1"),
    ("events", "sqlite_autoindex_events_2", "100000 50000 1"),
    ("events", "ix_events_recorded_at", "100000 20"),
    ("events", "ix_events_held", "50 25 2"),
    ("deliveries", "sqlite_autoindex_deliveries_1", "100000 2 1"),
    ("deliveries", "ix_deliveries_due", "1000 500 10"),
    ("deliveries", "ix_deliveries_open", "1000 500 400 300 3 1"),
    ("deliveries", "ix_deliveries_claimed", "50 5"),
    ("deliveries", "ix_deliveries_dead", "1000 500 10"),
    ("attempts", "ix_attempts_delivery_id", "100000 2"),
    ("series", "series", "1000 500 100 10 1"),
)

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create every table of the first release."""
    _create_sources()
    _create_jobs()
    _create_changes()
    _create_events()
    _create_deliveries()
    _create_attempts()
    _create_receivers()
    _create_conditions()
    _create_series()
    if op.get_context().dialect.name == "sqlite":
        _teach_planner()


def _create_sources() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sources",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("baseline_started_at", sa.BigInteger),
        sa.Column("baselined_at", sa.BigInteger),
        sa.Column("unfinished_data_at", sa.BigInteger),
        sa.Column("all_data_at", sa.BigInteger),
        sa.Column("watched_until", sa.BigInteger),
        sa.Column("attempted_at", sa.BigInteger),
        sa.Column("next_sweep_at", sa.BigInteger),
        sa.Column("next_full_at", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("last_error", sa.Text),
        sa.Column("listed", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("unfinished", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("sequence", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("last_row", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("clock_offset_ms", sa.BigInteger),
        sa.Column("walk_state", sa.Text),
        sa.Column("suspect_since", sa.BigInteger),
        sa.Column("budget", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("name", name="uq_sources_name"),
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("source_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("row", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(32)),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("priority", sa.BigInteger),
        sa.Column("total", sa.BigInteger),
        sa.Column("succeeded", sa.BigInteger),
        sa.Column("failed", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("fingerprint", sa.BigInteger, nullable=False),
        sa.Column("first_seen_at", sa.BigInteger, nullable=False),
        sa.Column("observed_at", sa.BigInteger, nullable=False),
        sa.Column("status_since", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("progressed_at", sa.BigInteger),
        sa.Column("counted", sa.Boolean, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("missing_since", sa.BigInteger),
        sa.Column("missing_proved_at", sa.BigInteger),
        sa.Column("left_at", sa.BigInteger),
        sa.Column("history", sa.Boolean, nullable=False),
        sa.Column("output_expires_at", sa.BigInteger),
        sa.Column("detail", sa.Text),
        sa.PrimaryKeyConstraint("source_id", "row", name="pk_jobs"),
        sa.UniqueConstraint("source_id", "scope", "job_id", name="uq_jobs_source_id_scope_job_id"),
        sqlite_with_rowid=False,
    )
    _index_jobs()


def _index_jobs() -> None:
    op.create_index(
        "ix_jobs_unfinished",
        "jobs",
        ["source_id", "operation", "status"],
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_index(
        "ix_jobs_left",
        "jobs",
        ["source_id", "left_at"],
        sqlite_where=sa.text("left_at IS NOT NULL"),
        postgresql_where=sa.text("left_at IS NOT NULL"),
    )
    op.create_index("ix_jobs_observed_at", "jobs", ["observed_at"])


def _create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("source_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("status_before", sa.Text),
        sa.Column("status_after", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(32)),
        sa.Column("observed_at", sa.BigInteger, nullable=False),
        sa.Column("authority", sa.String(16), nullable=False),
        sa.Column("history", sa.Boolean, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("event_id", sa.Text),
        sa.Column("routes", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("source_id", "scope", "job_id", "version", name="pk_changes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "progress_samples",
        sa.Column("source_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("row", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("succeeded", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("source_id", "row", "at", name="pk_progress_samples"),
        sqlite_with_rowid=False,
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("position", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("source_id", sa.Integer),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("ending", sa.Boolean, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("observed_at", sa.BigInteger, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("detail_until", sa.BigInteger),
        sa.Column("released_at", sa.BigInteger),
        sa.Column("condition_id", sa.Text),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_events"),
        sa.UniqueConstraint("id", name="uq_events_id"),
        sa.UniqueConstraint("source_id", "sequence", name="uq_events_source_id_sequence"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_recorded_at", "events", ["recorded_at"])
    op.create_index(
        "ix_events_held",
        "events",
        ["source_id", "detail_until"],
        sqlite_where=sa.text("detail_until IS NOT NULL"),
        postgresql_where=sa.text("detail_until IS NOT NULL"),
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("receiver", sa.Text, nullable=False),
        sa.Column("source_id", sa.Integer),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("ending", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("deadline", sa.BigInteger),
        sa.Column("claim", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("claimed_until", sa.BigInteger),
        sa.Column("owner", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("last_result", sa.String(32)),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_answer", sa.Text, nullable=False, server_default=""),
        sa.Column("digest_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_deliveries_event_id"),
        sa.UniqueConstraint("event_id", "receiver", name="uq_deliveries_event_id_receiver"),
        sqlite_autoincrement=True,
    )
    _index_deliveries()


def _index_deliveries() -> None:
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["receiver", "due_at"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_deliveries_open",
        "deliveries",
        ["receiver", "source_id", "scope", "job_id", "sequence"],
        sqlite_where=sa.text("state IN ('pending', 'claimed')"),
        postgresql_where=sa.text("state IN ('pending', 'claimed')"),
    )
    op.create_index(
        "ix_deliveries_claimed",
        "deliveries",
        ["claimed_until"],
        sqlite_where=sa.text("state = 'claimed'"),
        postgresql_where=sa.text("state = 'claimed'"),
    )
    op.create_index(
        "ix_deliveries_dead",
        "deliveries",
        ["receiver", "settled_at"],
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("delivery_id", SERIAL, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("trigger", sa.String(16), nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("took_ms", sa.BigInteger, nullable=False),
        sa.Column("result", sa.String(32), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name="fk_attempts_delivery_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_attempts_delivery_id", "attempts", ["delivery_id"])


def _create_receivers() -> None:
    op.create_table(
        "receivers",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("consecutive_failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("open_until", sa.BigInteger),
        sa.Column("open_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("probe_token", sa.Text),
        sa.Column("probe_until", sa.BigInteger),
        sa.Column("rate_tat", sa.BigInteger),
        sa.Column("rate_key", sa.Text),
        sa.Column("config_hash", sa.Text),
        sa.Column("paused_at", sa.BigInteger),
        sa.Column("last_success_at", sa.BigInteger),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_receivers"),
    )


def _create_conditions() -> None:
    op.create_table(
        "conditions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("source_id", sa.Integer),
        sa.Column("receiver", sa.Text),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("reminded_at", sa.BigInteger),
        sa.Column("reminders", sa.Integer, nullable=False, server_default="0"),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("told", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conditions"),
    )
    op.create_table(
        "mutes",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("job", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_mutes"),
        sqlite_autoincrement=True,
    )


def _create_series() -> None:
    op.create_table(
        "series",
        sa.Column("subject_kind", sa.String(16), nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("subject_kind", "subject_id", "name", "labels", name="pk_series"),
        sqlite_with_rowid=False,
    )


def _teach_planner() -> None:
    """Tell SQLite's planner what the tables look like when they are full.

    Without statistics it walks every job of a source to find ten of them by name. ANALYZE on a full store would
    find the same, but takes long and has to be repeated; the shape never changes.
    """
    op.execute("ANALYZE")  # makes the table of statistics
    statistics = sa.table("sqlite_stat1", sa.column("tbl"), sa.column("idx"), sa.column("stat"))
    rows = [{"tbl": table, "idx": index, "stat": stat} for table, index, stat in _STATISTICS]
    op.bulk_insert(statistics, rows)
    op.execute("ANALYZE sqlite_schema")  # reads them back into this connection
