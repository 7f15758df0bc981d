"""One source as a person reads it: what the last sweep did and cost, what comes next, what is wrong."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rich.table import Table
from rich.text import Text

from jobwatch.cli.screen import grid
from jobwatch.cli.text import ago, count, instant, length, plain
from jobwatch.cli.waiting import due_in
from jobwatch.core.conditions import ConditionName
from jobwatch.core.overview import LastError, LastSweep, SourceState
from jobwatch.store.values import ConditionRow
from jobwatch.story.words import PLANS, WITHHELD, said

GAPS_TOLD = timedelta(days=1)
MOST_GAPS = 3
SHORTEST_GAP = timedelta(seconds=1)
EVEN = timedelta(milliseconds=500)
"""Clocks that differ by less are called even: the cloud tells its time in whole seconds."""

SKEWED = timedelta(seconds=30)
SOON = timedelta(hours=1)
TEXT_CELLS = 400

_CONDITIONS = {
    ConditionName.UNREACHABLE: "it cannot be swept",
    ConditionName.SUSPECT: "most of its unfinished jobs are gone; they are held back",
}


def source_grid(
    state: SourceState,
    conditions: Sequence[ConditionRow],
    now: datetime,
    trouble: str | None = None,
) -> Table:
    """Everything the store knows of how a source fares; `trouble` is what ails the store itself."""
    ailing = [("store", trouble, "bold red")] if trouble else []
    return grid(
        (name, Text(plain(text, TEXT_CELLS), style))
        for name, text, style in (*ailing, *_lines(state, conditions, now))
    )


Line = tuple[str, str, str]
"""A label, what it says, and the style of that."""


def _lines(state: SourceState, conditions: Sequence[ConditionRow], now: datetime) -> Iterator[Line]:
    yield "last sweep", _sweep(state.last_sweep), ""
    yield "data", _data(state, now), ""
    yield "next", _next(state, now), ""
    yield from _under_way(state, now)
    yield from _calls(state, now)
    yield from _clock(state.clock_offset)
    yield from _keys(state, now)
    yield from _gaps(state, now)
    for row in conditions:
        what = (
            _CONDITIONS.get(ConditionName(row.name), "") if row.name in set(ConditionName) else ""
        )
        since = f"since {instant(row.since)} ({length(now - row.since)})"
        yield "problem", f"{row.name}: {what + ', ' if what else ''}{since}", "bold red"
    yield from _error(state, now)


def _sweep(sweep: LastSweep | None) -> str:
    if sweep is None:
        return "none was complete yet"
    followed = f", {count(sweep.followed, 'job')} asked about one by one" if sweep.followed else ""
    vaults = f"{count(sweep.scopes, 'vault')}, " if sweep.scopes != 1 else ""
    return (
        f"{sweep.kind}, because {said(PLANS, sweep.reason)}; {vaults}{count(sweep.pages, 'page')}, "
        f"{count(sweep.calls, 'call')}{followed}, took {_took(sweep.took)}"
    )


def _took(took: timedelta) -> str:
    return length(took) if took >= timedelta(seconds=10) else f"{took.total_seconds():.1f} s"


def _data(state: SourceState, now: datetime) -> str:
    if state.unfinished_data_at is None:
        return "none yet"
    unfinished = (
        f"{count(state.unfinished, 'unfinished job')} as of {ago(state.unfinished_data_at, now)}"
    )
    whole = (
        f"all {state.listed:,} as of {ago(state.all_data_at, now)}"
        if state.all_data_at
        else "not all jobs yet"
    )
    return f"{unfinished}, {whole}"


def _next(state: SourceState, now: datetime) -> str:
    if state.asked_at is not None:
        return f"full, asked for {ago(state.asked_at, now)}"
    due = {"sweep": state.next_sweep_at, "full sweep": state.next_full_at}
    told = [f"{name} {due_in(at, now)}" for name, at in due.items() if at is not None]
    return ", ".join(told) or "due now"


def _under_way(state: SourceState, now: datetime) -> Iterator[Line]:
    walk = state.walk
    if walk is not None:
        listed = f"{count(walk.pages, 'page')}, {count(walk.listed, 'job')}"
        yield "full sweep", f"under way, began {ago(walk.started_at, now)}; {listed} so far", "cyan"
    if state.last_sweep is not None and state.last_sweep.refused:
        refused = ", ".join(state.last_sweep.refused)
        yield "left out", f"the cloud refuses to list by status {refused}", "yellow"
    if state.last_sweep is not None and state.last_sweep.missing:
        missing = ", ".join(state.last_sweep.missing)
        yield (
            "missing",
            f"unfinished jobs are known of vaults that are not listed: {missing}",
            "yellow",
        )
    if state.suspect_since is not None:
        what = _CONDITIONS[ConditionName.SUSPECT]
        yield "doubted", f"{what}, since {instant(state.suspect_since)}", "red"


def _calls(state: SourceState, now: datetime) -> Iterator[Line]:
    calls = state.spending
    if calls is None:
        return
    throttled = (
        f", {calls.throttled:,} of them throttled" if calls.throttled else ", none throttled"
    )
    slowed = calls.rate < calls.limit
    pace = (
        f"{calls.rate:.3g} of {calls.limit:.3g} a second allowed"
        if slowed
        else f"up to {calls.limit:.3g} a second"
    )
    yield "calls", f"{calls.hour:,} in the last hour{throttled}; {pace}", "yellow" if slowed else ""
    until = calls.withheld_until
    if until is not None and until > now:
        why = f": {said(WITHHELD, calls.withheld_reason)}" if calls.withheld_reason else ""
        yield "withheld", f"no call before {instant(until)} ({ago(until, now)}){why}", "red"


def _clock(offset: timedelta | None) -> Iterator[Line]:
    if offset is not None:
        yield "clock", clock_words(offset), "yellow" if abs(offset) > SKEWED else ""


def clock_words(offset: timedelta) -> str:
    """The cloud's clock minus ours, in words: `the cloud is 3.2 s ahead`."""
    if abs(offset) < EVEN:
        return "even with the cloud's"
    amount = abs(offset)
    told = length(amount) if amount >= timedelta(minutes=1) else f"{amount.total_seconds():.1f} s"
    return f"the cloud is {told} {'ahead' if offset > timedelta() else 'behind'}"


