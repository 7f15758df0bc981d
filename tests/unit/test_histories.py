"""Whatever a poller happens to see of a job's life, in whatever order, people are told its end once."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.diff import Authority, Change, ChangeKind, refuse
from jobwatch.core.model import Job, JobKey, Outcome, Snapshot
from jobwatch.core.recording import Desk, batch_for
from jobwatch.core.watched import Gap, Gaps
from tests.factories import (
    ENDED_JOBS,
    HOUR,
    MINUTE,
    NOW,
    OPERATIONS,
    TABLE,
    applied,
    diff,
    job,
    origin,
    progress,
    snapshot,
    watch,
)

DESK = Desk(origin=origin(), lifecycle=TABLE, operations=OPERATIONS)

WORDS = st.sampled_from([*TABLE.statuses, "Archived", "Melted"])
UNFINISHED = st.sampled_from(["New", "Held", "Active", "Paused", "Archived"])
COUNTERS = st.none() | st.builds(progress, st.integers(0, 5), st.integers(0, 5), st.integers(0, 10))
PRINTS = st.integers(0, 4)
JOBS = st.builds(
    job,
    WORDS,
    id=st.sampled_from(["a", "b", "c"]),
    progress=COUNTERS,
    priority=st.integers(0, 2),
    fingerprint=PRINTS,
)
ENDS = st.sampled_from(list(ENDED_JOBS.values()))


def stages(end: Job) -> st.SearchStrategy[list[Job]]:
    """What listings show of one job: any unfinished stage and its end, lagging, twice, or left out."""
    unfinished = st.builds(
        job, UNFINISHED, progress=st.builds(progress, st.integers(0, 5)), fingerprint=PRINTS
    )
    return st.lists(unfinished | st.just(end), max_size=8).map(lambda seen: [*seen, end])


LIVES = ENDS.flatmap(stages)


def poll(known: dict[JobKey, Snapshot], page: Sequence[Job], truth: Job) -> list[Change]:
    """What the poller does with a page: record it, and settle what is doubted with DescribeJob's truth."""
    found = diff(known.values(), page)
    changes = list(found.changes)
    known.update(applied(known, found))
    for doubted in found.doubted:
        before = known[doubted.key]
        if (truth.status, truth.outcome) == (before.job.status, before.outcome):
            refusal = refuse(before, doubted, watch())
            changes.append(refusal)
            known[doubted.key] = refusal.after
        else:
            settled = diff(known.values(), [truth], authority=Authority.DESCRIBE)
            changes += settled.changes
            known.update(applied(known, settled))
    return changes


def follow(pages: Sequence[Sequence[Job]], truth: Job) -> tuple[Snapshot, list[Change]]:
    known: dict[JobKey, Snapshot] = {}
    changes = [change for page in pages for change in poll(known, page, truth)]
    return known[truth.key], changes


def endings(changes: Sequence[Change]) -> list[str]:
    entries = batch_for(changes, DESK, recorded_at=NOW).entries
    return [entry.event.type for entry in entries if entry.event is not None and entry.event.ending]


@given(seen=LIVES)
def test_any_order_duplication_and_skipping_ends_alike_with_one_ending_told(
    seen: list[Job],
) -> None:
    end = seen[-1]
    last, changes = follow([[each] for each in seen], truth=end)
    assert (last.job.status, last.outcome) == (end.status, end.outcome)
    assert len(endings(changes)) == 1
    assert [change.kind for change in changes].count(ChangeKind.ENDED) == 1


@given(seen=LIVES)
def test_the_finished_counters_move_once_however_a_job_is_seen(seen: list[Job]) -> None:
    _, changes = follow([[each] for each in seen], truth=seen[-1])
    counts = batch_for(changes, DESK, recorded_at=NOW).counts
    finished = [
        n for series, n in counts.added.items() if series.name.endswith("jobs_finished_total")
    ]
    assert finished == [1]


