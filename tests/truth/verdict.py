"""Holds what was told against the truth; every difference is one sentence."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from jobwatch.core.model import JobKey
from jobwatch.simulator import faults
from jobwatch.simulator.faults import Stall
from jobwatch.simulator.script import STATUSES, JobState, ends_at, state_at
from jobwatch.simulator.vault_job import VAULT_STATUSES
from tests.truth.calm import CALM_AFTER, unreadable
from tests.truth.conditions import condition_faults
from tests.truth.expected import CLOSE_TO, Bounds, Truth
from tests.truth.expiring import expiring_faults
from tests.truth.lives import MINUTE, SECOND, Deed, Life
from tests.truth.parts import EVERY, FULL_EVERY
from tests.truth.told import CHANGES, ENDINGS, OF_THE_SOURCE, Book, Told
from tests.truth.vault_plan import NOTHING

LATE_AFTER = 3 * EVERY
UNLISTING = (faults.DENIED, faults.INTERNAL, faults.UNAVAILABLE, faults.HTML_200, NOTHING, Stall())
PROMPT = CLOSE_TO + FULL_EVERY
"""How long after its end a job may be told of where nothing goes wrong."""
VANISHED = "job.vanished"


def faults_of(truth: Truth, book: Book) -> Iterator[str]:
    """Everything that is not as it must be."""
    for life in truth.scene.lives.values():
        told = book.by_job.get(life.key, [])
        changes = [each for each in told if each.type in CHANGES]
        for fault in (
            *_endings(truth, life, changes),
            *_order(truth, life, changes),
            *_absences(truth, life, changes),
            *_lateness(truth, life, changes),
            *_snapshot(truth, life, book),
            *condition_faults(truth, life, told),
            *expiring_faults(truth, life, told),
            *_promptness(truth, life, changes),
            *_names(life, told),
        ):
            yield f"{life.kind} {'/'.join(filter(None, life.key))}: {fault}"
    yield from _strangers(truth, book)
    yield from truth.log.coverage.faults
    yield from _followed(truth)
    yield from _accounts(truth, book)


def _endings(truth: Truth, life: Life, changes: list[Told]) -> Iterator[str]:
    expected = truth.expected(life)
    told = Counter(each.type for each in changes if each.ending)
    for kind in sorted(ENDINGS):
        bounds = expected.counts.get(kind, Bounds(0, 0))
        if not bounds.least <= told[kind] <= bounds.most:
            yield f"{kind} told {told[kind]} times, not {bounds.least} to {bounds.most}"
    every = expected.together
    if every and not every.least <= told.total() <= every.most:
        yield f"{told.total()} endings told, not {every.least} to {every.most}: {dict(told)}"


def _order(truth: Truth, life: Life, changes: list[Told]) -> Iterator[str]:
    if any(each.type == "job.discovered" for each in changes[1:]):
        yield "discovered after something else was told of it"
    for one, two in pairwise(changes):
        if two.previous != one.status:
            yield f"{two.type} says it was {two.previous}, and it was told as {one.status}"
        again = one.status == two.status and VANISHED not in (one.type, two.type)
        # Failed tasks that show up after an end make it another end.
        if again and not (one.ending and two.ending and one.type != two.type):
            yield f"{two.status} told twice in a row"
    yield from _jumps_back(truth, life, changes)


def _jumps_back(truth: Truth, life: Life, changes: list[Told]) -> Iterator[str]:
    """Statuses are told in the order of the life, some of them left out."""
    words = [step.status for step in life.script.steps] + [a.status for a in life.acts if a.status]
    known = VAULT_STATUSES if truth.plan.of_vaults else STATUSES
    again = len(set(words)) < len(words) or not set(words) <= set(known)
    if truth.plan.lag and again:
        return  # where statuses come again or are unknown, nobody can tell that a replica lags
    at = 0
    for each in changes:
        if each.type == VANISHED or (at and words[at - 1] == each.status):
            continue
        if each.status not in words[at:]:
            yield f"told as {[c.status for c in changes]}, lived {words}"
            return
        at = words.index(each.status, at) + 1


def _names(life: Life, told: list[Told]) -> Iterator[str]:
    for each in told:
        if (each.scope or "") != life.scope:
            yield f"{each.type} says that it is of {each.scope}"


def _followed(truth: Truth) -> Iterator[str]:
    """No unfinished job is asked about by its name whose vault cannot be listed."""
    ended = truth.log.served.maybe
    for spell in truth.plan.vault_spells:
        hidden = spell.act in UNLISTING and spell.when.call in (None, "list")
        if not hidden or spell.when.chance < 1.0:
            continue
        begin, end = spell.span.begin + CALM_AFTER, spell.span.end or truth.log.closed_at
        for key, at in truth.log.coverage.described:
            over = ended.get((key, True))
            if key.scope == spell.vault and begin < at < end and (over is None or over > at):
                yield f"{key} was asked about at {at}, while its vault could not be listed"
                break


def _promptness(truth: Truth, life: Life, changes: list[Told]) -> Iterator[str]:
    """What ends in calm is told soon, whatever goes wrong with other vaults."""
    over = ends_at(life.script)
    if over is None or life.acts:
        return
    for each in changes:
        soon = any(begin <= over <= end - PROMPT for begin, end in truth.calm(life))
        if each.ending and soon and each.since > over + PROMPT:
            yield f"{each.type} was told at {each.until}, and it ended at {over}"


def _absences(truth: Truth, life: Life, changes: list[Told]) -> Iterator[str]:
    spans = life.spans(Deed.REMOVE, Deed.RETURN)
    for each in changes:
        if each.type != VANISHED:
            continue
        if not any(
            gone < each.until and (back is None or back > each.since) for gone, back in spans
        ):
            yield "called vanished while it was there"
        for dark in unreadable(truth.plan, life.scope):
            if dark.covers(each.since, each.until):
                yield f"called vanished while nobody could read its vault, {dark.begin} to {dark.end}"


def _lateness(truth: Truth, life: Life, changes: list[Told]) -> Iterator[str]:
    over = ends_at(life.script)
    if not truth.plan.steady or over is None or life.acts:
        return
    for each in changes:
        late = _late(truth, life, over, each) if each.ending else None
        if late is not None and late != each.late:
            yield f"ended {over}, told by {each.until}, late is {each.late}"


def _late(truth: Truth, life: Life, over: datetime, told: Told) -> bool | None:
    """Whether it is late; None where that depends on seconds."""
    log, offset = truth.log, abs(truth.plan.wrong)
    baselined = log.baselined_at
    if offset and (baselined is None or told.since <= baselined):
        return None  # nobody knows yet how wrong our clock is
    slack = SECOND * 5
    if told.until - over < LATE_AFTER - slack:
        return False
    if told.since - over <= LATE_AFTER + slack:
        return None
    if not offset and over < log.began_at - slack:
        return True
    for begin, end in log.downs:
        if end - begin > LATE_AFTER + SECOND * 30 and begin + slack < over < end - slack:
            return True
    # What ended behind the last sweep before trouble ended while nobody watched.
    watched = any(begin <= over <= end - MINUTE * 3 for begin, end in truth.watched(life))
    return False if watched else None


def _snapshot(truth: Truth, life: Life, book: Book) -> Iterator[str]:
    """What is known at the end is how it is."""
    close = truth.log.closed_at
    state, row = truth.scene.state(life, close), book.rows.get(life.key)
    if not truth.wanted(life):
        if row is not None:
            yield "is known, and nobody wants its vault"
        return
    if state is None or truth.horizon(life) < close or _moved(life, state, close):
        return
    if row is None:
        if not truth.scene.hides(life):
            yield "is not known"
        return
    if row.status != state.status or (row.outcome is None) == state.ended:
        yield f"is known as {row.status}, {row.outcome}, and is {state.status}"


def _moved(life: Life, state: JobState, close: datetime) -> bool:
    """Whether it changed so late that nobody can have seen it."""
    if any(close - CLOSE_TO < act.at < close for act in life.acts):
        return True
    if any(at < close for at in life.times(Deed.REOPEN)):
        return False  # from then on only deeds move it
    earlier = state_at(life.script, close - CLOSE_TO)
    return earlier is None or earlier.status != state.status


def _strangers(truth: Truth, book: Book) -> Iterator[str]:
    for key, told in book.by_job.items():
        life = truth.scene.lives.get(key)
        if key != OF_THE_SOURCE and (life is None or not truth.wanted(life)):
            yield f"{key}: {len(told)} events of a job that is not there to be told of"
    last: dict[str | None, str | None] = {}
    for each in book.by_job[OF_THE_SOURCE]:
        if each.condition is None:
            continue
        if (last.get(each.condition) in (None, "closed")) != (each.state == "opened"):
            yield f"{each.type} {each.state} after {last.get(each.condition)}"
        last[each.condition] = each.state


def _accounts(truth: Truth, book: Book) -> Iterator[str]:
    """Counters, deliveries and details agree with the events."""
    first, uncounted, types = Counter[str](), Counter[str](), Counter[str]()
    for key, told in book.by_job.items():
        types.update(each.type for each in told)
        endings = [each.type.removeprefix("job.") for each in told if each.ending]
        first.update(endings[:1])
        if _may_be_history(truth, key):
            uncounted.update(endings[:1])
    for outcome in {*first, *book.finished}:
        if not first[outcome] - uncounted[outcome] <= book.finished[outcome] <= first[outcome]:
            yield f"{book.finished[outcome]} {outcome} are counted, {first[outcome]} were told"
    if +types != +book.events:
        yield f"event counters say {dict(book.events)}, told were {dict(types)}"
    if book.held:
        yield f"{book.held} events still wait for detail"
    for astray in book.astray[:5]:
        yield f"deliveries of {astray}"


def _may_be_history(truth: Truth, key: JobKey) -> bool:
    """Whether its first end was none of our business: whatever comes of it then is told, and not counted."""
    life = truth.scene.lives.get(key)
    over = ends_at(life.script) if life and life.kind == "reopened" else None
    log = truth.log
    edge = max(log.began_at + CLOSE_TO, log.baselined_at or log.closed_at)
    return over is not None and over < edge
