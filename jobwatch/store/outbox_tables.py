"""The tables of telling: events, their deliveries and attempts, and what is remembered of receivers."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    literal_column,
)

from jobwatch.store.columns import Document, Instant, Word
from jobwatch.store.tables import metadata

_SERIAL = BigInteger().with_variant(Integer, "sqlite")

# `position` counts events in the order they were recorded, so that a reader can follow them. `routes` are those of an
# event that no change of a job brought: the others stand with their change. `sweep` names the one that brought it.
events = Table(
    "events",
    metadata,
    Column("position", _SERIAL, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("source_id", Integer),
    Column("sequence", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("scope", Word, nullable=False),
    Column("job_id", Word, nullable=False),
    Column("ending", Boolean, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("observed_at", Instant, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("detail_until", Instant),
    Column("released_at", Instant),
    Column("condition_id", Text),
    Column("body", LargeBinary, nullable=False),
    Column("routes", Document),
    Column("sweep", Text),
    UniqueConstraint(
        "id"
    ),  # first: SQLite numbers the indexes of these, and its statistics name them
    UniqueConstraint("source_id", "sequence"),
    sqlite_autoincrement=True,
)
Index("ix_events_recorded_at", events.c.recorded_at)
held: ColumnElement[bool] = events.c.detail_until.is_not(None)
Index(
    "ix_events_held",
    events.c.source_id,
    events.c.detail_until,
    sqlite_where=held,
)
_of_condition = events.c.condition_id.is_not(None)
Index(
    "ix_events_condition",
    events.c.condition_id,
    sqlite_where=_of_condition,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("event_id", Text, ForeignKey("events.id"), nullable=False),
    Column("receiver", Text, nullable=False),
    Column("source_id", Integer),
    Column("scope", Word, nullable=False),
    Column("job_id", Word, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("ending", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", Instant),
    Column("deadline", Instant),
    Column("claim", BigInteger, nullable=False, server_default="0"),
    Column("claimed_until", Instant),
    Column("owner", Text),
    Column("created_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("last_result", String(32)),
    Column("last_status", Integer),
    Column("last_answer", Word),
    Column("digest_id", Text),
    Column("closing", Boolean, nullable=False, server_default=false()),
    Column("renewed_at", Instant),
    Column("spent", Integer, nullable=False, server_default="0"),
    Column("manual", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("event_id", "receiver"),
    sqlite_autoincrement=True,
)


def state_is(*states: str, of: FromClause = deliveries) -> ColumnElement[bool]:
    """The condition on a delivery's state, word for word as the partial indexes have it."""
    words = [literal_column(f"'{state}'", String) for state in states]
    column = of.c.state
    return column == words[0] if len(words) == 1 else column.in_(words)


_pending, _open = state_is("pending"), state_is("pending", "claimed")
_claimed, _dead = state_is("claimed"), state_is("dead")
Index(
    "ix_deliveries_due",
    deliveries.c.receiver,
    deliveries.c.due_at,
    sqlite_where=_pending,
)
Index(
    "ix_deliveries_open",
    deliveries.c.receiver,
    deliveries.c.source_id,
    deliveries.c.scope,
    deliveries.c.job_id,
    deliveries.c.sequence,
    sqlite_where=_open,
)
Index(
    "ix_deliveries_claimed",
    deliveries.c.claimed_until,
    sqlite_where=_claimed,
)
Index(
    "ix_deliveries_dead",
    deliveries.c.receiver,
    deliveries.c.settled_at,
    sqlite_where=_dead,
)

_in_digest = deliveries.c.digest_id.is_not(None)
Index(
    "ix_deliveries_digest",
    deliveries.c.digest_id,
    sqlite_where=_in_digest,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column(
        "delivery_id",
        _SERIAL,
        ForeignKey("deliveries.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("number", Integer, nullable=False),
    Column("trigger", String(16), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("took_ms", BigInteger, nullable=False),
    Column("result", String(32), nullable=False),
    Column("status", Integer),
    Column("answer", Word, nullable=False),
)

receivers = Table(
    "receivers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("consecutive_failures", Integer, nullable=False, server_default="0"),
    Column("failing_since", Instant),
    Column("open_until", Instant),
    Column("open_count", Integer, nullable=False, server_default="0"),
    Column("trust", Integer),
    Column("probe", BigInteger),
    Column("probe_until", Instant),
    Column("recent", Document),
    Column("windows", Document),
    Column("gate", Text),
    Column("config_hash", Text),
    Column("paused_at", Instant),
    Column("last_success_at", Instant),
    Column("updated_at", Instant, nullable=False),
)

# What one URL was sent lately. The key is a keyed hash: a URL is a secret.
gates = Table(
    "gates",
    metadata,
    Column("key", Text, primary_key=True),
    Column("places", Document, nullable=False),
    Column("held_until", Instant),
    Column("updated_at", Instant, nullable=False),
)

conditions = Table(
    "conditions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source_id", Integer),
    Column("receiver", Text),
    Column("scope", Word, nullable=False),
    Column("job_id", Word, nullable=False),
    Column("name", String(32), nullable=False),
    Column("since", Instant, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("reminded_at", Instant),
    Column("reminders", Integer, nullable=False, server_default="0"),
    Column("closed_at", Instant),
    Column("told", Document, nullable=False),
)
# One of a name is open for a job or a source: who opens a second one has read something old.
is_open: ColumnElement[bool] = conditions.c.closed_at.is_(None)
Index(
    "ix_conditions_open",
    conditions.c.source_id,
    conditions.c.scope,
    conditions.c.job_id,
    conditions.c.name,
    unique=True,
    sqlite_where=is_open,
)
Index("ix_conditions_job", conditions.c.source_id, conditions.c.scope, conditions.c.job_id)
_closed = conditions.c.closed_at.is_not(None)
Index(
    "ix_conditions_closed",
    conditions.c.closed_at,
    sqlite_where=_closed,
)

mutes = Table(
    "mutes",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    Column("source", Text),
    Column("job", Word),
    Column("description", Word),
    Column("reason", Word, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant),
    sqlite_autoincrement=True,
)
