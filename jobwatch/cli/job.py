"""`jobwatch job`: everything known of one job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jobwatch.cli.deliveries import delivery_table, read_receivers
from jobwatch.cli.ending import Failed
from jobwatch.cli.job_page import NO_OUTLOOK, Outlook, changes_table, detail_grid, fields_grid
from jobwatch.cli.reading import JobName, View, job_name, look, named, written
from jobwatch.cli.screen import OutputFormat, Screen
from jobwatch.cli.text import plain
from jobwatch.core.documents import Document
from jobwatch.store.documents import (
    change_row,
    condition_row,
    delivery_row,
    forecast_document,
    job_row,
)
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.values import (
    AttemptRow,
    ChangeRow,
    ConditionRow,
    DeliveryFilter,
    DeliveryRow,
    JobRow,
)
from jobwatch.story.explaining import pace_of

MOST_DELIVERIES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One job, what became of it, and who heard of it."""

    row: JobRow
    changes: Sequence[ChangeRow]
    deliveries: Sequence[tuple[DeliveryRow, Sequence[AttemptRow]]]
    conditions: Sequence[ConditionRow] = ()
    outlook: Outlook = NO_OUTLOOK


def show_job(config: Path | None, name: str, output: OutputFormat) -> None:
    """Show one job, its changes and its deliveries."""
    wanted = job_name(name)

    async def show(view: View) -> None:
        await view.check_source(wanted.source)
        story = await read_job(view, await named(view, wanted))
        screen = Screen()
        if output is OutputFormat.JSON:
            screen.document(_document(story))
        else:
            rows = [row for row, _ in story.deliveries]
            _show(screen, story, view.now, await read_receivers(view, rows))

    look(config, show)


async def read_job(view: View, wanted: JobName) -> Story:
    """Read what the store keeps of a job. Raises `Failed` where it knows none of this name."""
    row = await view.store.job(wanted.source, wanted.key)
    if row is None:
        raise Failed(f"source {wanted.source} knows no job {plain(written('', *wanted.key))}")
    asked = DeliveryFilter(source=wanted.source, job_id=wanted.key.id)
    page = await view.store.deliveries(asked, limit=MOST_DELIVERIES)
    deliveries = [each for each in page.rows if each.scope == wanted.key.scope]
    conditions = await view.store.conditions(wanted.source, wanted.key)
    return Story(
        row=row,
        changes=await view.store.changes(wanted.source, wanted.key),
        deliveries=[(each, await view.store.attempts(each.id)) for each in reversed(deliveries)],
        conditions=conditions,
        outlook=await _outlook(view, row, conditions),
    )


async def _outlook(view: View, row: JobRow, conditions: Sequence[ConditionRow]) -> Outlook:
    """How fast the job works, up to the last complete sweep, and what is wrong with it."""
    states = {state.identity.name: state for state in await view.store.sources()}
    state = states.get(row.source)
    opened = tuple(each for each in conditions if each.closed_at is None)
    if not row.snapshot.unfinished or state is None:
        return Outlook(opened=opened, expiry_told_at=row.expiry_told_at)
    samples = await view.store.samples(row.source, row.snapshot.key)
    return Outlook(forecast=pace_of(samples, state, view.now).forecast, opened=opened)


def _document(story: Story) -> Document:
    return {
        "job": job_row(story.row),
        "detail": story.row.detail,
        "forecast": forecast_document(story.outlook.forecast),
        "conditions": [condition_row(row) for row in story.conditions],
        "changes": [change_row(change) for change in story.changes],
        "deliveries": [delivery_row(row, attempts) for row, attempts in story.deliveries],
    }


def _show(screen: Screen, story: Story, now: datetime, stands: Mapping[str, ReceiverRow]) -> None:
    job = story.row.snapshot.job
    screen.words(plain(written(story.row.source, job.scope, job.id)), "bold")
    screen.print(fields_grid(story.row.snapshot, now, story.outlook))
    if story.row.detail is not None:
        screen.words("\nDetail", "bold")
        screen.print(detail_grid(story.row.detail))
    screen.words("\nChanges", "bold")
    if story.changes:
        screen.print(changes_table(story.changes))
    else:
        screen.words("  none recorded")
    screen.words("\nDeliveries", "bold")
    if story.deliveries:
        rows = [row for row, _ in story.deliveries]
        screen.print(delivery_table(screen, rows, now, stands))
    else:
        screen.words("  none")
