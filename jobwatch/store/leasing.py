"""Sources: who they are, who may write them, and what the last sweep left behind."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from jobwatch.core.errors import ConfigError, StaleWrite
from jobwatch.core.overview import Identity, LastError, SourceState
from jobwatch.store.columns import Instant, from_micros, to_micros
from jobwatch.store.fencing import lost, mine
from jobwatch.store.tables import sources
from jobwatch.store.values import Lease, SweepFailure, SweepReport


class Term(NamedTuple):
    """Who wants a lease, and until when."""

    owner: str
    now: datetime
    until: datetime


def register(connection: Connection, identities: Iterable[Identity]) -> dict[str, SourceState]:
    """Bind names to identities. Raises `ConfigError` where a name is bound to another one."""
    wanted = {identity.name: identity for identity in identities}
    bound = _states(connection, wanted)
    problems = [
        _problem(bound[name].identity, identity)
        for name, identity in wanted.items()
        if name in bound and bound[name].identity != identity
    ]
    if problems:
        raise ConfigError(problems)
    missing = [asdict(identity) for name, identity in wanted.items() if name not in bound]
    if not missing:
        return bound
    try:
        connection.execute(insert(sources), missing)
    except IntegrityError as error:
        raise StaleWrite(
            "another process registered the same sources just now; try again"
        ) from error
    return _states(connection, wanted)


def _states(connection: Connection, wanted: Mapping[str, Identity]) -> dict[str, SourceState]:
    found = connection.execute(select(sources).where(sources.c.name.in_(list(wanted))))
    return {row.name: state(row) for row in found}


def _problem(bound: Identity, wanted: Identity) -> str:
    return (
        f"sources.{wanted.name}: the store knows this name as {_words(bound)}, the configuration says "
        f"{_words(wanted)}; the jobs of two accounts must not be mixed: rename the source"
    )


def _words(identity: Identity) -> str:
    return f"{identity.kind} {identity.account!r} in {identity.region!r}"


def state(row: Row[Any]) -> SourceState:
    """A row of `sources`."""
    return SourceState(
        source_id=row.id,
        identity=Identity(name=row.name, kind=row.kind, region=row.region, account=row.account),
        baseline_started_at=row.baseline_started_at,
        baselined_at=row.baselined_at,
        unfinished_data_at=row.unfinished_data_at,
        all_data_at=row.all_data_at,
        watched_until=row.watched_until,
        attempted_at=row.attempted_at,
        next_sweep_at=row.next_sweep_at,
        failures=row.failures,
        failing_since=row.failing_since,
        last_error=_read_error(row.last_error),
        listed=row.listed,
        unfinished=row.unfinished,
        sequence=row.sequence,
        lease_owner=row.lease_owner,
        lease_until=row.lease_until,
    )


def _write_error(error: LastError) -> dict[str, Any]:
    return asdict(error) | {"at": to_micros(error.at)}


def _read_error(kept: dict[str, Any] | None) -> LastError | None:
    return LastError(**(kept | {"at": from_micros(kept["at"])})) if kept else None


def source(connection: Connection, lease: Lease) -> SourceState:
    """The source's row, as it is now."""
    return state(connection.execute(select(sources).where(sources.c.id == lease.source_id)).one())


def acquire(connection: Connection, name: str, term: Term) -> Lease | None:
    """Take a lease that is free, ours or over; None while another process holds it."""
    free = or_(
        sources.c.lease_owner.is_(None),
        sources.c.lease_owner == term.owner,
        sources.c.lease_until < term.now,
    )
    found = connection.scalar(
        select(sources.c.id).where(sources.c.name == name, free).with_for_update(skip_locked=True)
    )
    if found is None:
        return None
    taken = connection.execute(
        update(sources)
        .where(sources.c.id == found)
        .values(lease_owner=term.owner, lease_until=term.until, fence=sources.c.fence + 1)
        .returning(sources.c.fence)
    ).one()
    return Lease(source_id=found, source=name, owner=term.owner, fence=taken.fence)


def acquire_all(connection: Connection, term: Term) -> None:
    """Take every lease: the only process that may write is this one."""
    connection.execute(
        update(sources).values(
            lease_owner=term.owner, lease_until=term.until, fence=sources.c.fence + 1
        )
    )


def renew(connection: Connection, lease: Lease, until: datetime) -> None:
    """Hold the lease longer. Raises `FenceLost`."""
    _set(connection, lease, lease_until=until)


def hand_back(connection: Connection, lease: Lease) -> None:
    """Let anybody have the lease; nothing happens where somebody has it already."""
    connection.execute(
        update(sources).where(mine(lease)).values(lease_owner=None, lease_until=None)
    )


def begin_sweep(connection: Connection, lease: Lease, at: datetime) -> None:
    """Remember the attempt; the first one ever is where the baseline begins. Raises `FenceLost`."""
    started = func.coalesce(sources.c.baseline_started_at, literal(at, Instant()))
    _set(connection, lease, baseline_started_at=started, attempted_at=at)


def finish_sweep(connection: Connection, lease: Lease, report: SweepReport) -> None:
    """Renew the data's age. A hot sweep covers unfinished jobs alone. Raises `FenceLost`."""
    everything: dict[str, Any] = {}
    if report.kind == "full":
        baselined = func.coalesce(sources.c.baselined_at, literal(report.finished_at, Instant()))
        everything = {
            "all_data_at": report.started_at,
            "baselined_at": baselined,
            "listed": report.listed,
        }
    _set(
        connection,
        lease,
        unfinished_data_at=report.started_at,
        watched_until=report.finished_at,
        unfinished=report.unfinished,
        next_sweep_at=report.next_sweep_at,
        failures=0,
        failing_since=None,
        **everything,
    )


def break_sweep(connection: Connection, lease: Lease, failure: SweepFailure) -> None:
    """Count the failure; the data's age stays as it was. Raises `FenceLost`."""
    _set(
        connection,
        lease,
        attempted_at=failure.at,
        failures=sources.c.failures + 1,
        failing_since=func.coalesce(sources.c.failing_since, literal(failure.at, Instant())),
        last_error=_write_error(failure.error),
        next_sweep_at=failure.next_sweep_at,
    )


def _set(connection: Connection, lease: Lease, **values: Any) -> None:
    if connection.execute(update(sources).where(mine(lease)).values(**values)).rowcount != 1:
        raise lost(lease)
