"""`jobwatch sources`: how each source fares."""

from datetime import datetime
from pathlib import Path

from rich.text import Text

from jobwatch.cli.documents import source_document
from jobwatch.cli.reading import View, look
from jobwatch.cli.screen import OutputFormat, Screen, cell, fitted
from jobwatch.cli.text import NOTHING, ago, count, length, plain
from jobwatch.core.documents import Document
from jobwatch.core.overview import SourceState

OVERDUE_INTERVALS = 3
"""Intervals after which a source without a full sweep is called overdue, as `jobwatch_source_up` does."""

UP_TO_DATE = "up to date"
UNREADABLE = "cannot be read"
OVERDUE = "overdue"
_STYLES = {UP_TO_DATE: "green", UNREADABLE: "bold red", OVERDUE: "red"}


def show_sources(config: Path | None, output: OutputFormat) -> None:
    """Show every source that is configured or that the store still knows."""

    async def show(view: View) -> None:
        states = {state.identity.name: state for state in await view.store.sources()}
        names = list(dict.fromkeys([*view.settings.sources, *states]))
        screen = Screen()
        if output is OutputFormat.JSON:
            shown = [_document(view, name, states.get(name)) for name in names]
            screen.document({"sources": shown})
            return
        columns = (
            "source",
            "state",
            "data",
            "jobs",
            "unfinished",
            "provider",
            "region",
            "next sweep",
        )
        rows = [_cells(view, name, states.get(name)) for name in names]
        screen.print(fitted(screen, columns, rows))
        for name, state in states.items():
            if state.failures and name in view.settings.sources:
                screen.words(_trouble(state, view.now))

    look(config, show)


def standing(view: View, name: str, state: SourceState | None) -> str:
    """How a source fares, in the words of the status page."""
    source = view.settings.sources.get(name)
    if source is None:
        return "not configured"
    if state is None or state.attempted_at is None:
        return "not tried yet"
    if state.failures:
        return UNREADABLE
    if state.all_data_at is None:
        return "first sweep under way"
    overdue = view.now - state.all_data_at > OVERDUE_INTERVALS * source.every
    return OVERDUE if overdue else UP_TO_DATE


def _document(view: View, name: str, state: SourceState | None) -> Document:
    known = source_document(state) if state is not None else {"name": name}
    return {**known, "standing": standing(view, name, state)}


def _cells(view: View, name: str, state: SourceState | None) -> tuple[Text, ...]:
    word = standing(view, name, state)
    stand = Text(word, style=_STYLES.get(word, "dim"))
    if state is None:
        provider = view.settings.sources[name].provider
        unknown = Text(NOTHING)
        known = (cell(provider.kind), cell(provider.region))
        return (cell(name), stand, Text("never"), unknown, unknown, *known, unknown)
    return (
        cell(name),
        stand,
        Text(ago(state.all_data_at, view.now)),
        Text(f"{state.listed:,}"),
        Text(f"{state.unfinished:,}"),
        cell(state.identity.kind),
        cell(state.identity.region),
        Text(_next(state, view.now)),
    )


def _next(state: SourceState, now: datetime) -> str:
    if state.next_sweep_at is None:
        return NOTHING
    return "due" if state.next_sweep_at <= now else ago(state.next_sweep_at, now)


def _trouble(state: SourceState, now: datetime) -> str:
    """What is wrong with a source, on one line."""
    error = state.last_error
    if error is None:
        return ""
    since = f", for {length(now - state.failing_since)}" if state.failing_since else ""
    request = f", request {error.request_id}" if error.request_id else ""
    return plain(
        f"{state.identity.name}: {error.code or error.error_class}: {error.message} "
        f"({ago(error.at, now)}, {count(state.failures, 'sweep')} in a row{since}{request})"
    )
