"""The lease of a source: every verb that writes for a source proves first that it still owns it."""

from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, bindparam, select, update

from jobwatch.core.errors import FenceLost
from jobwatch.store.bulk import fetch
from jobwatch.store.tables import sources
from jobwatch.store.values import Lease


class Start(NamedTuple):
    """The numbers below which everything is taken."""

    sequence: int
    row: int


held = and_(
    sources.c.id == bindparam("of_source"),
    sources.c.lease_owner == bindparam("held_by"),
    sources.c.fence == bindparam("with_fence"),
)
"""The condition that a lease is still held, with `holder`: for statements that are made once."""

_hold = select(sources.c.id).where(held).with_for_update(read=True)
_take_numbers = (
    update(sources)
    .where(held)
    .values(
        sequence=sources.c.sequence + bindparam("events", type_=BigInteger),
        last_row=sources.c.last_row + bindparam("rows", type_=BigInteger),
    )
    .returning(sources.c.sequence, sources.c.last_row)
)


def holder(lease: Lease) -> dict[str, object]:
    """Who holds a lease, as the parameters of `held`."""
    return {"of_source": lease.source_id, "held_by": lease.owner, "with_fence": lease.fence}


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
    if connection.scalar(_hold, holder(lease)) is None:
        raise lost(lease)


def take_numbers(connection: Connection, lease: Lease, *, events: int, rows: int) -> Start:
    """Hold the lease and take so many sequence and row numbers. Raises `FenceLost`.

    An update instead of a shared lock, because two shared locks that both go on to update wait for each other.
    """
    wanted = holder(lease) | {"events": events, "rows": rows}
    taken = fetch(connection, _take_numbers, wanted)
    if not taken:
        raise lost(lease)
    ((sequence, last_row),) = taken
    return Start(sequence - events, last_row - rows)
