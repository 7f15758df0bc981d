"""`jobwatch backup` and `jobwatch restore`: a copy of the store beside a running daemon, and back."""

import sys
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from jobwatch.app.clock import utc_now
from jobwatch.app.parts import owner_name
from jobwatch.cli.configuration import load_quietly
from jobwatch.cli.ending import Exit, Failed
from jobwatch.cli.screen import OutputFormat, Screen, complain
from jobwatch.cli.text import ago, count, instant, plain
from jobwatch.core.documents import Document
from jobwatch.store.backup import (
    Restored,
    belongs_to,
    restore,
    stream_backup,
    write_backup,
)
from jobwatch.store.copying import Contents
from jobwatch.store.settings import SqliteSettings

STANDARD_OUTPUT = Path("-")
MEGABYTE = 1_000_000

AFTERWARDS = (
    "what was told since the backup was taken is not known any more, and is told again, late, as new events",
    "jobwatch mute --source '*' --for 15m --reason 'restored a backup', before it starts, prevents that",
)


def back_up(config: Path | None, target: Path, output: OutputFormat, *, force: bool) -> None:
    """Write the store to a file, or to standard output for `-`. Raises `ConfigError`, `StoreError`, `Failed`."""
    store = _file_of_the_store(config)
    began = time.monotonic()
    if target == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            raise Failed("a backup is no text; redirect it to a file", code=Exit.MISUSED)
        _stream(store, began)
        return
    _check_target(store, target, force=force)
    found = write_backup(store, target)
    screen = Screen()
    if output is OutputFormat.JSON:
        screen.document({"file": str(target.resolve()), **_document(found)})
    else:
        screen.words(_written(plain(str(target)), found, began))


def _stream(store: Path, began: float) -> None:
    try:
        found = stream_backup(store, sys.stdout.buffer)
    except OSError as error:
        raise Failed(
            f"standard output takes no more: {error.strerror}; nothing of it is a backup"
        ) from error
    complain([_written("standard output", found, began)])


def _file_of_the_store(config: Path | None) -> Path:
    store = load_quietly(config).store
    if isinstance(store, SqliteSettings):
        return store.path
    raise Failed("the store is in PostgreSQL; use pg_dump and pg_restore", code=Exit.MISUSED)


def _check_target(store: Path, target: Path, *, force: bool) -> None:
    name = plain(str(target))
    if belongs_to(store, target):
        raise Failed(f"{name} is the store itself; name another file", code=Exit.MISUSED)
    if not target.resolve().parent.is_dir():
        raise Failed(f"the directory of {name} does not exist; create it", code=Exit.MISUSED)
    if target.exists() and not target.is_file():
        raise Failed(f"{name} is not a file; name one, or - for standard output", code=Exit.MISUSED)
    if target.exists() and not force:
        raise Failed(f"{name} is there already; --force replaces it", code=Exit.MISUSED)


def _written(name: str, found: Contents, began: float) -> str:
    return f"wrote {name}: {_amounts(found)}; read again and sound, in {time.monotonic() - began:.1f} s"


def _amounts(found: Contents) -> str:
    size = f"{found.size / MEGABYTE:,.1f} MB"
    return f"{size}, {count(found.jobs, 'job')}, {count(found.events, 'event')}, schema {found.revision}"


def _document(found: Contents) -> Document:
    at = found.recorded_at
    return {**asdict(found), "recorded_at": at.isoformat() if at else None}


def put_back(config: Path | None, file: Path, output: OutputFormat, *, force: bool) -> None:
    """Replace the store by a backup while no daemon runs. Raises `ConfigError`, `StoreError`, `Failed`."""
    store = _file_of_the_store(config)
    if belongs_to(store, file):
        raise Failed(f"{plain(str(file))} is the store itself; name a backup", code=Exit.MISUSED)
    if store.exists() and not force:
        raise Failed(
            f"there is a store at {store} already; --force keeps it beside its place and restores the backup",
            code=Exit.MISUSED,
        )
    restored = restore(file, store, owner=owner_name(), now=utc_now())
    if output is OutputFormat.JSON:
        Screen().document(_restored_document(store, restored))
    else:
        _show_restored(store, restored, utc_now())


def _restored_document(store: Path, restored: Restored) -> Document:
    return {
        "store": str(store),
        **_document(restored.new),
        "aside": str(restored.aside) if restored.aside else None,
        "replaced": _document(restored.old) if restored.old else None,
    }


def _show_restored(store: Path, restored: Restored, now: datetime) -> None:
    screen, at = Screen(), restored.new.recorded_at
    screen.words(f"restored {plain(str(store))}: {_amounts(restored.new)}")
    screen.words(
        f"its last event is of {instant(at)} ({ago(at, now)})" if at else "it knows of no event"
    )
    if restored.old is not None:
        screen.words(f"the store before had {_amounts(restored.old)}")
    if restored.aside is not None:
        screen.words(f"it is kept as {plain(str(restored.aside))}; remove it once all is well")
    for line in AFTERWARDS:
        screen.words(line)
