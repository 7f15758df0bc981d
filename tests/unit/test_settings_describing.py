"""What is said of a key is the docstring below its field, and nobody reads it who does not ask."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from jobwatch.settings import json_schema
from jobwatch.settings.describing import Description, _docstrings, descriptions
from jobwatch.settings.fields import Bounds
from tests.unit.settings_cases import SOURCE, read

MODULE = '''
from typing import Annotated, Literal
from pydantic import Field
from jobwatch.settings.fields import Duration, Part, between

_PAUSE = between("1s", "1h", "longer is too long")


class Other(Part):
    """Of another class."""

    spoken: int = 1
    """Not this one."""


class Shown(Part):
    """A docstring of a class is none of its first field."""

    silent: int = 1
    spoken: int = 2
    """Said over
    two lines.

    Examples: ["a", {"b": null}]
    """
    except_: int = Field(default=3, alias="except")
    """Has another name in a file."""
    pause: Annotated[Duration, _PAUSE] = "1m"
    """A duration."""
    perhaps: Annotated[Duration, _PAUSE] | None = None
    """A duration, or none."""

    @property
    def none(self) -> int:
        """No field."""
        return 1
'''


@pytest.fixture
def module(tmp_path: Path) -> Iterator[ModuleType]:
    file = tmp_path / "shown_settings.py"
    file.write_text(MODULE)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    made = sys.modules[file.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    yield made
    del sys.modules[file.stem]
    _docstrings.cache_clear()


def test_a_field_is_described_by_the_docstring_below_it(module: ModuleType) -> None:
    bounds = Bounds("1s", "1h", "longer is too long")
    assert descriptions(module.Shown) == {
        "spoken": Description(text="Said over two lines.", examples=("a", {"b": None})),
        "except_": Description(text="Has another name in a file."),
        "pause": Description(text="A duration.", bounds=bounds),
        "perhaps": Description(text="A duration, or none.", bounds=bounds),
    }


def test_the_whole_of_a_description_has_the_bounds_of_a_duration(module: ModuleType) -> None:
    said = descriptions(module.Shown)
    assert said["pause"].whole == "A duration. From 1s to 1h: longer is too long."
    assert said["except_"].whole == "Has another name in a file."


def test_the_schema_says_of_a_key_what_stands_below_its_field() -> None:
    schema = json_schema()
    labels = schema["$defs"]["Source"]["properties"]["labels"]
    assert labels["description"].startswith("Words of yours ")
    assert labels["examples"] == [{"team": "data", "env": "prod"}]
    assert schema["$defs"]["Wants"]["properties"]["except"]["description"]
    timeout = schema["$defs"]["Receiver"]["properties"]["timeout"]
    assert " From 100ms to 5m: " in timeout["description"]


def test_whoever_starts_a_daemon_reads_no_source(tmp_path: Path) -> None:
    _docstrings.cache_clear()
    read(tmp_path, SOURCE, {"JOBWATCH_LOG__LEVEL": "debug"})
    assert _docstrings.cache_info().misses == 0
