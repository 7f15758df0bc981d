"""The truth: what must be told of a life, computed from its script, the deeds, and what the cloud served."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from jobwatch.core.first_sight import FirstSight
from jobwatch.simulator.script import JobState, ends_at, state_at
from tests.truth.calm import calm, overlap, readable_until, watched
from tests.truth.lives import MINUTE, SECOND, Deed, Life
from tests.truth.parts import EVERY, FULL_EVERY, VANISHED_AFTER
from tests.truth.play import Log
from tests.truth.stage import Scene
from tests.truth.trouble import Plan

VANISHED = "job.vanished"
CLOSE_TO = FULL_EVERY + MINUTE * 3
"""What happens so shortly before the world closes may come out or not: only a full sweep finds what came and went."""


class Bounds(NamedTuple):
    """At least and at most so often."""

    least: int
    most: int

    def __add__(self, other: tuple[object, ...]) -> "Bounds":
        assert isinstance(other, Bounds)
        return Bounds(self.least + other.least, self.most + other.most)


NEVER, PERHAPS, ONCE = Bounds(0, 0), Bounds(0, 1), Bounds(1, 1)


@dataclass(slots=True)
class Expected:
    """How often each ending of a job must be told. `together` bounds all of them."""

    counts: dict[str, Bounds] = field(default_factory=dict)
    together: Bounds | None = None

    def add(self, kind: str, bounds: Bounds) -> None:
        self.counts[kind] = self.counts.get(kind, NEVER) + bounds

    def doubted(self) -> None:
        """Take back that anything must be told."""
        self.counts = {kind: Bounds(0, each.most) for kind, each in self.counts.items()}
        if self.together:
            self.together = Bounds(0, self.together.most)

    @property
    def certain(self) -> bool:
        return all(each.least == each.most for each in self.counts.values())


def type_of(state: JobState) -> str:
    if state.status == "Complete":
        return "job.completed_with_failures" if state.failed else "job.succeeded"
    return {
        "Succeeded": "job.succeeded",
        "Failed": "job.failed",
        "Cancelled": "job.cancelled",
    }[state.status]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is true of one world. `baseline` is when the first sweep began, by our clock."""

    plan: Plan
    log: Log
    scene: Scene
    baseline: datetime
    suspected: bool

    def horizon(self, life: Life) -> datetime:
        """Until when anything can be known of a job: its vault may be gone for good, or refused to the end."""
        return readable_until(self.plan, life.scope, self.log.closed_at)

    def wanted(self, life: Life) -> bool:
        """Whether anybody wants to watch its vault."""
        return not any(each.name == life.scope for each in self.plan.vaults if not each.watched)

    def expected(self, life: Life) -> Expected:
        """How often each ending must be told.

        Undecidable is what happens to a job in a vault that nobody can read any more, and what nobody surely saw of it
        before: it may have ended behind the last sweep. That may be told or not, and the rest may not be told.
        """
        expected = self._expected(life)
        if not self.wanted(life):
            return Expected()
        dark = self.horizon(life) < self.log.closed_at
        ended_surely = (life.key, True) in self.log.served.sure
        if dark and (life.acts or not ended_surely):
            expected.doubted()
        return expected

    def _expected(self, life: Life) -> Expected:
        expected = Expected()
        close = self.horizon(life)
        removed = [span for span in life.spans(Deed.REMOVE, Deed.RETURN) if span[0] < close]
        for gone_at, back_at in removed:
            if back_at is None or back_at >= close:
                self._gone_for_good(expected, life, gone_at)
                return expected
            expected.add(VANISHED, self._vanished(life, gone_at, back_at))
        state = self.scene.state(life, close)
        reopened = [at for at in life.times(Deed.REOPEN) if at < close]
        if reopened:
            self._reopened(expected, life, reopened[0], state)
        elif state is not None and state.ended:
            expected.add(type_of(state), self._ending(life, state))
        return expected

    # ── endings ─────────────────────────────────────────────────────────────────────

    def _ending(self, life: Life, state: JobState) -> Bounds:
        over = state.ended_at
        assert over is not None
        news = self._news(life, over)
        if self._hidden_at_close(life):
            sure = (life.key, False) in self.log.served.sure or (
                (life.key, True) in self.log.served.sure
            )
            maybe = {(life.key, False), (life.key, True)} & set(self.log.served.maybe)
            news = news if sure else (Bounds(0, news.most) if maybe else NEVER)
        deeds = [act.at for act in life.acts if act.at < self.log.closed_at]
        settled = max([over, *deeds]) < self.horizon(life) - CLOSE_TO
        return news if settled else Bounds(0, news.most)

    def _hidden_at_close(self, life: Life) -> bool:
        close = self.log.closed_at - CLOSE_TO - 2 * FULL_EVERY
        spans = life.spans(Deed.HIDE, Deed.SHOW)
        return any(since < self.log.closed_at and (to is None or to > close) for since, to in spans)

    def _reopened(
        self, expected: Expected, life: Life, again: datetime, state: JobState | None
    ) -> None:
        served, over = self.log.served, ends_at(life.script)
        first = state_at(life.script, again)
        assert over is not None
        assert first is not None
        assert state is not None
        seen_at = served.sure.get((life.key, True))
        news = self._news(life, over)
        surely = seen_at is not None and seen_at <= again
        expected.add(type_of(first), news if surely else Bounds(0, news.most))
        if not state.ended:
            return
        settled = bool(state.ended_at and state.ended_at < self.log.closed_at - CLOSE_TO)
        # Where it ended twice in the same way, nobody may have seen it at work in between.
        alike = type_of(first) == type_of(state)
        silent = alike or not settled or self._news(life, state.ended_at or over).least == 0
        expected.add(type_of(state), PERHAPS if silent else ONCE)

    def _gone_for_good(self, expected: Expected, life: Life, gone_at: datetime) -> None:
        served = self.log.served
        vanished = self._vanished(life, gone_at, None)
        last = state_at(life.script, gone_at)
        ended = (life.key, True)
        if last is None or not last.ended or ended not in served.maybe:
            expected.add(VANISHED, vanished)
            return
        news = self._news(life, last.ended_at or gone_at)
        if ended in served.sure:
            expected.add(type_of(last), news)
            expected.add(VANISHED, NEVER)
            return
        expected.add(type_of(last), Bounds(0, news.most))
        expected.add(VANISHED, Bounds(0, vanished.most))
        known = (life.key, False) in served.sure
        expected.together = Bounds(int(known and not self.suspected), 1)

    # ── first sight ─────────────────────────────────────────────────────────────────

    def _news(self, life: Life, over: datetime) -> Bounds:
        """Whether an end is news: the same for every end of a job that was known before."""
        served, key, before = self.log.served, (life.key, True), (life.key, False)
        unfinished_at, ended_at = served.maybe.get(before), served.maybe.get(key)
        earlier = unfinished_at is not None and (ended_at is None or unfinished_at < ended_at)
        # One answer may show a job twice, as it was and as it is.
        verdicts = {True} if unfinished_at is not None else set()
        # A job that was opened again may have been shown unfinished for the first time after its first end.
        sure_before = served.sure.get(before)
        if earlier and sure_before and (ended_at is None or sure_before <= ended_at):
            return ONCE
        baselined = self.log.baselined_at
        if ended_at is not None and (baselined is None or ended_at <= baselined):
            verdicts |= set(self._in_baseline(over))
        sure_at = served.sure.get(key)
        if baselined is not None and (sure_at is None or sure_at > baselined):
            verdicts |= set(self._after_baseline(over))
        return Bounds(int(min(verdicts, default=False)), int(max(verdicts, default=False)))

    def _in_baseline(self, over: datetime) -> Iterator[bool]:
        rule = self.plan.first_sight
        if isinstance(rule, FirstSight):
            yield rule is FirstSight.EVERYTHING
            return
        yield over > self.baseline - rule - SECOND * 2
        yield over > self.baseline - rule + SECOND * 2

    def _after_baseline(self, over: datetime) -> Iterator[bool]:
        offsets = abs(self.plan.wrong) + sum((abs(by) for _, by in self.plan.steps), timedelta())
        yield over > self.baseline - MINUTE * 5 + SECOND * 2
        yield over > self.baseline - MINUTE * 5 - offsets - SECOND * 5

    # ── absence ─────────────────────────────────────────────────────────────────────

    def _vanished(self, life: Life, gone_at: datetime, back_at: datetime | None) -> Bounds:
        served, close = self.log.served, self.horizon(life)
        unfinished_at = served.maybe.get((life.key, False))
        if unfinished_at is None or unfinished_at > gone_at or life.kind == "exodus":
            return NEVER
        ended_at = served.sure.get((life.key, True))
        if ended_at is not None and ended_at < gone_at:
            return NEVER
        long = (back_at or close) - gone_at
        if long < VANISHED_AFTER and self.plan.steady:
            return NEVER
        sure_at = served.sure.get((life.key, False))
        known = sure_at is not None and (back_at is None or sure_at <= gone_at)
        shown_ended = (life.key, True) in served.maybe
        if not known or shown_ended or self.suspected:
            return PERHAPS
        return ONCE if self._proved(life, gone_at, back_at) else PERHAPS

    def _proved(self, life: Life, gone_at: datetime, back_at: datetime | None) -> bool:
        """Whether there was calm enough to ask twice."""
        needed = VANISHED_AFTER + 2 * FULL_EVERY + 4 * EVERY
        return overlap(self.calm(life), gone_at, back_at or self.log.closed_at) > needed

    def calm(self, life: Life) -> Iterator[tuple[datetime, datetime]]:
        """The times in which nothing goes wrong with where a job is listed."""
        return calm(self.plan, life.scope, self.log.closed_at)

    def watched(self, life: Life) -> Iterator[tuple[datetime, datetime]]:
        """The times in which sweeps come to their end and cover a job."""
        return watched(self.plan, life.scope, self.log.closed_at)
