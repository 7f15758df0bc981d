"""Sources: who they are, who may write them, and what the last sweep left behind."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from jobwatch.core.errors import ConfigError, StaleWrite
from jobwatch.core.overview import Identity, SourceState
from jobwatch.core.plan import SweepKind
from jobwatch.store import noticing
from jobwatch.store.columns import Instant
from jobwatch.store.fencing import held, holder, lost, mine
from jobwatch.store.noticing import Moment
from jobwatch.store.outbox_values import Telling
from jobwatch.store.recounting import tellings
from jobwatch.store.renaming import rename_sources
from jobwatch.store.source_state import document, gaps_document, learnt_columns, state
from jobwatch.store.tables import sources
from jobwatch.store.values import Lease, SweepFailure, SweepReport


class Term(NamedTuple):
    """Who wants a lease, and until when."""

    owner: str
    now: datetime
    until: datetime


class Registered(NamedTuple):
    """What is remembered of every configured source, and the old names of those that were renamed, by new ones."""

    states: dict[str, SourceState]
    renamed: dict[str, str]


def register(connection: Connection, identities: Iterable[Identity]) -> Registered:
    """Bind names to identities. Raises `ConfigError` where a name is bound to another one."""
    wanted = {identity.name: identity for identity in identities}
    renamed = rename_sources(connection, wanted)
    return Registered(_bound(connection, wanted), renamed)


def _bound(connection: Connection, wanted: Mapping[str, Identity]) -> dict[str, SourceState]:
    bound = _states(connection, wanted)
    problems = _problems(bound, wanted)
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


def misnamed(connection: Connection, identities: Iterable[Identity]) -> list[str]:
    """A sentence for each name that is bound to another identity."""
    wanted = {identity.name: identity for identity in identities}
    return _problems(_states(connection, wanted), wanted)


def _problems(bound: Mapping[str, SourceState], wanted: Mapping[str, Identity]) -> list[str]:
    return [
        _problem(bound[name].identity, identity)
        for name, identity in wanted.items()
        if name in bound and bound[name].identity != identity
    ]


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


_source = select(sources).where(sources.c.id == bindparam("of_source"))


def source(connection: Connection, lease: Lease) -> SourceState:
    """The source's row, as it is now."""
    return state(connection.execute(_source, {"of_source": lease.source_id}).one())


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


_begun_at = bindparam("begun_at", type_=Instant())
_begin = (
    update(sources)
    .where(held)
    .values(
        baseline_started_at=func.coalesce(sources.c.baseline_started_at, _begun_at),
        attempted_at=_begun_at,
    )
    .returning(sources)
)


def begin_sweep(connection: Connection, lease: Lease, at: datetime) -> SourceState:
    """Remember the attempt; the first one ever is where the baseline begins. Raises `FenceLost`.

    Gives what is remembered of the source, this attempt included.
    """
    begun = connection.execute(_begin, {"begun_at": at, **holder(lease)}).one_or_none()
    if begun is None:
        raise lost(lease)
    return state(begun)


def finish_sweep(
    connection: Connection, lease: Lease, report: SweepReport, now: datetime
) -> list[Telling]:
    """Renew the data's age, and tell what the sweep brought. A hot sweep covers unfinished jobs alone.

    Returns what somebody is told. Raises `FenceLost`.
    """
    kept: dict[str, Any] = {
        "unfinished_data_at": _latest(report),
        "watched_until": report.finished_at,
        "unfinished": report.unfinished,
        "gaps": gaps_document(report.gaps),
        "suspect_since": report.suspect_since,
        "failures": 0,
        "failing_since": None,
    }
    if report.last_sweep is not None:
        kept["last_sweep"] = document(report.last_sweep)
    if report.kind is SweepKind.FULL:
        kept |= _everything(report)
    _set(connection, lease, **kept, **_ahead(report), **learnt_columns(report.learnt))
    if report.notices:
        moment = Moment(report.finished_at, now, report.sweep)
        told = noticing.tell(connection, lease, report.notices, moment).told
        return tellings(told, report.sweep)
    return []


def _latest(report: SweepReport) -> Any:
    """Since when unfinished jobs are known: hot sweeps may have gone between the pages of this full one.

    A stored time after the end of this sweep comes from a clock that stepped, and counts for nothing.
    """
    known = sources.c.unfinished_data_at
    return case(
        (and_(known > report.started_at, known <= report.finished_at), known),
        else_=literal(report.started_at, Instant()),
    )


def _everything(report: SweepReport) -> dict[str, Any]:
    """What a full sweep covers besides. Who asked for one before it began has it.

    A request from the future comes from a clock that stepped, and is answered as well.
    """
    finished = literal(report.finished_at, Instant())
    return {
        "all_data_at": report.started_at,
        "baselined_at": func.coalesce(sources.c.baselined_at, finished),
        "listed": report.listed,
        "asked_at": case(
            (
                and_(
                    sources.c.asked_at > report.started_at,
                    sources.c.asked_at <= report.finished_at,
                ),
                sources.c.asked_at,
            ),
            else_=null(),
        ),
    }


def break_sweep(connection: Connection, lease: Lease, failure: SweepFailure) -> None:
    """Keep the failure; the data's age stays as it was. Raises `FenceLost`."""
    suspect = {} if failure.suspect_since is None else {"suspect_since": failure.suspect_since}
    _set(
        connection,
        lease,
        attempted_at=failure.at,
        failures=failure.failures,
        failing_since=failure.failing_since,
        last_error=document(failure.error),
        **suspect,
        **_ahead(failure),
        **learnt_columns(failure.learnt),
    )


def _ahead(left: SweepReport | SweepFailure) -> dict[str, Any]:
    """What is to be done next; a due time of None leaves the kept one."""
    due = {"next_sweep_at": left.next_sweep_at, "next_full_at": left.next_full_at}
    kept: dict[str, Any] = {name: at for name, at in due.items() if at is not None}
    return kept | {"walk_state": document(left.walk)}


def ask_sweep(connection: Connection, name: str, at: datetime) -> bool:
    """Ask for a full sweep; whether there is such a source."""
    asked = update(sources).where(sources.c.name == name).values(asked_at=at)
    return connection.execute(asked).rowcount == 1


def _set(connection: Connection, lease: Lease, **values: Any) -> None:
    if connection.execute(update(sources).where(mine(lease)).values(**values)).rowcount != 1:
        raise lost(lease)
