"""What is wrong, the worst first: a value in, a list of links with words out. Pure.

Law: what stands here is true at the moment of the page and can be acted on. What merely happened (a job that failed) is
counted, and stands in its own list.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from jobwatch.core.rules import JOB_CONDITIONS
from jobwatch.story.phrases import count
from jobwatch.web.pages.status_receiver import ReceiverView, fares, receiver_notes
from jobwatch.web.pages.status_source import SourceView, standing
from jobwatch.web.pages.status_words import age

MOST_OF_A_KIND = 8
"""So many sources, and so many receivers, are named one by one."""


class Problem(NamedTuple):
    """One thing that is wrong: a tone (bad or warn), where it is, what it is, and the link to more of it."""

    tone: str
    name: str
    words: str
    href: str = ""


NOT_TAKEN_UP = Problem(
    "bad",
    "configuration",
    "its last change was not taken up, so what was read before holds; "
    "jobwatch check says what is wrong with it",
)


def problems(
    *,
    loops: Sequence[str],
    missing: Sequence[str],
    ailing: Mapping[str, str],
    sources: Sequence[SourceView],
    receivers: Sequence[ReceiverView],
    now: datetime,
) -> list[Problem]:
    """Everything that is wrong: with jobwatch itself, its sources, its receivers, and the jobs."""
    return [
        *(Problem("bad", "jobwatch", f"the loop {loop} hangs") for loop in loops),
        *_cut(list(_ailing(ailing)), "failure"),
        *_cut([Problem("warn", "jobwatch", f"not ready: {each}") for each in missing], "thing"),
        *_cut(list(_sources(sources, now)), "source"),
        *_cut(list(_receivers(receivers, now)), "receiver"),
        *_jobs(sources),
    ]


def _ailing(ailing: Mapping[str, str]) -> Iterator[Problem]:
    """What keeps loops from their work, once for all that it keeps: a full disk stops every one of them."""
    for why in sorted(set(ailing.values())):
        loops = sorted(name for name, words in ailing.items() if words == why)
        more = f" and {count(len(loops) - 1, 'more loop')}" if len(loops) > 1 else ""
        yield Problem("bad", "jobwatch", f"{loops[0]}{more} cannot work: {why}")


def _cut(found: list[Problem], noun: str) -> list[Problem]:
    if len(found) <= MOST_OF_A_KIND:
        return found
    more = Problem(found[0].tone, "and", count(len(found) - MOST_OF_A_KIND, f"more {noun}"))
    return [*found[:MOST_OF_A_KIND], more]


def _sources(sources: Sequence[SourceView], now: datetime) -> Iterator[Problem]:
    for source in sources:
        fare = standing(source)
        if fare.tone != "bad":
            continue
        state = source.state
        since = f" for {age(state.failing_since, now)}" if state and state.failing_since else ""
        error = state.last_error if state and state.failures else None
        why = f": {error.code or error.error_class}" if error else ""
        words = f"{fare.words}{since}{why}"
        yield Problem("bad", f"source {source.name}", words, f"#source-{source.name}")


def _receivers(receivers: Sequence[ReceiverView], now: datetime) -> Iterator[Problem]:
    for view in receivers:
        fare = fares(view, now)
        if fare.tone in ("bad", "warn"):
            words = next(
                (note.words for note in receiver_notes(view, now) if note.tone == "error"),
                fare.words,
            )
            name = view.row.name
            yield Problem(fare.tone, f"receiver {name}", words, f"#receiver-{name}")


def _jobs(sources: Sequence[SourceView]) -> Iterator[Problem]:
    found = Counter[str]()
    for source in sources:
        found.update(dict(source.conditions))
    told = [f"{found[name]:,} {name}" for name in JOB_CONDITIONS if found[name]]
    if told:
        yield Problem("bad", "jobs", ", ".join(told), "#trouble")
