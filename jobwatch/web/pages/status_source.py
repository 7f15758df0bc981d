"""What the status page says of one source: a value in, sentences out.

A sentence is told only where it is true at the moment the store was read. None of them is markup: the template escapes
and isolates each as a whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from jobwatch.core.overview import LastSweep, SourceKeys, SourceState, Spending, WalkState
from jobwatch.story.phrases import count, length
from jobwatch.story.standing import SourceStanding, source_standing
from jobwatch.story.words import PLANS, WITHHELD, said
from jobwatch.web.pages.status_words import age, words

CLOCK_TOLD = timedelta(seconds=2)
"""A smaller offset is no news: the cloud tells its time in whole seconds."""

EXPIRY_TOLD = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """One configured source; `state` is None while the store knows nothing of it.

    `every` and `full_every` are how often unfinished jobs, and all jobs, are meant to be listed. `overdue` are the
    scopes that were not, `conditions` how many jobs are in which condition.
    """

    name: str
    provider: str
    region: str
    up: bool
    state: SourceState | None
    every: timedelta
    full_every: timedelta
    overdue: Sequence[str] = ()
    unreachable: bool = False
    conditions: Sequence[tuple[str, int]] = ()


class Standing(NamedTuple):
    """How a source or a receiver fares: a tone for the eye (good, bad, warn, busy or idle) and the words for it."""

    tone: str
    words: str


class Note(NamedTuple):
    """One sentence, and its tone: error, caution, plain or faint."""

    tone: str
    words: str


_TONES = {
    SourceStanding.UNTRIED: "idle",
    SourceStanding.FIRST_SWEEP: "idle",
    SourceStanding.UP_TO_DATE: "good",
}


def standing(source: SourceView) -> Standing:
    """How a source fares; one that cannot be read for long is called by the name of its condition."""
    fares = source_standing(source.state, up=source.up)
    long = source.unreachable and fares is SourceStanding.UNREADABLE
    return Standing(_TONES.get(fares, "bad"), "unreachable" if long else fares.value)


def notes(source: SourceView, now: datetime) -> list[Note]:
    """Everything worth saying beyond the ages of the data: trouble first, then how it is swept."""
    state = source.state
    if state is None:
        return []
    every = [*_trouble(source, state, now), *_sweeps(state, now)]
    return [each for each in every if each is not None]


def _trouble(source: SourceView, state: SourceState, now: datetime) -> Iterator[Note | None]:
    if state.suspect_since is not None:
        yield Note("error", _suspect(state.suspect_since, now))
    if source.conditions:
        told = ", ".join(f"{jobs} {words(name)}" for name, jobs in source.conditions)
        yield Note("caution", f"jobs in trouble: {told}")
    yield _withheld(state.spending, now)
    yield _slowed(state.spending)
    yield _clock(state.clock_offset)
    # Keys expire by the clock of whoever issued them: the cloud's, not ours.
    yield _keys(state.keys, now + (state.clock_offset or timedelta()))


def _sweeps(state: SourceState, now: datetime) -> Iterator[Note | None]:
    if state.asked_at is not None:
        yield Note("faint", f"a full sweep was asked for {age(state.asked_at, now)} ago")
    yield _walk(state.walk, now)
    yield _last_sweep(state.last_sweep)
    yield _calls(state.spending)


def _suspect(since: datetime, now: datetime) -> str:
    return (
        f"suspect for {age(since, now)}: most of its unfinished jobs are suddenly gone; "
        "they are held back, not called vanished"
    )


def _withheld(spending: Spending | None, now: datetime) -> Note | None:
    until = spending.withheld_until if spending is not None else None
    if spending is None or until is None or until <= now:
        return None
    why = f": {said(WITHHELD, spending.withheld_reason)}" if spending.withheld_reason else ""
    return Note("caution", f"no calls for another {length(until - now)}{why}")


def _slowed(spending: Spending | None) -> Note | None:
    if spending is None or spending.rate >= spending.limit:
        return None
    return Note(
        "caution", f"slowed to {round(spending.rate, 2):g} of {spending.limit:g} calls a second"
    )


def _clock(offset: timedelta | None) -> Note | None:
    if offset is None or abs(offset) <= CLOCK_TOLD:
        return None
    side = "ahead of" if offset > timedelta() else "behind"
    return Note("caution", f"the cloud's clock is {length(abs(offset))} {side} ours")


def _keys(keys: SourceKeys | None, now: datetime) -> Note | None:
    if keys is None or keys.expires_at is None or keys.expires_at - now > EXPIRY_TOLD:
        return None
    kind = words(keys.kind)
    if keys.expires_at <= now:
        return Note("error", f"keys ({kind}) expired {age(keys.expires_at, now)} ago")
    return Note("faint", f"keys ({kind}) expire in {length(keys.expires_at - now)}")


def _walk(walk: WalkState | None, now: datetime) -> Note | None:
    if walk is None:
        return None
    so_far = f"{count(walk.pages, 'page')}, {count(walk.listed, 'job')} so far"
    return Note("faint", f"full sweep under way for {age(walk.started_at, now)}: {so_far}")


def _last_sweep(sweep: LastSweep | None) -> Note | None:
    if sweep is None:
        return None
    cost = ", ".join(
        (
            count(sweep.pages, "page"),
            f"{count(sweep.followed, 'job')} asked about",
            count(sweep.calls, "call"),
        )
    )
    why = f"{sweep.kind}, because {said(PLANS, sweep.reason)}"
    told = f"last sweep: {why}; took {length(sweep.took)}, {cost}"
    refused = f"; refused as filters: {', '.join(sweep.refused)}" if sweep.refused else ""
    if not sweep.missing:
        return Note("faint", told + refused)
    missing = f"; jobs are known of vaults that are not listed: {', '.join(sweep.missing)}"
    return Note("caution", told + refused + missing)


def _calls(spending: Spending | None) -> Note | None:
    if spending is None:
        return None
    throttled = f", {spending.throttled} of them throttled" if spending.throttled else ""
    return Note("faint", f"{count(spending.hour, 'call')} in the last hour{throttled}")
