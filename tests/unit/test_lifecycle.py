"""The table of statuses: a small one for the questions, and COS's own, row by row and pair by pair."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.diff import ChangeKind, diff_page
from jobwatch.core.lifecycle import UNKNOWN, Lifecycle
from jobwatch.core.model import TERMINAL, Job, Phase
from jobwatch.providers.cos_batch import LIFECYCLE as COS
from tests.factories import NOW, TABLE, job, snapshot, watch

RUN = "Active Pausing Paused Completing Complete Cancelling Cancelled Failing Failed"

COS_ROWS = {
    "New": (Phase.PENDING, False, f"Preparing Suspended Ready {RUN}"),
    "Preparing": (Phase.PENDING, False, f"Suspended Ready {RUN}"),
    "Suspended": (Phase.WAITING, True, f"Ready {RUN}"),
    "Ready": (Phase.PENDING, False, RUN),
    "Active": (Phase.RUNNING, False, RUN),
    "Pausing": (Phase.PAUSED, False, RUN),
    "Paused": (Phase.PAUSED, False, RUN),
    "Completing": (Phase.RUNNING, False, "Complete"),
    "Cancelling": (Phase.RUNNING, False, "Cancelled"),
    "Failing": (Phase.RUNNING, False, "Failed"),
    "Complete": (Phase.SUCCEEDED, True, ""),
    "Cancelled": (Phase.CANCELLED, True, ""),
    "Failed": (Phase.FAILED, True, ""),
}
"""Status: our phase, whether DescribeJob adds to its event, and what may be seen after it, at any distance."""

COS_PAIRS = tuple(product(COS_ROWS, COS_ROWS))


def cos_job(status: str) -> Job:
    word, phase = COS.read(status)
    return replace(job("Failed" if phase in TERMINAL else "Active"), status=word, phase=phase)


@pytest.mark.parametrize(
    ("before", "after", "possible"),
    [
        ("New", "Active", True),
        ("New", "Done", True),
        ("Active", "Active", True),
        ("New", "New", False),
        ("Paused", "Active", True),
        ("Active", "Paused", True),
        ("Active", "New", False),
        ("Active", "Held", False),
        ("Done", "Active", False),
        ("Done", "Failed", False),
        ("Held", "Cancelled", True),
        ("aCTIVE", "dONE", True),
        ("Held", "Canceled", True),
        ("Archived", "Active", True),
        ("Done", "Archived", True),
        ("Archived", "Melted", True),
    ],
)
def test_reachable_follows_the_table_over_any_number_of_unseen_steps(
    before: str, after: str, *, possible: bool
) -> None:
    assert TABLE.reachable(before, after) is possible


@pytest.mark.parametrize(
    ("seen", "recorded", "behind"),
    [
        ("New", "Active", True),
        ("Active", "Done", True),
        ("New", "Done", True),
        ("Active", "Paused", False),
        ("Paused", "Active", False),
        ("Active", "Active", False),
        ("Done", "Active", False),
        ("Done", "Failed", False),
        ("Archived", "Done", False),
        ("Active", "Archived", False),
    ],
)
def test_an_answer_lags_only_where_the_way_leads_from_it_to_the_record_and_not_back(
    seen: str, recorded: str, *, behind: bool
) -> None:
    assert TABLE.is_behind(seen, recorded) is behind


@pytest.mark.parametrize(
    ("word", "status", "phase"),
    [
        ("Active", "Active", Phase.RUNNING),
        ("ACTIVE", "Active", Phase.RUNNING),
        ("canceled", "Cancelled", Phase.CANCELLED),
        ("CANCELLED", "Cancelled", Phase.CANCELLED),
        ("Archived", "Archived", Phase.UNKNOWN),
        ("", "", Phase.UNKNOWN),
        (" Active", " Active", Phase.UNKNOWN),
    ],
)
def test_a_word_is_read_in_any_spelling_and_kept_verbatim_when_unknown(
    word: str, status: str, phase: Phase
) -> None:
    assert TABLE.read(word) == (status, phase)


@pytest.mark.parametrize(
    ("word", "label"),
    [("Active", "Active"), ("active", "Active"), ("canceled", "Cancelled"), ("Archived", UNKNOWN)],
)
def test_a_label_is_a_word_of_the_table_or_unknown(word: str, label: str) -> None:
    assert TABLE.label(word) == label


@given(word=st.text(max_size=20))
def test_labels_are_bounded_whatever_the_cloud_says(word: str) -> None:
    assert TABLE.label(word) in {*TABLE.statuses, UNKNOWN}


def test_an_unknown_status_never_waits_for_detail() -> None:
    assert not TABLE.needs_detail("Archived")
    assert TABLE.needs_detail("held")


def test_statuses_keep_lifecycle_order_and_unfinished_leaves_out_the_ends() -> None:
    assert TABLE.statuses == ("New", "Held", "Active", "Paused", "Done", "Failed", "Cancelled")
    assert TABLE.unfinished == ("New", "Held", "Active", "Paused")


def test_the_diagram_draws_every_direct_step_and_every_end() -> None:
    lines = TABLE.mermaid().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> New"]
    drawn = {line.strip() for line in lines[2:]}
    steps = {f"{row.status} --> {after}" for row in TABLE.rows for after in row.successors}
    assert drawn == steps | {f"{end} --> [*]" for end in ("Done", "Failed", "Cancelled")}


def test_the_cos_table_has_the_thirteen_statuses_in_the_order_a_job_passes_through_them() -> None:
    assert COS.statuses == tuple(COS_ROWS)


@pytest.mark.parametrize("status", COS_ROWS)
def test_a_cos_status_has_its_phase_and_its_need_of_detail(status: str) -> None:
    phase, needs_detail, _ = COS_ROWS[status]
    assert COS.read(status.upper()) == (status, phase)
    assert COS.needs_detail(status) is needs_detail
    assert (status in COS.unfinished) is (phase not in TERMINAL)


@pytest.mark.parametrize(("before", "after"), COS_PAIRS)
def test_of_any_two_cos_statuses_the_table_knows_which_can_be_seen_after_which(
    before: str, after: str
) -> None:
    assert COS.reachable(before, after) is (after in COS_ROWS[before][2].split())


@pytest.mark.parametrize("status", COS_ROWS)
def test_every_unfinished_cos_status_leads_to_an_end_and_every_end_leads_nowhere(
    status: str,
) -> None:
    reached = COS_ROWS[status][2].split()
    ends = [word for word in reached if COS_ROWS[word][0] in TERMINAL]
    assert bool(ends) is (status in COS.unfinished)
    assert bool(reached) is (status in COS.unfinished)


@pytest.mark.parametrize(
    ("written", "status"),
    [("Canceled", "Cancelled"), ("CANCELING", "Cancelling"), ("completed", "Complete")],
)
def test_cos_spells_a_status_in_two_ways_and_means_one(written: str, status: str) -> None:
    assert COS.row(written) == COS.row(status)


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in COS_PAIRS if COS.reachable(*pair) and pair[0] != pair[1]]
)
def test_every_possible_jump_between_cos_statuses_is_one_change(before: str, after: str) -> None:
    known = snapshot(of=cos_job(before))
    (change,) = diff_page({known.key: known}, [cos_job(after)], COS, watch()).changes
    ended = COS_ROWS[after][0] in TERMINAL
    assert change.kind is (ChangeKind.ENDED if ended else ChangeKind.STATUS_CHANGED)
    assert change.after.job.status == after
    assert change.after.unfinished is not ended
    assert change.after.status_since == (change.after.job.ended_at if ended else NOW)


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in COS_PAIRS if COS_ROWS[pair[0]][0] in TERMINAL]
)
def test_no_listing_leads_acos_job_out_of_its_end(before: str, after: str) -> None:
    known = snapshot(of=cos_job(before))
    found = diff_page({known.key: known}, [cos_job(after)], COS, watch())
    assert found.changes == ()
    assert [each.status for each in found.doubted] == ([after] if before != after else [])


def test_a_table_without_rows_for_a_spelling_is_a_mistake_at_once() -> None:
    with pytest.raises(KeyError):
        Lifecycle(rows=TABLE.rows, spellings={"Finished": "Ended"})
