"""Whatever happens to a job between its first sight and its end, gaps and disappearances too, its end is told once.

The life of a job is a row of moments: a listing shows it (perhaps as it was long ago), or DescribeJob does not know it.
From some moment on it has ended; DescribeJob always says how things are at that moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.absence import missing, vanish
from jobwatch.core.diff import Authority, Change, ChangeKind, PageDiff, refuse
from jobwatch.core.first_sight import Watch
from jobwatch.core.model import Job, JobKey, Outcome, Snapshot
from jobwatch.core.recording import Desk, batch_for
from jobwatch.core.watched import NO_GAPS, Gap, Gaps
from tests.factories import (
    DAY,
    ENDED_JOBS,
    MINUTE,
    NOW,
    OPERATIONS,
    TABLE,
    applied,
    diff,
    job,
    origin,
    progress,
    watch,
)

DESK = Desk(origin=origin(), lifecycle=TABLE, operations=OPERATIONS)
PROOF = 10 * MINUTE
KEY = job().key
GONE = None
"""What DescribeJob says of a job that it does not know."""

UNFINISHED = st.builds(
    job,
    st.sampled_from(["New", "Held", "Active", "Paused", "Archived"]),
    progress=st.none() | st.builds(progress, st.integers(0, 5)),
    fingerprint=st.integers(0, 4),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a poller can see some minutes later: the listed job, if any, and what DescribeJob says then."""

    minutes: int
    listed: Job | None
    truth: Job | None
    unwatched: bool


@dataclass(slots=True)
class Follower:
    """One poller's decisions about one job, without the poller."""

    known: dict[JobKey, Snapshot] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    gaps: Gaps = NO_GAPS
    now: datetime = NOW

    def see(self, moment: Moment) -> None:
        before = self.now
        self.now += moment.minutes * MINUTE
        if moment.unwatched:
            self.gaps = self.gaps.added(Gap(before, self.now))
        if moment.listed is not None:
            found = diff(self.known.values(), [moment.listed], self._watch())
            self._record(found)
            for doubted in found.doubted:
                self._settle(doubted, moment.truth)
        elif KEY in self.known and self.known[KEY].unfinished:
            self._follow(self.known[KEY], moment.truth)

    def _watch(self) -> Watch:
        return watch(observed_at=self.now, gaps=self.gaps)

    def _record(self, found: PageDiff) -> None:
        self.changes += found.changes
        self.known = applied(self.known, found)

    def _settle(self, doubted: Job, truth: Job | None) -> None:
        before = self.known[KEY]
        if truth is GONE:
            return
        if (truth.status, truth.outcome) == (before.job.status, before.outcome):
            self._record(PageDiff(changes=(refuse(before, doubted, self._watch()),)))
        else:
            self._describe(truth)

    def _follow(self, before: Snapshot, truth: Job | None) -> None:
        if truth is not GONE:
            self._describe(truth)
            return
        change = missing(before, self._watch(), vanished_after=PROOF)
        if change is not None:
            self._record(PageDiff(changes=(change,)))
        if self.known[KEY].missing_proved_at is not None:
            self._record(PageDiff(changes=(vanish(self.known[KEY], self._watch()),)))

    def _describe(self, truth: Job) -> None:
        self._record(diff(self.known.values(), [truth], self._watch(), Authority.DESCRIBE))

    @property
    def told(self) -> list[str]:
        entries = batch_for(self.changes, DESK, recorded_at=NOW).entries
        return [each.event.type.value for each in entries if each.event and each.event.ending]


@st.composite
def lives(draw: st.DrawFn) -> list[Moment]:
    """Any life, until the job has ended and is listed so."""
    end = draw(st.sampled_from(list(ENDED_JOBS.values())))
    moments = [
        Moment(draw(st.integers(0, 30)), stage if listed else None, truth, unwatched)
        for stage, listed, truth, unwatched in draw(
            st.lists(
                st.tuples(UNFINISHED, st.booleans(), st.none() | UNFINISHED, st.booleans()),
                max_size=8,
            )
        )
    ]
    lagging = draw(st.lists(st.none() | UNFINISHED | st.just(end), max_size=6))
    moments += [
        Moment(draw(st.integers(0, 30)), each, end, draw(st.booleans())) for each in lagging
    ]
    return [*moments, Moment(1, end, end, unwatched=False)]


