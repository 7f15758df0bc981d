"""Which event type reaches which receiver: read off the subscriptions, before anything happened. Pure.

What is about no job is decided as it will be: `core.routing` is asked with an event of that type. What is about a job
depends on the job, so its conditions are put into words here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from jobwatch.core.events import (
    OF_JOBWATCH,
    Event,
    EventType,
    ReceiverEvent,
    Severity,
    SourceEvent,
)
from jobwatch.core.model import Origin
from jobwatch.core.routing import RouteReason, Selection, Subscription, route

OF_SOURCES = frozenset({EventType.UNREACHABLE, EventType.SUSPECT, EventType.BASELINED})
"""Types that are about no job, but about a source."""

_NO_TIME = datetime.min.replace(tzinfo=UTC)
_NOBODY = ""
"""The name of no receiver."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether a type is told to a receiver at all, and if so under which conditions."""

    told: bool
    conditions: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The answer as one word."""
        if not self.told:
            return "never"
        return "sometimes" if self.conditions else "always"


NEVER = Reach(told=False)


def reach(
    event_type: EventType,
    subscription: Subscription,
    sources: Sequence[str],
    *,
    alone: bool = False,
) -> Reach:
    """What a subscription says about one type, where these sources are watched.

    `alone`: there is no other receiver.
    """
    if event_type in OF_JOBWATCH:
        return NEVER if alone else _of_receivers(event_type, subscription)
    if event_type in OF_SOURCES:
        return _of_sources(event_type, subscription, sources)
    return _of_jobs(event_type, subscription, sources)


def silent_sources(
    event_type: EventType, subscriptions: Iterable[Subscription], sources: Sequence[str]
) -> tuple[str, ...]:
    """The sources whose events of this type reach nobody, whatever their jobs are."""
    subscribed = tuple(subscriptions)
    return tuple(
        name
        for name in sources
        if not any(reach(event_type, each, (name,)).told for each in subscribed)
    )


def silent_receivers(subscriptions: Iterable[Subscription]) -> tuple[str, ...]:
    """The receivers of whose pausing no other receiver hears; none where there is no other."""
    subscribed = tuple(subscriptions)
    if len(subscribed) < 2:  # noqa: PLR2004  # one alone has nobody to be told
        return ()
    return tuple(
        each.receiver
        for each in subscribed
        if not any(routed.wanted for routed in route(_paused(each.receiver), subscribed))
    )


def _of_receivers(event_type: EventType, subscription: Subscription) -> Reach:
    """What is told of the others: nobody is told that it cannot be told."""
    reason = _routed(_paused(_NOBODY), subscription)
    if event_type is not EventType.PAUSED or reason is not RouteReason.WANTED:
        return NEVER
    return Reach(told=True, conditions=("other receivers",))


def _of_sources(event_type: EventType, subscription: Subscription, sources: Sequence[str]) -> Reach:
    reasons = {name: _routed(_of_source(event_type, name), subscription) for name in sources}
    excepted = [name for name in sources if reasons[name] is RouteReason.EXCEPTED]
    wanted = [name for name in sources if reasons[name] is RouteReason.WANTED or name in excepted]
    if len(wanted) == len(excepted):
        return NEVER
    conditions = []
    if len(wanted) < len(sources):
        conditions.append(f"sources {', '.join(wanted)}")
    if excepted:
        conditions.append(f"except sources {', '.join(excepted)}")
    return Reach(told=True, conditions=tuple(conditions))


def _of_jobs(event_type: EventType, subscription: Subscription, sources: Sequence[str]) -> Reach:
    wants, excepted = subscription.wants, subscription.exceptions
    wanted = tuple(name for name in sources if _matches(name, wants.sources))
    if event_type not in wants.types or not wanted or not all(_lists(wants)):
        return NEVER
    conditions = [*_only(wants, wanted, sources), *_thresholds(event_type, subscription)]
    if excepted and event_type in excepted.types and all(_lists(excepted)):
        hit = [name for name in wanted if _matches(name, excepted.sources)]
        if hit and not _narrows(excepted):
            wanted = tuple(name for name in wanted if name not in hit)
            conditions.append(f"except sources {', '.join(hit)}")
        elif hit:
            conditions.append(f"except {' and '.join(_globs(excepted))}")
    return Reach(told=True, conditions=tuple(conditions)) if wanted else NEVER


def _routed(event: Event, subscription: Subscription) -> RouteReason:
    (routed,) = route(event, (subscription,))
    return routed.reason


def _of_source(event_type: EventType, source: str) -> SourceEvent:
    return SourceEvent(
        type=event_type,
        severity=Severity.CRITICAL,
        origin=_origin(source),
        observed_at=_NO_TIME,
    )


def _paused(receiver: str) -> ReceiverEvent:
    return ReceiverEvent(
        type=EventType.PAUSED,
        severity=Severity.CRITICAL,
        origin=_origin(""),
        receiver=receiver,
        observed_at=_NO_TIME,
    )


def _origin(source: str) -> Origin:
    return Origin(instance="", source=source, provider="", region="", account="", labels={})


def _matches(text: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)


def _everything(globs: Iterable[str]) -> bool:
    """Whether every text matches: `**` says no more than `*`."""
    return any(glob and not glob.strip("*") for glob in globs)


def _lists(selection: Selection) -> tuple[tuple[str, ...], ...]:
    return selection.sources, selection.operations, selection.descriptions


def _narrows(selection: Selection) -> bool:
    """Whether it depends on the job, not on its source alone."""
    return not (_everything(selection.operations) and _everything(selection.descriptions))


def _only(wants: Selection, wanted: Sequence[str], sources: Sequence[str]) -> Iterator[str]:
    if len(wanted) < len(sources):
        yield f"sources {', '.join(wanted)}"
    if not _everything(wants.operations):
        yield f"operations {', '.join(wants.operations)}"
    if not _everything(wants.descriptions):
        yield f"descriptions {', '.join(wants.descriptions)}"


def _globs(selection: Selection) -> Iterator[str]:
    named = zip(("sources", "operations", "descriptions"), _lists(selection), strict=True)
    for name, globs in named:
        if not _everything(globs):
            yield f"{name} {' '.join(globs)}"


def _thresholds(event_type: EventType, subscription: Subscription) -> Iterator[str]:
    if event_type is not EventType.COMPLETED_WITH_FAILURES:
        return
    if subscription.failed_tasks_at_least > 1:
        yield f"{subscription.failed_tasks_at_least} failed tasks or more"
    if subscription.failed_ratio_at_least > 0:
        yield f"{subscription.failed_ratio_at_least:.0%} failed or more"
