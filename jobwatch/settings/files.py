"""The files that a configuration is made of: its own, and those that it names."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from jobwatch.settings.model import Settings


def files_read(settings: Settings, path: Path | None) -> tuple[Path, ...]:
    """Every file that is read: the configuration, secrets, certificates. The store is none of them."""
    named = (getattr(settings, key) for key in type(settings).model_fields if key != "store")
    found = [] if path is None else [path]
    found += (file for part in named for file in _paths(part))
    return tuple(dict.fromkeys(found))


def _paths(part: object) -> Iterator[Path]:
    match part:
        case Path():
            yield part
        case BaseModel():
            for name in type(part).model_fields:
                yield from _paths(getattr(part, name))
        case Mapping():
            for value in part.values():
                yield from _paths(value)
        case tuple():
            for value in part:
                yield from _paths(value)
        case _:
            pass