@given(seen=LIVES, data=st.data())
def test_it_does_not_matter_how_observations_are_spread_over_pages(
    seen: list[Job], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(seen)), max_size=3)))
    pages = [seen[start:end] for start, end in zip([0, *cuts], [*cuts, len(seen)], strict=True)]
    last, changes = follow(pages, truth=seen[-1])
    assert last.outcome is seen[-1].outcome
    assert len(endings(changes)) == 1


@given(seen=LIVES, unwatched=st.lists(st.integers(0, 60), max_size=4))
def test_an_end_is_told_once_and_no_gap_silences_it(seen: list[Job], unwatched: list[int]) -> None:
    gaps = Gaps()
    for minutes in unwatched:
        gaps = gaps.added(Gap(NOW - (minutes + 5) * MINUTE, NOW - minutes * MINUTE))
    known: dict[JobKey, Snapshot] = {}
    changes: list[Change] = []
    for each in seen:
        found = diff(known.values(), [each], watch(gaps=gaps, observed_at=NOW + HOUR))
        known = applied(known, found)
        changes += found.changes
    assert len(endings(changes)) == 1
    (end,) = [change for change in changes if change.kind is ChangeKind.ENDED]
    assert end.late is gaps.covers(NOW - MINUTE)


@given(page=st.lists(JOBS, max_size=12))
def test_a_page_compared_with_the_snapshots_it_made_says_nothing(page: list[Job]) -> None:
    known = applied({}, diff([], page))
    again = diff(known.values(), page)
    assert again.changes == ()
    assert again.doubted == ()
    assert {each.key for each in again.same} == {each.key for each in page}


@given(page=st.lists(JOBS, max_size=12), next_page=st.lists(JOBS, max_size=12))
def test_a_page_is_recorded_at_most_once_whatever_was_known(
    page: list[Job], next_page: list[Job]
) -> None:
    known = applied({}, diff([], page))
    found = diff(known.values(), next_page, authority=Authority.DESCRIBE)
    after = applied(known, found)
    assert diff(after.values(), next_page, authority=Authority.DESCRIBE).changes == ()


@given(page=st.lists(JOBS, max_size=12), next_page=st.lists(JOBS, max_size=12))
def test_every_job_of_a_page_gets_exactly_one_verdict(
    page: list[Job], next_page: list[Job]
) -> None:
    known = applied({}, diff([], page))
    found = diff(known.values(), next_page)
    judged = [
        *(change.after.key for change in found.changes),
        *(each.key for each in found.doubted),
        *(each.key for each in found.same),
    ]
    assert sorted(judged) == sorted({each.key for each in next_page})


@given(page=st.lists(JOBS, max_size=12), next_page=st.lists(JOBS, max_size=12))
def test_no_listing_ever_changes_how_a_known_job_ended(
    page: list[Job], next_page: list[Job]
) -> None:
    known = applied({}, diff([], page))
    after = applied(known, diff(known.values(), next_page))
    for key, before in known.items():
        if before.outcome is not None:
            assert (after[key].job.status, after[key].outcome) == (
                before.job.status,
                before.outcome,
            )


@given(page=st.lists(JOBS, max_size=12), next_page=st.lists(JOBS, max_size=12))
def test_versions_count_the_recorded_changes_and_nothing_else(
    page: list[Job], next_page: list[Job]
) -> None:
    known = applied({}, diff([], page))
    found = diff(known.values(), next_page)
    for change in found.changes:
        assert change.after.version == (change.before.version if change.before else 0) + 1
    for each in found.same:
        assert each == replace(
            known[each.key], job=replace(known[each.key].job, fingerprint=each.job.fingerprint)
        )


def test_an_end_without_counters_that_gets_failed_tasks_later_is_told_as_both() -> None:
    bare, full = job("Done", progress=None), ENDED_JOBS[Outcome.COMPLETED_WITH_FAILURES]
    known: dict[JobKey, Snapshot] = {job().key: snapshot("Active")}
    changes = poll(known, [bare], bare) + poll(known, [full], full)
    assert endings(changes) == ["job.succeeded", "job.completed_with_failures"]
