"""`jobwatch job`: everything known of one job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jobwatch.cli.deliveries import delivery_table
from jobwatch.cli.documents import change_row, delivery_row, job_row
from jobwatch.cli.ending import Failed
from jobwatch.cli.job_page import changes_table, detail_grid, fields_grid
from jobwatch.cli.reading import JobName, View, job_name, look, written
from jobwatch.cli.screen import OutputFormat, Screen
from jobwatch.cli.text import plain
from jobwatch.core.documents import Document
from jobwatch.store.values import AttemptRow, ChangeRow, DeliveryFilter, DeliveryRow, JobRow

MOST_DELIVERIES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One job, what became of it, and who heard of it."""

    row: JobRow
    changes: Sequence[ChangeRow]
    deliveries: Sequence[tuple[DeliveryRow, Sequence[AttemptRow]]]


def show_job(config: Path | None, name: str, output: OutputFormat) -> None:
    """Show one job, its changes and its deliveries."""
    wanted = job_name(name)

    async def show(view: View) -> None:
        await view.check_source(wanted.source)
        story = await _read(view, wanted)
        screen = Screen()
        if output is OutputFormat.JSON:
            screen.document(_document(story))
        else:
            _show(screen, story, view.now)

    look(config, show)


async def _read(view: View, wanted: JobName) -> Story:
    row = await view.store.job(wanted.source, wanted.key)
    if row is None:
        raise Failed(f"source {wanted.source} knows no job {plain(written('', *wanted.key))}")
    asked = DeliveryFilter(source=wanted.source, job_id=wanted.key.id)
    page = await view.store.deliveries(asked, limit=MOST_DELIVERIES)
    deliveries = [each for each in page.rows if each.scope == wanted.key.scope]
    return Story(
        row=row,
        changes=await view.store.changes(wanted.source, wanted.key),
        deliveries=[(each, await view.store.attempts(each.id)) for each in reversed(deliveries)],
    )


def _document(story: Story) -> Document:
    return {
        "job": job_row(story.row),
        "detail": story.row.detail,
        "changes": [change_row(change) for change in story.changes],
        "deliveries": [delivery_row(row, attempts) for row, attempts in story.deliveries],
    }


def _show(screen: Screen, story: Story, now: datetime) -> None:
    job = story.row.snapshot.job
    screen.words(plain(written(story.row.source, job.scope, job.id)), "bold")
    screen.print(fields_grid(story.row.snapshot, now))
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
        screen.print(delivery_table(screen, [row for row, _ in story.deliveries], now))
    else:
        screen.words("  none")
