"""The first schema."""

from collections.abc import Iterator
from typing import Any

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
NUMBER, INTEGER, TEXT, YES_NO = sa.BigInteger, sa.Integer, sa.Text, sa.Boolean
TIME, SHORT, WORD = sa.BigInteger, sa.String(16), sa.String(32)


def _must(kind: Any, *names: str, default: str | None = None) -> Iterator[sa.Column[Any]]:
    return (sa.Column(name, kind, nullable=False, server_default=default) for name in names)


def _may(kind: Any, *names: str) -> Iterator[sa.Column[Any]]:
    return (sa.Column(name, kind) for name in names)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def _refers(table: str, column: str, to: str, gone: str | None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=f"fk_{table}_{column}", ondelete=gone)


def _index(name: str, table: str, *columns: str, where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, [*columns], sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    """Create every table of the first release."""
    _create_sources()
    _create_jobs()
    _create_changes()
    _create_events()
    _create_deliveries()
    _create_receivers()
    if op.get_context().dialect.name == "sqlite":
        _teach_planner()


def _create_sources() -> None:
    key = _key("meta", "key")
    op.create_table("meta", *_must(TEXT, "key", "value"), key, sqlite_with_rowid=False)
    op.create_table(
        "sources",
        *_must(INTEGER, "id"),
        *_must(TEXT, "name", "kind", "region", "account"),
        *_may(TIME, "baseline_started_at", "baselined_at", "unfinished_data_at", "all_data_at"),
        *_may(TIME, "watched_until", "attempted_at", "next_sweep_at", "next_full_at"),
        *_must(INTEGER, "failures", default="0"),
        *_may(TIME, "failing_since"),
        *_may(TEXT, "last_error"),
        *_must(NUMBER, "listed", "unfinished", "sequence", "last_row", default="0"),
        *_may(TEXT, "lease_owner"),
        *_may(TIME, "lease_until"),
        *_must(NUMBER, "fence", default="0"),
        *_may(NUMBER, "clock_offset_ms"),
        *_may(TEXT, "walk_state"),
        *_may(TIME, "suspect_since"),
        *_may(TEXT, "budget"),
        _key("sources", "id"),
        _unique("sources", "name"),
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        *_must(INTEGER, "source_id"),
        *_must(NUMBER, "row"),
        *_must(TEXT, "scope", "job_id"),
        *_must(NUMBER, "version"),
        *_must(TEXT, "status"),
        *_must(SHORT, "phase"),
        *_may(WORD, "outcome"),
        *_must(TEXT, "operation", "description"),
        *_may(NUMBER, "priority", "total", "succeeded", "failed"),
        *_may(TIME, "created_at", "ended_at"),
        *_must(NUMBER, "fingerprint"),
        *_must(TIME, "first_seen_at", "observed_at", "status_since"),
        *_may(TIME, "started_at", "progressed_at"),
        *_must(YES_NO, "counted"),
        *_must(NUMBER, "refused"),
        *_may(TIME, "missing_since", "missing_proved_at", "left_at"),
        *_must(YES_NO, "history"),
        *_may(TIME, "output_expires_at"),
        *_may(TEXT, "detail"),
        _key("jobs", "source_id", "row"),
        _unique("jobs", "source_id", "scope", "job_id"),
        sqlite_with_rowid=False,
    )
    unfinished = "outcome IS NULL"
    _index("ix_jobs_unfinished", "jobs", "source_id", "operation", "status", where=unfinished)
    _index("ix_jobs_left", "jobs", "source_id", "left_at", where="left_at IS NOT NULL")
    _index("ix_jobs_observed_at", "jobs", "observed_at")


def _create_changes() -> None:
    op.create_table(
        "changes",
        *_must(INTEGER, "source_id"),
        *_must(TEXT, "scope", "job_id"),
        *_must(NUMBER, "version"),
        *_must(WORD, "kind"),
        *_may(TEXT, "status_before"),
        *_must(TEXT, "status_after"),
        *_may(WORD, "outcome"),
        *_must(TIME, "observed_at"),
        *_must(SHORT, "authority"),
        *_must(YES_NO, "history", "late"),
        *_may(TEXT, "event_id"),
        *_must(TEXT, "routes"),
        _key("changes", "source_id", "scope", "job_id", "version"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "progress_samples",
        *_must(INTEGER, "source_id"),
        *_must(NUMBER, "row"),
        *_must(TIME, "at"),
        *_must(NUMBER, "total", "succeeded", "failed"),
        _key("progress_samples", "source_id", "row", "at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "series",
        *_must(SHORT, "subject_kind"),
        *_must(TEXT, "subject_id", "name", "labels"),
        *_must(sa.Double, "value"),
        _key("series", "subject_kind", "subject_id", "name", "labels"),
        sqlite_with_rowid=False,
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("position", SERIAL, nullable=False, autoincrement=True),
        *_must(TEXT, "id"),
        *_may(INTEGER, "source_id"),
        *_must(NUMBER, "sequence"),
        *_must(TEXT, "type"),
        *_must(SHORT, "severity"),
        *_must(TEXT, "scope", "job_id"),
        *_must(YES_NO, "ending"),
        *_must(TIME, "recorded_at", "observed_at"),
        *_must(YES_NO, "late"),
        *_may(TIME, "detail_until", "released_at"),
        *_may(TEXT, "condition_id"),
        *_must(sa.LargeBinary, "body"),
        _key("events", "position"),
        _unique("events", "id"),
        _unique("events", "source_id", "sequence"),
        sqlite_autoincrement=True,
    )
    _index("ix_events_recorded_at", "events", "recorded_at")
    _index(
        "ix_events_held", "events", "source_id", "detail_until", where="detail_until IS NOT NULL"
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", SERIAL, nullable=False, autoincrement=True),
        *_must(TEXT, "event_id", "receiver"),
        *_may(INTEGER, "source_id"),
        *_must(TEXT, "scope", "job_id"),
        *_must(NUMBER, "sequence"),
        *_must(YES_NO, "ending"),
        *_must(SHORT, "state"),
        *_must(WORD, "reason"),
        *_must(INTEGER, "attempts", default="0"),
        *_may(TIME, "due_at", "deadline"),
        *_must(NUMBER, "claim", default="0"),
        *_may(TIME, "claimed_until"),
        *_may(TEXT, "owner"),
        *_must(TIME, "created_at"),
        *_may(TIME, "settled_at"),
        *_may(WORD, "last_result"),
        *_may(INTEGER, "last_status"),
        *_may(TEXT, "last_answer", "digest_id"),
        _key("deliveries", "id"),
        _unique("deliveries", "event_id", "receiver"),
        _refers("deliveries", "event_id", "events.id", None),
        sqlite_autoincrement=True,
    )
    job, unsettled = ("source_id", "scope", "job_id", "sequence"), "state IN ('pending', 'claimed')"
    _index("ix_deliveries_due", "deliveries", "receiver", "due_at", where="state = 'pending'")
    _index("ix_deliveries_open", "deliveries", "receiver", *job, where=unsettled)
    _index("ix_deliveries_claimed", "deliveries", "claimed_until", where="state = 'claimed'")
    _index("ix_deliveries_dead", "deliveries", "receiver", "settled_at", where="state = 'dead'")
    _create_attempts()


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", SERIAL, nullable=False, autoincrement=True),
        *_must(SERIAL, "delivery_id"),
        *_must(INTEGER, "number"),
        *_must(SHORT, "trigger"),
        *_must(TIME, "started_at"),
        *_must(NUMBER, "took_ms"),
        *_must(WORD, "result"),
        *_may(INTEGER, "status"),
        *_must(TEXT, "answer"),
        _key("attempts", "id"),
        _refers("attempts", "delivery_id", "deliveries.id", "CASCADE"),
    )
    _index("ix_attempts_delivery_id", "attempts", "delivery_id")


def _create_receivers() -> None:
    op.create_table(
        "receivers",
        *_must(TEXT, "name"),
        *_must(SHORT, "state"),
        *_may(TEXT, "reason"),
        *_must(INTEGER, "consecutive_failures", "open_count", default="0"),
        *_may(TIME, "failing_since", "open_until"),
        *_may(TEXT, "probe_token"),
        *_may(TIME, "probe_until", "rate_tat"),
        *_may(TEXT, "rate_key", "config_hash"),
        *_may(TIME, "paused_at", "last_success_at"),
        *_must(TIME, "updated_at"),
        _key("receivers", "name"),
    )
    _create_conditions()


def _create_conditions() -> None:
    op.create_table(
        "conditions",
        *_must(TEXT, "id"),
        *_may(INTEGER, "source_id"),
        *_may(TEXT, "receiver"),
        *_must(TEXT, "scope", "job_id"),
        *_must(WORD, "name"),
        *_must(TIME, "since", "opened_at"),
        *_may(TIME, "reminded_at"),
        *_must(INTEGER, "reminders", default="0"),
        *_may(TIME, "closed_at"),
        *_must(TEXT, "told"),
        _key("conditions", "id"),
    )
    op.create_table(
        "mutes",
        sa.Column("id", SERIAL, nullable=False, autoincrement=True),
        *_may(TEXT, "source", "job", "description"),
        *_must(TEXT, "reason"),
        *_must(TIME, "created_at", "expires_at"),
        *_may(TIME, "ended_at"),
        _key("mutes", "id"),
        sqlite_autoincrement=True,
    )


def _teach_planner() -> None:
    """Without statistics SQLite walks every job of a source to find ten of them by name."""
    op.execute("ANALYZE")  # makes the table of statistics
    statistics = sa.table("sqlite_stat1", sa.column("tbl"), sa.column("idx"), sa.column("stat"))
    rows = [{"tbl": table, "idx": index, "stat": stat} for table, index, stat in _STATISTICS]
    op.bulk_insert(statistics, rows)
    op.execute("ANALYZE sqlite_schema")  # reads them back into this connection
