"""What docs/page.md says of the pages in numbers and words is what they do."""

from pathlib import Path

import pytest

from jobwatch.core.breaker import ReceiverState
from jobwatch.store.glancing import ENDINGS_LOOKED_AT
from jobwatch.web.pages.frame import Frame
from jobwatch.web.pages.job_page import LINES_SHOWN
from jobwatch.web.pages.jobs_page import SHOWS
from jobwatch.web.pages.kept import KEPT_FOR
from jobwatch.web.pages.routes import JOBS_A_PAGE, PARAMETERS
from jobwatch.web.pages.status_page import SOURCES_SHOWN
from jobwatch.web.pages.status_receiver import SLOW, ReceiverView, fares
from jobwatch.web.pages.status_source import standing
from tests.factories import DAY, NOW
from tests.overviews import source_view, state
from tests.status_rig import html, receiver

DOCS = Path(__file__).parents[2] / "docs"
PAGE = " ".join((DOCS / "page.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    "words",
    [
        f"({ENDINGS_LOOKED_AT:,})",
        f"the latest {LINES_SHOWN} lines",
        f"{JOBS_A_PAGE} at a time",
        f"`show={'|'.join(SHOWS)}`",
        *(f"`{name}`" for name in ("phase", "outcome", "source")),
    ],
)
def test_a_number_or_name_is_what_the_code_has(words: str) -> None:
    assert words in PAGE


def test_numbers_in_words_are_what_the_code_has() -> None:
    assert (SOURCES_SHOWN, SLOW.total_seconds(), KEPT_FOR.total_seconds()) == (12, 600, 2)
    assert "more than twelve" in PAGE
    assert "more than ten minutes" in PAGE
    assert "two seconds old" in PAGE
    assert 'content="15"' in html()
    assert "every 15 seconds" in PAGE
    assert {"source", "phase", "outcome", "show"} < set(PARAMETERS)
    assert f"({Frame(instance='', version='', now=NOW).other})".strip("()") in PAGE


@pytest.mark.parametrize(
    "known",
    [
        source_view(state=state(failures=1)),
        source_view(state=state(failures=1), unreachable=True),
        source_view(up=False),
        source_view(state=state(suspect_since=NOW)),
    ],
)
def test_every_bad_standing_of_a_source_is_explained(known: object) -> None:
    fare = standing(known)  # type: ignore[arg-type]
    assert fare.tone == "bad"
    assert fare.words in PAGE


@pytest.mark.parametrize(
    "view",
    [
        receiver(state=ReceiverState.PAUSED),
        receiver(state=ReceiverState.FAILING),
        receiver(dead=1),
        receiver(pending=1, oldest_at=NOW - DAY),
    ],
)
def test_every_bad_standing_of_a_receiver_is_explained(view: ReceiverView) -> None:
    fare = fares(view, NOW)
    assert fare.tone == "bad"
    assert fare.words.lstrip("0123456789 ") in PAGE
