"""A value, or the file that holds it: looked at once, so that a wrong one is told before it is needed.

No mistake shows a value; a file is named.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, SecretStr

from jobwatch.core.errors import ConfigError
from jobwatch.secret_files import Check, read_secret_file
from jobwatch.settings.problems import Mistake
from jobwatch.settings.yaml_tree import KeyPath


def of_value(value: SecretStr, path: KeyPath, wrong: Check | None) -> Iterator[Mistake]:
    """What is wrong with a value that is written."""
    text = wrong(value.get_secret_value()) if wrong else None
    if text is not None:
        yield Mistake(path, text)


def of_file(file: Path, path: KeyPath, wrong: Check | None) -> Iterator[Mistake]:
    """What is wrong with a file, or with what it holds."""
    try:
        value = read_secret_file(file)
    except ConfigError as error:
        yield Mistake(path, str(error))
    else:
        text = wrong(value) if wrong else None
        if text is not None:
            yield Mistake(path, f"{file}: {text}")


def of_either(part: BaseModel, key: str, path: KeyPath, wrong: Check | None) -> Iterator[Mistake]:
    """What is wrong with a key of a part and its `*_file`, of which at most one may be given."""
    value, file = getattr(part, key), getattr(part, f"{key}_file")
    if value is not None and file is not None:
        yield Mistake(path, f"has both {key} and {key}_file; give one of the two")
    elif value is not None:
        yield from of_value(value, (*path, key), wrong)
    elif file is not None:
        yield from of_file(file, (*path, f"{key}_file"), wrong)


def text_of(value: SecretStr | None, file: Path | None) -> str | None:
    """The text that stands in one of the two, None where there is none that can be read."""
    if value is not None:
        return value.get_secret_value()
    try:
        return None if file is None else read_secret_file(file)
    except ConfigError:
        return None
