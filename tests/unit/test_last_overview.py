"""What the daemon read of the store last may say how things are, until it is too old to."""

from datetime import timedelta

from jobwatch.metrics import Metrics
from tests.overviews import overview, shape

HOLDS = timedelta(seconds=30)


def test_an_overview_says_how_things_are_for_a_while_and_no_longer() -> None:
    seconds = 100.0
    metrics = Metrics([shape()], ["ops"], monotonic=lambda: seconds)
    assert metrics.last_shown(HOLDS) is None
    known = overview()
    metrics.show(known)
    seconds += 30
    assert metrics.last_shown(HOLDS) is known
    seconds += 0.1
    assert metrics.last_shown(HOLDS) is None
