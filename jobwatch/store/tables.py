"""The tables of watching. Columns that nothing fills yet belong to verbs of later versions: adding one then would be a migration.

Every partial index states its condition with literals, and the verbs repeat these very conditions: a bound parameter
would hide from the planner that the index fits. It is given for SQLite alone, and PostgreSQL's own half takes it over
(`engine_postgres`): naming it here would load that dialect, 40 ms and 3 MB, into every process.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
)

from jobwatch.store.columns import Document, Fingerprint, Instant, Word

APPLICATION_ID = 0x6A6F6277
"""Marks a SQLite file as ours ("jobw")."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Word, nullable=False),
    Column("region", Word, nullable=False),
    Column("account", Word, nullable=False),
    Column("baseline_started_at", Instant),
    Column("baselined_at", Instant),
    Column("unfinished_data_at", Instant),
    Column("all_data_at", Instant),
    Column("watched_until", Instant),
    Column("attempted_at", Instant),
    Column("next_sweep_at", Instant),
    Column("next_full_at", Instant),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("failing_since", Instant),
    Column("last_error", Document),
    Column("listed", BigInteger, nullable=False, server_default="0"),
    Column("unfinished", BigInteger, nullable=False, server_default="0"),
    Column("sequence", BigInteger, nullable=False, server_default="0"),
    Column("last_row", BigInteger, nullable=False, server_default="0"),
    Column("lease_owner", Text),
    Column("lease_until", Instant),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Column("clock_offset_ms", BigInteger),
    Column("walk_state", Document),
    Column("suspect_since", Instant),
    Column("budget", Document),
    Column("gaps", Document),
    Column("last_sweep", Document),
    Column("keys", Document),
    Column("asked_at", Instant),
    Column("spending", Document),
)

# Rows of one source lie together, in order: the index is streamed from them. No foreign key to `sources`, whose
# rows are never deleted: checking it would cost every row of a first load of a million.
jobs = Table(
    "jobs",
    metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", Word, nullable=False),
    Column("job_id", Word, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("status", Word, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("outcome", String(32)),
    Column("operation", Word, nullable=False),
    Column("description", Word, nullable=False),
    Column("priority", BigInteger),
    Column("total", BigInteger),
    Column("succeeded", BigInteger),
    Column("failed", BigInteger),
    Column("created_at", Instant),
    Column("ended_at", Instant),
    Column("fingerprint", Fingerprint, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("observed_at", Instant, nullable=False),
    Column("status_since", Instant, nullable=False),
    Column("started_at", Instant),
    Column("progressed_at", Instant),
    Column("counted", Boolean, nullable=False),
    Column("refused", Fingerprint, nullable=False),
    Column("missing_since", Instant),
    Column("missing_proved_at", Instant),
    Column("left_at", Instant),
    Column("history", Boolean, nullable=False),
    Column("output_expires_at", Instant),
    Column("detail", Document),
    Column("expiry_told_at", Instant),
    UniqueConstraint("source_id", "scope", "job_id"),
    sqlite_with_rowid=False,
)

unfinished: ColumnElement[bool] = jobs.c.outcome.is_(None)
Index(
    "ix_jobs_unfinished",
    jobs.c.source_id,
    jobs.c.operation,
    jobs.c.status,
    sqlite_where=unfinished,
)
has_left: ColumnElement[bool] = jobs.c.left_at.is_not(None)
Index(
    "ix_jobs_left",
    jobs.c.source_id,
    jobs.c.left_at,
    sqlite_where=has_left,
)
Index("ix_jobs_observed_at", jobs.c.observed_at)
expires_untold: ColumnElement[bool] = and_(
    jobs.c.output_expires_at.is_not(None), jobs.c.expiry_told_at.is_(None)
)
Index(
    "ix_jobs_expiring",
    jobs.c.source_id,
    jobs.c.output_expires_at,
    sqlite_where=expires_untold,
)

changes = Table(
    "changes",
    metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("scope", Word, primary_key=True),
    Column("job_id", Word, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("status_before", Word),
    Column("status_after", Word, nullable=False),
    Column("outcome", String(32)),
    Column("observed_at", Instant, nullable=False),
    Column("authority", String(16), nullable=False),
    Column("history", Boolean, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("event_id", Text),
    Column("routes", Document, nullable=False),
    sqlite_with_rowid=False,
)

progress_samples = Table(
    "progress_samples",
    metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, primary_key=True),
    Column("total", BigInteger, nullable=False),
    Column("succeeded", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

series = Table(
    "series",
    metadata,
    Column("subject_kind", String(16), primary_key=True),
    Column("subject_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("labels", Text, primary_key=True),
    Column("value", Double, nullable=False),
    sqlite_with_rowid=False,
)
