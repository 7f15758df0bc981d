"""How a source fares, in one of a few words: the command line, the API and the page say the same. Pure."""

from enum import StrEnum

from jobwatch.core.overview import SourceState


class SourceStanding(StrEnum):
    """How a source fares; the value is what people and programs are told."""

    NOT_CONFIGURED = "not configured"
    UNTRIED = "not tried yet"
    UNREADABLE = "cannot be read"
    FIRST_SWEEP = "first sweep under way"
    SUSPECT = "suspect"
    OVERDUE = "overdue"
    UP_TO_DATE = "up to date"


def source_standing(state: SourceState | None, *, up: bool) -> SourceStanding:
    """How a configured source fares. `state` is None while the store knows nothing of it; `up` is what its metric says."""
    if state is None or state.attempted_at is None:
        return SourceStanding.UNTRIED
    if state.failures:
        return SourceStanding.UNREADABLE
    if state.all_data_at is None:
        return SourceStanding.FIRST_SWEEP
    if state.suspect_since is not None:
        return SourceStanding.SUSPECT
    return SourceStanding.UP_TO_DATE if up else SourceStanding.OVERDUE
