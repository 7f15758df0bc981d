"""What holds for every test."""

import gc
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import Connection, Engine, event

from jobwatch.simulator.receiver import WebhookSink
from tests.event_check import EventCheck

# How long an example takes says something about the machine, and nothing about the code: the whole suite has a timeout.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Both workers and a hundred children would compile the same files anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What a shell starts in the background ignores Ctrl-C, and so would every child that a test means to stop with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 2 << 30


def pytest_configure() -> None:
    """Keep the folders of tests in memory where there is room: ten thousand transactions wait for no disk.

    No test cuts the power: what a killed process wrote is there in either place.
    """
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_finish() -> None:
    """Nine thousand tests and their modules stay to the end: no collection of garbage needs to look at them again."""
    gc.collect()
    gc.freeze()


class CompiledOnce(dict[tuple[Any, ...], Any]):
    """What was compiled for one engine serves every engine of that kind.

    An engine keeps statements for itself alone, and each store that a test opens has two engines: compiling what the
    test before had compiled was most of a short test.
    """

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__((key[0].name, *key[1:]), compiled)


COMPILED = CompiledOnce()


@event.listens_for(Engine, "engine_connect")
def _share_compiled(connection: Connection) -> None:
    connection.execution_options(compiled_cache=COMPILED)


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
