"""Names that changed in the configuration: what is known under the old one is found under the new one.

Law: a name is only taken from something that is not configured any more, and only where what it names is the same beyond
doubt: the account and region of a source, the very place and keys of a receiver.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from jobwatch.core.overview import Identity
from jobwatch.store.outbox_tables import conditions, deliveries, is_open, mutes, receivers
from jobwatch.store.receivers import OWN_SOURCE
from jobwatch.store.tables import series, sources

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
    that share one are told apart by nothing, and keep their names.
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
    return renamed


def _was_told(connection: Connection, name: str) -> bool:
    """Whether there is anything of a receiver of that name already: two queues are not put together."""
    delivery = select(deliveries.c.id).where(deliveries.c.receiver == name)
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
    connection.execute(update(deliveries).where(deliveries.c.receiver == old).values(receiver=new))
    own = (series.c.subject_kind == "receiver", series.c.subject_id == old)
    connection.execute(update(series).where(*own).values(subject_id=new))
    about = (conditions.c.source_id == OWN_SOURCE, conditions.c.receiver == old)
    connection.execute(update(conditions).where(*about).values(receiver=new, job_id=new))
    _rename_told(connection, old, new)


def _rename_told(connection: Connection, old: str, new: str) -> None:
    """Whoever was told that a condition opened is told that it closed, by whatever name."""
    found = connection.execute(select(conditions.c.id, conditions.c.told).where(is_open)).all()
    for id_, told in found:
        if old in told:
            values: dict[str, Any] = {"told": _without(told, old, new)}
            connection.execute(update(conditions).where(conditions.c.id == id_).values(values))


def _without(told: Sequence[str], old: str, new: str) -> list[str]:
    return list(dict.fromkeys(new if name == old else name for name in told))
