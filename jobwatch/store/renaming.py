"""Names that changed in the configuration: what is known under the old one is found under the new one.

Law: a name is only taken from something that is not configured any more, and only where what it names is the same beyond
doubt: the account and region of a source, the very place and keys of a receiver.

A receiver's new name stays known: what is told to the old one afterwards, by a sweep that had begun before, follows.
What was delivered under the old name stays written down so: it is what happened.
"""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection, and_, exists, or_, select, update

from jobwatch.core.overview import Identity
from jobwatch.store import aliases
from jobwatch.store.outbox_tables import (
    conditions,
    deliveries,
    events,
    is_open,
    mutes,
    receivers,
    state_is,
)
from jobwatch.store.receivers import OWN_SOURCE
from jobwatch.store.tables import series, sources

AT_ONCE = 500
"""Deliveries named in one statement."""

UNNUMBERED = frozenset({"", "-"})
"""Accounts that say nothing: whose the keys are. Other keys may be another account's."""


def rename_sources(connection: Connection, wanted: Mapping[str, Identity]) -> dict[str, str]:
    """Give sources that are wanted under a new name that name. Returns old names by new ones.

    Where several sources of the past had that account, the one that was tried last is meant.
    """
    rows = connection.execute(
        select(
            sources.c.id, sources.c.name, sources.c.kind, sources.c.region, sources.c.account
        ).order_by(sources.c.attempted_at.is_not(None), sources.c.attempted_at)
    ).all()
    known = {row.name for row in rows}
    free = {(row.kind, row.region, row.account): row for row in rows if row.name not in wanted}
    renamed = {}
    for name, identity in wanted.items():
        place = (identity.kind, identity.region, identity.account)
        if name in known or place not in free or identity.account in UNNUMBERED:
            continue
        row = free[place]
        connection.execute(update(sources).where(sources.c.id == row.id).values(name=name))
        connection.execute(update(mutes).where(mutes.c.source == row.name).values(source=name))
        renamed[name] = row.name
    return renamed


def rename_receivers(
    connection: Connection, configured: Collection[str], fingerprints: Mapping[str, str]
) -> dict[str, str]:
    """Give receivers that are reached as before under a new name that name. Returns old names by new ones.

    `fingerprints` are keyed hashes of where and how each configured receiver is reached, as `keep` was given them. Two
    that share one are told apart by nothing, and keep their names. What waits is brought over by `follow`.
    """
    rows = connection.execute(select(receivers.c.name, receivers.c.config_hash)).all()
    known = {row.name for row in rows}
    gone = _alone((row.config_hash, row.name) for row in rows if row.name not in configured)
    new = _alone((mark, name) for name, mark in fingerprints.items() if name not in known)
    renamed = {
        name: gone[mark]
        for mark, name in new.items()
        if mark in gone and not _was_told(connection, name)
    }
    for name, old in renamed.items():
        _rename_receiver(connection, old, name)
    if renamed:
        aliases.add(connection, {old: name for name, old in renamed.items()}, configured)
    return renamed


def follow(connection: Connection, configured: Collection[str], limit: int) -> int:
    """Bring over what waits for receivers, or was given up, under names that they had before; `limit` at most.

    Returns how much it was. What the same event has under both names stays where it is.
    """
    moved = 0
    for old, new in aliases.known(connection).items():
        if old not in configured and moved < limit:
            moved += _bring_over(connection, old, new, limit - moved)
            _rename_told(connection, old, new)
    return moved


def _bring_over(connection: Connection, old: str, new: str, limit: int) -> int:
    """In two steps, each of which has an index of its own."""
    twin = deliveries.alias()
    is_there = exists().where(twin.c.event_id == deliveries.c.event_id, twin.c.receiver == new)
    moved = 0
    for state in (state_is("pending", "claimed"), state_is("dead")):
        some = select(deliveries.c.id).where(deliveries.c.receiver == old, state, ~is_there)
        ids = connection.scalars(some.limit(limit - moved)).all()
        for first in range(0, len(ids), AT_ONCE):
            part = deliveries.c.id.in_(ids[first : first + AT_ONCE])
            connection.execute(update(deliveries).where(part).values(receiver=new))
        moved += len(ids)
    return moved


def _was_told(connection: Connection, name: str) -> bool:
    """Whether there is anything of a receiver of that name already: two queues are not put together."""
    # What was settled is counted: only what waits has to be looked for, which has an index.
    waits = state_is("pending", "claimed")
    delivery = select(deliveries.c.id).where(deliveries.c.receiver == name, waits)
    counted = select(series.c.name).where(
        series.c.subject_kind == "receiver", series.c.subject_id == name
    )
    return any(connection.execute(each.limit(1)).first() for each in (delivery, counted))


def _alone(marked: Iterable[tuple[str | None, str]]) -> dict[str, str]:
    """Names by their mark, without those that share one or have none."""
    names: dict[str, list[str]] = {}
    for mark, name in marked:
        if mark is not None:
            names.setdefault(mark, []).append(name)
    return {mark: of[0] for mark, of in names.items() if len(of) == 1}


def _rename_receiver(connection: Connection, old: str, new: str) -> None:
    connection.execute(update(receivers).where(receivers.c.name == old).values(name=new))
    own = (series.c.subject_kind == "receiver", series.c.subject_id == old)
    connection.execute(update(series).where(*own).values(subject_id=new))
    about = (conditions.c.source_id == OWN_SOURCE, conditions.c.receiver == old)
    connection.execute(update(conditions).where(*about).values(receiver=new, job_id=new))
    # News of one receiver goes out in order, as news of one job does.
    queued = and_(deliveries.c.source_id == OWN_SOURCE, deliveries.c.job_id == old)
    waits = or_(state_is("pending", "claimed"), state_is("dead"))
    connection.execute(update(deliveries).where(queued, waits).values(job_id=new))
    _rename_told(connection, old, new)


def _rename_told(connection: Connection, old: str, new: str) -> None:
    """Whoever was told that a condition opened is told that it closed, by whatever name."""
    found = connection.execute(select(conditions.c.id, conditions.c.told).where(is_open)).all()
    for id_, told in found:
        if old in told:
            names = list(dict.fromkeys(new if name == old else name for name in told))
            connection.execute(update(conditions).where(conditions.c.id == id_).values(told=names))
            _rename_tellings(connection, id_, old, new)


def _rename_tellings(connection: Connection, condition: str, old: str, new: str) -> None:
    """What became of telling an opening decides who hears the closing."""
    telling = select(events.c.id).where(events.c.condition_id == condition)
    twin = deliveries.alias()
    is_there = exists().where(twin.c.event_id == deliveries.c.event_id, twin.c.receiver == new)
    connection.execute(
        update(deliveries)
        .where(deliveries.c.event_id.in_(telling), deliveries.c.receiver == old, ~is_there)
        .values(receiver=new)
    )
