"""The lease of a source: every verb that writes for a source proves first that it still owns it."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, select, update

from jobwatch.core.errors import FenceLost
from jobwatch.store.tables import sources
from jobwatch.store.values import Lease


class Start(NamedTuple):
    """The numbers below which everything is taken."""

    sequence: int
    row: int


def mine(lease: Lease) -> ColumnElement[bool]:
    """The condition that the lease is still held. Its time does not matter until somebody else took it."""
    return and_(
        sources.c.id == lease.source_id,
        sources.c.lease_owner == lease.owner,
        sources.c.fence == lease.fence,
    )


def lost(lease: Lease) -> FenceLost:
    """What to raise when it is not."""
    return FenceLost(f"another process owns the source {lease.source} by now")


def hold(connection: Connection, lease: Lease) -> None:
    """Keep the lease from being taken until this transaction ends. Raises `FenceLost`."""
    held = select(sources.c.id).where(mine(lease)).with_for_update(read=True)
    if connection.scalar(held) is None:
        raise lost(lease)


def take_numbers(connection: Connection, lease: Lease, *, events: int, rows: int) -> Start:
    """Hold the lease and take so many sequence and row numbers. Raises `FenceLost`.

    An update instead of a shared lock, because two shared locks that both go on to update wait for each other.
    """
    taken = connection.execute(
        update(sources)
        .where(mine(lease))
        .values(sequence=sources.c.sequence + events, last_row=sources.c.last_row + rows)
        .returning(sources.c.sequence, sources.c.last_row)
    ).one_or_none()
    if taken is None:
        raise lost(lease)
    return Start(taken.sequence - events, taken.last_row - rows)
