"""What a sample is made of, and the moment at which all of them happen. No clock: every call makes the same."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from jobwatch.core.conditions import (
    OF_THE_SOURCE,
    Condition,
    ConditionName,
    ConditionNote,
    ConditionState,
    Subject,
    condition_id,
)
from jobwatch.core.events import Event
from jobwatch.core.model import JobDetail, JobKey

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Draft(NamedTuple):
    """A sample before it is a document. `detail_error` says why there is no detail, where one was asked for."""

    name: str
    event: Event
    detail: JobDetail | None = None
    detail_error: str | None = None


def note(
    name: ConditionName,
    state: ConditionState,
    lasted: timedelta,
    *,
    place: str,
    key: JobKey = OF_THE_SOURCE,
) -> ConditionNote:
    """A condition that holds for so long already; its id is the same in each of its states."""
    subject = Subject(key, name)
    condition = Condition(
        id=condition_id(place, subject, NOW - lasted),
        subject=subject,
        since=NOW - lasted,
        opened_at=NOW - lasted,
        reminders=0 if state is ConditionState.OPENED else 1,
    )
    return condition.note(state)
