"""Settings from the environment: `JOBWATCH_` and the key path, `__` between keys, in any case."""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from jobwatch.settings.shape import Shape
from jobwatch.settings.yaml_tree import DEPTH_LIMIT, KeyPath, Problem, Tree, Written

PREFIX = "JOBWATCH_"
FILE_VARIABLE = "JOBWATCH_CONFIG"

_WORDS = r"(?:_[A-Z0-9]+)*"
_SERVICE_LINK = re.compile(
    rf"JOBWATCH{_WORDS}_(?:SERVICE_HOST|SERVICE_PORT{_WORDS}|PORT_[0-9]+_(?:TCP|UDP|SCTP){_WORDS})"
)
_SERVICE_PORT = re.compile(rf"JOBWATCH{_WORDS}_PORT")
_SERVICE_ADDRESS = re.compile(r"(?:tcp|udp|sctp)://")


def read_environment(environ: Mapping[str, str], tree: Tree) -> Written:
    """Read every `JOBWATCH_` variable; `tree` is what the file says, for the names in suggestions.

    Unknown variables are problems, except those that Kubernetes sets for a service of that name:
    they are warnings.
    """
    written = Written()
    named: dict[str, str] = {}
    for variable in _deeper_last(environ):
        name = variable.upper()
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if name in named:
            text = f"{variable} (environment): says the same as {named[name]}; keep one of the two"
            written.problems.append(Problem(text, path))
        elif _is_key(path):
            named[name] = variable
            _put(written, path, variable, environ[variable])
        elif _is_service_link(name, environ[variable]):
            written.warnings.append(
                f"{variable} is ignored: Kubernetes sets it for a service, it is no setting"
            )
        else:
            written.problems.append(Problem(_unknown(variable, path, tree), path))
    return written


def _deeper_last(environ: Mapping[str, str]) -> list[str]:
    """The variables that are ours; those of a whole part before those of its keys, which win."""
    ours = (
        name
        for name in environ
        if name.upper().startswith(PREFIX) and name.upper() != FILE_VARIABLE
    )
    return sorted(ours, key=lambda name: (name.count("__"), name))


def _is_key(path: KeyPath) -> bool:
    return all(path) and bool(Shape.whole().at(path)) and path != ("",)


def _is_service_link(name: str, value: str) -> bool:
    if _SERVICE_LINK.fullmatch(name):
        return True
    return bool(_SERVICE_PORT.fullmatch(name) and _SERVICE_ADDRESS.match(value))


def _put(written: Written, path: tuple[str, ...], variable: str, text: str) -> None:
    place = f"environment variable {variable}"
    try:
        value = _value(text, Shape.whole().at(path).types)
        _note(written, path, value, place)
    except ValueError as error:
        written.problems.append(Problem(f"{'.'.join(path)} ({place}): {error}", path))
        return
    tree = written.tree
    for key in path[:-1]:
        below = tree.setdefault(key, {})
        if not isinstance(
            below, dict
        ):  # null for the whole part, a value for one of its keys: the key wins
            below = tree[key] = {}
        tree = below
    tree[path[-1]] = value


def _note(written: Written, path: KeyPath, value: object, place: str) -> None:
    """Note where a value and everything in it stands."""
    if len(path) > DEPTH_LIMIT:
        raise ValueError("is nested too deeply")
    written.places[path] = place
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        _note(written, (*path, key), item, place)


def _value(text: str, types: frozenset[str]) -> object:
    """The text as the value that its key takes; numbers and booleans are left to the model."""
    if "null" in types and text in ("", "null"):
        return None
    if "string" in types:
        return text
    if "array" in types:
        return _json(text, "list") if text.lstrip().startswith("[") else _comma_separated(text)
    return _json(text, "mapping") if "object" in types else text


def _comma_separated(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _json(text: str, what: str) -> object:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list if what == "list" else dict):
        return value
    example = '["a", "b"] or a,b' if what == "list" else '{"key": "value"}, or set its keys'
    raise ValueError(f"is not a {what} in JSON; write {example}")


def _unknown(variable: str, path: KeyPath, tree: Tree) -> str:
    known = [PREFIX + "__".join(each).upper() for each in _paths(Shape.whole(), (), path, tree)]
    found = get_close_matches(variable.upper(), known, n=1, cutoff=0.6)
    hint = f"did you mean {found[0]}?" if found else "see `jobwatch schema` for the keys there are"
    return f"{variable} (environment): no such setting; {hint}"


def _paths(
    shape: Shape, path: tuple[str, ...], wanted: KeyPath, tree: object
) -> Iterator[tuple[str, ...]]:
    """Every key path there is, with the names that the file or the unknown variable itself uses."""
    if path:
        yield path
    below = tree if isinstance(tree, dict) else {}
    names = list(shape.keys)
    if shape.named_by_user and path:
        names += [*below, *(str(key) for key in wanted[len(path) : len(path) + 1])]
    for name in names:
        yield from _paths(shape.below(name), (*path, name), wanted, below.get(name))
