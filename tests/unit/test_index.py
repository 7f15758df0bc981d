"""The index in numbers does what a plain dictionary of jobs would do."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobwatch.core.index import NONE, JobIndex

SEED = 17


@dataclass(slots=True)
class Entry:
    print: int = NONE
    left: bool = False
    seen: bool = False


@dataclass(slots=True)
class Model:
    """What the index should be: one entry a row, rows in the order of their numbers."""

    jobs: dict[int, Entry] = field(default_factory=dict)

    def known(self) -> dict[int, int]:
        return {entry.print: row for row, entry in self.jobs.items() if entry.print != NONE}


class IndexAgainstModel(RuleBasedStateMachine):
    """Sweeps in any order: pages that show known bytes, changed bytes, new jobs; jobs that leave and return."""

    def __init__(self) -> None:
        super().__init__()
        self.index = JobIndex(SEED)
        self.model = Model()
        self.prints = iter(range(1, 10_000))
        self.rows = iter(range(1, 100_000, 3))

    @initialize(load=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=6))
    def load(self, load: list[tuple[bool, bool]]) -> None:
        rows = []
        for hashed, left in load:
            row, fingerprint = next(self.rows), next(self.prints) if hashed else NONE
            rows.append((row, fingerprint, left))
            self.model.jobs[row] = Entry(print=NONE if left else fingerprint, left=left)
        self.index.load(rows)

    def pick(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.model.jobs)))

    @rule()
    def begin(self) -> None:
        self.index.begin()
        for entry in self.model.jobs.values():
            entry.seen = entry.left

    @precondition(lambda self: self.model.known())
    @rule(data=st.data())
    def page_of_unchanged_members(self, data: st.DataObject) -> None:
        prints = data.draw(st.lists(st.sampled_from(sorted(self.model.known()))))
        self.index.see_slots([self.index.known.slots[each] for each in prints])
        for each in prints:
            self.model.jobs[self.model.known()[each]].seen = True

    @precondition(lambda self: self.model.jobs)
    @rule(data=st.data(), comparable=st.booleans())
    def changed_member(self, data: st.DataObject, *, comparable: bool) -> None:
        row = self.pick(data)
        fingerprint = next(self.prints) if comparable else NONE
        self.index.learn(row, fingerprint)
        self.model.jobs[row] = Entry(print=fingerprint, seen=True)

    @precondition(lambda self: self.model.jobs)
    @rule(data=st.data())
    def same_bytes_learnt_again(self, data: st.DataObject) -> None:
        row = self.pick(data)
        self.index.learn(row, self.model.jobs[row].print)
        self.model.jobs[row] = Entry(print=self.model.jobs[row].print, seen=True)

    @rule(comparable=st.booleans())
    def new_job(self, *, comparable: bool) -> None:
        row, fingerprint = next(self.rows), next(self.prints) if comparable else NONE
        self.index.learn(row, fingerprint)
        self.model.jobs[row] = Entry(print=fingerprint, seen=True)

    @precondition(lambda self: self.model.jobs)
    @rule(data=st.data())
    def seen_otherwise(self, data: st.DataObject) -> None:
        row = self.pick(data)
        self.index.see(row)
        self.model.jobs[row].seen, self.model.jobs[row].left = True, False

    @rule(data=st.data())
    def some_unseen_jobs_leave(self, data: st.DataObject) -> None:
        unseen = list(self.index.unseen_rows())
        leaving = [row for row in unseen if data.draw(st.booleans())]
        self.index.leave(leaving)
        for row in leaving:
            self.model.jobs[row].print, self.model.jobs[row].left = NONE, True

    @invariant()
    def both_say_the_same(self) -> None:
        jobs = self.model.jobs
        assert len(self.index) == len(jobs)
        assert self.index.known.seed == SEED
        assert list(self.index.unseen_rows()) == [row for row in jobs if not jobs[row].seen]
        assert set(self.index.known.slots) == set(self.model.known())
        order = sorted(jobs)
        for fingerprint, row in self.model.known().items():
            assert order[self.index.known.slots[fingerprint]] == row


def test_any_run_of_sweeps_leaves_the_index_as_a_plain_dictionary_would_be() -> None:
    thorough = settings(max_examples=150, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(IndexAgainstModel, settings=thorough)


def index(*rows: tuple[int, int, bool]) -> JobIndex:
    loaded = JobIndex(SEED)
    loaded.load(rows)
    return loaded


def test_what_left_is_not_looked_for_and_its_bytes_are_not_known() -> None:
    known = index((1, 11, False), (2, 22, True))
    known.begin()
    assert list(known.unseen_rows()) == [1]
    assert dict(known.known.slots) == {11: 0}


def test_what_left_and_is_seen_again_is_looked_for_in_the_next_sweep() -> None:
    known = index((1, 11, True))
    known.begin()
    known.learn(1, 33)
    known.begin()
    assert list(known.unseen_rows()) == [1]
    assert dict(known.known.slots) == {33: 0}


def test_a_job_that_left_is_parsed_when_it_comes_back_with_its_old_bytes() -> None:
    known = index((1, 11, False))
    known.begin()
    known.leave(list(known.unseen_rows()))
    assert not known.known.slots
    known.begin()
    assert not list(known.unseen_rows())


def test_a_fingerprint_of_all_64_bits_is_held() -> None:
    known = index((1, 2**64 - 1, False))
    assert dict(known.known.slots) == {2**64 - 1: 0}


def test_two_jobs_of_equal_bytes_are_parsed_rather_than_taken_for_each_other() -> None:
    known = index((1, 11, False), (2, 11, False))
    known.learn(1, 33)
    assert 11 not in known.known.slots
    known.learn(2, 11)
    assert known.known.slots[33] == 0


def test_loading_goes_on_page_by_page() -> None:
    known = index((1, 11, False))
    known.load([(5, 55, False), (9, 99, True)])
    assert len(known) == 3
    assert dict(known.known.slots) == {11: 0, 55: 1}


def test_an_empty_index_knows_nothing() -> None:
    known = JobIndex(SEED)
    known.begin()
    assert len(known) == 0
    assert not known
    assert not list(known.unseen_rows())
