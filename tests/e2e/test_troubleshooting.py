"""What docs/troubleshooting.md quotes is what jobwatch says to whoever is in that trouble."""

import asyncio
import re

import pytest

from tests.documents.shown import blocks
from tests.documents.test_operating_pages import MESSAGES
from tests.e2e import trouble_scenes, trouble_stores

pytestmark = pytest.mark.timeout(180)

QUOTES = [
    line
    for block in blocks("text")
    if block.page == "docs/troubleshooting.md"
    for line in re.split(r"\n(?!\s{4})", block.text.strip())
]
"""Each sentence that is quoted; one that goes on in the next line is one."""

BY_THE_CODE_ALONE = frozenset(
    {
        "Request has expired",
        "RequestTimeTooSkewed",
        "TooManyRequests",
        "a fault of jobwatch itself; its log says more",
        "cannot be read: permission denied",
        "give the user that runs jobwatch",
        "hears of it in a digest",
        "is read-only; mount it writable",
        "lies on a network file system (…), where SQLite loses data",
        "not sent: too old by then",
        "page_cap",
        "render_error: the message could not be made",
        "the cloud asked for a pause",
        "the disk of the store … is full",
        "the store is being opened",
        "too many calls failed in a row",
        "waits for DescribeJob until … at the latest",
        "was replaced by another file while jobwatch ran",
    }
)
"""Messages that take a machine, a cloud or patience that this test has not: what else becomes possible has to leave this list.

tests/documents/test_operating_pages.py finds them in the code.
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Everything that was said in all scenes, in one line."""
    scenes = (
        trouble_scenes.sources,
        trouble_scenes.sweeps,
        trouble_scenes.receivers,
        trouble_scenes.silence,
        trouble_scenes.starts,
        trouble_stores.stores,
        trouble_stores.waits,
    )
    told = [asyncio.run(scene(tmp_path_factory.mktemp(scene.__name__))) for scene in scenes]
    return " ".join("\n".join(told).split())


def was_said(message: str, said: str) -> bool:
    parts = (re.escape(" ".join(part.split())) for part in message.split("…"))
    return re.search(".{0,400}?".join(parts), said) is not None


@pytest.mark.parametrize("quote", QUOTES)
def test_what_is_quoted_is_said(quote: str, said: str) -> None:
    assert was_said(quote, said)


def test_what_to_look_for_is_said_by_who_is_in_that_trouble(said: str) -> None:
    unheard = {each for each in MESSAGES if not was_said(each, said)}
    assert sorted(unheard) == sorted(BY_THE_CODE_ALONE)
