"""The document that tells an event, against the contract's own example and the public CloudEvents package."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat

from jobwatch.core.events import (
    EventType,
    JobEvent,
    Severity,
    document,
    encode,
    event_id,
    instant,
    released,
)
from jobwatch.core.model import FailureReason, Job, Phase
from tests.factories import (
    MINUTE,
    NOW,
    SECOND,
    detail,
    event,
    job,
    origin,
    progress,
    snapshot,
)

ID = "021140d8-67ca-4e89-8089-0de9a1e40943"

CONTRACT_EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "evt_…",
    "source": "/jobwatch/jobwatch/prod",
    "type": "job.failed",
    "subject": ID,
    "sequence": "00000000000000000042",
    "time": "2026-11-21T20:00:00Z",
    "timestamp": "2026-11-21T20:00:00Z",
    "datacontenttype": "application/json",
    "dataschema": "urn:jobwatch:schema:job:1.0",
    "data": {
        "source": "prod",
        "provider": "cos-batch",
        "region": "ap-chengdu",
        "labels": {},
        "severity": "critical",
        "observed_at": "2026-11-21T20:00:00Z",
        "previous_status": "Active",
        "late": False,
        "condition": None,
        "job": {
            "id": ID,
            "status": "Failed",
            "phase": "failed",
            "outcome": "failed",
            "operation": "COSPutObjectCopy",
            "description": "example-job",
            "priority": 10,
            "created_at": "2026-11-21T19:59:30Z",
            "started_at": "2026-11-21T19:59:40Z",
            "ended_at": "2026-11-21T19:59:46Z",
            "duration_seconds": 16.0,
            "progress": {
                "total": 10,
                "succeeded": 4,
                "failed": 6,
                "finished_ratio": 1.0,
                "failed_ratio": 0.6,
            },
        },
        "detail": {
            "status_reason": "threshold",
            "suspended_cause": None,
            "failures": [{"code": "AccessDenied", "message": "no"}],
            "manifest": {"object": "m.csv", "format": "csv"},
            "report": {"bucket": "b", "prefix": "p", "scope": "FailedTasksOnly"},
            "role": "batch",
        },
        "links": {"job": f"https://jobwatch.example.com/jobs/prod/{ID}"},
    },
}
"""Contract section 5, with its dots filled in."""


def example_event() -> JobEvent:
    failed = job(
        "Failed",
        id=ID,
        operation="COSPutObjectCopy",
        description="example-job",
        progress=progress(succeeded=4, failed=6),
        created_at=NOW - 30 * SECOND,
        ended_at=NOW - 14 * SECOND,
    )
    return event(
        snapshot(of=failed, started_at=NOW - 20 * SECOND),
        origin=origin(public_url="https://jobwatch.example.com/"),
    )


def test_a_released_document_is_the_contracts_example_key_by_key() -> None:
    answer = detail(
        status_reason="threshold",
        failures=(FailureReason(code="AccessDenied", message="no"),),
        manifest={"object": "m.csv", "format": "csv"},
        report={"bucket": "b", "prefix": "p", "scope": "FailedTasksOnly"},
        role="batch",
    )
    told = json.loads(encode(released(document(example_event(), 42), answer, None)))
    assert re.fullmatch(r"evt_[a-z2-7]{26}", told["id"])
    assert told | {"id": "evt_…"} == CONTRACT_EXAMPLE
    assert list(told) == list(CONTRACT_EXAMPLE)
    assert list(told["data"]) == list(CONTRACT_EXAMPLE["data"])


def test_the_public_cloudevents_package_reads_the_document() -> None:
    body = encode(document(example_event(), 42))
    read = JSONFormat().read(None, body)
    assert read.get_specversion() == "1.0"
    assert read.get_type() == "job.failed"
    assert read.get_source() == "/jobwatch/jobwatch/prod"
    assert read.get_subject() == ID
    assert read.get_time() == NOW
    assert read.get_id().startswith("evt_")
    assert read.get_datacontenttype() == "application/json"
    assert read.get_dataschema() == "urn:jobwatch:schema:job:1.0"
    assert read.get_extension("sequence") == "00000000000000000042"
    assert read.get_extension("timestamp") == "2026-11-21T20:00:00Z"
    data = read.get_data()
    assert isinstance(data, dict)
    assert data["job"]["status"] == "Failed"


def test_an_id_is_the_same_whoever_computes_it() -> None:
    assert event_id(example_event(), 42) == "evt_5z2ckqhnts4ypq4f7zzdjp5vye"
    assert event_id(example_event(), 42) == document(example_event(), 42)["id"]


def with_job(**fields: Any) -> JobEvent:
    base = example_event()
    return replace(base, snapshot=replace(base.snapshot, job=replace(base.snapshot.job, **fields)))


@pytest.mark.parametrize(
    ("other", "sequence"),
    [
        (example_event(), 43),
        (replace(example_event(), origin=origin(instance="second")), 42),
        (replace(example_event(), origin=origin(source="test")), 42),
        (replace(example_event(), type=EventType.SUCCEEDED), 42),
        (with_job(scope="vault"), 42),
        (with_job(id="other"), 42),
        (with_job(status="Failing"), 42),
        (with_job(ended_at=NOW), 42),
        (with_job(ended_at=None), 42),
    ],
)
def test_another_event_has_another_id(other: JobEvent, sequence: int) -> None:
    assert event_id(other, sequence) != event_id(example_event(), 42)


@pytest.mark.parametrize(
    "same",
    [
        with_job(description="renamed", priority=1, progress=None, operation="other"),
        replace(example_event(), severity=Severity.INFO, late=True, observed_at=NOW + MINUTE),
        replace(example_event(), origin=origin(labels={"team": "data"}, public_url=None)),
    ],
)
def test_an_id_depends_on_nothing_that_configuration_or_chance_may_change(same: JobEvent) -> None:
    assert event_id(same, 42) == event_id(example_event(), 42)


def test_the_parts_of_an_id_cannot_run_into_each_other() -> None:
    assert event_id(with_job(scope="a", id="bc"), 1) != event_id(with_job(scope="ab", id="c"), 1)


@pytest.mark.parametrize("field", ["id", "scope", "status"])
def test_an_id_can_be_computed_of_any_text_the_cloud_may_send(field: str) -> None:
    first, second = with_job(**{field: "a\ud800\U0001f4a5\x00"}), with_job(**{field: "a\udfff"})
    assert re.fullmatch(r"evt_[a-z2-7]{26}", event_id(first, 42))
    assert event_id(first, 42) != event_id(second, 42)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (None, None),
        (NOW, "2026-11-21T20:00:00Z"),
        (NOW + timedelta(milliseconds=48), "2026-11-21T20:00:00.048Z"),
        (NOW + timedelta(microseconds=48_999), "2026-11-21T20:00:00.048Z"),
        (NOW + timedelta(microseconds=1), "2026-11-21T20:00:00.000Z"),
        (datetime(2026, 11, 22, 4, 0, tzinfo=timezone(timedelta(hours=8))), "2026-11-21T20:00:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_times_are_rfc_3339_in_utc(moment: datetime | None, written: str | None) -> None:
    assert instant(moment) == written


def data_of(told: JobEvent) -> dict[str, Any]:
    data = json.loads(encode(document(told, 1)))["data"]
    assert isinstance(data, dict)
    return data


def test_a_job_of_which_nothing_is_known_is_told_with_nulls() -> None:
    bare = Job(id="j", status="Archived", phase=Phase.UNKNOWN)
    unknown = event(snapshot(of=bare), type=EventType.DISCOVERED, previous_status=None)
    assert data_of(unknown)["job"] == {
        "id": "j",
        "status": "Archived",
        "phase": "unknown",
        "outcome": None,
        "operation": "",
        "description": "",
        "priority": None,
        "created_at": None,
        "started_at": None,
        "ended_at": None,
        "duration_seconds": None,
        "progress": None,
    }
    assert data_of(unknown)["previous_status"] is None


@pytest.mark.parametrize("fields", [{"created_at": None}, {"ended_at": None}])
def test_a_duration_needs_both_ends(fields: dict[str, Any]) -> None:
    assert data_of(with_job(**fields))["job"]["duration_seconds"] is None


@pytest.mark.parametrize(
    ("counts", "ratios"),
    [
        (progress(0, 0, total=0), (None, None)),
        (progress(0, 0, total=10), (None, None)),
        (progress(1, 0, total=0), (None, 0.0)),
        (progress(1, 2, total=9), (0.333333, 0.666667)),
        (progress(10, 0, total=10), (1.0, 0.0)),
        (progress(10, 5, total=10), (1.0, 0.333333)),
    ],
)
def test_ratios_are_null_while_nothing_is_finished_and_never_over_one(
    counts: Any, ratios: tuple[float | None, float | None]
) -> None:
    told = data_of(with_job(progress=counts))["job"]["progress"]
    assert (told["finished_ratio"], told["failed_ratio"]) == ratios
    assert (told["total"], told["succeeded"], told["failed"]) == (
        counts.total,
        counts.succeeded,
        counts.failed,
    )


def test_counters_that_exceed_the_total_leave_nothing_to_do() -> None:
    assert progress(10, 5, total=10).remaining == 0
    assert progress(3, 5, total=10).remaining == 2


def test_a_job_in_a_scope_is_named_with_it() -> None:
    told = document(with_job(scope="vault", id="j"), 1)
    assert told["subject"] == "vault/j"
    assert data_of(with_job(scope="vault", id="j"))["job"]["id"] == "j"
    assert data_of(with_job(scope="vault", id="j"))["links"] == {
        "job": "https://jobwatch.example.com/jobs/prod/vault/j"
    }


def test_without_a_public_url_there_are_no_links() -> None:
    assert data_of(event())["links"] == {}


@pytest.mark.parametrize(
    ("id_", "path"),
    [
        ("-5bF_9.~", "-5bF_9.~"),
        ("a b", "a%20b"),
        ("a/../b?c#d", "a%2F..%2Fb%3Fc%23d"),
        ('x)"<>', "x%29%22%3C%3E"),
        ("é", "%C3%A9"),
    ],
)
def test_a_link_is_a_link_whatever_the_job_is_called(id_: str, path: str) -> None:
    links = data_of(with_job(id=id_))["links"]
    assert links == {"job": f"https://jobwatch.example.com/jobs/prod/{path}"}


def test_labels_of_the_source_are_carried_into_the_event() -> None:
    labels = {"team": "data", "env": "prod"}
    assert data_of(event(origin=origin(labels=labels)))["labels"] == labels


def test_late_is_carried_into_the_event() -> None:
    assert data_of(event(late=True))["late"] is True


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
    with pytest.raises(TypeError, match="without data"):
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
