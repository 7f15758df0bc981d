"""Choosing which fresh news goes out by itself, and folding the rest into one delivery: in the transaction that claims.

Nothing is dropped: every member is settled as absorbed and names the digest that tells it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Double,
    Integer,
    Row,
    and_,
    bindparam,
    case,
    cast,
    func,
    insert,
    select,
    tuple_,
)

from jobwatch.core import digest
from jobwatch.core.digest import Group, Plan, Waiting, Window, sample, tallied
from jobwatch.core.documents import event_id
from jobwatch.core.events import Count, DigestEvent, EventType, Severity
from jobwatch.core.outbox import DeliveryState
from jobwatch.core.routing import RouteReason
from jobwatch.store import order
from jobwatch.store.order import Untold
from jobwatch.store.outbox_tables import deliveries, events
from jobwatch.store.outbox_values import Manner
from jobwatch.store.receivers import OWN_SOURCE, take_own_numbers
from jobwatch.store.tables import jobs, sources
from jobwatch.store.telling import numbered

SAMPLES = 10
"""Events that a digest shows in full, the most severe first."""

_group = (events.c.source_id, events.c.type)
_may_be_told = and_(order.sendable, order.fresh, deliveries.c.due_at <= bindparam("now"))
_waiting = (
    select(*_group, func.count(), func.min(deliveries.c.created_at))
    .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
    # A flood waits for its window: counting it at every claim would cost the more, the more waits.
    .where(_may_be_told, tuple_(*_group).not_in(bindparam("filling", expanding=True)))
    .group_by(*_group)
)
NO_GROUP = Group(-1, "")
_oldest = (
    select(deliveries.c.id)
    .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
    .where(
        _may_be_told,
        events.c.source_id == bindparam("of_source"),
        events.c.type == bindparam("of_type"),
    )
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(of=deliveries, skip_locked=True)
)
_members = (
    select(deliveries.c.id)
    .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
    .where(_may_be_told, tuple_(*_group).in_(bindparam("groups", expanding=True)))
    .order_by(deliveries.c.id)
    .with_for_update(of=deliveries, skip_locked=True)
)
_told = deliveries.c.digest_id == bindparam("digest")
_of_job = and_(*(jobs.c[name] == deliveries.c[name] for name in ("source_id", "scope", "job_id")))
# Of jobs that ended alone: another event may come several times of one job.
_tasks, _failed = (
    func.coalesce(func.sum(case((events.c.ending, cast(jobs.c[name], Double)))), 0.0)
    for name in ("total", "failed")
)
_kind = (sources.c.name, events.c.type, events.c.severity)
_counts = (
    select(*_kind, func.count(), _tasks, _failed)
    .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
    .join(sources, sources.c.id == events.c.source_id, isouter=True)
    .join(jobs, _of_job, isouter=True)
    .where(_told)
    .group_by(*_kind)
)
_span = (
    select(
        func.min(events.c.recorded_at),
        func.max(events.c.recorded_at),
        func.min(deliveries.c.created_at),
        func.max(order.fresh_since),
        func.max(case((deliveries.c.closing, 1), else_=0)),
    )
    .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
    .where(_told)
)
_rank = case(
    {Severity.CRITICAL.value: 0, Severity.WARNING.value: 1}, value=events.c.severity, else_=2
)
_samples = (
    select(events.c.body)
    .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
    .where(_told)
    .order_by(_rank, events.c.position)
    .limit(SAMPLES)
)


class Sifted(NamedTuple):
    """Deliveries to claim, the windows afterwards, and when the next window with something in it ends."""

    ids: list[int]
    windows: Mapping[Group, Window]
    again_at: datetime | None


def sift(
    connection: Connection,
    manner: Manner,
    windows: Mapping[Group, Window],
    slots: int,
    now: datetime,
) -> Sifted:
    """Choose at most `slots` deliveries among fresh news; what is to be told together becomes one of them."""
    if manner.digest is None:
        return Sifted([], windows, None)
    asked = {"to": manner.receiver, "now": now}
    full = digest.filling(windows, manner.digest, now)
    counted = {**asked, "filling": [*full, NO_GROUP]}
    waiting = [
        Waiting(Group(source_id, type_), count, since)
        for source_id, type_, count, since in connection.execute(_waiting, counted)
    ]
    plan = digest.plan(waiting, windows, manner.digest, slots=slots, now=now)
    ids, after = _alone(connection, plan, asked)
    ends = [window.until for window in full.values()]
    if plan.again_at is not None:
        ends.append(plan.again_at)
    if after != plan.windows:
        ends.append(now)
    if plan.together:
        members = connection.scalars(_members, {**asked, "groups": list(plan.together)}).all()
        if members:
            ids.insert(0, _fold(connection, manner, members, now))
        # What somebody else held just now is told when the next window ends.
        ends += [after[group].until for group in plan.together]
    return Sifted(ids, after, min(ends, default=None))


def _alone(
    connection: Connection, plan: Plan, asked: Mapping[str, Any]
) -> tuple[list[int], Mapping[Group, Window]]:
    """What goes out by itself, and the windows then: what somebody else holds for a moment did not use them up."""
    ids: list[int] = []
    after = dict(plan.windows)
    for group, count in plan.alone.items():
        which = {"of_source": group.source_id, "of_type": group.type, "limit": count}
        found = connection.scalars(_oldest, {**asked, **which}).all()
        ids += found
        left = after[group].alone - (count - len(found))
        after[group] = after[group]._replace(alone=left)
    return ids, after


def _fold(connection: Connection, manner: Manner, members: Sequence[int], now: datetime) -> int:
    """One delivery that tells all of these; they are absorbed. Returns its number."""
    if len(members) == 1:
        return members[0]
    sequence = take_own_numbers(connection, 1) + 1
    blank = DigestEvent(
        origin=manner.origin,
        severity=Severity.INFO,
        receiver=manner.receiver,
        observed_at=now,
        began_at=now,
        ended_at=now,
    )
    # The id says which digest this is, not what is in it: so members can be marked with it before they are read.
    digest_id = event_id(blank, sequence)
    untold = Untold(DeliveryState.ABSORBED, now, digest_id=digest_id)
    order.settle_untold(connection, members, untold)
    which = {"digest": digest_id}
    began_at, ended_at, oldest_at, youngest_at, closing = connection.execute(_span, which).one()
    counts = tuple(_count(row) for row in connection.execute(_counts, which))
    event = replace(
        blank,
        severity=max((each.severity for each in counts), key=list(Severity).index),
        began_at=began_at,
        ended_at=ended_at,
        counts=tallied(counts),
        samples=tuple(sample(json.loads(body)) for body in connection.scalars(_samples, which)),
    )
    terms = _Terms(oldest_at, youngest_at, now, manner.give_up_after, bool(closing))
    return _write(connection, event, sequence, terms)


class _Terms(NamedTuple):
    """Since when a digest waits, when it is written, and for how long it is tried.

    `youngest_at`: it is as young as its youngest member, and too old to be told only once all of them are.
    `closing`: it tells, among the rest, that a condition closed, and is never too old.
    """

    created_at: datetime
    youngest_at: datetime
    now: datetime
    give_up_after: timedelta | None
    closing: bool

    @property
    def deadline(self) -> datetime | None:
        return None if self.give_up_after is None else self.now + self.give_up_after


def _count(row: Row[*tuple[Any, ...]]) -> Count:
    source, type_, severity, count, tasks, failed = row
    return Count(
        source=source or "",
        type=EventType(type_),
        severity=Severity(severity),
        count=count,
        tasks=int(tasks),
        tasks_failed=int(failed),
    )


def _write(connection: Connection, event: DigestEvent, sequence: int, terms: _Terms) -> int:
    digest_id, body = numbered(event, sequence)
    told = {"source_id": OWN_SOURCE, "sequence": sequence, "scope": "", "ending": False}
    connection.execute(
        insert(events).values(
            **told,
            id=digest_id,
            job_id="",
            type=event.type.value,
            severity=event.severity.value,
            recorded_at=terms.now,
            observed_at=event.observed_at,
            late=False,
            released_at=terms.now,
            body=body,
            routes={event.receiver: RouteReason.DIGEST.value},
        )
    )
    # Named after itself: no digest waits for another one's turn.
    written = insert(deliveries).values(
        **told,
        event_id=digest_id,
        receiver=event.receiver,
        job_id=digest_id,
        state=DeliveryState.PENDING,
        reason=RouteReason.DIGEST.value,
        due_at=terms.now,
        deadline=terms.deadline,
        created_at=terms.created_at,
        renewed_at=terms.youngest_at,
        closing=terms.closing,
    )
    number: int = connection.execute(written.returning(deliveries.c.id)).scalar_one()
    return number
