"""Mistakes as sentences: key path, where it stands, what is wrong, what would be right.

Nothing here shows a value that the user gave, since any value may be a secret in the wrong place;
only validators that know what they look at do, each in its own words.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from jobwatch.settings.shape import Shape
from jobwatch.settings.yaml_tree import KeyPath, Tree, dotted

_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "path_type": "must be the path of a file",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_long": "must be at most {max_length} characters long",
    "too_short": "must not be empty; at least one is needed",
}
_KIND = "kind"
"""The key that says which of several models a part is of."""


class Mistake(NamedTuple):
    """One mistake: where, and what about it.

    `missing` says that nothing stands at the path; `meant` is the key that an unknown one was
    likely meant to be.
    """

    path: KeyPath
    text: str
    missing: bool = False
    meant: str | None = None


def sentence(mistake: Mistake, places: Mapping[KeyPath, str]) -> str:
    """A mistake as the one message that a person reads."""
    place = place_of(mistake.path, places)
    where = f" ({place})" if place else ""
    return f"{dotted(mistake.path) or 'the configuration'}{where}: {mistake.text}"


def place_of(path: KeyPath, places: Mapping[KeyPath, str]) -> str | None:
    """Where a path is written: its own place, or that of the nearest part around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    return None


def mistakes_of(error: ValidationError, tree: Tree) -> list[Mistake]:
    """Every mistake that pydantic found, once; no key beside a wrong `kind` is judged."""
    found = error.errors(include_url=False, include_input=False)
    mistakes = dict.fromkeys(_mistake(each, tree) for each in found)
    kinds = {each.path[:-1] for each in mistakes if each.path[-1:] == ("kind",)}
    return [each for each in mistakes if each.path[-1:] == ("kind",) or each.path[:-1] not in kinds]


def unknown_key(path: KeyPath, tree: Tree) -> Mistake:
    """The mistake of a key that is not known, with the key that was likely meant."""
    shape, key = Shape.whole().at(path[:-1]), str(path[-1])
    kind = _get(_at(tree, path[:-1]), _KIND)
    known = shape.of(_KIND, kind).keys
    owners = [word for word in shape.below(_KIND).words if key in shape.of(_KIND, word).keys]
    what = f"belongs to kind {' or '.join(owners)}, and this is {kind}" if owners else "unknown key"
    found = get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    hint = f"did you mean `{found[0]}`?" if found else f"the keys here are {', '.join(known)}"
    return Mistake(path, f"{what}; {hint}", meant=found[0] if found else None)


def without_echoes(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """The mistakes less every missing key that stands there misspelt: that is one mistake."""
    misspelt = {(*each.path[:-1], each.meant) for each in mistakes if each.meant}
    return [each for each in mistakes if not (each.missing and each.path in misspelt)]


def _mistake(error: ErrorDetails, tree: Tree) -> Mistake:
    kind = error["type"]
    path = _path(error["loc"], tree, keep_last=kind in ("missing", "extra_forbidden"))
    if kind == "extra_forbidden":
        return unknown_key(path, tree)
    if kind == "union_tag_not_found":
        return _without_kind(path, tree)
    if kind == "missing":
        return Mistake(path, "is missing; it has no default", missing=True)
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        path = (*path, _KIND) if kind == "union_tag_invalid" else path
        return Mistake(path, _one_of(path, _at(tree, path)))
    return Mistake(path, _text(error))


def _path(loc: Sequence[str | int], tree: Tree, *, keep_last: bool) -> KeyPath:
    """The path without what pydantic puts between keys: the branch of a union, "[key]"."""
    path: list[str | int] = []
    value: object = tree
    for index, part in enumerate(loc):
        if _has(value, part) or (keep_last and index == len(loc) - 1):
            path.append(part)
            value = _get(value, part)
    return tuple(path)


def _has(value: object, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _get(value: object, part: str | int) -> object:
    if isinstance(value, dict):
        return value.get(part)
    return (
        value[part]
        if isinstance(value, list) and isinstance(part, int) and part < len(value)
        else None
    )


def _at(tree: object, path: KeyPath) -> object:
    for part in path:
        tree = _get(tree, part)
    return tree


def _without_kind(path: KeyPath, tree: Tree) -> Mistake:
    """A part of which nothing says what it is; a key that may be its misspelt kind is told with it."""
    part = _at(tree, path)
    words = ", ".join(Shape.whole().at((*path, _KIND)).words)
    written = part if isinstance(part, dict) else ()
    close = next(iter(get_close_matches(_KIND, written, n=1, cutoff=0.6)), None)
    hint = f"; did you mean that by `{close[:80]}`?" if close else ""
    return Mistake((*path, _KIND), f"is missing; it has to be one of {words}{hint}", missing=True)


def _one_of(path: KeyPath, value: object) -> str:
    """What a choice takes, and the word that was likely meant."""
    words = Shape.whole().at(path).words
    found = get_close_matches(str(value).lower(), words, n=1, cutoff=0.6)
    hint = f'; did you mean "{found[0]}"?' if found else ""
    return (
        f"must be one of {', '.join(words)}{hint}"
        if len(words) > 1
        else f"must be {''.join(words)}{hint}"
    )


def _text(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context.get("error", "is not valid"))
    words = _WORDS.get(error["type"])
    return words.format_map(context) if words else f"is not valid: {error['msg']}"
