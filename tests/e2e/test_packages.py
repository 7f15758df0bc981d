"""The wheel and the source archive, as a release makes them: what is in them, the same bytes each time, and installed by
hash into clean environments under every Python that is found.

`PYTHONS` names the versions that may not be left out, as in `PYTHONS="3.11 3.12 3.13"`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from jobwatch import __version__

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13")
EPOCH = "1700000000"
STRICT = ("-W", "error::DeprecationWarning", "-W", "error::SyntaxWarning")
KEYS = {"TENCENTCLOUD_SECRET_ID": "AKIDEXAMPLE", "TENCENTCLOUD_SECRET_KEY": "example"}

pytestmark = pytest.mark.timeout(400)


def run(*command: str, cwd: Path, **environment: str) -> str:
    """What a program says, both streams; without any variable of jobwatch's, and in a folder of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JOBWATCH_", "PYTHON"))}
    done = subprocess.run(
        command, cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False,
        timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout + done.stderr


# ── what is built ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A wheel and a source archive."""

    wheel: Path
    archive: Path

    def archive_names(self) -> set[str]:
        with tarfile.open(self.archive) as archive:
            return {name.partition("/")[2] for name in archive.getnames()}

    def wheel_names(self) -> set[str]:
        return set(zipfile.ZipFile(self.wheel).namelist())

    def metadata(self) -> "Message[str, str]":
        name = f"jobwatch-{__version__}.dist-info/METADATA"
        return message_from_bytes(zipfile.ZipFile(self.wheel).read(name))


def build(source: Path, target: Path, *options: str) -> Path:
    """Build as `make dist` does, from the locked hatchling, without asking an index."""
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), *options)
    run(*command, str(source), cwd=target.parent, SOURCE_DATE_EPOCH=EPOCH)
    return target


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The archive from the repository, and the wheel from the archive."""
    folder = build(ROOT, tmp_path_factory.mktemp("built") / "dist")
    [wheel], [archive] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel=wheel, archive=archive)


def files_of_the_package() -> set[str]:
    found = (path for path in (ROOT / "jobwatch").rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if "__pycache__" not in path.parts}


def test_the_wheel_has_the_package_and_nothing_else(built: Built) -> None:
    info = f"jobwatch-{__version__}.dist-info"
    about = {"METADATA", "WHEEL", "entry_points.txt", "licenses/LICENSE", "RECORD"}
    assert built.wheel_names() == files_of_the_package() | {f"{info}/{name}" for name in about}
    needed = {"jobwatch/py.typed", "jobwatch/web/pages/templates/page.html.j2"}
    assert needed <= built.wheel_names()
    assert any(re.search(r"migrations/versions/\w+\.py$", name) for name in built.wheel_names())
    assert built.wheel.name == f"jobwatch-{__version__}-py3-none-any.whl"


def test_the_archive_has_what_a_build_and_a_first_look_need(built: Built) -> None:
    names = {name for name in built.archive_names() if name and not name.startswith("jobwatch/")}
    config = {f"config/{path.name}" for path in (ROOT / "config").iterdir()}
    about = {"README.md", "CHANGELOG.md", "LICENSE", "ARCHITECTURE.md", "SECURITY.md"}
    assert names == config | about | {
        "pyproject.toml",
        "requirements.lock",
        ".gitignore",
        "PKG-INFO",
    }
    assert files_of_the_package() <= built.archive_names()


def test_a_build_from_the_archive_gives_the_same_bytes_again(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.archive) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    for path in source.rglob("*"):
        os.utime(path, (0, 0))
    again = build(source, tmp_path / "dist", "--wheel", "--sdist")
    assert (again / built.wheel.name).read_bytes() == built.wheel.read_bytes()
    assert (again / built.archive.name).read_bytes() == built.archive.read_bytes()


def test_the_repository_and_the_archive_give_the_same_wheel(built: Built, tmp_path: Path) -> None:
    direct = build(ROOT, tmp_path / "dist", "--wheel")
    assert (direct / built.wheel.name).read_bytes() == built.wheel.read_bytes()


def test_the_metadata_says_what_an_index_shows_and_pip_needs(built: Built) -> None:
    said = built.metadata()
    assert said["Name"] == "jobwatch"
    assert said["Version"] == __version__
    assert said["License-Expression"] == "Apache-2.0"
    assert said["Metadata-Version"] == "2.4"
    assert said["Description-Content-Type"] == "text/markdown"
    assert str(said.get_payload()).startswith("# jobwatch")
    python = SpecifierSet(said["Requires-Python"])
    for version in VERSIONS:
        assert version in python
        assert f"Programming Language :: Python :: {version}" in said.get_all("Classifier", [])
    assert "3.10" not in python


def test_the_lock_has_every_package_that_the_wheel_asks_for_in_a_version_it_takes(
    built: Built,
) -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, flags=re.MULTILINE))
    asked = [Requirement(each) for each in built.metadata().get_all("Requires-Dist", [])]
    always = [each for each in asked if each.marker is None]
    assert len(always) > 10
    for each in always:
        assert locked[each.name] in each.specifier, each


# ── what is installed ───────────────────────────────────────────────────────────────


def interpreter(version: str) -> str | None:
    """A Python of this version that can make environments; pyenv's stand beside the search path."""
    places = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for place in (shutil.which(f"python{version}"), *map(str, places), sys.executable):
        if place is None:
            continue
        asked = subprocess.run(
            [place, "-c", "import sys, venv; print('%s.%s' % sys.version_info[:2])"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if asked.stdout.strip() == version:
            return place
    return None


PYTHONS = {version: found for version in VERSIONS if (found := interpreter(version)) is not None}


def environment(version: str, built: Built, folder: Path) -> Path:
    """A clean environment with the wheel in it, by hash and without a compiler; the folder of its programs."""
    run(PYTHONS[version], "-m", "venv", "--without-pip", str(folder), cwd=folder.parent)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet")
    lock = str(ROOT / "requirements.lock")
    by_hash = ("--require-hashes", "--only-binary", ":all:", "--requirement", lock)
    run(*pip, *by_hash, cwd=folder)
    run(*pip, "--no-deps", "--no-index", str(built.wheel), cwd=folder)
    return folder / "bin"


@pytest.fixture(scope="module")
def environments(
    built: Built, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("environments")
    with ThreadPoolExecutor(len(VERSIONS)) as several:
        made = {v: several.submit(environment, v, built, folder / v) for v in PYTHONS}
        yield {version: each.result() for version, each in made.items()}
    shutil.rmtree(folder)


@pytest.fixture(params=VERSIONS)
def programs(request: pytest.FixtureRequest, environments: dict[str, Path]) -> Path:
    """Where the programs of an environment are, for each version in turn."""
    version: str = request.param
    if version not in environments:
        missing = f"no Python {version} here"
        (pytest.fail if version in os.environ.get("PYTHONS", "").split() else pytest.skip)(missing)
    return environments[version]


def test_it_says_its_version_and_complains_of_nothing(programs: Path, tmp_path: Path) -> None:
    expected = f"jobwatch {__version__} (Python "
    assert run(str(programs / "jobwatch"), "version", cwd=tmp_path).startswith(expected)
    python = str(programs / "python")
    assert run(python, *STRICT, "-m", "jobwatch", "version", cwd=tmp_path).startswith(expected)
    checked = (sys.executable, "-m", "pip", "--python", python, "check")
    assert "No broken requirements" in run(*checked, cwd=tmp_path)


def test_it_reads_a_configuration_and_describes_it(programs: Path, tmp_path: Path) -> None:
    python = (str(programs / "python"), *STRICT, "-m", "jobwatch")
    minimal = str(ROOT / "config" / "jobwatch.minimal.yaml")
    said = run(*python, "check", "--config", minimal, cwd=tmp_path, **KEYS)
    assert "Traceback" not in said
    schema = (ROOT / "config" / "jobwatch.schema.json").read_text(encoding="utf-8")
    assert json.loads(run(*python, "schema", cwd=tmp_path)) == json.loads(schema)


@pytest.fixture(scope="module")
def demos(
    environments: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[Path, str]:
    """What the demo prints in each environment; they play beside each other."""

    def play(programs: Path) -> str:
        python = (str(programs / "python"), *STRICT, "-m", "jobwatch")
        folder = tmp_path_factory.mktemp("demo")
        return run(*python, "demo", "--for", "12s", "--port", "0", cwd=folder)

    with ThreadPoolExecutor(len(VERSIONS)) as several:
        return dict(
            zip(environments.values(), several.map(play, environments.values()), strict=True)
        )


def test_it_watches_keeps_and_tells(programs: Path, demos: dict[Path, str]) -> None:
    said = demos[programs]
    assert "● job." in said
    assert "signature verified" in said
    assert "Warning" not in said
