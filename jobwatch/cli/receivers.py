"""`jobwatch receivers`: how each receiver fares; pause and resume one, or send it a test."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.text import Text

from jobwatch.cli.ending import Exit, Failed
from jobwatch.cli.reading import View, look
from jobwatch.cli.screen import OutputFormat, Screen, cell, complain, fitted, grid
from jobwatch.cli.text import NOTHING, ago, count, plain
from jobwatch.core.breaker import ReceiverState
from jobwatch.settings import Settings, give_up_after, to_look, to_send
from jobwatch.store.documents import receiver_row
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.story.deliveries import rests_until
from jobwatch.story.words import RECEIVERS, WHY_NOT_SENT, said

PAUSE, RESUME, TEST = "pause", "resume", "test"
"""What can be done to a receiver; a test is sent by `receiver_test`, which brings the network."""

ERROR_CELLS = 60
COLUMNS = (
    *("receiver", "state", "waiting", "given up", "oldest", "last success"),
    *("next try", "why", "failures", "last error"),
)
_STYLES = {
    ReceiverState.ACTIVE: "green",
    ReceiverState.FAILING: "red",
    ReceiverState.HALF_OPEN: "yellow",
    ReceiverState.PAUSED: "bold red",
}


def run_receivers(config: Path | None, words: Sequence[str], output: OutputFormat) -> None:
    """Do what the words ask for: nothing = every receiver, a name = that one, a verb and a name = do it."""
    match words:
        case [verb, name] if verb in (PAUSE, RESUME):
            turn_receiver(config, name, output, on=verb == RESUME)
        case [] | [_]:
            show_receivers(config, words[0] if words else None, output)
        case _:
            raise Failed(
                "write `jobwatch receivers`, or `jobwatch receivers pause|resume|test NAME`",
                code=Exit.MISUSED,
            )


def check_receiver(settings: Settings, name: str) -> None:
    """Raise `Failed` for a receiver that is not configured."""
    if name in settings.receivers:
        return
    if name in (PAUSE, RESUME, TEST):
        raise Failed(f"name the receiver: jobwatch receivers {name} NAME", code=Exit.MISUSED)
    there_are = ", ".join(settings.receivers) or "none"
    raise Failed(
        f"there is no receiver {plain(name, 64)}; there are {there_are}", code=Exit.MISUSED
    )


def show_receivers(config: Path | None, name: str | None, output: OutputFormat) -> None:
    """Show every receiver that is configured, or the one of this name."""

    async def show(view: View) -> None:
        if name is not None:
            check_receiver(view.settings, name)
        found = await view.store.receivers([name] if name else list(view.settings.receivers))
        screen = Screen()
        if output is OutputFormat.JSON:
            screen.document({"receivers": [receiver_row(each) for each in found]})
        elif name is not None:
            (row,) = found
            screen.print(grid(zip(COLUMNS, _cells(row, view.now), strict=True)))
        elif found:
            rows = [_cells(each, view.now) for each in found]
            screen.print(fitted(screen, COLUMNS, rows))
        else:
            complain(["there is no receiver"])

    look(config, show)


def turn_receiver(config: Path | None, name: str, output: OutputFormat, *, on: bool) -> None:
    """Pause a receiver, or resume it: what waits for it is kept, and gets a new budget when it goes on."""

    async def show(view: View) -> None:
        check_receiver(view.settings, name)
        if on:
            budget = give_up_after(view.settings.receivers[name])
            if not await view.store.resume_receiver(name, give_up_after=budget):
                complain([f"{plain(name)} is neither paused nor left alone: nothing to do"])
        elif not await view.store.pause_receiver(name):
            complain([f"{plain(name)} is paused already"])
        (row,) = await view.store.receivers([name])
        screen = Screen()
        if output is OutputFormat.JSON:
            screen.document({"receiver": receiver_row(row)})
            return
        waiting = count(row.pending, "delivery waits", "deliveries wait")
        screen.words(f"{plain(name)}: {said(RECEIVERS, row.state)}; {waiting}")

    # A receiver that goes on is tried for as long as its configuration says; one that is paused may be broken.
    look(config, show, to_send if on else to_look)


def _cells(row: ReceiverRow, now: datetime) -> tuple[Text, ...]:
    return (
        cell(row.name),
        Text(row.state.value.replace("_", " "), style=_STYLES[row.state]),
        Text(f"{row.pending:,}"),
        Text(f"{row.dead:,}", style="bold red" if row.dead else ""),
        Text(ago(row.oldest_at, now, units=1) if row.oldest_at else NOTHING),
        Text(ago(row.last_success_at, now, units=1)),
        Text(_next_try(row, now)),
        cell(said(WHY_NOT_SENT, row.reason) if row.reason else NOTHING),
        Text(_failures(row, now)),
        cell(row.last_error or NOTHING, ERROR_CELLS),
    )


def _next_try(row: ReceiverRow, now: datetime) -> str:
    """When something may be sent again, where it may not now."""
    if row.state is ReceiverState.PAUSED:
        return "when resumed"
    until = rests_until(row)
    return ago(until, now, units=1) if until is not None and until > now else NOTHING


def _failures(row: ReceiverRow, now: datetime) -> str:
    if not row.failures:
        return NOTHING
    since = f" since {ago(row.failing_since, now, units=1)}" if row.failing_since else ""
    return f"{row.failures:,}{since}"
