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
    moment,
    percent,
    plain,
    tasks,
)
from jobwatch.core.forecast import Forecast
from jobwatch.core.model import Progress, Snapshot
from jobwatch.store.values import ChangeRow, ConditionRow
from jobwatch.story.fields import detail_fields, fields, meaning
from jobwatch.story.phrases import pace

TEXT_CELLS = 300
BAR_CELLS = 24
NO_FORECAST = Forecast()


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


def _fields(snapshot: Snapshot, now: datetime) -> Iterator[tuple[str, Text]]:
    styled = {"status": _status(snapshot), "progress": _progress(snapshot.job.progress)}
    for name, words in fields(snapshot, now):
        style = "red" if name == "unknown to the cloud" else ""
        yield name, styled.get(name) or cell(words, TEXT_CELLS, style)


def _status(snapshot: Snapshot) -> Text:
    job = snapshot.job
    words = f"{plain(job.status, TEXT_CELLS)} ({meaning(snapshot)})"
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
        for name, text in detail_fields(detail)
    )


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
