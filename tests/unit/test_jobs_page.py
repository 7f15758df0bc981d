"""The list of jobs: what it says where a part of it is empty."""

import pytest

from jobwatch.web.pages.frame import Frame
from jobwatch.web.pages.jobs_page import Listing, render_listing
from tests.factories import NOW
from tests.html_page import HtmlPage

FRAME = Frame(instance="jobwatch", version="0.1.0", now=NOW)


@pytest.mark.parametrize(
    ("cursor", "after", "words"),
    [
        (None, None, "No job fits."),
        ("3.2.1", None, "No more here."),
        (None, "3.2.1", "None among these; older jobs may fit."),
        ("6.5.4", "3.2.1", "None among these; older jobs may fit."),
    ],
)
def test_a_part_without_jobs_says_whether_older_ones_may_fit(
    cursor: str | None, after: str | None, words: str
) -> None:
    asked = {"phase": "waiting"} | ({"cursor": cursor} if cursor else {})
    page = HtmlPage(
        render_listing(Listing(frame=FRAME, asked=asked, rows=(), after=after, sources=("prod",)))
    )
    assert words in page.text
    assert any("cursor=3.2.1" in link for link in page.links) == (after is not None)
