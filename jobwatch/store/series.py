"""Counters and histograms that move in the transaction of what they count."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Executable, case
from sqlalchemy.dialects import postgresql, sqlite

from jobwatch.core.census import Series
from jobwatch.store.tables import series

SubjectKind = Literal["source", "receiver"]
Key = tuple[SubjectKind, str, Series]


def add(connection: Connection, amounts: Mapping[Key, float]) -> None:
    """Add to counters; one that is not there yet starts at 0."""
    _upsert(connection, _statements(connection.dialect.name).add, amounts)


def raise_to(connection: Connection, values: Mapping[Key, float]) -> None:
    """Set gauges of time, but never back."""
    _upsert(connection, _statements(connection.dialect.name).raise_to, values)


class _Statements(NamedTuple):
    add: Executable
    raise_to: Executable


@cache
def _statements(dialect: str) -> _Statements:
    statement: Any = (postgresql if dialect == "postgresql" else sqlite).insert(series)
    excluded = statement.excluded.value
    later = case((excluded > series.c.value, excluded), else_=series.c.value)
    key = list(series.primary_key.columns)
    return _Statements(
        add=statement.on_conflict_do_update(
            index_elements=key, set_={"value": series.c.value + excluded}
        ),
        raise_to=statement.on_conflict_do_update(index_elements=key, set_={"value": later}),
    )


def _upsert(connection: Connection, upsert: Executable, amounts: Mapping[Key, float]) -> None:
    if not amounts:
        return
    rows = [
        {
            "subject_kind": kind,
            "subject_id": subject,
            "name": each.name,
            "labels": json.dumps(each.labels, separators=(",", ":")),
            "value": float(amount),
        }
        for (kind, subject, each), amount in amounts.items()
    ]
    # Always in the same order, so that two transactions never wait for each other's rows.
    rows.sort(key=lambda row: (row["subject_kind"], row["subject_id"], row["name"], row["labels"]))
    connection.execute(upsert, rows)
