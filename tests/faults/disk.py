"""Volumes that a test can fill or break: a small one in memory, and a file system of its own on a loop device."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

MOUNT = ("-o", "loop,errors=remount-ro")


@dataclass(frozen=True, slots=True)
class Volume:
    """A mounted folder; `image` is the file that a loop device shows as its disk, None where it is in memory."""

    folder: Path
    image: Path | None = None

    @property
    def device(self) -> str:
        return _run("findmnt", "-no", "SOURCE", str(self.folder)).stdout.strip()

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Leave not one byte, or so many."""
        handle = os.open(self._ballast, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for size in (65_536, 4096, 1):
            try:
                while os.write(handle, b"x" * size):
                    pass
            except OSError:
                continue
        os.ftruncate(handle, os.fstat(handle).st_size - leave)
        os.close(handle)

    @property
    def is_full(self) -> bool:
        return self._ballast.exists()

    def make_room(self) -> None:
        self._ballast.unlink()

    def turn_read_only(self) -> None:
        """What the file system does by itself when its disk fails; only mounting it anew ends that."""
        Path("/sys/fs/ext4", Path(self.device).name, "trigger_fs_error").write_text("test")

    def mount_anew(self) -> None:
        assert not _run("umount", str(self.folder)).returncode
        assert not _run("mount", *MOUNT, str(self.image), str(self.folder)).returncode


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)


@contextmanager
def _mounted(folder: Path, *words: str) -> Iterator[Path]:
    folder.mkdir()
    done = _run("mount", *words, str(folder))
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))


@contextmanager
def in_memory(parent: Path, size: str) -> Iterator[Volume]:
    with _mounted(
        parent / "volume", "-t", "tmpfs", "-o", f"size={size}", "jobwatch-test"
    ) as folder:
        yield Volume(folder)


@contextmanager
def on_a_loop_device(parent: Path) -> Iterator[Volume]:
    image = parent / "image"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    if _run("mkfs.ext4", "-q", str(image)).returncode:
        pytest.skip("there is no mkfs.ext4")
    with _mounted(parent / "volume", *MOUNT, str(image)) as folder:
        yield Volume(folder, image)
