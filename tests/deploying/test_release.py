"""One version, wherever it is written; and what a release does to the places where it is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version
from trove_classifiers import classifiers as known_classifiers

from jobwatch import __version__
from tests.deploying.release import (
    CHANGELOG,
    PLACES,
    ROOT,
    UNRELEASED,
    ReleaseError,
    check,
    notes,
    section,
    set_version,
    written,
)

KINDS = {"Action", "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Not yet"}
NAMED = re.compile(r"\bjobwatch(?:[:@]|[-/]v?|==)(\d+\.\d+\.\d+)\b")
DAY = r"\d{4}-\d{2}-\d{2}"
NEWS = """# Changelog

## [Unreleased]

### Added

- Something new.

## [0.0.9] - 2026-01-02

### Fixed

- Something old.
"""


def changelog() -> str:
    return (ROOT / CHANGELOG).read_text(encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that carry the version, in a folder of their own, and a changelog with news."""
    for name in {place.file for place in PLACES}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / CHANGELOG).write_text(NEWS, encoding="utf-8")
    return tmp_path


def test_every_place_says_the_version_of_the_package() -> None:
    assert dict(written()) == dict.fromkeys({place.file for place in PLACES}, __version__)
    assert {found for _, found in written()} == {__version__}


def test_what_is_shown_names_the_version_that_is_there() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.*")]
    named: dict[str, set[str]] = {}
    for page in pages:
        if page.suffix in {".md", ".yaml", ".yml", ".txt"}:
            for version in NAMED.findall(page.read_text(encoding="utf-8")):
                named.setdefault(version, set()).add(page.relative_to(ROOT).as_posix())
    assert set(named) == {__version__}, named


def test_the_latest_release_of_the_changelog_is_this_version_or_there_was_none_yet() -> None:
    headings = re.findall(r"^## (.+)$", changelog(), flags=re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    released = [re.fullmatch(rf"\[(\d+\.\d+\.\d+)\] - {DAY}", each) for each in headings[1:]]
    versions = [found[1] for found in released if found is not None]
    assert len(versions) == len(headings) - 1, headings
    assert versions == sorted(versions, key=Version, reverse=True)
    assert versions[:1] in ([], [__version__])


def test_the_changelog_has_only_sections_that_its_format_knows_and_says_nothing_twice() -> None:
    for heading in re.findall(r"^## .+$", changelog(), flags=re.MULTILINE):
        kinds = re.findall(r"^### (.+)$", section(changelog(), heading), flags=re.MULTILINE)
        assert set(kinds) <= KINDS
        assert len(set(kinds)) == len(kinds)
    entries = re.findall(r"^- (.+(?:\n  .+)*)", changelog(), flags=re.MULTILINE)
    assert len({entry[:40] for entry in entries}) == len(entries) > 10


def test_a_release_moves_every_place_and_dates_what_was_unreleased(copy: Path) -> None:
    set_version("7.8.9", "2026-11-30", copy)
    assert {found for _, found in written(copy)} == {"7.8.9"}
    text = (copy / CHANGELOG).read_text("utf-8")
    assert section(text, UNRELEASED) == ""
    assert "\n## [7.8.9] - 2026-11-30\n" in text
    assert notes("v7.8.9", copy) == "### Added\n\n- Something new."
    assert notes("v0.0.9", copy) == "### Fixed\n\n- Something old."
    check("v7.8.9", copy)
    namespace: dict[str, str] = {}
    exec((copy / "jobwatch/__init__.py").read_text("utf-8"), namespace)
    assert namespace["__version__"] == "7.8.9"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.file}: {place.line[:9]}")
def test_a_tag_that_one_place_contradicts_is_refused_with_the_name_of_that_place(
    copy: Path, place: object
) -> None:
    set_version("7.8.9", "2026-11-30", copy)
    [found] = [each for each in PLACES if each is place]
    file = copy / found.file
    text = found.pattern.sub(r"\g<1>7.8.8\g<3>", file.read_text("utf-8"))
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ReleaseError, match=f"{found.file} says 7.8.8"):
        check("v7.8.9", copy)


def test_what_is_no_release_is_refused_and_nothing_is_written(copy: Path) -> None:
    before = dict(written(copy))
    for version in ("1.2", "1.2.3rc1", "01.2.3", "next", "1.2.3 ", ""):
        with pytest.raises(ReleaseError, match="no version"):
            set_version(version, "2026-11-30", copy)
    assert dict(written(copy)) == before
    set_version("7.8.9", "2026-11-30", copy)
    with pytest.raises(ReleaseError, match=r"has 7\.8\.9 already"):
        set_version("7.8.9", "2026-12-01", copy)
    with pytest.raises(ReleaseError, match="has nothing under"):
        set_version("7.9.0", "2026-12-01", copy)
    assert {found for _, found in written(copy)} == {"7.8.9"}
    with pytest.raises(ReleaseError, match=r"says nothing of 9\.9\.9"):
        notes("v9.9.9", copy)


def test_the_version_is_checked_before_anything_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, '.'); import tests.deploying.release"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wrong = subprocess.run(
        [sys.executable, "-m", "tests.deploying.release", "check", "v99.0.0"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert wrong.returncode == 1
    assert "the tag says 99.0.0, but jobwatch/__init__.py says" in wrong.stderr


def test_the_package_describes_itself_in_words_that_indexes_know() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r'^  "([^"]+ :: [^"]+)",$', text, flags=re.MULTILINE)
    assert len(listed) > 5
    assert set(listed) <= set(known_classifiers)
