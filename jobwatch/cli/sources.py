"""`jobwatch sources`: how each source fares."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.table import Table
from rich.text import Text

from jobwatch.app.shapes import shape
from jobwatch.cli.ending import Exit, Failed
from jobwatch.cli.reading import View, look
from jobwatch.cli.screen import OutputFormat, Screen, cell, fitted, grid
from jobwatch.cli.source_page import source_grid
from jobwatch.cli.text import NOTHING, ago, instant, plain
from jobwatch.cli.waiting import due_in
from jobwatch.core.conditions import OF_THE_SOURCE
from jobwatch.core.documents import Document
from jobwatch.core.documents import instant as instant_written
from jobwatch.core.overview import Identity, SourceState
from jobwatch.metrics import is_up
from jobwatch.providers import open_provider
from jobwatch.store import SqliteSettings, StoreSettings
from jobwatch.store.documents import condition_row, source_document
from jobwatch.store.trouble import without_room
from jobwatch.store.values import ConditionRow
from jobwatch.story.standing import SourceStanding, source_standing

SWEEP = "sweep"
_STYLES = {
    SourceStanding.UP_TO_DATE: "green",
    SourceStanding.UNREADABLE: "bold red",
    SourceStanding.SUSPECT: "bold red",
    SourceStanding.OVERDUE: "red",
}
COLUMNS = (
    "source",
    "state",
    "data",
    "all jobs",
    "jobs",
    "unfinished",
    "last sweep",
    "next sweep",
    "calls/h",
    "provider",
    "region",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A source by name: what the store knows of it (None: nothing yet), and what is wrong with it."""

    name: str
    state: SourceState | None
    standing: SourceStanding
    conditions: Sequence[ConditionRow] = ()


def run_sources(
    config: Path | None, words: Sequence[str], timeout: timedelta | None, output: OutputFormat
) -> None:
    """Do what the words ask for: nothing = every source, a name = that one, `sweep NAME` = sweep it now."""
    match words:
        case [word, name] if word == SWEEP:
            from jobwatch.cli.sweeping import PATIENCE, sweep_source  # noqa: PLC0415  brings the daemon

            sweep_source(config, name, timeout or PATIENCE, output)
        case _ if timeout is not None:
            raise Failed("--timeout belongs to `jobwatch sources sweep NAME`", code=Exit.MISUSED)
        case [] | [_]:
            show_sources(config, words[0] if words else None, output)
        case _:
            raise Failed(
                "write `jobwatch sources`, `jobwatch sources NAME` or `jobwatch sources sweep NAME`",
                code=Exit.MISUSED,
            )


def show_sources(config: Path | None, name: str | None, output: OutputFormat) -> None:
    """Show every source that is configured or that the store still knows, or the one of this name."""

    async def show(view: View) -> None:
        if name == SWEEP and name not in view.settings.sources:
            raise Failed("name the source: jobwatch sources sweep NAME", code=Exit.MISUSED)
        await view.check_source(name)
        found = await _read(view, name)
        screen = Screen()
        if output is OutputFormat.JSON:
            sources = [_document(view, each) for each in found]
            screen.document({"sources": sources, "store": _store_document(view)})
            return
        _show(screen, view, found)
        screen.print(_store_grid(view))

    look(config, show)


async def _read(view: View, name: str | None) -> list[Watched]:
    states = {state.identity.name: state for state in await view.store.sources()}
    names = [name] if name else list(dict.fromkeys([*view.settings.sources, *states]))
    return [
        Watched(
            name=each,
            state=states.get(each),
            standing=standing(view, each, states.get(each)),
            conditions=[
                row
                for row in await view.store.conditions(each, OF_THE_SOURCE)
                if row.closed_at is None
            ],
        )
        for each in names
    ]


def standing(view: View, name: str, state: SourceState | None) -> SourceStanding:
    """How a source fares."""
    if name not in view.settings.sources:
        return SourceStanding.NOT_CONFIGURED
    return source_standing(state, up=is_up(state, shape(view.settings, name), view.now))


def _document(view: View, found: Watched) -> Document:
    state = found.state or _untried(view, found.name)
    conditions = [condition_row(row) for row in found.conditions]
    return {**source_document(state), "standing": found.standing, "conditions": conditions}


def _untried(view: View, name: str) -> SourceState:
    """A source that the store does not know yet, so that its JSON has the keys of any other."""
    provider = open_provider(view.settings.sources[name].provider)
    identity = Identity(
        name=name, kind=provider.kind, region=provider.region, account=provider.account
    )
    return SourceState(source_id=0, identity=identity)


def _show(screen: Screen, view: View, found: Sequence[Watched]) -> None:
    """A line for each source; below, what there is to know of it."""
    screen.print(fitted(screen, COLUMNS, [_cells(view, each) for each in found]))
    for each in found:
        if each.state is not None:
            screen.words(plain(each.name), "bold")
            trouble = _store_trouble(view.settings.store, each.standing)
            screen.print(source_grid(each.state, each.conditions, view.now, trouble))


def _store_document(view: View) -> Document:
    """Which store is read, and since when it remembers: a path that is not the one meant is seen here."""
    path = _store_path(view.settings.store)
    return {"path": path, "created_at": instant_written(view.store.created_at)}


def _store_grid(view: View) -> Table:
    path, since = _store_path(view.settings.store), view.store.created_at
    return grid(
        (
            ("store", Text(plain(path) if path else "a database server")),
            ("remembers since", Text(f"{instant(since)} ({ago(since, view.now)})")),
        )
    )


def _store_path(store: StoreSettings) -> str | None:
    """Where the file is, whatever folder the command was called in; None for a database server."""
    return str(store.path.absolute()) if isinstance(store, SqliteSettings) else None


def _store_trouble(store: StoreSettings, standing: SourceStanding) -> str | None:
    """Why nothing new is known of a source that is overdue, where the disk of the store is to blame."""
    if standing is not SourceStanding.OVERDUE or not isinstance(store, SqliteSettings):
        return None
    return without_room(store.path)


def _cells(view: View, found: Watched) -> tuple[Text, ...]:
    state, now, unknown = found.state, view.now, Text(NOTHING)
    stand = Text(found.standing, style=_STYLES.get(found.standing, "dim"))
    if state is None:
        provider = view.settings.sources[found.name].provider
        known = (cell(provider.kind), cell(provider.region))
        return (cell(found.name), stand, Text("never"), Text("never"), *(unknown,) * 5, *known)
    sweep, calls = state.last_sweep, state.spending
    return (
        cell(found.name),
        stand,
        Text(ago(state.unfinished_data_at, now, units=1)),
        Text(ago(state.all_data_at, now, units=1)),
        Text(f"{state.listed:,}"),
        Text(f"{state.unfinished:,}"),
        cell(sweep.kind if sweep else NOTHING),
        Text(_next(state, now)),
        Text(f"{calls.hour:,}" if calls else NOTHING),
        cell(state.identity.kind),
        cell(state.identity.region),
    )


def _next(state: SourceState, now: datetime) -> str:
    due = [at for at in (state.next_sweep_at, state.next_full_at) if at is not None]
    return due_in(min(due), now) if due else NOTHING
