"""How old the data of a source may be before its next sweep is overdue.

Ages are counted from the start of a sweep, so even a source that keeps its interval shows data as old as a pause and
two sweeps: the one that the data comes from, and the one under way. A scope is overdue after three intervals beyond
that. Nothing has to happen for it to become so: a source whose loop hangs is overdue by the mere passing of time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jobwatch.core.codec import CallName
from jobwatch.core.overview import SourceState
from jobwatch.core.watched import INTERVALS_ALLOWED

SWEEPS_FORGIVEN = 2
"""The sweep that the data comes from, and the one under way."""

LONGEST_FORGIVEN = timedelta(hours=1)
"""A length that a clock made which stepped during the sweep, or a restart within it, excuses no source that hangs."""


class Scope(StrEnum):
    """What a sweep covers, as the labels of metrics have it."""

    UNFINISHED = "unfinished"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceShape:
    """What bounds the labels of one source, and how often it is swept.

    `statuses` are all of the lifecycle, `unfinished` those among them whose gauges are shown at 0. `calls` are those
    that its API has. `unreachable_after` is the rule of that name; None where it is switched off.
    """

    name: str
    provider: str
    region: str
    operations: tuple[str, ...]
    statuses: tuple[str, ...]
    every: timedelta
    full_every: timedelta
    unfinished: tuple[str, ...] = ()
    calls: tuple[CallName, ...] = ("ListJobs", "DescribeJob")
    unreachable_after: timedelta | None = None

    def interval(self, scope: Scope) -> timedelta:
        """How often a scope is meant to be swept: no sweep is made more often than `every`."""
        return self.every if scope is Scope.UNFINISHED else max(self.every, self.full_every)


def data_at(state: SourceState, scope: Scope) -> datetime | None:
    """The start of the last complete sweep that covers a scope; None = never."""
    return state.unfinished_data_at if scope is Scope.UNFINISHED else state.all_data_at


def overdue(state: SourceState, shape: SourceShape, now: datetime) -> tuple[Scope, ...]:
    """The scopes whose next sweep is overdue; none of them before they were swept at all.

    Data from the future is overdue by the same measure: a clock that stepped back must not make it fresh for as long
    as the step was. The sweeps are due at once after such a step, and bring data of the present.
    """
    found = []
    for scope in Scope:
        at = data_at(state, scope)
        if at is not None and abs(now - at) > allowed_age(state, shape, scope):
            found.append(scope)
    return tuple(found)


def allowed_age(state: SourceState, shape: SourceShape, scope: Scope) -> timedelta:
    """How old the data of a scope may be."""
    return INTERVALS_ALLOWED * shape.interval(scope) + SWEEPS_FORGIVEN * _length(state)


def _length(state: SourceState) -> timedelta:
    """How long the last sweep took, as far as it excuses the next one."""
    if state.unfinished_data_at is None or state.watched_until is None:
        return timedelta()
    took = state.watched_until - state.unfinished_data_at
    return min(max(timedelta(), took), LONGEST_FORGIVEN)


def is_up(state: SourceState | None, shape: SourceShape, now: datetime) -> bool:
    """Whether every scope was swept, the last sweep succeeded, and none is overdue."""
    if state is None or state.failures or any(data_at(state, scope) is None for scope in Scope):
        return False
    return not overdue(state, shape, now)
