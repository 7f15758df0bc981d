"""What differs between two configurations, and what of it a running daemon cannot take up.

Law: the answer is in the keys of the configuration, so that whoever changed a line finds it again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from jobwatch.settings.model import Settings

FIXED: Mapping[str, str] = {
    "store": "the store is open",
    "http.listen": "the daemon listens there",
}
"""Keys that only a restart changes, and why."""

_NAMED = ("sources", "receivers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Names that are new, gone, or there with other settings."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def difference(old: Mapping[str, object], new: Mapping[str, object]) -> Difference:
    """Compare what two configurations have under names, in the order of the newer one."""
    return Difference(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and old[name] != new[name]),
    )


def told(old: Settings, new: Settings) -> tuple[str, ...]:
    """Everything that changed, a few words each: `sources.prod changed`, `rules.stalled_after changed`."""
    return tuple(f"{key} {how}" for key, how in _walk(old, new, ""))


def fixed(old: Settings, new: Settings) -> tuple[str, ...]:
    """A sentence for each change that only a restart takes up."""
    found = []
    for key, why in FIXED.items():
        if _at(old, key) != _at(new, key):
            found.append(f"{key}: cannot change while jobwatch runs ({why}); restart it")
    if (old.http.tls is None) != (new.http.tls is None):
        found.append(
            "http.tls: cannot be switched on or off while jobwatch runs (it listens); restart it"
        )
    return tuple(found)


def _walk(old: object, new: object, path: str) -> Iterator[tuple[str, str]]:
    """The changes below a path: whole sources and receivers, else single keys."""
    if path in _NAMED and isinstance(old, Mapping) and isinstance(new, Mapping):
        found = difference(old, new)
        yield from ((f"{path}.{name}", "added") for name in found.added)
        yield from ((f"{path}.{name}", "removed") for name in found.removed)
        yield from ((f"{path}.{name}", "changed") for name in found.changed)
    elif isinstance(old, BaseModel) and type(old) is type(new):
        for name, field in type(old).model_fields.items():
            key = field.alias or name
            below = f"{path}.{key}" if path else key
            yield from _walk(getattr(old, name), getattr(new, name), below)
    elif old != new:
        yield path, "changed"


def _at(settings: Settings, key: str) -> object:
    value: object = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value
