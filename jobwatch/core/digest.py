"""Digests: which news goes out by itself, and which waits to be told together. Values alone.

News of one type from one source is a group. The first few of a group go out at once. What follows within the window
waits for its end and is told in one message; while a group stays busy, window follows upon window. Nothing is dropped:
every member of a digest is kept with the digest that told it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from jobwatch.core.events import Count, EventType, Severity

LONELY = 10
"""When more than this would go out by themselves at one moment, they are told together instead."""


KINDS = 50
"""Kinds that a digest counts apart; the smallest beyond that are put together by their type."""

_KEPT = frozenset({"id", "source", "type", "subject", "time", "data"})
_KEPT_DATA = frozenset(
    {
        "source",
        "region",
        "severity",
        "late",
        "condition",
        "job",
        "detail",
        "error",
        "since",
        "receiver",
        "reason",
        "links",
    }
)
_KEPT_DETAIL = frozenset({"status_reason", "suspended_cause", "failures"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPolicy:
    """`first` messages of a group by themselves, then one digest `every` so often.

    Who is not `patient` will not be there when a window ends: what it would leave behind is told together at once.
    """

    first: int
    every: timedelta
    patient: bool = True


class Group(NamedTuple):
    """What is told together: a type of one source (by its number in the store, 0 = jobwatch itself)."""

    source_id: int
    type: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many of a group could be told now, and since when the first of them waits."""

    group: Group
    count: int
    since: datetime


class Window(NamedTuple):
    """A group's present window: when it ends, and how many went out by themselves in it."""

    until: datetime
    alone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send now: so many of each group by themselves, and all of some groups in one digest.

    `windows` replace those that were given. `again_at` is when the next window with something in it ends.
    """

    alone: Mapping[Group, int] = field(default_factory=dict)
    together: tuple[Group, ...] = ()
    windows: Mapping[Group, Window] = field(default_factory=dict)
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """What is to be done with one group. `left` waits for the end of its window."""

    window: Window
    alone: int = 0
    together: bool = False
    left: int = 0


def plan(
    waiting: Iterable[Waiting],
    windows: Mapping[Group, Window],
    policy: DigestPolicy,
    *,
    slots: int,
    now: datetime,
) -> Plan:
    """Decide what to send now, at most `slots` messages (at least 1); groups that wait longest go first."""
    queue = sorted(waiting, key=lambda each: (each.since, each.group))
    turns = {each.group: _turn(each, windows.get(each.group), policy, now) for each in queue}
    if sum(turn.alone for turn in turns.values()) > LONELY:
        turns = {group: _with_the_rest(turn, policy, now) for group, turn in turns.items()}
    together = tuple(group for group, turn in turns.items() if turn.together)
    free = slots - bool(together)
    alone: dict[Group, int] = {}
    kept = {
        group: window
        for group, window in windows.items()
        if group not in turns and now < window.until <= now + policy.every
    }
    ends: list[datetime] = []
    for group, turn in turns.items():
        alone[group] = min(turn.alone, free)
        free -= alone[group]
        # What found no slot did not go out: it keeps its room in the window.
        kept[group] = turn.window._replace(alone=turn.window.alone - turn.alone + alone[group])
        if turn.left:
            ends.append(turn.window.until)
    return Plan(
        alone={group: count for group, count in alone.items() if count},
        together=together,
        windows=kept,
        again_at=min(ends, default=None),
    )


def filling(
    windows: Mapping[Group, Window], policy: DigestPolicy, now: datetime
) -> dict[Group, Window]:
    """The windows before whose end nothing of their group goes out: nobody has to look at what waits there."""
    if not policy.patient:
        return {}
    return {
        group: window
        for group, window in windows.items()
        if window.alone >= policy.first and now < window.until <= now + policy.every
    }


def _turn(each: Waiting, window: Window | None, policy: DigestPolicy, now: datetime) -> _Turn:
    if window is not None and now < window.until <= now + policy.every:
        return _within(each, window, policy)
    fresh = Window(now + policy.every, 0)
    # A window that ended long ago, or lies ahead of a clock that stepped, says nothing about now.
    busy = window is not None and window.until <= now < window.until + policy.every
    # What waited for its end is told together, however late that is noticed: else it may wait for one end after another.
    waited = window is not None and each.since < window.until <= now
    if window is None or not (busy or waited) or window.alone < policy.first:
        return _within(each, fresh, policy)
    return _at_its_end(each, Window(fresh.until, policy.first))


def _within(each: Waiting, window: Window, policy: DigestPolicy) -> _Turn:
    alone = min(each.count, max(0, policy.first - window.alone))
    if each.count and not alone and not policy.patient:
        return _at_its_end(each, window)
    used = window._replace(alone=window.alone + alone)
    return _Turn(window=used, alone=alone, left=each.count - alone)


def _at_its_end(each: Waiting, following: Window) -> _Turn:
    """One needs no digest."""
    alone = int(each.count == 1)
    return _Turn(window=following, alone=alone, together=not alone)


def _with_the_rest(turn: _Turn, policy: DigestPolicy, now: datetime) -> _Turn:
    if not turn.alone:
        return turn
    return _Turn(window=Window(now + policy.every, policy.first), together=True)


def sample(document: Mapping[str, object]) -> dict[str, object]:
    """What a digest shows of an event: its document without what only a machine would read."""
    data = _part(document, "data")
    kept = {name: value for name, value in data.items() if name in _KEPT_DATA}
    if isinstance(data.get("detail"), Mapping):
        detail = _part(data, "detail")
        kept["detail"] = {name: value for name, value in detail.items() if name in _KEPT_DETAIL}
    return {name: value for name, value in document.items() if name in _KEPT} | {"data": kept}


def _part(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = document.get(name)
    return part if isinstance(part, Mapping) else {}


def tallied(counts: Iterable[Count]) -> tuple[Count, ...]:
    """The largest first, and not too many: a digest stays under 20 KB however many sources there are."""
    ordered = sorted(counts, key=lambda each: (-each.count, each.type, each.source, each.severity))
    rest: dict[tuple[EventType, Severity], Count] = {}
    for each in ordered[KINDS:]:
        known = rest.get(
            (each.type, each.severity), replace(each, source="", count=0, tasks=0, tasks_failed=0)
        )
        rest[each.type, each.severity] = replace(
            known,
            count=known.count + each.count,
            tasks=known.tasks + each.tasks,
            tasks_failed=known.tasks_failed + each.tasks_failed,
        )
    return (*ordered[:KINDS], *rest.values())
