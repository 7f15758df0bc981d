"""Who finds a store held by another is told what to do about it, at the start and while waiting."""

from pathlib import Path

import pytest

from jobwatch.app.view import Readiness
from jobwatch.core.errors import StoreLocked
from jobwatch.settings import load_settings
from jobwatch.store.place import FileLock
from tests.factories import NOW
from tests.unit.settings_cases import SOURCE

WHAT_TO_DO = "; stop one of the two, or give each a store of its own"


def test_a_store_that_is_held_was_refused_without_a_word_of_what_to_do(tmp_path: Path) -> None:
    store = tmp_path / "jobwatch.db"
    lock = FileLock.take(store, owner="x", now=NOW)
    with pytest.raises(StoreLocked) as caught:
        FileLock.take(store, owner="y", now=NOW)
    lock.free()
    assert str(caught.value).endswith(f" owner=x{WHAT_TO_DO}")
    assert caught.value.holder.endswith(" owner=x"), "the name of the holder stays a name"


def test_a_daemon_that_waited_for_a_held_store_did_not_say_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "jobwatch.yaml"
    file.write_text(SOURCE)
    readiness = Readiness(settings=load_settings(file, {}).settings)
    readiness.waiting_for("pid=1 host=vm since=2026-11-21T20:00:00+00:00")
    (told,) = readiness.missing()
    assert told.startswith("the store is held by pid=1 host=vm since=")
    assert told.endswith(WHAT_TO_DO)
    assert readiness.summary().endswith(WHAT_TO_DO)
