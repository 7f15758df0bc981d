"""A page as a whole: one verdict a job, and the outcome that a job by itself has."""

from typing import Any

import pytest

from jobwatch.core.diff import (
    ChangeKind,
    fold,
)
from jobwatch.core.model import Job, JobKey, Outcome, Phase
from tests.factories import (
    TABLE,
    diff,
    job,
    progress,
    snapshot,
)


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["Active", "Active"], "Active"),
        (["New", "Active"], "Active"),
        (["Active", "New"], "Active"),
        (["Done", "Active", "New"], "Done"),
        (["Active", "Paused"], "Paused"),
        (["Paused", "Active"], "Active"),
        (["Done", "Failed"], "Failed"),
        (["Archived", "Active"], "Active"),
        (["Active", "Archived"], "Archived"),
    ],
)
def test_a_job_twice_on_a_page_folds_to_the_last_that_does_not_lag(
    words: list[str], kept: str
) -> None:
    folded = fold([job(word, priority=n) for n, word in enumerate(words)], TABLE)
    assert {key: each.status for key, each in folded.items()} == {JobKey("", "job-1"): kept}
    assert len(diff([], [job(word) for word in words]).changes) == 1


def test_of_two_equal_stages_on_a_page_the_last_one_counts() -> None:
    (kept,) = fold([job(priority=1), job(priority=2)], TABLE).values()
    assert kept.priority == 2


def test_one_id_in_two_scopes_is_two_jobs() -> None:
    found = diff([snapshot(of=job(scope="a"))], [job(scope="a"), job(scope="b")])
    assert [each.kind for each in found.changes] == [ChangeKind.DISCOVERED]
    assert [each.key for each in found.same] == [JobKey("a", "job-1")]


def test_a_page_is_judged_job_by_job_in_its_own_order() -> None:
    known = [snapshot(of=job("Done", id="ended")), snapshot(of=job("Active", id="running"))]
    page = [
        job("New", id="b"),
        job("Active", id="ended"),
        job("Failed", id="running"),
        job("New", id="a"),
    ]
    found = diff(known, page)
    assert [(each.after.job.id, each.kind) for each in found.changes] == [
        ("b", ChangeKind.DISCOVERED),
        ("running", ChangeKind.ENDED),
        ("a", ChangeKind.DISCOVERED),
    ]
    assert [each.id for each in found.doubted] == ["ended"]


def test_an_empty_page_says_nothing() -> None:
    found = diff([snapshot("Active")], [])
    assert found.changes == ()
    assert found.doubted == ()
    assert found.same == ()


@pytest.mark.parametrize(
    ("phase", "counts", "outcome"),
    [
        (Phase.SUCCEEDED, progress(10), Outcome.SUCCEEDED),
        (Phase.SUCCEEDED, progress(0, total=0), Outcome.SUCCEEDED),
        (Phase.SUCCEEDED, None, Outcome.SUCCEEDED),
        (Phase.SUCCEEDED, progress(9, failed=1), Outcome.COMPLETED_WITH_FAILURES),
        (Phase.SUCCEEDED, progress(0, failed=10), Outcome.COMPLETED_WITH_FAILURES),
        (Phase.FAILED, progress(10), Outcome.FAILED),
        (Phase.CANCELLED, progress(9, failed=1), Outcome.CANCELLED),
        (Phase.RUNNING, progress(9, failed=1), None),
        (Phase.PENDING, None, None),
        (Phase.WAITING, None, None),
        (Phase.PAUSED, None, None),
        (Phase.UNKNOWN, progress(0, failed=10), None),
    ],
)
def test_the_outcome_comes_from_phase_and_failed_tasks(
    phase: Phase, counts: Any, outcome: Outcome | None
) -> None:
    seen = Job(id="j", status="x", phase=phase, progress=counts)
    assert seen.outcome is outcome
    assert seen.terminal is (outcome is not None)
