"""The image as built from the Dockerfile, and containers of it, without any engine that has to run beforehand.

buildah builds, podman and runc run, in a storage of their own that is gone afterwards. The base is a Debian that
mmdebstrap makes, under the name that the Dockerfile is told to begin with. Whatever pip needs to reach its index on this
machine is handed to the build, and stays out of the image.
"""

import ast
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).parents[2]
BASE = "localhost/jobwatch-base:test"
IMAGE = "localhost/jobwatch:test"
SUITE = "bookworm"
PROGRAMS = ("buildah", "podman", "runc", "mmdebstrap", "iptables", "openssl")
PACKAGES = "buildah podman runc netavark iptables mmdebstrap"
REVISION = "0123456789abcdef0123456789abcdef01234567"
PATIENCE = 300

ENGINE = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[network]
network_backend = "netavark"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""
"""What podman cannot know by itself where there is no systemd. The limits may not be above those of this process."""


@dataclass(slots=True, kw_only=True)
class Engine:
    """Builds and runs in a folder of its own. `took` says how many seconds each part of the way to an image took."""

    folder: Path
    took: dict[str, float] = field(default_factory=dict)

    def _call(self, *command: str) -> "subprocess.CompletedProcess[str]":
        config = str(self.folder / "containers.conf")
        return subprocess.run(
            command, env=os.environ | {"CONTAINERS_CONF": config}, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip

    def _storage(self) -> tuple[str, ...]:
        return ("--root", str(self.folder / "storage"), "--runroot", str(self.folder / "run"))

    def buildah(self, *arguments: str) -> str:
        done = self._call("buildah", *self._storage(), *arguments)
        assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-1000:]
        return done.stdout.strip()

    def try_podman(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run podman, whatever comes of it."""
        place = ("--tmpdir", str(self.folder / "tmp"), "--log-level", "error")
        return self._call("podman", *self._storage(), *place, *arguments)

    def podman(self, *arguments: str) -> str:
        done = self.try_podman(*arguments)
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
        return done.stdout.strip()

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """What podman says of an image or a container."""
        found: list[dict[str, Any]] = json.loads(self.podman(kind, "inspect", name))
        return found[0]

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.took[part] = round(time.monotonic() - began, 2)

    def remove(self) -> None:
        """Leave nothing: containers with their volumes and networks, working containers, mounts, files."""
        self.try_podman("rm", "--force", "--all", "--volumes", "--time", "1")
        self._call("buildah", *self._storage(), "rm", "--all")
        for mounted in reversed(Path("/proc/self/mounts").read_text("utf-8").splitlines()):
            place = mounted.split()[1]
            if Path(place).is_relative_to(self.folder):
                subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def why_not() -> str | None:
    """Why no image can be built here; None where one can."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        return "building and running an image here needs root on Linux"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed (Debian: apt-get install {PACKAGES})"
    return None


def lacking(reason: str) -> NoReturn:
    """Skip the test, or fail it where everything is meant to be."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine with the image, built from the Dockerfile as it is. Skips the test where there cannot be one; fails it in CI."""
    reason = why_not()
    if reason is not None:
        lacking(reason)
    made = Engine(folder=Path(tempfile.mkdtemp(prefix="jobwatch-image-", dir="/var/tmp")))
    try:
        _configure(made.folder)
        with made.timed("base"):
            _make_base(made)
        with made.timed("build"):
            _build(made)
        yield made
    finally:
        made.remove()


def _configure(folder: Path) -> None:
    """Write what podman is to use; `tmp` is its own, so that no other podman is disturbed."""
    files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65_536)
    processes = min(resource.getrlimit(resource.RLIMIT_NPROC)[1], 4096)
    if resource.RLIM_INFINITY in resource.getrlimit(resource.RLIMIT_NPROC):
        processes = 4096
    text = ENGINE.format(files=files, processes=processes)
    (folder / "containers.conf").write_text(text, encoding="utf-8")


def _make_base(made: Engine) -> None:
    """What the official slim images are to this test: a Debian with Python, and `python` as its name."""
    archive = made.folder / "base.tar"
    packages = "python3,python3-venv,python-is-python3,ca-certificates"
    left_out = [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("doc", "man", "locale")]
    command = [
        "mmdebstrap", "--quiet", "--variant=essential", f"--include={packages}", *left_out,
        SUITE, str(archive),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode != 0:
        lacking(f"no base image can be made here: {done.stderr.strip()[-300:]}")
    container = made.buildah("from", "scratch")
    made.buildah("add", "--quiet", container, str(archive), "/")
    made.buildah("commit", "--quiet", "--format", "docker", container, BASE)
    made.buildah("rm", container)
    archive.unlink()


def _build(made: Engine) -> None:
    """Build the image as `docker build --secret id=pip,src=pip.conf .` does."""
    secret, paths = made.folder / "pip.conf", pip_configuration()
    secret.write_text(paths.text, encoding="utf-8")
    mounts = [f"--volume={each}:{each}:ro" for each in paths.paths]
    arguments = {"PYTHON_IMAGE": BASE, "REVISION": REVISION}
    made.buildah(
        "bud", "--isolation", "chroot", "--network", "host", "--pull-never", "--format", "docker",
        *(f"--build-arg={name}={value}" for name, value in arguments.items()),
        f"--secret=id=pip,src={secret}", *mounts, "--tag", IMAGE, str(ROOT),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PipConfiguration:
    """The configuration of pip on this machine as one file, and the files and folders that it names."""

    text: str
    paths: tuple[str, ...]


def pip_configuration() -> PipConfiguration:
    """How pip reaches its index here, from its files and from PIP_ variables alike, the latter last."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    values: dict[str, str] = {}
    for line in sorted(listed, key=lambda each: each.startswith(":env:")):
        found = re.fullmatch(r"(?:global|install|:env:)\.([a-z-]+)=(['\"].*)", line)
        if found is not None:
            values[found[1]] = ast.literal_eval(found[2])
    # The pages of an index in a folder lead to files beside that folder.
    named = {
        str(Path(word).parent) if "index" in key else word
        for key, value in values.items()
        for word in value.replace("file://", " ").split()
    }
    paths = sorted(each for each in named if each.startswith("/") and Path(each).exists())
    lines = [f"{key} = {' '.join(value.split())}" for key, value in values.items()]
    return PipConfiguration(text="\n".join(["[global]", *lines, ""]), paths=tuple(paths))
