"""The Dockerfile agrees with the package, the locks and the context, which no build would tell."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobwatch import __version__
from jobwatch.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
BUILD_LOCK = (ROOT / "requirements-build.lock").read_text(encoding="utf-8")
DEVELOPMENT_LOCK = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")

VOLUME = "/var/lib/jobwatch"


def instructions(name: str) -> list[str]:
    """What stands behind an instruction, each on one line."""
    joined = re.sub(r" *\\\n *", " ", DOCKERFILE)
    return re.findall(rf"^{name} (.*)$", joined, flags=re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock, flags=re.MULTILINE))


def test_the_version_of_the_label_is_that_of_the_package() -> None:
    assert f"VERSION={__version__}" in instructions("ARG")


def test_what_is_exposed_is_where_the_daemon_listens() -> None:
    listen = Settings.model_fields["http"].default.address
    assert instructions("EXPOSE") == [str(listen.port)]


def test_the_store_and_what_it_sorts_lie_on_the_volume_alone() -> None:
    [environment] = [each for each in instructions("ENV") if "PATH=" in each]
    values = dict(word.split("=", 1) for word in environment.split())
    assert instructions("VOLUME") == instructions("WORKDIR")[-1:] == [VOLUME]
    assert values["JOBWATCH_STORE__PATH"] == f"{VOLUME}/jobwatch.db"
    assert values["SQLITE_TMPDIR"] == VOLUME


def test_it_runs_as_a_number_because_kubernetes_cannot_tell_whether_a_name_is_root() -> None:
    assert instructions("USER") == ["65532:65532"]


def test_everything_that_is_copied_is_in_the_context_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        word.removeprefix("./")
        for each in instructions("COPY")
        if not each.startswith("--from")
        for word in each.split()[:-1]
    }
    assert lines[1] == "*"
    assert let_in == copied
    assert all((ROOT / name).exists() for name in copied)


def test_what_builds_the_wheel_is_what_the_development_lock_has() -> None:
    locked, developed = pins(BUILD_LOCK), pins(DEVELOPMENT_LOCK)
    assert "hatchling" in locked
    assert locked.items() <= developed.items()
    assert BUILD_LOCK.count("--hash=sha256:") >= len(locked)


def test_every_installation_is_by_hash_or_without_an_index() -> None:
    installed = re.findall(
        r"(?:pip|python) +(?:install|wheel) [^&\n]*", "\n".join(instructions("RUN"))
    )
    assert len(installed) == 4
    for each in installed:
        assert "--require-hashes" in each or "--no-index" in each, each


def test_hadolint_finds_nothing() -> None:
    beside = Path(sys.executable).with_name("hadolint")
    found = str(beside) if beside.exists() else shutil.which("hadolint")
    if found is None:
        pytest.skip("hadolint is not installed")
    ran = subprocess.run(
        [found, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
