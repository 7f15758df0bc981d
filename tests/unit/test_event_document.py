"""The document that tells an event, against the contract's own example and the public CloudEvents package."""

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat

from jobwatch.core.documents import document, instant, released
from jobwatch.core.encoding import encode
from jobwatch.core.events import EventType
from jobwatch.core.model import FailureReason, Job, Phase
from tests.factories import (
    EXAMPLE_ID,
    NOW,
    data_of,
    detail,
    event,
    example_event,
    origin,
    progress,
    snapshot,
    with_job,
)

CONTRACT_EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "evt_…",
    "source": "/jobwatch/jobwatch/prod",
    "type": "job.failed",
    "subject": EXAMPLE_ID,
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
            "id": EXAMPLE_ID,
            "scope": None,
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
            "output_expires_at": None,
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
            "fields": None,
        },
        "links": {"job": f"https://jobwatch.example.com/jobs/prod/{EXAMPLE_ID}"},
    },
}
"""Contract section 5, with its dots filled in, and with what vault jobs have beside it."""


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
    assert read.get_subject() == EXAMPLE_ID
    assert read.get_time() == NOW
    assert read.get_id().startswith("evt_")
    assert read.get_datacontenttype() == "application/json"
    assert read.get_dataschema() == "urn:jobwatch:schema:job:1.0"
    assert read.get_extension("sequence") == "00000000000000000042"
    assert read.get_extension("timestamp") == "2026-11-21T20:00:00Z"
    data = read.get_data()
    assert isinstance(data, dict)
    assert data["job"]["status"] == "Failed"


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


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "UTC"])
def test_times_are_the_same_whatever_zone_the_machine_is_in(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        written = instant(NOW)
    time.tzset()
    assert written == "2026-11-21T20:00:00Z"


def test_a_job_of_which_nothing_is_known_is_told_with_nulls() -> None:
    bare = Job(id="j", status="Archived", phase=Phase.UNKNOWN)
    unknown = event(snapshot(of=bare), type=EventType.DISCOVERED, previous_status=None)
    assert data_of(unknown)["job"] == {
        "id": "j",
        "scope": None,
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
        "output_expires_at": None,
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


@pytest.mark.parametrize(
    "site", ["https://x.example/X", "https://x.example/X/", "https://x.example/X//"]
)
def test_a_link_is_below_the_public_url_however_that_ends(site: str) -> None:
    told = data_of(replace(example_event(), origin=origin(public_url=site)))
    assert told["links"] == {"job": f"https://x.example/X/jobs/prod/{EXAMPLE_ID}"}


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
        ("a\ud800", "a%3F"),
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
