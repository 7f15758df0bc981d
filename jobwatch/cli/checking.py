"""`jobwatch check`: is the configuration good, what does it amount to, who is told what, and does it work."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.table import Table
from rich.text import Text

from jobwatch import logs
from jobwatch.cli.configuration import load
from jobwatch.cli.ending import Exit
from jobwatch.cli.exposing import exposure, exposure_words, watched_words
from jobwatch.cli.reach import Reach, reach, silent_receivers, silent_sources
from jobwatch.cli.screen import OutputFormat, Screen, cell, complain, table
from jobwatch.cli.text import NOTHING, plain
from jobwatch.core.documents import Document
from jobwatch.core.events import UNASKED, EventType
from jobwatch.settings import Loaded, Settings, files_read, redacted, subscriptions
from jobwatch.settings.environment import FILE_VARIABLE, read_environment

TOLD = "✓"
CONDITION_CELLS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `check` found. `routes` says for each type and receiver whether it is told."""

    file: Path | None
    environment: tuple[str, ...]
    settings: Settings
    configuration: dict[str, Any]
    not_yet_active: tuple[tuple[str, str, tuple[str, ...]], ...]
    routes: Mapping[EventType, Mapping[str, Reach]]
    warnings: tuple[str, ...]


ALWAYS_TOLD = (EventType.FAILED, EventType.UNREACHABLE)
"""Types that somebody had better hear of."""


def show_check(config: Path | None, output: OutputFormat, *, online: bool) -> None:
    """Validate and show, and call every source if asked to.

    Raises `ConfigError`, and `SystemExit` with the code of a source that could not be read.
    """
    loaded = load(config)
    report = _report(loaded, os.environ)
    screen, shown = Screen(), output is OutputFormat.TABLE
    if shown:
        _show(screen, report)
    found, sound = _look(loaded, screen if shown else None) if online else (None, True)
    if not shown:
        screen.document({**_document(report), "online": found})
    if not sound:
        raise SystemExit(Exit.UNREADABLE)


def _look(loaded: Loaded, screen: Screen | None) -> tuple[Document, bool]:
    """Call every source; what is found, and whether every one can be watched."""
    from jobwatch.cli.online import look_at_sources  # noqa: PLC0415  brings the client

    logs.configure("error", loaded.settings.log.format)
    return look_at_sources(loaded.settings, screen)


def _report(loaded: Loaded, environ: Mapping[str, str]) -> Report:
    settings = loaded.settings
    subscribed, sources = subscriptions(settings), tuple(settings.sources)
    routes = {
        event_type: {
            each.receiver: reach(event_type, each, sources, alone=len(subscribed) == 1)
            for each in subscribed
        }
        for event_type in EventType
        if event_type not in UNASKED
    }
    silent = [
        *(
            _nobody(f"{event_type} of source {name}", "no receiver")
            for event_type in ALWAYS_TOLD
            for name in silent_sources(event_type, subscribed, sources)
        ),
        *(
            _nobody(f"{EventType.PAUSED} of receiver {name}", "no other receiver")
            for name in silent_receivers(subscribed)
        ),
    ]
    return Report(
        file=loaded.path,
        environment=_variables(environ, loaded.path),
        settings=settings,
        configuration=redacted(settings),
        not_yet_active=tuple(
            (each.pattern, each.reason, each.written) for each in loaded.not_yet_active
        ),
        routes=routes,
        warnings=(*loaded.warnings, *silent),
    )


def _nobody(news: str, who: str) -> str:
    return f"{news} reaches nobody: {who} wants it"


def _variables(environ: Mapping[str, str], file: Path | None) -> tuple[str, ...]:
    """The names of the variables that took part; their values may be secrets."""
    places = read_environment(environ, {}).places.values()
    names = {place.removeprefix("environment variable ") for place in places}
    named = {name for name, value in environ.items() if name.upper() == FILE_VARIABLE and value}
    chose = {name for name in named if file is not None and Path(environ[name]) == file}
    return tuple(sorted(names | chose))


def _document(report: Report) -> Document:
    return {
        "file": str(report.file) if report.file else None,
        "environment": list(report.environment),
        "exposure": exposure(report.settings),
        "watched_files": [str(each) for each in files_read(report.settings, report.file)],
        "configuration": report.configuration,
        "routes": {
            event_type.value: {
                name: {"told": each.word, "conditions": list(each.conditions)}
                for name, each in row.items()
            }
            for event_type, row in report.routes.items()
        },
        "not_yet_active": [
            {"key": pattern, "reason": reason, "written": list(written)}
            for pattern, reason, written in report.not_yet_active
        ],
        "warnings": list(report.warnings),
    }


def _show(screen: Screen, report: Report) -> None:
    screen.words(f"file         {report.file or 'none: the environment says everything'}")
    screen.words(f"environment  {', '.join(report.environment) or 'takes no part'}")
    screen.words(plain(f"page         {exposure_words(report.settings)}"))
    screen.words(plain(f"reload       {watched_words(report.settings, report.file)}"))
    screen.words("\nEffective configuration", "bold")
    dumped = yaml.safe_dump(report.configuration, sort_keys=False, allow_unicode=True, width=1000)
    for line in dumped.splitlines():
        screen.words(f"  {plain(line)}")
    screen.words("\nWho is told", "bold")
    if any(report.routes.values()):
        screen.print(_routes(report))
    else:
        screen.words("  nobody: there is no receiver")
    screen.words("\nNot yet active in this version", "bold")
    for pattern, reason, written in report.not_yet_active:
        here = f"; written here: {', '.join(written)}" if written else ""
        screen.words(f"  {plain(pattern)}: {plain(reason + here)}", "yellow" if written else "dim")
    complain(f"warning: {plain(each)}" for each in report.warnings)


def _routes(report: Report) -> Table:
    receivers = list(next(iter(report.routes.values())))
    made = table("event type", *(plain(name) for name in receivers))
    for event_type, row in report.routes.items():
        made.add_row(Text(event_type.value), *(_mark(row[name]) for name in receivers))
    return made


def _mark(found: Reach) -> Text:
    match found.word:
        case "never":
            return Text(NOTHING, style="dim")
        case "always":
            return Text(TOLD, style="green")
        case _:
            return cell(f"{TOLD} {'; '.join(found.conditions)}", CONDITION_CELLS, "yellow")
