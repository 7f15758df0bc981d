"""What the tests of the running parts share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobwatch.simulator.simulation import Simulation
from jobwatch.transport import Transport
from tests.client_rig import Around, cloud_of
from tests.new_store import new_store
from tests.rig import START, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store that nobody has written to; test_store_opening has the ones that are not there yet."""
    return new_store(tmp_path / "jobwatch.db", START)


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    async with Transport() as opened:
        yield opened


@pytest.fixture
async def cloud(around: Around) -> AsyncIterator[Simulation]:
    """An account of ten jobs, by the clock of the client that asks it."""
    async with cloud_of(around, jobs=10) as running:
        yield running
