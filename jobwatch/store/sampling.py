"""Samples of progress: how far unfinished jobs were, and when. An ended job needs none.

A job is thinned at every so many of its versions, each at others: no transaction has to thin all of them at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

from sqlalchemy import BigInteger, Connection, Dialect, bindparam, delete, func, select, type_coerce

from jobwatch.core.forecast import SAMPLES_KEPT, SAMPLES_LEFT, superfluous
from jobwatch.core.model import JobKey, Progress, Snapshot
from jobwatch.core.recording import Entry
from jobwatch.store.bulk import Prepared, RowTuple, prepare, run, upserting
from jobwatch.store.columns import EPOCH, MICROSECOND, clamp, to_micros
from jobwatch.store.order import CHUNK
from jobwatch.store.tables import progress_samples

_COLUMNS = tuple(progress_samples.columns.keys())
_KEY = ("source_id", "row", "at")
_NOTHING = Progress(total=0, succeeded=0, failed=0)
_TURN = SAMPLES_KEPT - SAMPLES_LEFT
"""So many versions lie between two thinnings of a job; a version has one sample at most."""

_of_rows = (
    progress_samples.c.source_id == bindparam("of_source"),
    progress_samples.c.row.in_(bindparam("rows", expanding=True)),
)
_crowded = (
    select(progress_samples.c.row)
    .where(*_of_rows)
    .group_by(progress_samples.c.row)
    .having(func.count() > SAMPLES_LEFT)
)
_times = (
    select(progress_samples.c.row, type_coerce(progress_samples.c.at, BigInteger).label("micros"))
    .where(*_of_rows)
    .order_by(progress_samples.c.row, progress_samples.c.at)
)


def keep(
    connection: Connection, source_id: int, entries: Iterable[Entry], rows: dict[JobKey, int]
) -> None:
    """Keep how far each unfinished job is, where that changed; forget those that ended."""
    written = list(entries)
    ended = [(source_id, rows[each.change.after.key]) for each in written if _ended(each)]
    if ended:
        run(connection, _forget(connection.dialect), ended)
    moved = [(rows[each.change.after.key], each) for each in written if _moved(each)]
    if moved:
        fresh = (_sample(source_id, row, entry.change.after) for row, entry in moved)
        run(connection, _upsert(connection.dialect), fresh)
    due = [row for each in written if _is_due(row := rows[each.change.after.key], each)]
    for part in _chunks(due):
        _thin(connection, source_id, part)


def _is_due(row: int, entry: Entry) -> bool:
    after = entry.change.after
    return after.outcome is None and (after.version + row) % _TURN == 0


def _ended(entry: Entry) -> bool:
    before, after = entry.change.before, entry.change.after
    return after.outcome is not None and before is not None and before.outcome is None


def _moved(entry: Entry) -> bool:
    """Whether an unfinished job has counters that were not there before."""
    before, after = entry.change.before, entry.change.after
    if after.outcome is not None or after.job.progress is None:
        return False
    return before is None or before.outcome is not None or before.job.progress != after.job.progress


def _sample(source_id: int, row: int, snapshot: Snapshot) -> RowTuple:
    progress = snapshot.job.progress or _NOTHING
    counts = (clamp(progress.total), clamp(progress.succeeded), clamp(progress.failed))
    return (source_id, row, to_micros(snapshot.observed_at), *counts)


def _chunks(rows: Sequence[int]) -> Iterable[Sequence[int]]:
    return (rows[first : first + CHUNK] for first in range(0, len(rows), CHUNK))


def _thin(connection: Connection, source_id: int, rows: Sequence[int]) -> None:
    """Drop samples of those jobs that have too many."""
    crowded = connection.scalars(_crowded, {"of_source": source_id, "rows": rows}).all()
    if not crowded:
        return
    times: dict[int, list[int]] = defaultdict(list)
    for row, micros in connection.execute(_times, {"of_source": source_id, "rows": crowded}):
        times[row].append(micros)
    dropped = [
        (source_id, row, to_micros(at))
        for row, found in times.items()
        for at in superfluous([EPOCH + micros * MICROSECOND for micros in found])
    ]
    run(connection, _delete(connection.dialect), dropped)


@cache
def _upsert(dialect: Dialect) -> Prepared:
    """Two observations of one moment are one sample: the later one."""
    statement = upserting(progress_samples, dialect)
    counts = {name: statement.excluded[name] for name in ("total", "succeeded", "failed")}
    upsert = statement.on_conflict_do_update(
        index_elements=list(progress_samples.primary_key.columns), set_=counts
    )
    return prepare(upsert, dialect, _COLUMNS, _COLUMNS)


@cache
def _delete(dialect: Dialect) -> Prepared:
    return _delete_by(dialect, _KEY)


@cache
def _forget(dialect: Dialect) -> Prepared:
    return _delete_by(dialect, _KEY[:2])


def _delete_by(dialect: Dialect, key: Sequence[str]) -> Prepared:
    table = progress_samples.c
    where = [table[name] == bindparam(f"at_{name}", type_=BigInteger) for name in key]
    return prepare(delete(progress_samples).where(*where), dialect, (), key)
