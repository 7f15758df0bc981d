"""A walk reads a list while it changes. Whatever it misses thereby, no job is called gone for it.

The cloud is a list per status, read page by page at an offset; between any two calls jobs may move to any other list,
forward or back, end, or arrive. What a hot sweep has not seen it asks DescribeJob about, and that answer is true.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.absence import missing, vanish
from jobwatch.core.diff import Authority, Change, ChangeKind, PageDiff, diff_page, refuse
from jobwatch.core.first_sight import Watch
from jobwatch.core.model import Job, JobKey, Snapshot
from jobwatch.core.news import event_for
from jobwatch.providers.cos_batch import LIFECYCLE as COS
from tests.factories import MINUTE, NOW, applied, job, origin, watch

Moves: TypeAlias = list[list[tuple[str, str]]]

PAGE = 2
PROOF = 10 * MINUTE
NAMES = "abcdef"
UNFINISHED = st.sampled_from(COS.unfinished)
ANY_STATUS = st.sampled_from(COS.statuses)
MOVE = st.tuples(st.sampled_from(NAMES), ANY_STATUS)

MOVES = st.lists(st.lists(MOVE, max_size=3), max_size=40)
"""What happens before each call, as long as there is something."""


@dataclass(slots=True)
class Cloud:
    """Lists of jobs that change between calls; ended jobs stay as they are, removed ones do not come back."""

    pending: Iterator[Sequence[tuple[str, str]]]
    jobs: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def happen(self) -> None:
        for name, status in next(self.pending, ()):
            if name not in self.removed and not self._shown(name).terminal:
                self.jobs[name] = status

    def _shown(self, name: str) -> Job:
        status, phase = COS.read(self.jobs.get(name, "New"))
        ended = phase in (COS.read(word)[1] for word in ("Complete", "Failed", "Cancelled"))
        shown = job("Active", id=name, ended_at=NOW if ended else None)
        return replace(shown, status=status, phase=phase)

    def page(self, status: str | None, offset: int) -> list[Job]:
        self.happen()
        listed = [self._shown(name) for name in sorted(self.jobs)]
        wanted = [each for each in listed if status in (None, each.status)]
        return wanted[offset : offset + PAGE]

    def describe(self, key: JobKey) -> Job | None:
        self.happen()
        self.asked.append(key.id)
        return self._shown(key.id) if key.id in self.jobs else None

    def remove(self, name: str) -> None:
        self.removed.add(name)
        self.jobs.pop(name, None)


@dataclass(slots=True)
class Poller:
    """The decisions of sweeps, without connections and store."""

    cloud: Cloud
    known: dict[JobKey, Snapshot] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    now: datetime = NOW

    def sweep(self, walks: Sequence[str | None]) -> None:
        self.now += MINUTE
        seen: set[JobKey] = set()
        for status in walks:
            offset = 0
            while page := self.cloud.page(status, offset):
                seen |= {each.key for each in page}
                self._observe(page, Authority.LISTING)
                offset += PAGE
        absent = [key for key, each in self.known.items() if each.unfinished and key not in seen]
        for key in absent:
            self._follow(key)

    def _watch(self) -> Watch:
        return watch(observed_at=self.now)

    def _observe(self, jobs: Sequence[Job], authority: Authority) -> None:
        found = diff_page(self.known, jobs, COS, self._watch(), authority=authority)
        self._record(found)
        for doubted in found.doubted:
            truth, before = self.cloud.describe(doubted.key), self.known[doubted.key]
            if truth is None:
                continue
            if (truth.status, truth.outcome) == (before.job.status, before.outcome):
                self._record(PageDiff(changes=(refuse(before, doubted, self._watch()),)))
            else:
                self._observe([truth], Authority.DESCRIBE)

    def _follow(self, key: JobKey) -> None:
        truth = self.cloud.describe(key)
        if truth is not None:
            self._observe([truth], Authority.DESCRIBE)
            return
        change = missing(self.known[key], self._watch(), vanished_after=PROOF)
        if change is not None:
            self._record(PageDiff(changes=(change,)))
        if self.known[key].missing_proved_at is not None:
            self._record(PageDiff(changes=(vanish(self.known[key], self._watch()),)))

    def _record(self, found: PageDiff) -> None:
        self.changes += found.changes
        self.known = applied(self.known, found)

    def endings(self, name: str) -> list[str]:
        events = (event_for(each, COS, origin()) for each in self.changes)
        return [each.type.value for each in events if each and each.ending and each.job_id == name]


HOT: tuple[str, ...] = COS.unfinished
FULL = (None,)
STARTS = st.dictionaries(st.sampled_from(NAMES), UNFINISHED, min_size=1)
SWEEPS = st.lists(st.sampled_from([HOT, FULL]), min_size=1, max_size=4)


def watched(start: dict[str, str], moves: Sequence[Sequence[tuple[str, str]]]) -> Poller:
    """A poller that has seen everything once, before anything began to move."""
    cloud = Cloud(iter(()), dict(start))
    poller = Poller(cloud)
    poller.sweep(FULL)
    cloud.pending = iter(moves)
    return poller


def test_a_job_that_slips_to_a_page_already_read_is_asked_about_and_not_missed() -> None:
    before_the_second_page: Moves = [[]] * (COS.unfinished.index("Active") + 1) + [
        [("a", "Paused")]
    ]
    poller = watched(dict.fromkeys("abc", "Active"), before_the_second_page)
    poller.sweep(HOT)  # "a" leaves the list after its first page, so "c" moves up to that page
    assert poller.cloud.asked == ["c"]
    assert poller.known[JobKey("", "a")].job.status == "Paused"
    assert poller.known[JobKey("", "c")].missing_since is None


def test_a_job_that_goes_back_to_a_list_already_read_is_asked_about_and_not_missed() -> None:
    before_the_later_list: Moves = [[]] * COS.unfinished.index("Paused") + [[("a", "Active")]]
    poller = watched({"a": "Paused"}, before_the_later_list)
    poller.sweep(HOT)
    assert poller.cloud.asked == ["a"]
    assert poller.known[JobKey("", "a")].job.status == "Active"
    assert poller.known[JobKey("", "a")].missing_since is None


@given(start=STARTS, moves=MOVES, sweeps=SWEEPS)
def test_no_job_of_a_torn_walk_is_ever_taken_for_missing(
    start: dict[str, str],
    moves: Moves,
    sweeps: list[tuple[str | None, ...]],
) -> None:
    poller = watched(start, moves)
    for walks in sweeps:
        poller.sweep(walks)
    assert {each.kind for each in poller.changes}.isdisjoint(
        {ChangeKind.MISSING, ChangeKind.VANISHED}
    )
    assert all(each.missing_since is None for each in poller.known.values())


@given(start=STARTS, moves=MOVES, sweeps=SWEEPS)
def test_every_known_unfinished_job_is_seen_or_asked_about_by_every_sweep(
    start: dict[str, str],
    moves: Moves,
    sweeps: list[tuple[str | None, ...]],
) -> None:
    poller = watched(start, moves)
    for walks in sweeps:
        poller.sweep(walks)
    poller.cloud.pending = iter(())
    poller.sweep(HOT)  # nothing moves any more
    for key, recorded in poller.known.items():
        truth = poller.cloud.describe(key)
        assert truth is not None
        assert (recorded.job.status, recorded.outcome) == (truth.status, truth.outcome)


@given(start=STARTS, moves=MOVES, sweeps=SWEEPS)
def test_an_end_during_a_torn_walk_is_told_once(
    start: dict[str, str],
    moves: Moves,
    sweeps: list[tuple[str | None, ...]],
) -> None:
    poller = watched(start, moves)
    for walks in [*sweeps, HOT]:
        poller.sweep(walks)
    poller.cloud.pending = iter(())
    poller.sweep(FULL)  # finds what began and ended unseen
    for name in poller.cloud.jobs:
        truth = poller.cloud.describe(JobKey("", name))
        assert truth is not None
        told = [f"job.{truth.outcome.value}"] if truth.outcome else []
        assert poller.endings(name) == told


def test_lists_are_read_in_the_order_in_which_a_job_passes_through_them() -> None:
    """What leaves a list before it is read then enters one that is read later; only a resumed job goes back."""
    order = {status: place for place, status in enumerate(COS.unfinished)}
    backward = [
        (row.status, after)
        for row in COS.rows
        for after in row.successors
        if after in order and order[after] <= order[row.status]
    ]
    assert backward == [("Paused", "Active")]


@given(
    start=STARTS,
    moves=MOVES,
    gone=st.sets(st.sampled_from(NAMES)),
    sweeps=st.lists(st.sampled_from([HOT, FULL]), min_size=13, max_size=15),
)
def test_only_a_job_that_describe_job_does_not_know_vanishes_and_that_once(
    start: dict[str, str],
    moves: Moves,
    gone: set[str],
    sweeps: list[tuple[str | None, ...]],
) -> None:
    poller = watched(start, moves)
    poller.sweep(HOT)
    ended = {key.id for key, each in poller.known.items() if not each.unfinished}
    known = {key.id for key in poller.known}
    for name in gone:
        poller.cloud.remove(name)
    for walks in sweeps:
        poller.sweep(walks)
    for name in NAMES:
        vanished = "job.vanished" in poller.endings(name)
        assert vanished is (name in gone & known - ended), name
        assert len(poller.endings(name)) <= 1
