"""From a file and the environment to `Settings`, or to every mistake at once."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from jobwatch.core.errors import ConfigError
from jobwatch.settings import needs, not_yet
from jobwatch.settings.checks import check
from jobwatch.settings.environment import FILE_VARIABLE, PREFIX, read_environment
from jobwatch.settings.model import Settings
from jobwatch.settings.needs import Needed
from jobwatch.settings.not_yet import NotYetActive
from jobwatch.settings.problems import Mistake, mistakes_of, sentence, unknown_key, without_echoes
from jobwatch.settings.yaml_tree import KeyPath, Problem, Tree, Written, read_yaml_file

HERE = Path("jobwatch.yaml")
SYSTEM = Path("/etc/jobwatch/jobwatch.yaml")
SOURCES: KeyPath = ("sources",)
_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration that holds. `path` is None where the environment alone said everything.

    `forgiven` are mistakes in what nobody needed: the settings are without them.
    """

    settings: Settings
    path: Path | None
    warnings: tuple[str, ...] = ()
    not_yet_active: tuple[NotYetActive, ...] = ()
    forgiven: tuple[str, ...] = ()


def load_settings(
    path: Path | None, environ: Mapping[str, str], needed: Needed = needs.everything
) -> Loaded:
    """Read the file (`path`, else as the contract says) and the environment on top of it.

    Raises `ConfigError` with one message per mistake, where one of them is in what is needed.
    """
    file = find_file(path, environ)
    written = _read(file) if file else Written()
    above = read_environment(environ, written.tree)
    _lay_over(written, above)
    if not written.tree and not written.problems:
        raise ConfigError([_nothing()])
    loaded = _judge(written, file)
    told = tuple(each.text for each in written.problems)
    if loaded is None or any(needed(each.path) for each in written.problems):
        raise ConfigError(told)
    return replace(loaded, forgiven=told)


def find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: as asked for, or the first that exists; None where there is none."""
    if path is not None:
        return path
    named = next(
        (value for name, value in environ.items() if name.upper() == FILE_VARIABLE and value), None
    )
    if named is not None:
        return Path(named)
    return next((each for each in (HERE, SYSTEM) if _exists(each)), None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # it is there and may not be looked at: reading it says why
        return True


def _read(file: Path) -> Written:
    """Read the file; where that fails, the failure is a mistake among those of the environment."""
    try:
        return read_yaml_file(file)
    except ConfigError as error:
        return Written(problems=[Problem(each) for each in error.problems])


def _lay_over(written: Written, above: Written) -> None:
    _merge(written.tree, above.tree)
    written.places.update(above.places)
    written.problems.extend(above.problems)
    written.warnings.extend(above.warnings)


def _merge(below: Tree, above: Tree) -> None:
    for key, value in above.items():
        mine = below.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            _merge(mine, value)
        else:
            below[key] = value


def _nothing() -> str:
    return (
        f"no configuration: there is no --config, no {FILE_VARIABLE}, no {HERE}, no {SYSTEM}, "
        f"and no {PREFIX}SOURCES__… in the environment; jobwatch.minimal.yaml has the least: "
        f"set {PREFIX}SOURCES__NAME__PROVIDER__KIND and its neighbours, or put a file at {SYSTEM}"
    )


def _says_nothing_of_sources(mistake: Mistake, written: Written, file: Path | None) -> bool:
    """Whether nobody wrote of a source at all. An image sets the place of its store: that is no configuration yet."""
    tried = any(each.path[:1] == SOURCES for each in written.problems)
    return file is None and mistake.missing and mistake.path == SOURCES and not tried


def _judge(written: Written, file: Path | None) -> Loaded | None:
    """Validate, check, and write every mistake down; None where nothing could be made of it."""
    unreadable = bool(written.problems) and not written.tree
    if unreadable:
        return None
    settings, mistakes, dropped = _validate(written.tree)
    warnings = list(written.warnings)
    if settings is not None:
        settings = _anchored(settings, (file.parent if file else Path()).absolute())
        names = written.tree.get("sources")
        found = check(settings, names if isinstance(names, dict) else (), dropped)
        mistakes += [
            each
            for each in (*not_yet.refused(settings), *found.mistakes)
            if not _follows(each.path, dropped)
        ]
        warnings += [sentence(each, written.places) for each in found.doubts]
    for each in without_echoes(mistakes):
        nothing = _says_nothing_of_sources(each, written, file)
        text = _nothing() if nothing else sentence(each, written.places)
        written.problems.append(Problem(text, each.path))
    if settings is None:
        return None
    return Loaded(
        settings=settings,
        path=file,
        warnings=tuple(warnings),
        not_yet_active=not_yet.listed(written.tree),
    )


def _validate(written: Tree) -> tuple[Settings | None, list[Mistake], list[KeyPath]]:
    """Validate, leave out what is mistaken, and try again: one mistake must not hide another.

    Gives the settings of what is left, the mistakes, and the paths left out.
    """
    tree = copy.deepcopy(written)
    mistakes = [
        unknown_key((key,), tree) for key in tree if key.startswith("_")
    ]  # BaseSettings has such arguments
    dropped: list[KeyPath] = [each.path for each in mistakes]
    for key in dropped:
        _drop(tree, key)
    for _ in range(_ROUNDS):
        try:
            return Settings.model_validate(tree), mistakes, dropped
        except ValidationError as error:
            found = mistakes_of(error, tree)
        mistakes += [each for each in found if not _follows(each.path, dropped)]
        dropped += [
            _drop(tree, each.path[:-1] if _spoils_all(each) else each.path) for each in found
        ]
    return None, mistakes, dropped


def _spoils_all(mistake: Mistake) -> bool:
    """Whether nothing of the part around it is left without it."""
    return mistake.missing or mistake.path[-1:] == ("kind",)


def _drop(tree: Tree, path: KeyPath) -> KeyPath:
    """Leave out what stands at a path, or the whole list that it is an item of."""
    keys: list[str] = []
    for part in path:
        if isinstance(part, int):
            break
        keys.append(part)
    value: Any = tree
    for key in keys[:-1]:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, dict) and keys:
        value.pop(keys[-1], None)
    return tuple(keys)


def _follows(path: KeyPath, dropped: list[KeyPath]) -> bool:
    """Whether a mistake is only there because something was left out: in it, or right above it."""
    return any(path[: len(each)] == each or each[:-1] == path for each in dropped)


def _anchored(part: Any, folder: Path) -> Any:  # any part of the settings, and the same again
    """The same with every relative path below the folder of the file."""
    match part:
        case Path():
            return folder / part
        case BaseModel():
            values = {name: getattr(part, name) for name in type(part).model_fields}
            moved = {name: _anchored(value, folder) for name, value in values.items()}
            changed = {name: value for name, value in moved.items() if value != values[name]}
            return part.model_copy(update=changed) if changed else part
        case dict():
            return {key: _anchored(value, folder) for key, value in part.items()}
        case tuple():
            return tuple(_anchored(value, folder) for value in part)
        case _:
            return part
