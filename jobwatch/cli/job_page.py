"""One job as a person reads it: its fields, its detail, its changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.table import Table
from rich.text import Text

from jobwatch.cli.screen import cell, grid, style_of, table
from jobwatch.cli.text import (
    NOTHING,
    count,
    instant,
    length,
    moment,
    percent,
    plain,
    status_of,
    tasks,
)
from jobwatch.core.forecast import Forecast
from jobwatch.core.model import Progress, Snapshot
from jobwatch.store.values import ChangeRow, ConditionRow

TEXT_CELLS = 300
BAR_CELLS = 24
SECONDS_AN_HOUR = 3600
NO_FORECAST = Forecast()
A_FEW = 10
"""So many an hour and more are told as whole numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How fast a job works and when it will be done, the conditions that are open, when its expiry was told."""

    forecast: Forecast = NO_FORECAST
    opened: Sequence[ConditionRow] = ()
    expiry_told_at: datetime | None = None


NO_OUTLOOK = Outlook()


def fields_grid(snapshot: Snapshot, now: datetime, outlook: Outlook = NO_OUTLOOK) -> Table:
    """What the listing and our own watching know of a job."""
    expires_at = snapshot.job.output_expires_at
    output = _output(expires_at, outlook, now) if expires_at else ()
    return grid([*_fields(snapshot, now), *output, *_outlook(snapshot, outlook, now)])


def _output(expires_at: datetime, outlook: Outlook, now: datetime) -> Iterator[tuple[str, Text]]:
    """How long what the job gave can be fetched, and whether people were reminded."""
    gone = expires_at <= now
    words = f"{'expired' if gone else 'expires'} {moment(expires_at, now)}"
    yield "output", Text(words, style="" if gone else "yellow")
    if outlook.expiry_told_at is not None:
        yield "reminded of it", Text(moment(outlook.expiry_told_at, now))


def _outlook(snapshot: Snapshot, outlook: Outlook, now: datetime) -> Iterator[tuple[str, Text]]:
    for row in outlook.opened:
        reminded = f", reminded of {count(row.reminders, 'time')}" if row.reminders else ""
        words = f"{row.name} since {moment(row.since, now)}{reminded}"
        yield "problem", cell(words, TEXT_CELLS, "bold yellow")
    if not snapshot.unfinished or outlook.forecast.rate is None:
        return
    yield "pace", Text(pace(outlook.forecast.rate))
    if outlook.forecast.done_at is not None:
        yield "done", Text(f"{moment(outlook.forecast.done_at, now)}, at this pace")


def pace(rate: float) -> str:
    """Tasks a second, or an hour where that says more."""
    if rate <= 0:
        return "no task finished lately"
    if rate >= 1:
        return f"{rate:,.1f} tasks a second"
    hourly = rate * SECONDS_AN_HOUR
    return f"{hourly:,.0f} tasks an hour" if hourly >= A_FEW else f"{hourly:,.1f} tasks an hour"


def _fields(snapshot: Snapshot, now: datetime) -> Iterator[tuple[str, Text]]:
    job = snapshot.job
    yield "description", cell(job.description or NOTHING, TEXT_CELLS)
    if job.scope:
        yield "scope", cell(job.scope, TEXT_CELLS)
    yield "operation", cell(job.operation or NOTHING, TEXT_CELLS)
    yield "status", _status(snapshot)
    yield "progress", _progress(job.progress)
    yield "priority", Text(NOTHING if job.priority is None else str(job.priority))
    yield "created", Text(moment(job.created_at, now))
    yield "seen running", Text(moment(snapshot.started_at, now))
    yield "ended", Text(moment(job.ended_at, now))
    if job.created_at and job.ended_at:
        yield "took", Text(length(job.ended_at - job.created_at))
    yield "in this status", Text(moment(snapshot.status_since, now))
    yield "last progress", Text(moment(snapshot.progressed_at if job.progress else None, now))
    yield "first seen", Text(moment(snapshot.first_seen_at, now))
    yield "recorded", Text(moment(snapshot.observed_at, now))
    if snapshot.missing_since is not None:
        yield "unknown to the cloud", Text(moment(snapshot.missing_since, now), style="red")


def _status(snapshot: Snapshot) -> Text:
    job = snapshot.job
    meaning = status_of(snapshot) if snapshot.outcome else job.phase.value
    words = f"{plain(job.status, TEXT_CELLS)} ({meaning})"
    return Text(words, style=style_of(job.phase, snapshot.outcome))


def _progress(progress: Progress | None) -> Text:
    """A bar: succeeded, failed, and what is left; never longer than the whole, whatever the cloud counts."""
    if progress is None or not progress.total:
        return Text(NOTHING)
    whole = max(progress.total, progress.finished)
    succeeded = BAR_CELLS * progress.succeeded // whole
    # A single failure shows: that is what people look for.
    failed = max(BAR_CELLS * progress.failed // whole, 1 if progress.failed else 0)
    succeeded = min(succeeded, BAR_CELLS - failed)
    return Text.assemble(
        ("█" * succeeded, "green"),
        ("█" * failed, "red"),
        ("░" * (BAR_CELLS - succeeded - failed), "dim"),
        f" {percent(progress)} ({tasks(progress)})",
    )


def detail_grid(detail: Mapping[str, object]) -> Table:
    """What DescribeJob added, as it was told."""
    return grid(
        (name, cell(text, TEXT_CELLS, "red" if name == "failed because" else ""))
        for name, text in _details(detail)
    )


def _details(detail: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in detail.items():
        if name == "failures":
            yield from (("failed because", reason) for reason in failure_reasons(detail))
        elif name == "fields" and isinstance(value, Mapping):
            yield from _details(value)
        elif isinstance(value, Mapping):
            parts = ", ".join(f"{key}: {item}" for key, item in value.items())
            yield name, parts or NOTHING
        elif value is not None:
            yield name.replace("_", " "), str(value)


def failure_reasons(detail: Mapping[str, object]) -> list[str]:
    """Why a job failed, as `code: message`, from an event's detail."""
    failures = detail.get("failures")
    if not isinstance(failures, Sequence) or isinstance(failures, str):
        return []
    pairs = [
        (str(each.get("code") or ""), str(each.get("message") or ""))
        for each in failures
        if isinstance(each, Mapping)
    ]
    return [": ".join(part for part in pair if part) for pair in pairs if any(pair)]


def changes_table(changes: Sequence[ChangeRow]) -> Table:
    """Every recorded change, and for each receiver why it was told or was not."""
    made = table("seen", "what", "status", "told")
    for change in changes:
        made.add_row(
            Text(instant(change.observed_at)),
            cell(_what(change)),
            cell(_step(change)),
            cell(_told(change)),
        )
    return made


def _what(change: ChangeRow) -> str:
    notes = [change.kind.replace("_", " ")]
    notes += ["history"] if change.history else []
    notes += ["late"] if change.late else []
    return ", ".join(notes)


def _step(change: ChangeRow) -> str:
    if change.status_before in (None, change.status_after):
        return plain(change.status_after, TEXT_CELLS)
    return plain(f"{change.status_before} → {change.status_after}", TEXT_CELLS)


def _told(change: ChangeRow) -> str:
    if change.event_id is None:
        return "nobody: no event"
    if not change.routes:
        return "nobody: there is no receiver"
    reasons = (f"{name}: {reason.replace('_', ' ')}" for name, reason in change.routes.items())
    return "; ".join(reasons)
