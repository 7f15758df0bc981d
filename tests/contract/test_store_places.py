"""Where a SQLite store may lie, and with which words a place is refused."""

import asyncio
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from jobwatch.core.errors import StoreUnusable
from jobwatch.store import SqliteSettings, Store
from jobwatch.store.place import network_mount
from tests.contract.databases import Stores
from tests.contract.watcher import Clock


@pytest.fixture
def stores(file_stores: Stores) -> Stores:
    return file_stores


async def refused(stores: Stores, *, exclusive: bool = True) -> str:
    with pytest.raises(StoreUnusable) as caught:
        await stores.open(exclusive=exclusive)
    return str(caught.value)


def _as_nobody(path: Path, answer: Connection) -> None:
    os.setgid(65534)
    os.setuid(65534)

    async def attempt() -> str:
        try:
            store = await Store.open(
                SqliteSettings(path=path), owner="x", clock=Clock(), exclusive=True
            )
        except StoreUnusable as error:
            return str(error)
        await store.close()
        return "opened"

    answer.send(asyncio.run(attempt()))


def _without_rights(path: Path) -> str:
    """What a user without rights is told; root may write anywhere, so a child gives its rights up."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody else")
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_as_nobody, args=(path, there))
    child.start()
    assert here.poll(20)
    words: str = here.recv()
    child.join()
    return words


def _prepare_directory(path: Path) -> None:
    path.parent.chmod(0o555)


def _prepare_file(path: Path) -> None:
    path.parent.chmod(0o777)
    path.touch(0o444)


def _prepare_directory_of_a_writable_file(path: Path) -> None:
    path.touch()
    path.chmod(0o666)
    path.parent.chmod(0o555)


@pytest.mark.parametrize(
    "prepare", [_prepare_directory, _prepare_file, _prepare_directory_of_a_writable_file]
)
def test_a_place_without_the_right_to_write_is_refused(
    tmp_path_factory: pytest.TempPathFactory, prepare: Callable[[Path], None]
) -> None:
    folder = tmp_path_factory.mktemp("rights")
    for parent in (folder, *folder.parents):
        if parent.owner() == "root" and parent != Path("/") and "pytest" in str(parent):
            parent.chmod(0o755)
    prepare(folder / "jobwatch.db")
    assert "the right to write" in _without_rights(folder / "jobwatch.db")


@pytest.mark.parametrize("beside", ["-wal", "-shm", ".lock"])
def test_what_another_user_left_beside_the_store_is_named(
    tmp_path_factory: pytest.TempPathFactory, beside: str
) -> None:
    folder = tmp_path_factory.mktemp("rights")
    for parent in (folder, *folder.parents):
        if parent.owner() == "root" and parent != Path("/") and "pytest" in str(parent):
            parent.chmod(0o755)
    _prepare_file(folder / "jobwatch.db")
    (folder / "jobwatch.db").chmod(0o666)
    left = folder / f"jobwatch.db{beside}"
    left.touch(0o600)
    said = _without_rights(folder / "jobwatch.db")
    assert said.startswith(f"{left} belongs to uid 0 and is not writable for uid 65534")


MOUNTS = """\
22 1 0:20 / / rw,relatime - overlay overlay rw,lowerdir=a
23 22 0:21 / /proc rw - proc proc rw
30 22 0:40 / /data rw shared:1 - nfs4 server:/export rw,vers=4.2
31 30 8:1 / /data/local rw - ext4 /dev/sda1 rw
32 22 0:41 / /with\\040space rw - fuse.sshfs me@there:/ rw
33 22 0:42 / /win rw - 9p drvfs rw
34 22 0:43 / /bucket rw - fuse.cosfs cosfs rw
35 22 0:44 / /covered rw - cifs //server/share rw
36 22 8:2 / /covered rw - xfs /dev/sdb rw
broken line
""".splitlines()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/jobwatch.db", None),
        ("/data/jobwatch.db", "nfs4"),
        ("/database/jobwatch.db", None),
        ("/data/local/jobwatch.db", None),
        ("/with space/jobwatch.db", "fuse.sshfs"),
        ("/win/jobwatch.db", None),
        ("/bucket/a/b/jobwatch.db", "fuse.cosfs"),
        ("/covered/jobwatch.db", None),
    ],
)
def test_network_file_systems_are_known(path: str, kind: str | None) -> None:
    assert network_mount(Path(path), MOUNTS) == kind


async def test_a_store_on_a_network_file_system_is_refused(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 0:1 / {stores.path.parent.resolve()} rw - nfs4 server:/ rw\n")
    monkeypatch.setattr("jobwatch.store.place.MOUNTS", mounts)
    words = await refused(stores)
    assert "network file system (nfs4)" in words
    assert not stores.path.exists()
