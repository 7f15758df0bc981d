"""`record`: snapshots, changes, events, deliveries and counters of one batch in one fenced transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from jobwatch.core.census import Series
from jobwatch.core.diff import TOLD_KINDS, ChangeKind
from jobwatch.core.documents import detail_document
from jobwatch.core.errors import StaleWrite
from jobwatch.core.events import JobEvent
from jobwatch.core.model import JobKey
from jobwatch.core.muting import Mute, muted_by
from jobwatch.core.recording import Batch, Entry
from jobwatch.store import muting, noticing, order, sampling, series
from jobwatch.store.bulk import ask, insert_many
from jobwatch.store.columns import clean, to_json, to_micros
from jobwatch.store.fencing import take_numbers
from jobwatch.store.noticing import Moment
from jobwatch.store.recounting import tellings
from jobwatch.store.snapshots import encode, insert_rows, update_rows
from jobwatch.store.tables import changes, jobs
from jobwatch.store.telling import Told, counted, numbered, write_deliveries, write_events
from jobwatch.store.values import Lease, Recorded

_CHANGE = tuple(changes.columns.keys())
_versions = (
    select(jobs.c.row, jobs.c.version)
    .where(
        jobs.c.source_id == bindparam("of_source"),
        jobs.c.row.in_(bindparam("rows", expanding=True)),
    )
    .with_for_update()
)
_said = (
    update(jobs)
    .where(jobs.c.source_id == bindparam("of_source"), jobs.c.row == bindparam("at_row"))
    .values(detail=bindparam("said", type_=jobs.c.detail.type))
)
_KEPT_KINDS = TOLD_KINDS | {ChangeKind.MISSING, ChangeKind.REFUSED}


def record(connection: Connection, lease: Lease, batch: Batch, now: datetime) -> Recorded:
    """Write everything of the batch, or nothing. Raises `FenceLost`, `StaleWrite`.

    1. Prove the lease, and take numbers for new jobs and for events.
    2. Snapshots: new ones, and those that still have the version that was read.
    3. Changes, events and deliveries, muted or not; an ending supersedes what is pending of its job.
    4. Notices, with the steps of conditions that they tell.
    5. Counters.
    """
    fresh = [entry for entry in batch.entries if entry.change.before is None]
    telling = [entry for entry in batch.entries if entry.event is not None]
    events = len(telling) + len(batch.notices)
    start = take_numbers(connection, lease, events=events, rows=len(fresh))
    rows = _write_jobs(connection, lease, batch.entries, start.row)
    _keep_details(connection, lease, batch.entries, rows)
    sampling.keep(connection, lease.source_id, batch.entries, rows)
    mutes = muting.active(connection, now) if events else ()
    told = _tell(telling, start.sequence, mutes)
    _write_changes(connection, lease, batch.entries, told)
    write_events(connection, lease, told.values(), batch.recorded_at, batch.sweep)
    sent = write_deliveries(connection, lease, told.values(), batch.recorded_at, now)
    _drop_old_news(connection, telling, told, now)
    moment = Moment(batch.recorded_at, now, batch.sweep)
    sequence = start.sequence + len(told)
    noticed = noticing.write(connection, lease, batch.notices, sequence, moment, mutes)
    every = [*told.values(), *noticed.told]
    _count(connection, lease, batch, every)
    return Recorded(
        rows=rows,
        events=len(every),
        deliveries=sent + noticed.deliveries,
        tellings=tellings(every, batch.sweep),
    )


def _write_jobs(
    connection: Connection, lease: Lease, entries: Sequence[Entry], last_row: int
) -> dict[JobKey, int]:
    rows: dict[JobKey, int] = {}
    new, changed = [], []
    for entry in entries:
        change = entry.change
        if change.before is None:
            last_row += 1
            row = last_row
            new.append(encode(lease.source_id, row, change.after, history=change.history))
        else:
            row = change.before.row
            changed.append(encode(lease.source_id, row, change.after, history=False))
        rows[change.after.key] = row
    if changed:
        _check_versions(connection, lease, entries)
        update_rows(connection, changed)
    if new:
        try:
            insert_rows(connection, new)
        except IntegrityError as error:
            raise StaleWrite(
                f"a new job of {lease.source} was recorded by somebody else"
            ) from error
    return rows


def _keep_details(
    connection: Connection, lease: Lease, entries: Iterable[Entry], rows: Mapping[JobKey, int]
) -> None:
    """Keep what DescribeJob said of jobs whose change comes from its answer."""
    known = [
        {
            "of_source": lease.source_id,
            "at_row": rows[entry.change.after.key],
            "said": detail_document(entry.detail),
        }
        for entry in entries
        if entry.detail is not None
    ]
    if known:
        connection.execute(_said, known)


def _check_versions(connection: Connection, lease: Lease, entries: Iterable[Entry]) -> None:
    """Lock the rows to change and hold their versions against those that were read."""
    read = [(before.row, before.version) for entry in entries if (before := entry.change.before)]
    expected = dict(read)
    remaining = iter(expected)
    while chunk := list(islice(remaining, order.CHUNK)):
        asked = {"of_source": lease.source_id, "rows": chunk}
        found = ask(connection, _versions, asked, among="rows")
        versions: dict[int, int] = dict(map(tuple, found))
        if any(versions.get(row) != expected[row] for row in chunk):
            raise StaleWrite(f"a job of {lease.source} changed since it was read")
    if len(expected) != len(read):
        raise StaleWrite(f"a job of {lease.source} stands twice in one batch")


def _tell(entries: Iterable[Entry], sequence: int, mutes: Sequence[Mute]) -> dict[int, Told]:
    """The events of these entries, by the identity of the entry."""
    return {
        id(entry): _told(entry, entry.event, number, mutes)
        for number, entry in enumerate(entries, sequence + 1)
        if entry.event is not None
    }


def _told(entry: Entry, event: JobEvent, sequence: int, mutes: Sequence[Mute]) -> Told:
    id_, body = numbered(event, sequence)
    return Told(
        event=event,
        routes=entry.routes,
        sequence=sequence,
        id=id_,
        body=body,
        detail_until=entry.detail_until,
        muted=muted_by(event, mutes),
    )


def _write_changes(
    connection: Connection, lease: Lease, entries: Iterable[Entry], told: Mapping[int, Told]
) -> None:
    rows = [
        (
            lease.source_id,
            clean(change.after.job.scope),
            clean(change.after.job.id),
            change.after.version,
            change.kind.value,
            clean(change.before.job.status) if change.before else None,
            clean(change.after.job.status),
            change.after.outcome.value if change.after.outcome else None,
            to_micros(change.after.observed_at),
            change.authority.value,
            change.history,
            change.late,
            told[id(entry)].id if id(entry) in told else None,
            to_json(told[id(entry)].reasons if id(entry) in told else {}),
        )
        for entry in entries
        if (change := entry.change).kind in _KEPT_KINDS and not change.history
    ]
    if rows:
        insert_many(connection, changes, _CHANGE, rows)


def _drop_old_news(
    connection: Connection, entries: Iterable[Entry], told: Mapping[int, Told], now: datetime
) -> None:
    remaining = (
        each.id
        for entry in entries
        if (each := told[id(entry)]).event.ending and entry.change.before is not None
    )
    while endings := list(islice(remaining, order.CHUNK)):
        order.supersede(connection, order.older_news(connection, endings), now)


def _count(connection: Connection, lease: Lease, batch: Batch, told: Sequence[Told]) -> None:
    subject = str(lease.source_id)
    added = Counter(batch.counts.added)
    added.update(counted(told))
    amounts = {_key(subject, each): value for each, value in added.items()}
    latest = {_key(subject, each): value for each, value in batch.counts.latest.items()}
    series.add(connection, amounts, latest=latest)


def _key(subject: str, each: Series) -> series.Key:
    return "source", subject, each
