"""The status page: a value in, HTML out.

Everything that came from a cloud or a receiver is escaped by the template and kept in `<bdi>`, so
that it can neither become markup nor turn the text around it. Ages are told as they were when the
store was read; the page says when that was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jobwatch.store.glance_values import Glance, SeenJob
from jobwatch.story.explaining import pace_of
from jobwatch.web.pages.frame import Frame, fill_page, style, style_hash
from jobwatch.web.pages.status_job import Card, card, seen_card
from jobwatch.web.pages.status_problems import NOT_TAKEN_UP, Problem, problems
from jobwatch.web.pages.status_receiver import ReceiverView, fares, receiver_notes
from jobwatch.web.pages.status_source import SourceView, notes, standing

__all__ = ["Status", "render", "style", "style_hash"]

SOURCES_SHOWN = 12
"""More sources than these are folded away, but for those that are not up to date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the page tells. `only` is the source that it is about, None for all of them.

    `loops` are those that hang, `ailing` those that fail and why, `missing` is what readiness waits for.
    `refused`: the last change of the configuration was not taken up.
    """

    frame: Frame
    glance: Glance
    sources: Sequence[SourceView]
    receivers: Sequence[ReceiverView]
    loops: Sequence[str] = ()
    missing: Sequence[str] = ()
    ailing: Mapping[str, str] = field(default_factory=dict)
    refused: bool = False
    only: str | None = None


def render(status: Status) -> str:
    """Write the page."""
    glance, now = status.glance, status.frame.now
    return fill_page(
        "status.html.j2",
        status.frame,
        {
            "status": status,
            "standing": standing,
            "notes": lambda source: notes(source, now),
            "fares": lambda receiver: fares(receiver, now),
            "receiver_notes": lambda receiver: receiver_notes(receiver, now),
            "glance": glance,
            "problems": _problems(status),
            "sources": _by_worth(status.sources),
            "folded": _folded(status),
            "troubled": [_seen(status, each) for each in glance.troubled],
            "unfinished": [_seen(status, each) for each in _calm(glance)],
            "endings": [card(row) for row in glance.endings],
            "unfinished_total": _of(status, glance.unfinished_of),
            "troubled_total": sum(
                number for each in status.sources for _, number in each.conditions
            ),
            "failed": sum(glance.lately.outcomes.get(each, 0) for each in ("failed", "vanished")),
            "ended": sum(glance.lately.outcomes.values()),
            "up": sum(source.up for source in status.sources),
        },
    )


def _problems(status: Status) -> list[Problem]:
    found = problems(
        loops=status.loops,
        missing=status.missing,
        ailing=status.ailing,
        sources=status.sources,
        receivers=status.receivers,
        now=status.frame.now,
    )
    return [NOT_TAKEN_UP, *found] if status.refused else found


def _calm(glance: Glance) -> list[SeenJob]:
    """The unfinished jobs that do not stand among the troubled ones already."""
    shown = {(each.row.source, each.row.snapshot.key) for each in glance.troubled}
    return [
        each for each in glance.unfinished if (each.row.source, each.row.snapshot.key) not in shown
    ]


def _of(status: Status, by_source: Mapping[str, int]) -> int:
    return sum(by_source.get(source.name, 0) for source in status.sources)


def _by_worth(sources: Sequence[SourceView]) -> list[SourceView]:
    """Those first that are not as they should be."""
    return sorted(sources, key=lambda each: standing(each).tone == "good")


def _folded(status: Status) -> int:
    """How many sources are folded away: those at the end that are up to date, where there are many."""
    if len(status.sources) <= SOURCES_SHOWN:
        return 0
    return sum(standing(each).tone == "good" for each in status.sources)


def _seen(status: Status, seen: SeenJob) -> Card:
    """A job with its outlook, and of when that is where its source is not as fresh as it should be."""
    source = next((each for each in status.sources if each.name == seen.row.source), None)
    state, now = source.state if source else None, status.frame.now
    stale = source is None or not source.up
    data_at = state.unfinished_data_at if stale and state else None
    return seen_card(seen, pace_of(seen.samples, state, now), data_at, now)