def _keys(state: SourceState, now: datetime) -> Iterator[Line]:
    keys = state.keys
    if keys is None:
        return
    if keys.expires_at is None:
        yield "credentials", f"{keys.kind}, no expiry known", ""
        return
    expired = keys.expires_at <= now
    word = "expired" if expired else "expire"
    style = "red" if expired else ("yellow" if keys.expires_at - now < SOON else "")
    yield (
        "credentials",
        f"{keys.kind}, {word} {instant(keys.expires_at)} ({ago(keys.expires_at, now)})",
        style,
    )


def _gaps(state: SourceState, now: datetime) -> Iterator[Line]:
    """The latest gaps. Before the first sweep there was nothing that anybody could have watched."""
    first = state.baseline_started_at
    spans = [(max(gap.began_at, first or now), gap.ended_at) for gap in state.gaps.spans]
    recent = [
        (began, ended)
        for began, ended in spans
        if ended - began >= SHORTEST_GAP and now - ended < GAPS_TOLD
    ]
    if not recent:
        return
    told = [
        f"{length(ended - began)} until {instant(ended)}" for began, ended in recent[-MOST_GAPS:]
    ]
    more = f", and {len(recent) - MOST_GAPS} before" if len(recent) > MOST_GAPS else ""
    yield "unwatched", f"in the last day: {'; '.join(reversed(told))}{more}", "yellow"


def _error(state: SourceState, now: datetime) -> Iterator[Line]:
    error = state.last_error
    if error is None:
        return
    if not state.failures:
        yield "last error", f"{error_words(error)}, {ago(error.at, now)}; recovered", "dim"
        return
    since = f", for {length(now - state.failing_since)}" if state.failing_since else ""
    broke = "sweep" if state.failures == 1 else f"{state.failures:,} sweeps"
    row = f"the last {broke} broke{since}"
    yield "last error", f"{error_words(error)}, {ago(error.at, now)}; {row}", "bold red"


def error_words(error: LastError) -> str:
    """An error of a source with the request id that the cloud's support asks for."""
    request = f" (request {error.request_id})" if error.request_id else ""
    return f"{error.code or error.error_class}: {error.message}{request}"
