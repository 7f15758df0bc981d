"""Mutes as the store keeps them, and what waits when one begins.

A mute that begins silences what waits and was not claimed. What a person asked to have sent again is sent, and that a
condition closed is told to whoever heard of its opening.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    insert,
    select,
    update,
)

from jobwatch.core.muting import Mute, Silence, answer, fits_job, fits_source
from jobwatch.core.outbox import DeliveryState
from jobwatch.store import order
from jobwatch.store.bulk import fetch
from jobwatch.store.columns import Instant, to_micros
from jobwatch.store.order import CHUNK, Untold
from jobwatch.store.outbox_tables import deliveries, mutes, state_is
from jobwatch.store.tables import jobs, sources, unfinished


class Silenced(NamedTuple):
    """How much a silence fits: unfinished jobs, and deliveries that wait."""

    jobs: int
    waiting: int


_holds: ColumnElement[bool] = and_(
    mutes.c.ended_at.is_(None), mutes.c.expires_at > bindparam("now", type_=Instant())
)
_active = select(mutes).where(_holds).order_by(mutes.c.id)
_held_ids = select(mutes.c.id).where(_holds)


def active(connection: Connection, now: datetime) -> tuple[Mute, ...]:
    """What silences something now, the oldest first."""
    # Mostly there is none, and every page asks.
    if not fetch(connection, _held_ids, {"now": to_micros(now)}):
        return ()
    return tuple(map(_mute, connection.execute(_active, {"now": now})))


def every(connection: Connection) -> list[Mute]:
    """Those that are over as well, the newest first."""
    return list(map(_mute, connection.execute(select(mutes).order_by(mutes.c.id.desc()))))


def begin(connection: Connection, silence: Silence, until: datetime, now: datetime) -> Mute:
    """Begin a mute, and mute what waits and fits."""
    id_ = connection.execute(
        insert(mutes)
        .values(
            source=silence.source,
            job=silence.job,
            description=silence.description,
            reason=silence.reason,
            created_at=now,
            expires_at=until,
        )
        .returning(mutes.c.id)
    ).scalar_one()
    mute = Mute(id=id_, silence=silence, created_at=now, expires_at=until)
    if mute.holds(now):
        _mute_waiting(connection, mute, now)
    return mute


def end(connection: Connection, id_: int, now: datetime) -> bool:
    """End a mute before its time; False if there is none of this number that still holds."""
    ended = update(mutes).where(mutes.c.id == id_, _holds).values(ended_at=bindparam("now"))
    return connection.execute(ended, {"now": now}).rowcount == 1


def silenced(connection: Connection, silence: Silence) -> Silenced:
    """What a silence fits now."""
    found = connection.execute(_unfinished.execution_options(yield_per=CHUNK))
    known = sum(fits_job(silence, row.name, _name(row), row.description) for row in found)
    return Silenced(jobs=known, waiting=sum(1 for _ in _waiting(connection, silence, _read_part)))


def _mute(row: Row[*tuple[Any, ...]]) -> Mute:
    return Mute(
        id=row.id,
        silence=Silence(
            source=row.source, job=row.job, description=row.description, reason=row.reason
        ),
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )


_unfinished = (
    select(sources.c.name, jobs.c.scope, jobs.c.job_id, jobs.c.description)
    .join_from(jobs, sources, sources.c.id == jobs.c.source_id)
    .where(unfinished)
)
_of_job = and_(
    jobs.c.source_id == deliveries.c.source_id,
    jobs.c.scope == deliveries.c.scope,
    jobs.c.job_id == deliveries.c.job_id,
)
# What jobwatch tells of itself belongs to no source, and no mute fits it.
_part = (
    select(
        deliveries.c.id,
        deliveries.c.scope,
        deliveries.c.job_id,
        sources.c.name,
        jobs.c.description,
    )
    .join_from(deliveries, sources, sources.c.id == deliveries.c.source_id)
    .join(jobs, _of_job, isouter=True)
    .where(
        deliveries.c.id > bindparam("after"),
        state_is("pending"),
        ~deliveries.c.closing,
        ~deliveries.c.manual,
    )
    .order_by(deliveries.c.id)
    .limit(CHUNK)
)
_locked_part = _part.with_for_update(of=deliveries, skip_locked=True)
Part = Callable[[Connection, int], list[Row[*tuple[Any, ...]]]]


def _read_part(connection: Connection, after: int) -> list[Row[*tuple[Any, ...]]]:
    return list(connection.execute(_part, {"after": after}))


def _lock_part(connection: Connection, after: int) -> list[Row[*tuple[Any, ...]]]:
    return list(connection.execute(_locked_part, {"after": after}))


def _waiting(connection: Connection, silence: Silence, part: Part) -> Iterator[int]:
    """The waiting deliveries that a silence fits."""
    after = 0
    while rows := part(connection, after):
        yield from (row.id for row in rows if _fits(silence, row))
        after = rows[-1].id


def _fits(silence: Silence, row: Row[*tuple[Any, ...]]) -> bool:
    if not row.job_id:
        return fits_source(silence, row.name)
    return fits_job(silence, row.name, _name(row), row.description or "")


def _name(row: Row[*tuple[Any, ...]]) -> str:
    """The job's name within its source, as `core.documents.subject` writes it."""
    return f"{row.scope}/{row.job_id}" if row.scope else row.job_id


def _mute_waiting(connection: Connection, mute: Mute, now: datetime) -> None:
    found = list(_waiting(connection, mute.silence, _lock_part))
    order.settle_untold(connection, found, Untold(DeliveryState.MUTED, now, answer(mute)))
