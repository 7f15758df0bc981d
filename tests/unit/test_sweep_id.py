"""The name of a sweep: computed, so that the same sweep has it wherever it is asked for, and no other has."""

import re
from datetime import timedelta

from jobwatch.core.plan import sweep_id
from tests.factories import NOW, SECOND


def test_a_name_is_short_and_always_the_same() -> None:
    assert re.fullmatch("swp_[0-9a-f]{12}", sweep_id("prod", NOW))
    assert sweep_id("prod", NOW) == sweep_id("prod", NOW)


def test_other_sources_and_other_moments_have_other_names() -> None:
    moments = [NOW + step for step in (timedelta(), timedelta(microseconds=1), SECOND, -SECOND)]
    names = {sweep_id(source, at) for source in ("prod", "other", "prod0") for at in moments}
    assert len(names) == 12
