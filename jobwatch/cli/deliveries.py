"""`jobwatch deliveries`: who was told what, and what they answered."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from jobwatch.cli.reading import View, look, page_from, written
from jobwatch.cli.screen import OutputFormat, Screen, cell, complain, fitted
from jobwatch.cli.text import ago, plain
from jobwatch.cli.waiting import Standing, queued, waiting_words
from jobwatch.core.outbox import DeliveryState
from jobwatch.settings import Settings
from jobwatch.settings.terms import gathering
from jobwatch.store.documents import delivery_row
from jobwatch.store.values import DeliveryFilter, DeliveryRow
from jobwatch.story.deliveries import answer_of

ANSWER_CELLS = 60
_STYLES = {
    DeliveryState.DELIVERED: "green",
    DeliveryState.DEAD: "bold red",
    DeliveryState.PENDING: "yellow",
    DeliveryState.CLAIMED: "cyan",
}


def show_deliveries(
    config: Path | None,
    wanted: DeliveryFilter,
    *,
    limit: int,
    cursor: str | None,
    output: OutputFormat,
) -> None:
    """List deliveries."""

    async def show(view: View) -> None:
        await view.check_source(wanted.source)
        page = await page_from(cursor, view.store.deliveries(wanted, limit=limit, cursor=cursor))
        screen = Screen()
        if output is OutputFormat.JSON:
            shown = [delivery_row(row) for row in page.rows]
            screen.document({"deliveries": shown, "cursor": page.cursor})
            return
        if not page.rows:
            complain([_none_fits(wanted.receiver, view.settings)])
            return
        standing = await read_standing(view, page.rows)
        screen.print(delivery_table(screen, page.rows, view.now, standing))
        if page.cursor:
            complain([f"go on with --cursor {plain(page.cursor)}"])

    look(config, show)


def _none_fits(receiver: str | None, settings: Settings) -> str:
    if receiver is None or receiver in settings.receivers:
        return "no delivery fits"
    there_are = ", ".join(settings.receivers) or "none"
    return (
        f"no delivery fits; no receiver {plain(receiver, 64)} is configured; there are {there_are}"
    )


async def read_standing(view: View, rows: Sequence[DeliveryRow]) -> Standing:
    """What those of these deliveries wait for that do."""
    names = {row.receiver for row in rows if row.state is DeliveryState.PENDING}
    found = await view.store.receivers(names) if names else []
    return Standing(
        receivers={each.name: each for each in found},
        gather=gathering(view.settings),
        behind=queued(rows),
    )


def delivery_table(
    screen: Screen, rows: Sequence[DeliveryRow], now: datetime, standing: Standing
) -> Table:
    """Deliveries in the order given; `standing` says what those wait for that do."""
    columns = (
        *("job", "receiver", "state", "event", "number", "recorded"),
        *("tries", "last answer", "event id"),
    )
    return fitted(screen, columns, [_cells(row, now, standing) for row in rows])


def _cells(row: DeliveryRow, now: datetime, standing: Standing) -> tuple[Text, ...]:
    return (
        cell(written(row.source, row.scope, row.job_id)),
        cell(row.receiver),
        state_of(row, now, standing),
        cell(row.event_type),
        Text(str(row.id)),
        Text(ago(row.created_at, now, units=1)),
        Text(str(row.attempts)),
        cell(answer_of(row), ANSWER_CELLS),
        cell(row.event_id),
    )


async def read_digests(view: View, rows: Iterable[DeliveryRow]) -> dict[str, DeliveryState]:
    """How the digests fare that tell these deliveries, by their event's id."""
    found: dict[str, DeliveryState] = {}
    for row in rows:
        if row.digest_id is None or row.digest_id in found:
            continue
        asked = DeliveryFilter(receiver=row.receiver, event_id=row.digest_id)
        page = await view.store.deliveries(asked, limit=1)
        found |= {each.event_id: each.state for each in page.rows}
    return found


def state_of(row: DeliveryRow, now: datetime, standing: Standing) -> Text:
    """Where a delivery stands, and what it waits for."""
    words = row.state.value
    if row.state is DeliveryState.PENDING and row.due_at is not None:
        words += f", {waiting_words(row, row.due_at, now, standing)}"
        words += ", by hand" if row.manual else ""
    return Text(words, style=_STYLES.get(row.state, ""))
