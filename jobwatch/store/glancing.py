"""What a person sees first, and all of one job: each in one transaction that reads a bounded number of rows.

What it costs grows with the unfinished jobs, never with all that are remembered.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    and_,
    case,
    func,
    or_,
    select,
)
from sqlalchemy import type_coerce as as_

from jobwatch.core.forecast import Sample
from jobwatch.core.model import JobKey
from jobwatch.store import muting, reading, receiving, story
from jobwatch.store.columns import to_micros
from jobwatch.store.glance_values import Glance, Lately, SeenJob, Wanted, WholeStory
from jobwatch.store.outbox_tables import conditions, deliveries, is_open
from jobwatch.store.tables import jobs, progress_samples, sources, unfinished
from jobwatch.store.values import AttemptRow, ConditionRow, DeliveryRow, JobRow

ENDINGS_LOOKED_AT = 5000
"""So many of the rows recorded last are looked at for what ended lately."""

DAY = timedelta(days=1)

_Place = tuple[int, int]
"""A source and a row of it."""


def glance(connection: Connection, wanted: Wanted, now: datetime) -> Glance:
    """Everything that a person sees first."""
    states = reading.states(connection)
    of = {state.source_id: state.identity.name for state in states}
    here = [id_ for id_, name in of.items() if wanted.source in (None, name)]
    endings, lately = _endings(connection, here, wanted.endings, now)
    return Glance(
        now=now,
        sources=tuple(states),
        unfinished=_seen(connection, _newest(connection, here, wanted.unfinished)),
        unfinished_of=_unfinished_of(connection),
        troubled=_seen(connection, _troubled(connection, here, wanted.troubled)),
        troubled_of=_troubled_of(connection),
        endings=endings,
        lately=lately,
        mutes=muting.active(connection, now),
        receivers=tuple(receiving.rows(connection, wanted.receivers, now)),
    )


def _newest(connection: Connection, source_ids: Sequence[int], limit: int) -> list[_Place]:
    # The sums hide from the planner that it could walk through all jobs in their order, or through all of a source:
    # the index of the unfinished ones is what there is to read.
    latest = (as_(jobs.c.observed_at, BigInteger) + 0).desc()
    return _places(
        connection.execute(
            select(jobs.c.source_id, jobs.c.row)
            .where(unfinished, (jobs.c.source_id + 0).in_(source_ids))
            .order_by(latest, jobs.c.source_id, jobs.c.row)
            .limit(limit)
        )
    )


def _places(found: Iterable[Row[Any]]) -> list[_Place]:
    return [(row.source_id, row.row) for row in found]


def _troubled(connection: Connection, source_ids: Sequence[int], limit: int) -> list[_Place]:
    """Jobs of which a condition is open, what opened last first."""
    opened = func.max(as_(conditions.c.opened_at, BigInteger)).label("opened")
    return _places(
        connection.execute(
            select(jobs.c.source_id, jobs.c.row, opened)
            .join_from(conditions, jobs, _of_job)
            .where(is_open, conditions.c.source_id.in_(source_ids), unfinished)
            .group_by(jobs.c.source_id, jobs.c.row)
            .order_by(opened.desc(), jobs.c.source_id, jobs.c.row)
            .limit(limit)
        )
    )


_of_job: ColumnElement[bool] = (
    (jobs.c.source_id == conditions.c.source_id)
    & (jobs.c.scope == conditions.c.scope)
    & (jobs.c.job_id == conditions.c.job_id)
)


def _unfinished_of(connection: Connection) -> dict[str, int]:
    found = connection.execute(
        select(sources.c.name, func.count())
        .join_from(jobs, sources, sources.c.id == jobs.c.source_id)
        .where(unfinished)
        .group_by(sources.c.name)
    )
    return {row[0]: row[1] for row in found}


def _troubled_of(connection: Connection) -> dict[tuple[str, str], int]:
    found = connection.execute(
        select(sources.c.name, conditions.c.name, func.count())
        .join_from(conditions, sources, sources.c.id == conditions.c.source_id)
        .where(is_open, conditions.c.job_id != "")
        .group_by(sources.c.name, conditions.c.name)
    )
    return {(source, name): number for source, name, number in found}


def _endings(
    connection: Connection, source_ids: Sequence[int], limit: int, now: datetime
) -> tuple[tuple[JobRow, ...], Lately]:
    """What ended last among what was recorded last. An end that the cloud dates later than it was seen counts as then."""
    seen = as_(jobs.c.observed_at, BigInteger)
    told = func.coalesce(as_(jobs.c.ended_at, BigInteger), seen)
    latest = (
        select(
            *(jobs.c.source_id, jobs.c.row, jobs.c.outcome),
            case((told > seen, seen), else_=told).label("ended"),
        )
        .order_by(jobs.c.observed_at.desc(), jobs.c.source_id.desc(), jobs.c.row.desc())
        .limit(ENDINGS_LOOKED_AT)
        .subquery()
    )
    ended = (latest.c.outcome.is_not(None), latest.c.source_id.in_(source_ids))
    places = _places(
        connection.execute(
            select(latest.c.source_id, latest.c.row)
            .where(*ended)
            .order_by(latest.c.ended.desc(), latest.c.source_id, latest.c.row)
            .limit(limit)
        )
    )
    since = to_micros(now - DAY)
    counted = connection.execute(
        select(latest.c.outcome, func.count())
        .where(*ended, latest.c.ended >= since)
        .group_by(latest.c.outcome)
    )
    outcomes = {row[0]: row[1] for row in counted}
    cut = connection.scalar(select(func.count()).select_from(latest)) == ENDINGS_LOOKED_AT
    rows = _job_rows(connection, places)
    return tuple(rows[each] for each in places if each in rows), Lately(outcomes=outcomes, cut=cut)


def _at(table: FromClause, places: Sequence[_Place]) -> ColumnElement[bool]:
    """The rows at these places, source by source: of pairs in one list SQLite makes no search, but reads everything."""
    rows = defaultdict[int, list[int]](list)
    for source_id, row in places:
        rows[source_id].append(row)
    return or_(
        *(and_(table.c.source_id == id_, table.c.row.in_(within)) for id_, within in rows.items())
    )


def _job_rows(connection: Connection, places: Sequence[_Place]) -> dict[_Place, JobRow]:
    if not places:
        return {}
    found = connection.execute(reading.select_jobs.where(_at(jobs, places)))
    return {(row.source_id, row.row): reading.job_row(row) for row in found}


def _seen(connection: Connection, places: Sequence[_Place]) -> tuple[SeenJob, ...]:
    """Jobs in the order of these places, with what is open of them and how far they were when."""
    rows = _job_rows(connection, places)
    opened, samples = _opened(connection, places), _samples(connection, places)
    return tuple(
        SeenJob(row=rows[place], conditions=tuple(opened[place]), samples=tuple(samples[place]))
        for place in places
        if place in rows
    )


def _opened(
    connection: Connection, places: Sequence[_Place]
) -> defaultdict[_Place, list[ConditionRow]]:
    by_place = defaultdict[_Place, list[ConditionRow]](list)
    if places:
        names = ("id", "name", "since", "opened_at", "reminded_at", "reminders", "closed_at")
        found = connection.execute(
            select(jobs.c.source_id, jobs.c.row, *(conditions.c[name] for name in names))
            .join_from(jobs, conditions, _of_job)
            .where(_at(jobs, places), is_open)
            .order_by(conditions.c.opened_at, conditions.c.id)
        )
        for source_id, row, *fields in found:
            condition = ConditionRow(**dict(zip(names, fields, strict=True)))
            by_place[source_id, row].append(condition)
    return by_place


def _samples(connection: Connection, places: Sequence[_Place]) -> defaultdict[_Place, list[Sample]]:
    by_place = defaultdict[_Place, list[Sample]](list)
    if places:
        of = progress_samples.c
        found = connection.execute(
            select(of.source_id, of.row, of.at, of.total, of.succeeded, of.failed)
            .where(_at(progress_samples, places))
            .order_by(of.source_id, of.row, of.at)
        )
        for source_id, row, *fields in found:
            by_place[source_id, row].append(Sample(*fields))
    return by_place


def whole_story(
    connection: Connection, source: str, key: JobKey, limit: int, now: datetime
) -> WholeStory | None:
    """All of one job, of each kind of thing the latest so many; None if it is not known."""
    row = reading.find_job(connection, source, key)
    if row is None:
        return None
    key = row.snapshot.key
    states = {state.identity.name: state for state in reading.states(connection)}
    changes = reading.list_changes(connection, source, key, limit)
    told = story.list_told(connection, source, key, limit)
    sent = _of_events(connection, [each.event.id for each in told], limit)
    digests = _of_events(connection, [each.digest_id for each in sent if each.digest_id], limit)
    kept = story.list_conditions(connection, source, key, limit)
    return WholeStory(
        now=now,
        row=row,
        state=states.get(source),
        samples=tuple(story.list_samples(connection, source, key)),
        changes=tuple(changes),
        told=tuple(told),
        conditions=tuple(kept),
        deliveries=tuple((each, _attempts(connection, each)) for each in sent),
        digests=tuple(digests),
        receivers=tuple(receiving.rows(connection, {each.receiver for each in sent}, now)),
        cut=max(len(changes), len(told), len(sent), len(kept)) >= limit,
    )


def _of_events(connection: Connection, ids: Sequence[str], limit: int) -> list[DeliveryRow]:
    """The deliveries of these events, the latest so many, oldest first."""
    if not ids:
        return []
    found = connection.execute(
        reading.select_deliveries.where(deliveries.c.event_id.in_(ids))
        .order_by(deliveries.c.id.desc())
        .limit(limit)
    ).all()
    return [reading.delivery_row(row) for row in reversed(found)]


def _attempts(connection: Connection, row: DeliveryRow) -> tuple[AttemptRow, ...]:
    return tuple(reading.list_attempts(connection, row.id)) if row.attempts else ()