def follow(life: Sequence[Moment]) -> Follower:
    follower = Follower()
    for moment in life:
        follower.see(moment)
    return follower


@given(life=lives())
def test_every_life_ends_as_it_did_with_that_end_told_once_and_last(life: list[Moment]) -> None:
    end = life[-1].truth
    assert end is not None
    assert end.outcome is not None
    follower = follow(life)
    last = follower.known[KEY]
    assert (last.job.status, last.outcome) == (end.status, end.outcome)
    assert follower.told[-1] == f"job.{end.outcome.value}"
    assert set(follower.told[:-1]) <= {"job.vanished"}


@given(life=lives())
def test_a_job_vanishes_once_for_each_time_it_was_gone_long_enough(life: list[Moment]) -> None:
    follower = follow(life)
    vanishings = [each for each in follower.changes if each.kind is ChangeKind.VANISHED]
    assert follower.told.count("job.vanished") == len(vanishings)
    for change in vanishings:
        assert change.before is not None
        assert change.before.missing_since is not None
        assert change.after.observed_at - change.before.missing_since >= PROOF
    outcomes = [each.after.outcome for each in follower.changes]
    for first, second in pairwise(outcomes):
        assert (first, second) != (Outcome.VANISHED, Outcome.VANISHED), "gone while it was gone"


@given(life=lives())
def test_the_end_of_a_job_is_counted_once_however_often_it_vanished(life: list[Moment]) -> None:
    counts = batch_for(follow(life).changes, DESK, recorded_at=NOW).counts
    finished = [
        n for series, n in counts.added.items() if series.name == "jobwatch_jobs_finished_total"
    ]
    assert sum(finished) == 1


@given(life=lives(), waited=st.integers(1, 400))
def test_nothing_that_was_told_is_told_again_by_what_follows_an_end(
    life: list[Moment], waited: int
) -> None:
    end = life[-1].truth
    follower = follow(life)
    told = list(follower.told)
    for listed in (end, None, end):
        follower.see(Moment(waited, listed, end, unwatched=True))
    assert follower.told == told


@given(life=lives())
def test_one_after_another_versions_and_times_only_go_on(life: list[Moment]) -> None:
    changes = follow(life).changes
    assert [each.after.version for each in changes] == list(range(1, len(changes) + 1))
    times = [each.after.observed_at for each in changes]
    assert times == sorted(times)


@given(life=lives())
def test_an_end_is_late_only_where_nobody_watched_when_it_came(life: list[Moment]) -> None:
    follower = follow(life)
    for change in follower.changes:
        if change.late:
            ended_at = change.after.job.ended_at
            assert ended_at is not None
            assert follower.gaps.covers(ended_at)
            assert change.after.observed_at - ended_at > timedelta(seconds=90)


def test_a_job_gone_for_a_day_and_back_again_is_told_as_it_is() -> None:
    running, end = job("Active"), ENDED_JOBS[Outcome.FAILED]
    follower = follow(
        [
            Moment(0, running, running, unwatched=False),
            Moment(1, None, GONE, unwatched=False),
            Moment(10, None, GONE, unwatched=False),
            Moment(int(DAY / MINUTE), running, running, unwatched=False),
            Moment(1, end, end, unwatched=False),
        ]
    )
    kinds = [each.kind for each in follower.changes if each.kind is not ChangeKind.MISSING]
    assert kinds == [
        ChangeKind.DISCOVERED,
        ChangeKind.VANISHED,
        ChangeKind.REOPENED,
        ChangeKind.ENDED,
    ]
    assert follower.told == ["job.vanished", "job.failed"]
