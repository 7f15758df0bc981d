"""How a source fares, in the words that the command line, the API and the page share."""

from pathlib import Path

import pytest
import yaml

from jobwatch.core.overview import SourceState
from jobwatch.story.standing import SourceStanding, source_standing
from tests.factories import NOW
from tests.overviews import state

OPENAPI = Path(__file__).parents[2] / "docs" / "openapi.yaml"


@pytest.mark.parametrize(
    ("known", "up", "standing"),
    [
        (None, False, SourceStanding.UNTRIED),
        (state(attempted_at=None, all_data_at=None), False, SourceStanding.UNTRIED),
        (state(failures=1), False, SourceStanding.UNREADABLE),
        (state(all_data_at=None, failures=2), False, SourceStanding.UNREADABLE),
        (state(all_data_at=None), False, SourceStanding.FIRST_SWEEP),
        (state(suspect_since=NOW), True, SourceStanding.SUSPECT),
        (state(suspect_since=NOW, failures=1), False, SourceStanding.UNREADABLE),
        (state(), False, SourceStanding.OVERDUE),
        (state(), True, SourceStanding.UP_TO_DATE),
    ],
)
def test_what_is_worst_is_said_first(
    known: SourceState | None, *, up: bool, standing: SourceStanding
) -> None:
    assert source_standing(known, up=up) is standing


def test_the_description_of_the_api_names_them_all() -> None:
    promised = yaml.safe_load(OPENAPI.read_text(encoding="utf-8"))["components"]["schemas"]
    assert set(promised["Source"]["properties"]["standing"]["enum"]) == set(SourceStanding)
