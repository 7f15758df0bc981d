"""What must be told of conditions: in turn, closed with the job, opened where life demands it and nowhere else."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobwatch.core.rules import Rules
from jobwatch.simulator.script import ends_at, state_at
from tests.truth.calm import unreadable
from tests.truth.expected import CLOSE_TO, Truth
from tests.truth.lives import MINUTE, SECOND, Life
from tests.truth.parts import FULL_EVERY
from tests.truth.told import Told
from tests.truth.trouble import Span

PASSING = frozenset({"New", "Preparing", "Pausing", "Completing", "Cancelling", "Failing"})
OF_JOBS = ("stalled", "stuck", "waiting", "overdue", "failing")
MARGIN = MINUTE * 4
"""How much longer than its threshold something must hold before it must have been told."""


@dataclass(frozen=True, slots=True)
class Dwell:
    """A stay in one status; `idle` that nothing is finished in it."""

    status: str
    begin: datetime
    end: datetime
    idle: bool


def dwells(life: Life) -> Iterator[Dwell]:
    at = life.script.created_at
    for step in life.script.steps:
        end = at + (step.lasts or timedelta(days=400))
        yield Dwell(step.status, at, end, step.done is None)
        at = end


def condition_faults(truth: Truth, life: Life, told: list[Told]) -> Iterator[str]:
    """Every condition of a job that was not told as it was."""
    by_name: dict[str, list[Told]] = defaultdict(list)
    for each in told:
        if each.condition is not None:
            by_name[each.condition].append(each)
    over = _over(truth, life, told)
    for name, events in by_name.items():
        yield from _alternation(name, events)
        if over and events[-1].state != "closed":
            yield f"{name} is still open"
    if not life.acts:
        yield from _impossible(truth, life, by_name)
        yield from _missing(truth, life, by_name)
    yield from _overdue(truth, life, by_name.get("overdue", []))


def _overdue(truth: Truth, life: Life, told: list[Told]) -> Iterator[str]:
    """Overdue is who was watched unfinished for so long, and nobody whose vault is not there to tell."""
    after = truth.plan.rules.overdue_after
    opened = [each for each in told if each.state == "opened"]
    assert after is not None
    for each in opened:
        for begin, end in unreadable(truth.plan, life.scope):
            if Span(begin + FULL_EVERY + MARGIN, end).covers(each.since, each.until):
                yield f"overdue opened at {each.until}, and its vault is unreadable since {begin}"
    seen_at = truth.log.served.sure.get((life.key, False))
    over = ends_at(life.script) or truth.log.closed_at
    if life.acts or opened or seen_at is None or not truth.plan.steady:
        return
    enough = timedelta()
    for begin, end in truth.watched(life):
        since, until = max(begin, life.script.created_at, seen_at), min(end, over)
        enough += max(until - since, timedelta())
        if until - since > MARGIN and enough > after + MARGIN:
            yield f"overdue was not told, watched for {enough} until {until}"
            return


def _impossible(truth: Truth, life: Life, by_name: dict[str, list[Told]]) -> Iterator[str]:
    for name, events in by_name.items():
        for each in events:
            if each.state == "opened" and not _possible(truth, life, name, each):
                yield f"{name} opened at {each.until}, which it cannot have been"


def _alternation(name: str, events: list[Told]) -> Iterator[str]:
    before: str | None = "closed"
    for each in events:
        if (each.state == "opened") != (before == "closed"):
            yield f"{name} {each.state} after {before}"
        before = each.state


def _over(truth: Truth, life: Life, told: list[Told]) -> bool:
    """Whether the job has ended long enough ago, and was told so."""
    close = truth.log.closed_at
    if life.acts and truth.horizon(life) < close:
        return False  # nobody can know what became of it
    if any(close - CLOSE_TO < act.at < close for act in life.acts):
        return False
    state = truth.scene.state(life, close)
    endings = [each for each in told if each.ending]
    if state is None:
        return bool(endings) and endings[-1].until < close - CLOSE_TO
    return bool(state.ended and endings and endings[-1].until < close - CLOSE_TO)


def _slack(truth: Truth) -> timedelta:
    """Steps of our clock may pass for time that was watched: small ones, and those that happen during a sweep."""
    return sum((abs(by) for _, by in truth.plan.steps), SECOND * 5)


def _possible(truth: Truth, life: Life, name: str, told: Told) -> bool:
    lag = truth.plan.lag or timedelta()
    slack, seen_from = _slack(truth), told.since - MINUTE * 3 - lag
    until, rules = told.until + slack, truth.plan.rules
    match name:
        case "waiting" | "stuck":
            words = {"Suspended"} if name == "waiting" else PASSING
            after = rules.waiting_after if name == "waiting" else rules.stuck_after
            assert after is not None
            return any(
                min(until, each.end + lag + MINUTE) - each.begin >= after
                for each in dwells(life)
                if each.status in words and each.begin <= told.until
            )
        case "stalled":
            assert rules.stalled_after is not None
            now, then = state_at(life.script, seen_from), until - rules.stalled_after
            before = state_at(life.script, then)
            if before is None:
                return False
            done = now.succeeded + now.failed if now else 0
            works = any(d.status == "Active" and d.begin <= until for d in dwells(life))
            return works and done <= before.succeeded + before.failed
        case "overdue":
            assert rules.overdue_after is not None
            return not truth.plan.steady or until - life.script.created_at >= rules.overdue_after
        case _:
            state = state_at(life.script, told.until)
            return state is not None and state.failed > 0


def _missing(truth: Truth, life: Life, by_name: dict[str, list[Told]]) -> Iterator[str]:
    if not truth.plan.steady:
        return
    for dwell in dwells(life):
        name, after = _demands(dwell, truth.plan.rules)
        if after is None:
            continue
        for begin, end in truth.watched(life):
            since, until = max(begin, dwell.begin), min(end, dwell.end)
            if until - since > after + MARGIN and not any(
                each.state == "opened" and each.since <= until and each.until >= dwell.begin
                for each in by_name.get(name, [])
            ):
                yield f"{name} was not told, {dwell.status} from {since} to {until}"


def _demands(dwell: Dwell, rules: Rules) -> tuple[str, timedelta | None]:
    if dwell.status == "Suspended":
        return "waiting", rules.waiting_after
    if dwell.status in PASSING:
        return "stuck", rules.stuck_after
    if dwell.status == "Active" and dwell.idle:
        return "stalled", rules.stalled_after
    return "", None
