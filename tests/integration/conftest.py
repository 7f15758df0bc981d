"""What the tests of the running parts share."""

from pathlib import Path

import pytest

from tests.new_store import new_store
from tests.rig import START, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store that nobody has written to; test_store_opening has the ones that are not there yet."""
    return new_store(tmp_path / "jobwatch.db", START)
