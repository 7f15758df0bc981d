"""What a release adds to the document of an event, and that it adds nothing else."""

import json
from typing import Any

import pytest

from jobwatch.core.documents import document, released
from jobwatch.core.model import FailureReason
from tests.factories import (
    data_of,
    detail,
    event,
)


def test_a_draft_has_no_detail_and_no_reason_for_that_yet() -> None:
    data = data_of(event())
    assert data["detail"] is None
    assert "detail_error" not in data


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (None, "NoSuchJob", {"detail": None, "detail_error": "NoSuchJob"}),
        (None, None, {"detail": None}),
        (detail(), None, {"role": None}),
        (detail(), "ignored", {"role": None}),
    ],
)
def test_a_release_says_what_is_known_or_why_it_is_not(
    answer: Any, error: str | None, told: dict[str, Any]
) -> None:
    draft = document(event(), 1)
    data: Any = released(draft, answer, error)["data"]
    expected = told if answer is None else {}
    assert data == {**data_of(event()), **expected, "detail": data["detail"]}
    assert (data["detail"] is None) is (answer is None)


def test_a_release_leaves_its_draft_as_it_was() -> None:
    draft = document(event(), 1)
    kept = json.dumps(draft)
    released(draft, detail(role="x"), None)
    released(draft, None, "timeout")
    assert json.dumps(draft) == kept


def test_a_document_without_data_is_no_document_of_ours() -> None:
    with pytest.raises(TypeError, match=r"^an event document without data$"):
        released({"data": None}, None, None)


def test_detail_without_anything_to_say_is_all_null() -> None:
    data: Any = released(document(event(), 1), detail(), None)["data"]
    assert data["detail"] == {
        "status_reason": None,
        "suspended_cause": None,
        "failures": [],
        "manifest": None,
        "report": None,
        "role": None,
        "fields": None,
    }


def test_why_a_job_is_suspended_is_told() -> None:
    data: Any = released(
        document(event(), 1), detail(suspended_cause="AwaitingConfirmation"), None
    )["data"]
    assert data["detail"]["suspended_cause"] == "AwaitingConfirmation"


def test_no_more_than_ten_failures_are_told_in_the_clouds_order() -> None:
    failures = tuple(FailureReason(code=str(n), message="") for n in range(25))
    data: Any = released(document(event(), 1), detail(failures=failures), None)["data"]
    assert [each["code"] for each in data["detail"]["failures"]] == [str(n) for n in range(10)]
