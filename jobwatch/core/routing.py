"""Who is told: the decision, with its reason, for every receiver and every event.

The reason is kept with the change, so that `explain` can say why somebody was told or was not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from jobwatch.core.events import EventType, JobEvent


class RouteReason(StrEnum):
    """Why a receiver is told, or is not."""

    WANTED = "wanted"
    TYPE_NOT_WANTED = "type_not_wanted"
    SOURCE_NOT_WANTED = "source_not_wanted"
    OPERATION_NOT_WANTED = "operation_not_wanted"
    DESCRIPTION_NOT_WANTED = "description_not_wanted"
    EXCEPTED = "excepted"
    BELOW_THRESHOLD = "below_threshold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Four lists of globs, all of which must match. An empty list matches nothing."""

    types: frozenset[EventType] = frozenset(EventType)
    sources: tuple[str, ...] = ("*",)
    operations: tuple[str, ...] = ("*",)
    descriptions: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What one receiver wants. `exceptions` wins over `wants`; None excepts nothing.

    The thresholds hold for `job.completed_with_failures` alone. `give_up_after` is how long a delivery is tried.
    """

    receiver: str
    wants: Selection = field(default_factory=Selection)
    exceptions: Selection | None = None
    failed_tasks_at_least: int = 1
    failed_ratio_at_least: float = 0.0
    give_up_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """The decision for one receiver."""

    receiver: str
    reason: RouteReason
    give_up_after: timedelta | None = None

    @property
    def wanted(self) -> bool:
        """Whether the receiver is told."""
        return self.reason is RouteReason.WANTED


def route(event: JobEvent, subscriptions: Iterable[Subscription]) -> tuple[Routed, ...]:
    """Decide for every receiver."""
    return tuple(
        Routed(
            receiver=each.receiver, reason=_reason(event, each), give_up_after=each.give_up_after
        )
        for each in subscriptions
    )


def _reason(event: JobEvent, subscription: Subscription) -> RouteReason:
    mismatch = _mismatch(event, subscription.wants)
    if mismatch is not None:
        return mismatch
    if subscription.exceptions is not None and _mismatch(event, subscription.exceptions) is None:
        return RouteReason.EXCEPTED
    if event.type is EventType.COMPLETED_WITH_FAILURES and _too_few(event, subscription):
        return RouteReason.BELOW_THRESHOLD
    return RouteReason.WANTED


def _mismatch(event: JobEvent, selection: Selection) -> RouteReason | None:
    job = event.snapshot.job
    if event.type not in selection.types:
        return RouteReason.TYPE_NOT_WANTED
    if not _matches(event.origin.source, selection.sources):
        return RouteReason.SOURCE_NOT_WANTED
    if not _matches(job.operation, selection.operations):
        return RouteReason.OPERATION_NOT_WANTED
    if not _matches(job.description, selection.descriptions):
        return RouteReason.DESCRIPTION_NOT_WANTED
    return None


def _matches(text: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)


def _too_few(event: JobEvent, subscription: Subscription) -> bool:
    progress = event.snapshot.job.progress
    if progress is None:
        return False
    ratio = progress.failed_ratio or 0.0
    return (
        progress.failed < subscription.failed_tasks_at_least
        or ratio < subscription.failed_ratio_at_least
    )
