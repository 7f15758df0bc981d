"""`jobwatch jobs`: jobs as last recorded."""

from datetime import datetime
from pathlib import Path

from rich.text import Text

from jobwatch.cli.reading import View, look, page_from, written
from jobwatch.cli.screen import OutputFormat, Screen, cell, complain, fitted, style_of
from jobwatch.cli.text import ago, percent, plain, status_of, tasks
from jobwatch.core.model import Snapshot
from jobwatch.store.documents import job_row
from jobwatch.store.values import JobFilter, JobRow, Page

DESCRIPTION_CELLS = 40
WORD_CELLS = 28


def show_jobs(
    config: Path | None,
    wanted: JobFilter,
    *,
    limit: int,
    cursor: str | None,
    output: OutputFormat,
) -> None:
    """List jobs."""

    async def show(view: View) -> None:
        await view.check_source(wanted.source)
        page = await page_from(cursor, view.store.jobs(wanted, limit=limit, cursor=cursor))
        screen = Screen()
        if output is OutputFormat.JSON:
            screen.document({"jobs": [job_row(row) for row in page.rows], "cursor": page.cursor})
            return
        _show(screen, page, view.now)

    look(config, show)


def _show(screen: Screen, page: Page[JobRow], now: datetime) -> None:
    if not page.rows:
        complain(["no job fits"])
        return
    columns = ("job", "since", "status", "tasks", "description", "operation")
    screen.print(fitted(screen, columns, [_cells(row, now) for row in page.rows]))
    if page.cursor:
        complain([f"go on with --cursor {plain(page.cursor)}"])


def _cells(row: JobRow, now: datetime) -> tuple[Text, ...]:
    snapshot = row.snapshot
    job = snapshot.job
    return (
        cell(written(row.source, job.scope, job.id)),
        Text(ago(job.ended_at or snapshot.status_since, now, units=1)),
        cell(status_of(snapshot), WORD_CELLS, style_of(job.phase, snapshot.outcome)),
        Text(_tasks(snapshot)),
        cell(job.description, DESCRIPTION_CELLS),
        cell(job.operation, WORD_CELLS),
    )


def _tasks(snapshot: Snapshot) -> str:
    progress = snapshot.job.progress
    counted = tasks(progress)
    if progress is None or not snapshot.unfinished or not progress.total:
        return counted
    return f"{percent(progress)}, {counted}"
