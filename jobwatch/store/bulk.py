"""Rows that are written by the thousand.

They go to the driver as tuples that were converted by the caller, through SQL that SQLAlchemy compiled once for each
database: SQLAlchemy's own handling of parameters costs as much again as the database does.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Table, insert
from sqlalchemy.sql.dml import UpdateBase

RowTuple = tuple[Any, ...]


class Prepared(NamedTuple):
    """Compiled SQL, and how a row becomes its parameters."""

    sql: str
    parameters: Callable[[RowTuple], RowTuple]


def insert_many(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[RowTuple]
) -> None:
    """Insert rows whose values are in the order of `columns`, and as the database keeps them."""
    run(connection, _insert(table, tuple(columns), connection.dialect), rows)


def run(connection: Connection, prepared: Prepared, rows: Iterable[RowTuple]) -> None:
    """Execute once for each row."""
    connection.exec_driver_sql(prepared.sql, list(map(prepared.parameters, rows)))


@cache
def _insert(table: Table, columns: tuple[str, ...], dialect: Dialect) -> Prepared:
    return prepare(insert(table).inline(), dialect, columns, columns)


def prepare(
    statement: UpdateBase, dialect: Dialect, columns: Sequence[str], order: Sequence[str]
) -> Prepared:
    """Compile for one database. `order` names the values of a row, `columns` those that are written.

    A parameter called `at_x` takes the value of `x`.
    """
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(columns))
    places = [order.index(name.removeprefix("at_")) for name in compiled.positiontup]
    return Prepared(compiled.string, itemgetter(*places))
