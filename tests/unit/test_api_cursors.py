"""Cursors of the API: what a page gave is taken back, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.web.api.cursors import bound_to, seal, unseal

KEY = "0123456789abcdef0123456789abcdef"
JOBS = bound_to("jobs", {"source": "prod", "since": "2h"})


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_what_was_sealed_is_unsealed(place: str, filters: dict[str, str]) -> None:
    bound = bound_to("jobs", filters)
    assert unseal(seal(place, bound, KEY), bound, KEY) == place


def test_the_order_of_filters_does_not_matter() -> None:
    assert bound_to("jobs", {"since": "2h", "source": "prod"}) == JOBS


@pytest.mark.parametrize(
    ("bound", "key"),
    [
        (bound_to("events", {"source": "prod", "since": "2h"}), KEY),
        (bound_to("jobs", {"source": "prod", "since": "3h"}), KEY),
        (bound_to("jobs", {"source": "prod"}), KEY),
        (JOBS, KEY[::-1]),
    ],
)
def test_a_cursor_of_another_list_of_other_filters_or_of_another_store_is_refused(
    bound: str, key: str
) -> None:
    with pytest.raises(ValueError, match="no page gave this cursor"):
        unseal(seal("5.1.7", bound, key), JOBS, KEY)


@given(st.text(max_size=60))
def test_nothing_else_is_a_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="no page gave this cursor"):
        unseal(text, JOBS, KEY)
