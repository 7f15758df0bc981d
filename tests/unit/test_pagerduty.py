"""Alerts of PagerDuty: opened and resolved under one key, and what its answers mean."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobwatch.core.documents import document
from jobwatch.core.encoding import encode
from jobwatch.core.errors import ConfigError
from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.core.samples import samples
from jobwatch.formats import Recipient, Told, Verdict, build, classify
from jobwatch.formats.pagerduty import DEFAULT_URL, LIMITS, check_routing_key
from jobwatch.formats.values import Style
from tests.factories import with_job

NOW = datetime(2026, 11, 21, 20, 0, 5, tzinfo=UTC)
KEY = "R0123456789abcdefghijklmnopqrstu"
TO = Recipient(name="pager", url="", routing_key=KEY)
SAMPLES = {each.name: each for each in samples()}
GOLDEN = Path(__file__).parent.parent / "samples" / "payloads" / "pagerduty"


def told(name: str) -> Told:
    sample = SAMPLES[name]
    return Told(id=sample.id, type=sample.event.type.value, body=sample.body)


def sent(event: Told, to: Recipient = TO) -> dict[str, Any]:
    request = build("pagerduty", event, to, NOW)
    assert len(request.body) <= LIMITS.max_bytes
    found = json.loads(request.body)
    assert isinstance(found, dict)
    return found


def told_of(body: dict[str, Any]) -> Told:
    return Told(id=str(body["id"]), type=str(body["type"]), body=json.dumps(body).encode())


@pytest.mark.parametrize(
    "name",
    [
        "job.completed_with_failures",
        "job.failed",
        "job.succeeded",
        "job.stalled.opened",
        "job.stalled.closed",
        "source.unreachable.opened",
        "receiver.test",
    ],
)
def test_the_payload_is_the_golden_one(name: str) -> None:
    assert sent(told(name)) == json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def test_the_payload_in_chinese_is_the_golden_one() -> None:
    found = sent(told("job.failed"), replace(TO, style=Style(language="zh")))
    golden = json.loads((GOLDEN / "job.failed.zh.json").read_text(encoding="utf-8"))
    assert found == golden


def test_the_request_goes_to_pagerduty_as_json_unless_a_url_says_otherwise() -> None:
    request = build("pagerduty", told("job.failed"), TO, NOW)
    assert (request.method, request.url) == ("POST", DEFAULT_URL)
    assert request.headers == {"content-type": "application/json; charset=utf-8"}
    elsewhere = replace(TO, url="https://events.eu.pagerduty.com/v2/enqueue")
    assert build("pagerduty", told("job.failed"), elsewhere, NOW).url == elsewhere.url
    assert KEY not in repr(request) + repr(TO)


def test_what_an_opening_triggers_its_reminder_repeats_and_its_closing_resolves() -> None:
    conditions = {name.rpartition(".")[0] for name in SAMPLES if name.endswith(".opened")}
    assert len(conditions) == 8
    for name in conditions:
        steps = [sent(told(f"{name}.{state}")) for state in ("opened", "reminded", "closed")]
        assert [each["event_action"] for each in steps] == ["trigger", "trigger", "resolve"]
        assert {each["dedup_key"] for each in steps} == {
            SAMPLES[f"{name}.opened"].event.condition.id  # type: ignore[union-attr]
        }
        assert set(steps[2]) == {"routing_key", "event_action", "dedup_key"}


@pytest.mark.parametrize("name", ["job.succeeded", "job.cancelled"])
def test_a_good_end_resolves_what_a_bad_end_of_the_same_job_triggered(name: str) -> None:
    bad, good = json.loads(SAMPLES["job.failed"].body), json.loads(SAMPLES[name].body)
    good["subject"] = bad["subject"]
    opened, resolved = sent(told_of(bad)), sent(told_of(good))
    assert (opened["event_action"], resolved["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == resolved["dedup_key"] == f"{bad['source']}/{bad['subject']}"


def test_other_news_never_shares_a_key_with_the_end_of_its_job() -> None:
    for name in ("job.discovered", "job.status_changed", "source.baselined", "receiver.test"):
        found = sent(told(name))
        assert found["event_action"] == "trigger"
        assert found["payload"]["severity"] == "info"
        assert found["dedup_key"] == SAMPLES[name].id


def test_a_long_name_is_hashed_to_a_key_that_fits_and_stays_the_same() -> None:
    body = json.loads(SAMPLES["job.failed"].body) | {"subject": "作业" * 200}
    first, second = sent(told_of(body))["dedup_key"], sent(told_of(body))["dedup_key"]
    other = sent(told_of(body | {"subject": "作业" * 201}))["dedup_key"]
    assert first == second != other
    assert len(first) == 64


@pytest.mark.parametrize(
    ("severity", "written"),
    [("info", "info"), ("warning", "warning"), ("critical", "critical"), ("dire", "error")],
)
def test_severities_are_pagerdutys(severity: str, written: str) -> None:
    body = json.loads(SAMPLES["job.failed"].body)
    body["data"]["severity"] = severity
    assert sent(told_of(body))["payload"]["severity"] == written


@settings(max_examples=40)
@given(st.text(max_size=1024), st.text(max_size=200), st.integers(1, 60))
def test_any_text_of_the_cloud_gives_json_within_the_limits(
    description: str, job_id: str, times: int
) -> None:
    event = with_job(description=description * times, id=job_id or "x")
    found = sent(Told(id="evt_1", type="job.failed", body=encode(document(event, 1))))
    assert found["event_action"] == "trigger"
    assert 0 < len(found["payload"]["summary"]) <= 1024
    assert len(found["dedup_key"]) <= 255


def test_facts_go_before_the_summary_where_there_are_too_many() -> None:
    body = json.loads(SAMPLES["digest"].body)
    body["data"]["samples"] *= 400
    found = sent(told_of(body))
    assert found["payload"]["summary"].startswith("37 events")
    assert found["payload"]["custom_details"]["events"]


@pytest.mark.parametrize("key", [KEY, "a" * 32, "0" * 32])
def test_a_good_routing_key_passes(key: str) -> None:
    assert check_routing_key(key) is None


@pytest.mark.parametrize(
    "key", ["", "e+23rschqsESqk9Q6_-g", "a" * 31, "a" * 33, "a" * 32 + "\n", "ä" * 32, "-" * 32]
)
def test_a_bad_routing_key_is_refused_without_being_shown(key: str) -> None:
    problem = check_routing_key(key)
    assert problem is not None
    assert not key.strip() or key not in problem
    with pytest.raises(ConfigError, match="receiver pager: its routing_key") as caught:
        build("pagerduty", told("job.failed"), replace(TO, routing_key=key), NOW)
    assert not key.strip() or key not in str(caught.value)


def judged(status: int, body: bytes = b"", **headers: str) -> Verdict:
    return classify("pagerduty", HttpResponse(status=status, headers=headers, body=body), TO, NOW)


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        (202, b'{"status":"success","message":"Event processed"}', Result.OK),
        (202, b"", Result.OK),
        (200, b'{"status":"success"}', Result.OK),
        (200, b"", Result.BODY_ERROR),
        (200, b"<html>", Result.BODY_ERROR),
        (200, b'["success"]', Result.BODY_ERROR),
        (204, b"", Result.BODY_ERROR),
        (400, b'{"status":"invalid event","errors":["\'summary\' is missing"]}', Result.REJECTED),
        (400, b'{"errors":["Length of \'routing_key\' is incorrect"]}', Result.AUTH),
        (400, b"Invalid routing key", Result.AUTH),
        (403, b"", Result.AUTH),
        (404, b"", Result.NOT_FOUND),
        (413, b"", Result.TOO_LARGE),
        (500, b"", Result.HTTP_5XX),
    ],
)
def test_what_its_answers_mean(status: int, body: bytes, result: Result) -> None:
    assert judged(status, body).result is result


def test_a_wrong_routing_key_is_not_shown() -> None:
    assert KEY not in judged(400, f"Invalid routing key {KEY}".encode()).answer


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({}, 60), ({"retry-after": "5"}, 60), ({"retry-after": "300"}, 300)],
)
def test_too_much_is_not_repeated_within_a_minute(headers: dict[str, str], seconds: int) -> None:
    verdict = judged(429, b"", **headers)
    assert verdict.result is Result.RATE_LIMITED
    assert verdict.retry_after == timedelta(seconds=seconds)
