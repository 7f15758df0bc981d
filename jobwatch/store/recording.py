"""`record`: snapshots, changes, events, deliveries and counters of one batch in one fenced transaction."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import IntegrityError

from jobwatch.core.census import EVENTS, Series
from jobwatch.core.diff import TOLD_KINDS, ChangeKind
from jobwatch.core.documents import document
from jobwatch.core.documents import encode as encode_document
from jobwatch.core.errors import StaleWrite
from jobwatch.core.events import JobEvent
from jobwatch.core.model import JobKey
from jobwatch.core.outbox import DeliveryState
from jobwatch.core.recording import Batch, Entry
from jobwatch.store import order, series
from jobwatch.store.bulk import insert_many
from jobwatch.store.columns import clean, to_json, to_micros
from jobwatch.store.fencing import take_numbers
from jobwatch.store.outbox_tables import deliveries, events
from jobwatch.store.snapshots import encode, insert_rows, update_rows
from jobwatch.store.tables import changes, jobs
from jobwatch.store.values import Lease, Recorded

_CHANGE = tuple(changes.columns.keys())
_EVENT = (
    "id",
    "source_id",
    "sequence",
    "type",
    "severity",
    "scope",
    "job_id",
    "ending",
    "recorded_at",
    "observed_at",
    "late",
    "detail_until",
    "released_at",
    "body",
)
_DELIVERY = (
    "event_id",
    "receiver",
    "source_id",
    "scope",
    "job_id",
    "sequence",
    "ending",
    "state",
    "reason",
    "due_at",
    "deadline",
    "created_at",
)

_versions = (
    select(jobs.c.row, jobs.c.version)
    .where(
        jobs.c.source_id == bindparam("of_source"),
        jobs.c.row.in_(bindparam("rows", expanding=True)),
    )
    .with_for_update()
)
_KEPT_KINDS = TOLD_KINDS | {ChangeKind.MISSING, ChangeKind.REFUSED}


@dataclass(frozen=True, slots=True)
class _Told:
    """An event with its number and its document. `event` is the entry's, so that it is not None here."""

    entry: Entry
    event: JobEvent
    sequence: int
    id: str
    body: bytes


def record(connection: Connection, lease: Lease, batch: Batch, now: datetime) -> Recorded:
    """Write everything of the batch, or nothing. Raises `FenceLost`, `StaleWrite`.

    1. Prove the lease, and take numbers for new jobs and for events.
    2. Snapshots: new ones, and those that still have the version that was read.
    3. Changes, events and deliveries; an ending supersedes what is pending of its job.
    4. Counters.
    """
    fresh = [entry for entry in batch.entries if entry.change.before is None]
    telling = [entry for entry in batch.entries if entry.event is not None]
    start = take_numbers(connection, lease, events=len(telling), rows=len(fresh))
    rows = _write_jobs(connection, lease, batch.entries, start.row)
    told = list(_numbered(telling, start.sequence))
    _write_changes(connection, lease, batch.entries, told)
    _write_events(connection, lease, told, batch.recorded_at)
    sent = _write_deliveries(connection, lease, told, batch.recorded_at, now)
    _drop_old_news(connection, told, now)
    _count(connection, lease, batch, told)
    return Recorded(rows=rows, events=len(told), deliveries=sent)


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


def _check_versions(connection: Connection, lease: Lease, entries: Iterable[Entry]) -> None:
    """Lock the rows to change and hold their versions against those that were read."""
    read = [(before.row, before.version) for entry in entries if (before := entry.change.before)]
    expected = dict(read)
    remaining = iter(expected)
    while chunk := list(islice(remaining, order.CHUNK)):
        found = connection.execute(_versions, {"of_source": lease.source_id, "rows": chunk})
        versions = dict(found.all())
        if any(versions.get(row) != expected[row] for row in chunk):
            raise StaleWrite(f"a job of {lease.source} changed since it was read")
    if len(expected) != len(read):
        raise StaleWrite(f"a job of {lease.source} stands twice in one batch")


def _numbered(entries: Iterable[Entry], sequence: int) -> Iterable[_Told]:
    for number, entry in enumerate(entries, sequence + 1):
        if entry.event is not None:
            draft = document(entry.event, number)
            yield _Told(entry, entry.event, number, str(draft["id"]), encode_document(draft))


def _write_changes(
    connection: Connection, lease: Lease, entries: Iterable[Entry], told: Iterable[_Told]
) -> None:
    ids = {id(each.entry): each.id for each in told}
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
            ids.get(id(entry)),
            to_json({routed.receiver: routed.reason.value for routed in entry.routes}),
        )
        for entry in entries
        if (change := entry.change).kind in _KEPT_KINDS and not change.history
    ]
    if rows:
        insert_many(connection, changes, _CHANGE, rows)


def _write_events(
    connection: Connection, lease: Lease, told: Sequence[_Told], at: datetime
) -> None:
    recorded_at = to_micros(at)
    rows = [
        (
            each.id,
            lease.source_id,
            each.sequence,
            each.event.type.value,
            each.event.severity.value,
            clean(each.event.snapshot.job.scope),
            clean(each.event.snapshot.job.id),
            each.event.ending,
            recorded_at,
            to_micros(each.event.observed_at),
            each.event.late,
            to_micros(each.entry.detail_until),
            None if each.entry.detail_until else recorded_at,
            each.body,
        )
        for each in told
    ]
    if rows:
        insert_many(connection, events, _EVENT, rows)


def _write_deliveries(
    connection: Connection, lease: Lease, told: Sequence[_Told], at: datetime, now: datetime
) -> int:
    due_at, created_at = to_micros(now), to_micros(at)
    rows = [
        (
            each.id,
            routed.receiver,
            lease.source_id,
            clean(each.event.snapshot.job.scope),
            clean(each.event.snapshot.job.id),
            each.sequence,
            each.event.ending,
            DeliveryState.PENDING.value,
            routed.reason.value,
            due_at,
            None if routed.give_up_after is None else to_micros(at + routed.give_up_after),
            created_at,
        )
        for each in told
        for routed in each.entry.routes
        if routed.wanted
    ]
    if rows:
        insert_many(connection, deliveries, _DELIVERY, rows)
    return len(rows)


def _drop_old_news(connection: Connection, told: Iterable[_Told], now: datetime) -> None:
    remaining = (
        each.id for each in told if each.event.ending and each.entry.change.before is not None
    )
    while endings := list(islice(remaining, order.CHUNK)):
        order.supersede(connection, order.older_news(connection, endings), now)


def _count(connection: Connection, lease: Lease, batch: Batch, told: Iterable[_Told]) -> None:
    subject = str(lease.source_id)
    added: Counter[Series] = Counter(batch.counts.added)
    added.update(Series(EVENTS, (each.event.type.value,)) for each in told)
    amounts = {_key(subject, each): value for each, value in added.items()}
    latest = {_key(subject, each): value for each, value in batch.counts.latest.items()}
    series.add(connection, amounts, latest=latest)


def _key(subject: str, each: Series) -> series.Key:
    return "source", subject, each
