"""What docs/troubleshooting.md quotes is what jobwatch says to whoever is in that trouble."""

import asyncio
import re

import pytest

from tests.e2e import trouble_scenes
from tests.shown import blocks
from tests.test_operating_pages import MESSAGES

pytestmark = pytest.mark.timeout(180)

QUOTES = [
    line
    for block in blocks("text")
    if block.page == "docs/troubleshooting.md"
    for line in re.split(r"\n(?!\s{4})", block.text.strip())
]
"""Each sentence that is quoted; one that goes on in the next line is one."""

BY_THE_CODE_ALONE: frozenset[str] = frozenset()
"""Messages that take a machine, a cloud or hours that no test has here; tests/test_operating_pages.py finds them in the code."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Everything that was said in all scenes, in one line."""
    scenes = (
        trouble_scenes.sources,
        trouble_scenes.receivers,
        trouble_scenes.starts,
        trouble_scenes.stores,
        trouble_scenes.waits,
    )
    told = [
        asyncio.run(scene(tmp_path_factory.mktemp(scene.__name__))) for scene in scenes
    ]
    return " ".join("\n".join(told).split())


def was_said(message: str, said: str) -> bool:
    parts = (re.escape(" ".join(part.split())) for part in message.split("…"))
    return re.search(".{0,400}?".join(parts), said) is not None


@pytest.mark.parametrize("quote", QUOTES)
def test_what_is_quoted_is_said(quote: str, said: str) -> None:
    assert was_said(quote, said), said[:2000]


def test_what_to_look_for_is_said_by_who_is_in_that_trouble(said: str) -> None:
    unheard = {each for each in MESSAGES if not was_said(each, said)}
    assert unheard == BY_THE_CODE_ALONE
