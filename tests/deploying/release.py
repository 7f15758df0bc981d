"""Where the version is written down, and how a release moves all of these places at once.

`jobwatch/__init__.py` is the one that counts. A Dockerfile, a chart and a changelog cannot read it, so they repeat it, and
`test_release.py` holds them to it. Nothing but the standard library: this runs before anything is installed.

    python -m tests.deploying.release set 0.2.0      write it everywhere, and date the changelog
    python -m tests.deploying.release check v0.2.0   complain unless every place says what the tag says
    python -m tests.deploying.release notes v0.2.0   print what the changelog says of it
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHANGELOG = "CHANGELOG.md"
UNRELEASED = "## [Unreleased]"
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
"""What Python's packages, image tags and Helm all read alike."""


class ReleaseError(Exception):
    """Why this cannot be released, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line that carries the version, as a pattern with the text before it, the version, and the text after it."""

    file: str
    line: str

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.line, re.MULTILINE)


SOURCE = Place(file="jobwatch/__init__.py", line=r'^(__version__ = ")([^"]+)(")$')
PLACES = (
    SOURCE,
    Place(file="Dockerfile", line=r"^(ARG VERSION=)(\S+)()$"),
    Place(file="deploy/helm/jobwatch/Chart.yaml", line=r'^(version: "?)([^"\s]+)("?)$'),
    Place(file="deploy/helm/jobwatch/Chart.yaml", line=r'^(appVersion: "?)([^"\s]+)("?)$'),
)


def written(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """What each place says, with the name of its file."""
    for place in PLACES:
        found = place.pattern.search((root / place.file).read_text(encoding="utf-8"))
        if found is None:
            raise ReleaseError(f"{place.file} has no line like {place.line}")
        yield place.file, found[2]


def plain(version: str) -> str:
    """The version that a tag names."""
    given = version.removeprefix("v")
    if VERSION.fullmatch(given) is None:
        raise ReleaseError(f"{version} is no version: write it as 1.2.3")
    return given


def set_version(version: str, day: str, root: Path = ROOT) -> None:
    """Write a version everywhere. All is read and changed before anything is written."""
    wanted = plain(version)
    texts = {name: (root / name).read_text("utf-8") for name, _ in written(root)}
    for place in PLACES:
        texts[place.file] = place.pattern.sub(rf"\g<1>{wanted}\g<3>", texts[place.file])
    texts[CHANGELOG] = dated((root / CHANGELOG).read_text("utf-8"), wanted, day)
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")


def dated(changelog: str, version: str, day: str) -> str:
    """The changelog with what was unreleased under a heading of its own."""
    if f"## [{version}]" in changelog:
        raise ReleaseError(f"{CHANGELOG} has {version} already")
    if not section(changelog, UNRELEASED):
        raise ReleaseError(f"{CHANGELOG} has nothing under {UNRELEASED}")
    return changelog.replace(UNRELEASED, f"{UNRELEASED}\n\n## [{version}] - {day}", 1)


def section(changelog: str, heading: str) -> str:
    """What stands under the heading that begins so; nothing where there is none."""
    rest = f"\n{changelog}".partition(f"\n{heading}")[2].partition("\n")[2]
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0].strip()


def notes(version: str, root: Path = ROOT) -> str:
    """What the changelog says of a release."""
    wanted = plain(version)
    found = section((root / CHANGELOG).read_text("utf-8"), f"## [{wanted}] - ")
    if not found:
        raise ReleaseError(f"{CHANGELOG} says nothing of {wanted}")
    return found


def check(tag: str, root: Path = ROOT) -> None:
    """Complain unless every place says what the tag says, and the changelog has it."""
    wanted = plain(tag)
    differ = [f"{name} says {found}" for name, found in written(root) if found != wanted]
    if differ:
        raise ReleaseError(f"the tag says {wanted}, but {', '.join(differ)}")
    notes(wanted, root)


def main(arguments: list[str]) -> str:
    """What is printed; the day of a release is today's in UTC."""
    match arguments:
        case ["set", version]:
            set_version(version, f"{datetime.now(tz=UTC):%Y-%m-%d}")  # noqa: TID251  a person's today
            return (
                f"{plain(version)} is written everywhere. Commit it, and tag it v{plain(version)}."
            )
        case ["check", tag]:
            check(tag)
            return f"every place says {plain(tag)}"
        case ["notes", version]:
            return notes(version)
        case _:
            raise ReleaseError(str(__doc__))


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{main(sys.argv[1:])}\n")
    except ReleaseError as error:
        sys.exit(str(error))
