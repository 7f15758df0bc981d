"""What the tests of the running parts share."""

from pathlib import Path

import pytest

from tests.rig import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobwatch.db"
