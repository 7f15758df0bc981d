"""Who is told: the decision, with its reason, for every receiver and every event.

The reason is kept with the change, so that `explain` can say why somebody was told or was not.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from jobwatch.core.events import UNASKED, Event, EventType, JobEvent, ReceiverEvent

ANY = "*"
"""The glob that matches every text."""


class RouteReason(StrEnum):
    """Why a receiver is told, or is not."""

    WANTED = "wanted"
    TYPE_NOT_WANTED = "type_not_wanted"
    SOURCE_NOT_WANTED = "source_not_wanted"
    OPERATION_NOT_WANTED = "operation_not_wanted"
    DESCRIPTION_NOT_WANTED = "description_not_wanted"
    EXCEPTED = "excepted"
    BELOW_THRESHOLD = "below_threshold"
    TOLD_OPENING = "told_of_opening"
    NOT_TOLD_OPENING = "not_told_of_opening"
    ITSELF = "is_itself"
    MUTED = "muted"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Four lists of globs, all of which must match. An empty list matches nothing."""

    types: frozenset[EventType] = frozenset(EventType)
    sources: tuple[str, ...] = (ANY,)
    operations: tuple[str, ...] = (ANY,)
    descriptions: tuple[str, ...] = (ANY,)


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
        return self.reason in (RouteReason.WANTED, RouteReason.TOLD_OPENING)


def route(event: Event, subscriptions: Iterable[Subscription]) -> tuple[Routed, ...]:
    """Decide for every receiver."""
    return tuple(
        Routed(
            receiver=each.receiver, reason=_reason(event, each), give_up_after=each.give_up_after
        )
        for each in subscriptions
    )


def route_closing(
    told: Collection[str], subscriptions: Iterable[Subscription]
) -> tuple[Routed, ...]:
    """Decide who hears that a condition closed: whoever was told that it opened, whatever it wants by now."""
    return tuple(
        Routed(
            receiver=each.receiver,
            reason=RouteReason.TOLD_OPENING
            if each.receiver in told
            else RouteReason.NOT_TOLD_OPENING,
            give_up_after=each.give_up_after,
        )
        for each in subscriptions
    )


def _reason(event: Event, subscription: Subscription) -> RouteReason:
    if isinstance(event, ReceiverEvent) and event.receiver == subscription.receiver:
        return RouteReason.ITSELF
    mismatch = _mismatch(event, subscription.wants, excepting=False)
    if mismatch is not None:
        return mismatch
    exceptions = subscription.exceptions
    if exceptions is not None and _mismatch(event, exceptions, excepting=True) is None:
        return RouteReason.EXCEPTED
    if event.type is EventType.COMPLETED_WITH_FAILURES and _too_few(event, subscription):
        return RouteReason.BELOW_THRESHOLD
    return RouteReason.WANTED


def _mismatch(event: Event, selection: Selection, *, excepting: bool) -> RouteReason | None:
    """What of a selection an event does not fit.

    What a source or a receiver has to say is about no job: words on jobs neither hide it nor except it.
    """
    if event.type not in selection.types or event.type in UNASKED:
        return RouteReason.TYPE_NOT_WANTED
    if isinstance(event, ReceiverEvent):
        return _words_on_sources(selection) if excepting else None
    if not _matches(event.origin.source, selection.sources):
        return RouteReason.SOURCE_NOT_WANTED
    if isinstance(event, JobEvent):
        return _of_job(event, selection)
    return _words_on_jobs(selection) if excepting else None


def _of_job(event: JobEvent, selection: Selection) -> RouteReason | None:
    if not _matches(event.snapshot.job.operation, selection.operations):
        return RouteReason.OPERATION_NOT_WANTED
    if not _matches(event.snapshot.job.description, selection.descriptions):
        return RouteReason.DESCRIPTION_NOT_WANTED
    return None


def _words_on_sources(selection: Selection) -> RouteReason | None:
    """What is told of a receiver is about no source: words on sources neither hide it nor except it."""
    if ANY not in selection.sources:
        return RouteReason.SOURCE_NOT_WANTED
    return _words_on_jobs(selection)


def _words_on_jobs(selection: Selection) -> RouteReason | None:
    if ANY not in selection.operations:
        return RouteReason.OPERATION_NOT_WANTED
    return None if ANY in selection.descriptions else RouteReason.DESCRIPTION_NOT_WANTED


def _matches(text: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)


def _too_few(event: Event, subscription: Subscription) -> bool:
    progress = event.snapshot.job.progress if isinstance(event, JobEvent) else None
    if progress is None:
        return False
    ratio = progress.failed_ratio or 0.0
    return (
        progress.failed < subscription.failed_tasks_at_least
        or ratio < subscription.failed_ratio_at_least
    )
