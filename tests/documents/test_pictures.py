"""The pictures of the documents: there, small enough, described in words, and not older than what they show."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from jobwatch.formats import FormatName
from tests.browser import Scheme
from tests.documents import png
from tests.documents.chat_pictures import CHATS
from tests.documents.pictures import DENSE, FOLDER, SCHEMES, fingerprint

ROOT = Path(__file__).parents[2]
PNGS = sorted(FOLDER.glob("*.png"))
DRAWING = FOLDER / "how-it-works.svg"
SVG = "{http://www.w3.org/2000/svg}"
MOST_BYTES = 200_000
AGAIN = "run .venv/bin/python -m tests.documents.pictures"
LINK = re.compile(
    r"""!\[(?P<words>[^\]]*)\]\((?P<target>[^)]+)\)|<img alt="(?P<alt>[^"]*)" src="(?P<src>[^"]+)"|srcset="(?P<set>[^"]+)\""""
)


def shown() -> dict[Path, list[str]]:
    """Every picture that a page shows, with the words for who does not see it; none for its other scheme."""
    found: dict[Path, list[str]] = {}
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for each in LINK.finditer(page.read_text(encoding="utf-8")):
            target = each["target"] or each["src"] or each["set"]
            words = each["words"] if each["target"] else each["alt"]
            at = (page.parent / target).resolve()
            found.setdefault(at, []).extend([] if words is None else [words])
    return found


def test_every_picture_is_shown_and_every_shown_picture_is_there() -> None:
    pictures = {*PNGS, DRAWING}
    assert len(pictures) >= 7
    assert {path for path in shown() if path.parent == FOLDER} == pictures


def test_who_does_not_see_a_picture_is_told_what_it_shows() -> None:
    for path, alternatives in shown().items():
        assert alternatives or path.stem.endswith("-dark"), path
        assert all(len(words) > 40 for words in alternatives), path


@pytest.mark.parametrize("path", PNGS, ids=lambda path: path.name)
def test_a_picture_is_sharp_and_quickly_there(path: Path) -> None:
    drawn = path.read_bytes()
    width, height = png.size(drawn)
    assert len(drawn) < MOST_BYTES
    assert 400 * DENSE < width < 1100 * DENSE
    assert 300 * DENSE < height < 1100 * DENSE


@pytest.mark.parametrize("name", CHATS)
def test_a_message_beside_its_picture_is_what_the_chat_is_sent(name: FormatName) -> None:
    kept = json.loads((FOLDER / f"message-{name}.json").read_text(encoding="utf-8"))
    assert kept == CHATS[name].payload(name), AGAIN


@pytest.mark.parametrize("name", CHATS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_picture_of_a_message_was_drawn_from_that_message(
    name: FormatName, scheme: Scheme
) -> None:
    drawn = (FOLDER / f"message-{name}-{scheme}.png").read_bytes()
    assert png.source(drawn) == fingerprint(name, CHATS[name].payload(name)), AGAIN


def test_the_readme_repeats_the_words_of_the_messages() -> None:
    alternatives = " ".join(words for each in shown().values() for words in each)
    sent = "\n".join(
        json.dumps(CHATS[name].payload(name), ensure_ascii=False) for name in sorted(CHATS)
    )
    for words in (
        "Job completed with failures: restore 2019 photos (prod)",
        "38 of 12,000 tasks failed",
        "FailureThresholdExceeded",
    ):
        assert words in sent
        assert words in alternatives


def test_the_drawing_is_text_that_runs_nothing_and_follows_the_scheme() -> None:
    root = ET.fromstring(DRAWING.read_text(encoding="utf-8"))
    named = {
        part.get("id"): part.text for part in root if part.tag in (SVG + "title", SVG + "desc")
    }
    assert (root.get("aria-labelledby") or "").split() == [*named]
    assert all(named.values())
    kinds = {each.tag.removeprefix(SVG) for each in root.iter()}
    assert kinds == {"svg", "title", "desc", "style", "defs", "marker", "path", "rect", "text"}
    assert "prefers-color-scheme: dark" in (root.findtext(SVG + "style") or "")
    attributes = {name for each in root.iter() for name in each.keys()}  # noqa: SIM118  # not a dict
    assert not {name for name in attributes if name.startswith("on") or "href" in name}


def test_the_drawing_shows_the_steps_of_its_page() -> None:
    root = ET.fromstring(DRAWING.read_text(encoding="utf-8"))
    named = [
        each.text for each in root.iter(SVG + "text") if "name" in (each.get("class") or "").split()
    ]
    page = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    for step in ("Sweep", "Compare", "Deliver", "Look"):
        assert step in named
        assert f"## {step}" in page
    assert "**Detail.**" in page
