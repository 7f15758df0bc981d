"""What the rules are held against: what is open, the unfinished jobs that any rule may hold for, expiring output."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Double,
    Select,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
    type_coerce,
)

from jobwatch.core.conditions import Condition, ConditionName, Subject
from jobwatch.core.documents import Document
from jobwatch.core.model import JobKey, Phase, Snapshot
from jobwatch.core.rules import Horizon, Window
from jobwatch.store.columns import to_micros
from jobwatch.store.outbox_tables import conditions, is_open
from jobwatch.store.snapshots import decode, select_snapshots, snapshot_columns
from jobwatch.store.tables import expires_untold, jobs, unfinished
from jobwatch.store.values import OpenCondition

ALMOST = 0.999

_same_job = and_(
    jobs.c.source_id == conditions.c.source_id,
    jobs.c.scope == conditions.c.scope,
    jobs.c.job_id == conditions.c.job_id,
)
_ROUNDING = 1e-9
_kept = ("id", "scope", "job_id", "name", "since", "opened_at", "reminded_at", "reminders", "told")
_open = (
    select(*snapshot_columns, *(conditions.c[name].label(f"condition_{name}") for name in _kept))
    .join_from(conditions, jobs, _same_job, isouter=True)
    .where(is_open, conditions.c.source_id == bindparam("of_source"))
    .order_by(conditions.c.opened_at, conditions.c.id)
)


def open_conditions(connection: Connection, source_id: int) -> list[OpenCondition]:
    """What is open of the source and of its jobs, the oldest first."""
    found = connection.execute(_open, {"of_source": source_id})
    return [
        OpenCondition(
            condition=Condition(
                id=row.condition_id,
                subject=Subject(
                    JobKey(row.condition_scope, row.condition_job_id),
                    ConditionName(row.condition_name),
                ),
                since=row.condition_since,
                opened_at=row.condition_opened_at,
                reminded_at=row.condition_reminded_at,
                reminders=row.condition_reminders,
                told=tuple(row.condition_told),
            ),
            snapshot=None if row.row is None else decode(row),
        )
        for row in found
    ]


def possibly(connection: Connection, source_id: int, horizon: Horizon) -> list[Snapshot]:
    """The unfinished jobs within the horizon, rows ascending."""
    limits = _limits(horizon)
    if not limits:
        return []
    question = _question(frozenset(limits), horizon.passing)
    found = connection.execute(question, {"of_source": source_id, **limits})
    return [decode(row) for row in found]


def _limits(horizon: Horizon) -> dict[str, Any]:
    """What is asked for, as parameters."""
    times = ("progressed_before", "stuck_before", "waiting_before", "created_before")
    limits = {name: to_micros(getattr(horizon, name)) for name in times}
    found: dict[str, Any] = {name: limit for name, limit in limits.items() if limit is not None}
    if horizon.failing is not None:
        # A hair below the ratio, because what is read is judged once more, exactly.
        found["failing"] = horizon.failing.ratio * ALMOST
        found["min_finished"] = float(horizon.failing.min_finished)
    return found


@cache
def _question(limits: frozenset[str], passing: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    """Made once for a set of rules: to build it costs more than to answer it."""
    status_since = type_coerce(jobs.c.status_since, BigInteger)
    # Where nothing was ever finished, a job stands still since its status began.
    progressed = func.coalesce(type_coerce(jobs.c.progressed_at, BigInteger), status_since)
    # As floating point: hostile counts must not overflow a sum.
    failed = cast(jobs.c.failed, Double)
    finished = cast(jobs.c.succeeded, Double) + failed
    many = failed >= finished * bindparam("failing", type_=Double)
    enough = finished >= bindparam("min_finished", type_=Double)
    rules = {
        "progressed_before": and_(
            jobs.c.phase == Phase.RUNNING.value, progressed <= _moment("progressed_before")
        ),
        "stuck_before": and_(jobs.c.status.in_(passing), status_since <= _moment("stuck_before")),
        "waiting_before": and_(
            jobs.c.phase == Phase.WAITING.value, status_since <= _moment("waiting_before")
        ),
        "created_before": type_coerce(jobs.c.created_at, BigInteger) <= _moment("created_before"),
        "failing": and_(enough, failed > 0, many),
    }
    within = [rule for name, rule in rules.items() if name in limits]
    ours = (jobs.c.source_id == bindparam("of_source"), unfinished)
    return select_snapshots.where(*ours, or_(*within)).order_by(jobs.c.row)


def _moment(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger)


_expires_at = type_coerce(jobs.c.output_expires_at, BigInteger)
_expiring = (
    select_snapshots.where(
        jobs.c.source_id == bindparam("of_source"),
        expires_untold,
        _expires_at > _moment("after"),
        _expires_at <= _moment("until"),
    )
    .order_by(jobs.c.output_expires_at, jobs.c.row)
    .limit(bindparam("at_most", type_=BigInteger))
)


def expiring(connection: Connection, source_id: int, window: Window, limit: int) -> list[Snapshot]:
    """The jobs whose output expires within the window and was not told, the soonest first."""
    limits = {"after": to_micros(window.after), "until": to_micros(window.until), "at_most": limit}
    found = connection.execute(_expiring, {"of_source": source_id, **limits})
    return [decode(row) for row in found]


def details(connection: Connection, source_id: int, rows: Sequence[int]) -> dict[int, Document]:
    """What DescribeJob last said of the jobs in these rows, where it was asked."""
    found = connection.execute(
        select(jobs.c.row, jobs.c.detail).where(
            jobs.c.source_id == source_id, jobs.c.row.in_(rows), jobs.c.detail.is_not(None)
        )
    )
    return {row.row: row.detail for row in found}
