"""What holds for every test."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from jobwatch.simulator.receiver import WebhookSink
from tests.event_check import EventCheck

# How long an example takes says something about the machine, and nothing about the code: the whole suite has a timeout.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Both workers and a hundred children would compile the same files anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 2 << 30


def pytest_configure() -> None:
    """Keep the folders of tests in memory where there is room: ten thousand transactions wait for no disk.

    No test cuts the power: what a killed process wrote is there in either place.
    """
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.fixture(scope="session")
def overhearing() -> Iterator[EventCheck]:
    """One check for the session: a receiver of any test records as ever, and is overheard."""
    check, record = EventCheck(), WebhookSink._record
    WebhookSink._record = check.listen(record)  # type: ignore[method-assign]
    yield check
    WebhookSink._record = record  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def event_check(overhearing: EventCheck) -> Iterator[EventCheck]:
    """Every event that a receiver of this test accepts is what the schema of its type promises."""
    yield overhearing
    wrong = overhearing.take()
    assert not wrong, "\n".join(wrong)
