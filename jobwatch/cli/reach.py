"""Which event type reaches which receiver: read off the subscriptions, before anything happened. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from jobwatch.core.events import EventType
from jobwatch.core.routing import Selection, Subscription

EVERYTHING = ("*",)
OF_SOURCES = frozenset({EventType.UNREACHABLE, EventType.SUSPECT, EventType.BASELINED})
"""Types that are about no job: words on jobs neither hide nor except them (`core.routing`)."""


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


def reach(event_type: EventType, subscription: Subscription, sources: Sequence[str]) -> Reach:
    """What a subscription says about one type, where these sources are watched."""
    wants = _about(event_type, subscription.wants, excepting=False)
    if wants is None:
        return NEVER
    wanted = tuple(name for name in sources if _matches(name, wants.sources))
    if not wanted:
        return NEVER
    conditions = [*_only(wants, wanted, sources), *_thresholds(event_type, subscription)]
    excepted = subscription.exceptions and _about(
        event_type, subscription.exceptions, excepting=True
    )
    if excepted:
        hit = [name for name in wanted if _matches(name, excepted.sources)]
        if hit and not _narrows(excepted):
            wanted = tuple(name for name in wanted if name not in hit)
            conditions.append(f"except sources {', '.join(hit)}")
        elif hit:
            conditions.append(f"except {' and '.join(_globs(excepted))}")
    return Reach(told=True, conditions=tuple(conditions)) if wanted else NEVER


def _about(event_type: EventType, selection: Selection, *, excepting: bool) -> Selection | None:
    """The part of a selection that decides about a type; None where it cannot match."""
    if event_type not in selection.types or not selection.sources:
        return None
    if event_type in OF_SOURCES:
        words_match = _matches("", selection.operations) and _matches("", selection.descriptions)
        if excepting and not words_match:
            return None
        return replace(selection, operations=EVERYTHING, descriptions=EVERYTHING)
    return selection if all(_lists(selection)) else None


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


def _matches(text: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)


def _lists(selection: Selection) -> tuple[tuple[str, ...], ...]:
    return selection.sources, selection.operations, selection.descriptions


def _narrows(selection: Selection) -> bool:
    """Whether it depends on the job, not on its source alone."""
    return not ("*" in selection.operations and "*" in selection.descriptions)


def _only(wants: Selection, wanted: Sequence[str], sources: Sequence[str]) -> Iterator[str]:
    if len(wanted) < len(sources):
        yield f"sources {', '.join(wanted)}"
    if "*" not in wants.operations:
        yield f"operations {', '.join(wants.operations)}"
    if "*" not in wants.descriptions:
        yield f"descriptions {', '.join(wants.descriptions)}"


def _globs(selection: Selection) -> Iterator[str]:
    named = zip(("sources", "operations", "descriptions"), _lists(selection), strict=True)
    for name, globs in named:
        if "*" not in globs:
            yield f"{name} {' '.join(globs)}"


def _thresholds(event_type: EventType, subscription: Subscription) -> Iterator[str]:
    if event_type is not EventType.COMPLETED_WITH_FAILURES:
        return
    if subscription.failed_tasks_at_least > 1:
        yield f"{subscription.failed_tasks_at_least} failed tasks or more"
    if subscription.failed_ratio_at_least > 0:
        yield f"{subscription.failed_ratio_at_least:.0%} failed or more"
