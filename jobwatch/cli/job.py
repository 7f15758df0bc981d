"""`jobwatch job`: everything known of one job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jobwatch.cli.deliveries import delivery_table, read_standing
from jobwatch.cli.ending import Failed
from jobwatch.cli.job_page import NO_OUTLOOK, Outlook, changes_table, detail_grid, fields_grid
from jobwatch.cli.reading import View, job_name, look, named, written
from jobwatch.cli.screen import OutputFormat, Screen
from jobwatch.cli.text import plain
from jobwatch.cli.waiting import Standing
from jobwatch.store.documents import whole_document
from jobwatch.store.glance_values import WholeStory
from jobwatch.store.orders import JobName
from jobwatch.store.values import (
    AttemptRow,
    ChangeRow,
    ConditionRow,
    DeliveryRow,
    JobRow,
)
from jobwatch.story.explaining import pace_of

MOST_OF_A_KIND = 200
"""Changes, events, conditions and deliveries, each: the latest so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One job, what became of it, and who heard of it."""

    whole: WholeStory
    outlook: Outlook = NO_OUTLOOK

    @property
    def row(self) -> JobRow:
        """The job as last recorded."""
        return self.whole.row

    @property
    def changes(self) -> Sequence[ChangeRow]:
        """What was recorded of it, oldest first."""
        return self.whole.changes

    @property
    def conditions(self) -> Sequence[ConditionRow]:
        """Open and closed ones, oldest first."""
        return self.whole.conditions

    @property
    def deliveries(self) -> Sequence[tuple[DeliveryRow, Sequence[AttemptRow]]]:
        """Who was told, oldest first."""
        return self.whole.deliveries


def show_job(config: Path | None, name: str, output: OutputFormat) -> None:
    """Show one job, its changes and its deliveries."""
    wanted = job_name(name)

    async def show(view: View) -> None:
        await view.check_source(wanted.source)
        story = await read_job(view, await named(view, wanted))
        screen = Screen()
        if output is OutputFormat.JSON:
            screen.document(whole_document(story.whole, story.outlook.forecast))
        else:
            rows = [row for row, _ in story.deliveries]
            _show(screen, story, view.now, await read_standing(view, rows))

    look(config, show)


async def read_job(view: View, wanted: JobName) -> Story:
    """Read what the store keeps of a job. Raises `Failed` where it knows none of this name."""
    whole = await view.store.whole_story(wanted.source, wanted.key, limit=MOST_OF_A_KIND)
    if whole is None:
        raise Failed(f"source {wanted.source} knows no job {plain(written('', *wanted.key))}")
    return Story(whole=whole, outlook=_outlook(whole, view.now))


def _outlook(whole: WholeStory, now: datetime) -> Outlook:
    """How fast the job works, up to the last complete sweep, and what is wrong with it."""
    opened = tuple(each for each in whole.conditions if each.closed_at is None)
    if not whole.row.snapshot.unfinished or whole.state is None:
        return Outlook(opened=opened, expiry_told_at=whole.row.expiry_told_at)
    return Outlook(forecast=pace_of(whole.samples, whole.state, now).forecast, opened=opened)


def _show(screen: Screen, story: Story, now: datetime, standing: Standing) -> None:
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
        screen.print(delivery_table(screen, rows, now, standing))
    else:
        screen.words("  none")
