"""`jobwatch backup` and `jobwatch restore`, killed at every step that changes a name: the old file or the new, no mix."""

import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobwatch.store import SqliteSettings, Store, backup, copying
from jobwatch.store.values import JobFilter
from tests.cli_rig import configuration, environment
from tests.contract.watcher import Clock, Watcher
from tests.factories import NOW, job

RESTORING = [
    "statvfs:after:1",
    "fsync:before:1",
    "link:before:1",
    "link:after:1",
    "replace:before:1",
    "replace:after:1",
    "fsync:before:2",
]
IN_PLACE = {"replace:after:1", "fsync:before:2"}
"""From here on the backup has the store's name."""

BACKING_UP = ["statvfs:after:1", "fsync:before:1", "replace:before:1", "replace:after:1"]


def die(at: str, *words: str | Path) -> None:
    program = Path(__file__).parent / "dying_command.py"
    done = subprocess.run(
        [sys.executable, program, *map(str, words)],
        env=environment(DIE_AT=at),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup that knows `old`, and a store that knows `new` as well, which stands in its log alone."""
    folder = tmp_path_factory.mktemp("killed")
    asyncio.run(_kill(folder))
    return folder


async def _kill(folder: Path) -> None:
    path, clock = folder / "live.db", Clock()
    settings = SqliteSettings(path=path)
    store = await Store.open(settings, owner="a", clock=clock, exclusive=True)
    prod = await Watcher.start(store, clock)
    await prod.sees(job(id="old"))
    backup.write_backup(path, folder / "backup.db")
    await prod.sees(job(id="new"))
    for end in ("", "-wal"):
        await asyncio.to_thread(shutil.copyfile, f"{path}{end}", folder / f"jobwatch.db{end}")
    await store.close()


def placed(killed: Path, folder: Path) -> Path:
    for name in ("backup.db", "jobwatch.db", "jobwatch.db-wal"):
        shutil.copyfile(killed / name, folder / name)
    return configuration(folder)


def ids(path: Path) -> set[str]:
    """The jobs of a store, opened as the daemon opens it."""

    async def read() -> set[str]:
        settings = SqliteSettings(path=path)
        store = await Store.open(settings, owner="b", clock=Clock(), exclusive=True)
        found = await store.jobs(JobFilter(), limit=10)
        await store.close()
        return {row.snapshot.job.id for row in found.rows}

    return asyncio.run(read())


@pytest.mark.parametrize("at", RESTORING)
def test_a_restore_that_is_killed_leaves_the_old_store_or_the_new_one(
    at: str, killed: Path, tmp_path: Path
) -> None:
    file = placed(killed, tmp_path)
    store, saved = tmp_path / "jobwatch.db", tmp_path / "backup.db"
    die(at, "restore", saved, "--force", "--config", file)
    assert ids(store) == ({"old"} if at in IN_PLACE else {"old", "new"})
    copying.contents(store, thorough=True)
    restored = backup.restore(saved, store, owner="x", now=NOW)
    assert ids(store) == {"old"}
    kept = [ids(each) for each in tmp_path.glob("jobwatch.db.before-restore-*Z")]
    assert {"old", "new"} in kept
    assert restored.aside is not None
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("at", BACKING_UP)
def test_a_backup_that_is_killed_leaves_the_backup_before_it_or_a_whole_one(
    at: str, killed: Path, tmp_path: Path
) -> None:
    file = placed(killed, tmp_path)
    store, saved = tmp_path / "jobwatch.db", tmp_path / "backup.db"
    die(at, "backup", saved, "--force", "--config", file)
    assert copying.contents(saved, thorough=True).jobs == (2 if at == "replace:after:1" else 1)
    backup.write_backup(store, saved)
    assert copying.contents(saved, thorough=True).jobs == 2
    assert not list(tmp_path.glob("*.part"))
