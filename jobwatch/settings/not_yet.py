"""What is promised and not yet active: one table, which later versions shorten.

A key in this table is accepted at its default alone. `check` lists it, so that nobody takes it for
working.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import BaseModel

from jobwatch.settings.model import Settings
from jobwatch.settings.problems import Mistake
from jobwatch.settings.yaml_tree import KeyPath, Tree, dotted


class Row(NamedTuple):
    """Keys that are not yet active; `*` is any key."""

    pattern: str
    reason: str


NOT_YET = (Row("store.kind", "sqlite is the only store yet"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYetActive:
    """One row for `check`; `written` are the keys of this configuration that it covers."""

    pattern: str
    reason: str
    written: tuple[str, ...] = ()


class _Found(NamedTuple):
    path: KeyPath
    value: object
    default: object


def refused(settings: Settings) -> list[Mistake]:
    """Every key that is not yet active and has another value than its default."""
    return [
        Mistake(
            found.path,
            f"not yet active in this version ({row.reason}); "
            f"leave it out or write {_plain(found.default)}",
        )
        for row in NOT_YET
        for found in _walk(settings, tuple(row.pattern.split(".")), ())
        if found.value != found.default
    ]


def listed(tree: Tree) -> tuple[NotYetActive, ...]:
    """Everything that is not yet active, and where this configuration writes it down."""
    return tuple(
        NotYetActive(
            pattern=row.pattern,
            reason=row.reason,
            written=tuple(_written(tree, row)),
        )
        for row in NOT_YET
    )


def _walk(value: object, pattern: tuple[str, ...], path: KeyPath) -> Iterator[_Found]:
    """The values that a pattern finds, each with the default of its field."""
    if not pattern:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, pattern[1:], (*path, key))
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            key = field.alias or name
            if pattern[0] in ("*", key):
                item = getattr(value, name)
                if len(pattern) == 1:
                    yield _Found(
                        (*path, key),
                        item,
                        field.get_default(call_default_factory=True, validated_data={}),
                    )
                yield from _walk(item, pattern[1:], (*path, key))


def _written(tree: object, row: Row, depth: int = 0, path: KeyPath = ()) -> Iterator[str]:
    """The keys of a row that are written down."""
    pattern = row.pattern.split(".")
    if depth == len(pattern):
        yield dotted(path)
    elif isinstance(tree, dict):
        for key in tree:
            if pattern[depth] in ("*", key):
                yield from _written(tree[key], row, depth + 1, (*path, key))


def _plain(default: object) -> str:
    """A default as it is written; what has no short writing is named."""
    match default:
        case None:
            return "null"
        case str():
            return default
        case _:
            return "its default"
