"""Rows that are written by the thousand, and questions that every page asks.

They go to the driver as tuples that were converted by the caller, through SQL that SQLAlchemy compiled once for each
database: SQLAlchemy's own handling of parameters costs as much again as the database does.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Dialect, Row, Select, Table, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.dml import ReturningUpdate, UpdateBase

PREPARED = 64
"""So many values in an IN (…) at most are asked for by compiled SQL; beyond, the rows cost more than the question."""

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


def upserting(table: Table, dialect: Dialect) -> sqlite.Insert:
    """An INSERT that knows ON CONFLICT. Both databases spell it alike, and so do their classes."""
    if dialect.name != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  40 ms and 3 MB that SQLite never needs

    return cast(sqlite.Insert, postgresql.insert(table))


def prepare(
    statement: UpdateBase, dialect: Dialect, columns: Sequence[str], order: Sequence[str]
) -> Prepared:
    """Compile for one database. `order` names the values of a row, `columns` those that are written.

    A parameter called `at_x` takes the value of `x`.
    """
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(columns))
    places = [order.index(name.removeprefix("at_")) for name in compiled.positiontup]
    return Prepared(compiled.string, _picker(places))


def _picker(places: Sequence[int]) -> Callable[[RowTuple], RowTuple]:
    """What takes these places of a row; `itemgetter` gives a single one bare."""
    if len(places) == 1:
        (only,) = places
        return lambda row: (row[only],)
    return itemgetter(*places)


Question = Select[*tuple[Any, ...]]
Asked = Select[*tuple[Any, ...]] | ReturningUpdate[*tuple[Any, ...]]


def fetch(
    connection: Connection, statement: Asked, asked: Mapping[str, Any]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Rows that a statement gives which is made once, as the database keeps their values.

    `asked` are its parameters as the database keeps them.
    """
    prepared = _prepare_once(statement, connection.dialect, tuple(asked))
    found = connection.exec_driver_sql(prepared.sql, prepared.parameters(tuple(asked.values())))
    return found.all()


@cache
def _prepare_once(statement: Asked, dialect: Dialect, names: tuple[str, ...]) -> Prepared:
    compiled: Any = statement.compile(dialect=dialect)
    return Prepared(compiled.string, _picker([names.index(each) for each in compiled.positiontup]))


def ask(
    connection: Connection, question: Question, asked: Mapping[str, Any], among: str
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Rows of a question that is made once, as the database keeps their values.

    `asked` are its parameters as the database keeps them; the one called `among` is the list of an IN (…).
    """
    values = asked[among]
    if not 0 < len(values) <= PREPARED:
        return connection.execute(question, asked).all()
    size = 1 << (len(values) - 1).bit_length()
    others = tuple(name for name in asked if name != among)
    prepared = _prepare_question(question, connection.dialect, (*others, among), size)
    # The last one is asked for again and again: so few sizes are compiled.
    padded = (*(asked[name] for name in others), *values, *values[-1:] * (size - len(values)))
    return connection.exec_driver_sql(prepared.sql, prepared.parameters(padded)).all()


@cache
def _prepare_question(
    question: Question, dialect: Dialect, names: tuple[str, ...], size: int
) -> Prepared:
    """Compile for so many values of the last name."""
    *others, among = names
    order = [*others, *(f"{among}_{number}" for number in range(1, size + 1))]
    nothing = {**dict.fromkeys(others), among: [None] * size}
    compiled: Any = question.params(nothing).compile(
        dialect=dialect, compile_kwargs={"render_postcompile": True}
    )
    places = [order.index(name) for name in compiled.positiontup]
    return Prepared(compiled.string, _picker(places))
