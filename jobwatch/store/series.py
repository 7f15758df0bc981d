"""Counters and histograms that move in the transaction of what they count."""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Literal

from sqlalchemy import Boolean, Connection, Dialect, bindparam, case

from jobwatch.core.census import Series
from jobwatch.store.bulk import Prepared, RowTuple, prepare, run, upserting
from jobwatch.store.columns import to_json
from jobwatch.store.tables import series

SubjectKind = Literal["source", "receiver"]
Key = tuple[SubjectKind, str, Series]


LABELS_KEPT = 2048
"""Label sets whose text is kept: those of a few kinds of API, which every page counts by again."""

_COLUMNS = ("subject_kind", "subject_id", "name", "labels", "value")


def add(
    connection: Connection,
    amounts: Mapping[Key, float],
    *,
    latest: Mapping[Key, float] | None = None,
) -> None:
    """Add `amounts` to counters, and raise gauges of time to `latest`, but never back."""
    # Always in the same order, so that two transactions never wait for each other's rows.
    rows = sorted([*_rows(amounts, raises=False), *_rows(latest or {}, raises=True)])
    if rows:
        run(connection, _upsert(connection.dialect), rows)


def _rows(values: Mapping[Key, float], *, raises: bool) -> Iterator[RowTuple]:
    for (kind, subject, each), value in values.items():
        yield kind, subject, each.name, _written(each.labels), float(value), raises


@lru_cache(maxsize=LABELS_KEPT)
def _written(labels: tuple[str, ...]) -> str:
    return to_json(labels)


@cache
def _upsert(dialect: Dialect) -> Prepared:
    statement = upserting(series, dialect)
    kept, new = series.c.value, statement.excluded.value
    raised = case((new > kept, new), else_=kept)
    value = case((bindparam("at_raises", type_=Boolean), raised), else_=kept + new)
    upsert = statement.on_conflict_do_update(
        index_elements=list(series.primary_key.columns), set_={"value": value}
    )
    return prepare(upsert, dialect, _COLUMNS, (*_COLUMNS, "raises"))
