"""Messages for the webhooks of Teams workflows, and what their answers mean."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.formats import teams
from jobwatch.formats.values import PLAIN, Style
from tests.factories import NOW
from tests.unit.telling_cases import (
    CHINESE,
    GOLDEN,
    MARKUP,
    PAYLOADS,
    TEXTS,
    URL,
    digest,
    failed,
    odd_documents,
    recipient,
    told,
)


def card(shown: dict[str, Any], style: Style = PLAIN) -> dict[str, Any]:
    found = payload(shown, style)
    assert found["type"] == "message"
    (attachment,) = found["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    content = attachment["content"]
    assert isinstance(content, dict)
    return content


def payload(shown: dict[str, Any], style: Style = PLAIN) -> dict[str, Any]:
    body = teams.build(told(shown), recipient(style), NOW).body
    assert len(body) <= teams.LIMITS.max_bytes
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


def runs(of: dict[str, Any]) -> list[str]:
    """All texts of a card, after making sure that none of them is read as markdown."""
    assert {each["type"] for each in of["body"]} <= {"RichTextBlock"}
    inlines = [run for each in of["body"] for run in each["inlines"]]
    assert {each["type"] for each in inlines} <= {"TextRun"}
    return [each["text"] for each in inlines]


@pytest.mark.parametrize("name", GOLDEN)
def test_the_payload_is_the_one_that_was_looked_at(name: str) -> None:
    shown, style = GOLDEN[name]
    golden = json.loads((PAYLOADS / "teams" / f"{name}.json").read_text())
    assert payload(shown, style) == golden


def test_the_request_is_a_post_of_json_to_the_url_as_given() -> None:
    request = teams.build(told(failed()), recipient(), NOW)
    assert (request.method, request.url) == ("POST", URL)
    assert request.headers == {"content-type": "application/json; charset=utf-8"}
    assert request.body == teams.build(told(failed()), recipient(), NOW + timedelta(hours=9)).body


@pytest.mark.parametrize("text", MARKUP)
def test_what_strangers_wrote_stays_text(text: str) -> None:
    title = runs(card(failed(description=text)))[0]
    assert "{{" not in title
    assert title.replace("{ ", "{").replace("} ", "}") == (
        f"Job failed: {' '.join(text.split())} (prod)".replace("{ ", "{").replace("} ", "}")
    )


def test_the_link_is_an_action_that_opens_it() -> None:
    (action,) = card(failed())["actions"]
    assert action == {
        "type": "Action.OpenUrl",
        "title": "Show in jobwatch",
        "url": "https://jobwatch.example.com/jobs/prod/021140d8-67ca-4e89-8089-0de9a1e40943",
    }
    unlinked = failed()
    unlinked["data"]["links"] = {}
    assert "actions" not in card(unlinked)


def test_a_digest_too_large_loses_samples_first_and_counts_them() -> None:
    shown = digest(samples=10)
    shown["data"]["samples"] *= 4
    shown["data"]["omitted"] = 5
    for each in shown["data"]["samples"]:
        each["data"]["job"]["description"] = "\U0001f600" * 2500
    texts = runs(card(shown))
    kept = sum(text.startswith("• ") for text in texts)
    assert 0 < kept < 40
    assert texts[-1] == f"… and {45 - kept} more"


@given(shown=odd_documents(), style=st.sampled_from([PLAIN, CHINESE]))
def test_any_document_is_a_card_within_the_budget(shown: dict[str, Any], style: Style) -> None:
    assert all(runs(card(shown, style)))


@given(text=TEXTS)
def test_any_description_and_reason_is_a_card_within_the_budget(text: str) -> None:
    shown = failed(description=text, operation=text, status=text)
    shown["data"]["detail"]["status_reason"] = text * 3
    assert not any("{{" in each or "}}" in each for each in runs(card(shown)))


def verdict(status: int, body: bytes = b"") -> Result:
    return teams.classify(HttpResponse(status=status, body=body), recipient(), NOW).result


FAILED = (
    b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error "
)


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        (202, b"", Result.OK),
        (200, b"", Result.OK),
        (200, b"1", Result.OK),
        (200, b'{"status":"accepted"}', Result.OK),
        (200, b'{"error":null}', Result.OK),
        (200, FAILED + b"429 with ContextId tcid=0", Result.BODY_ERROR),
        (200, FAILED + b"413 with ContextId tcid=0", Result.BODY_ERROR),
        (200, b"Summary or Text is required.", Result.BODY_ERROR),
        (200, b'{"error":{"code":"WorkflowTriggerIsNotEnabled"}}', Result.BODY_ERROR),
        (302, b"", Result.REDIRECT),
        (400, b"", Result.REJECTED),
        (401, b"", Result.AUTH),
        (403, b"", Result.AUTH),
        (404, b"", Result.NOT_FOUND),
        (410, b"", Result.GONE),
        (413, b"", Result.TOO_LARGE),
        (429, b"", Result.RATE_LIMITED),
        (502, b'{"error":{"code":"NoResponse"}}', Result.HTTP_5XX),
    ],
)
def test_what_a_workflow_says_means(status: int, body: bytes, result: Result) -> None:
    assert verdict(status, body) is result


@pytest.mark.parametrize("body", [b"", b"1", b"\xff\xfe", b"[" * 500, FAILED + b"400"])
def test_every_status_has_a_result_and_only_2xx_is_success(body: bytes) -> None:
    told_by = [status for status in range(100, 600) if verdict(status, body) is Result.OK]
    assert told_by == ([] if body.startswith(FAILED) else list(range(200, 300)))


def test_an_error_on_the_way_is_what_it_is_and_an_answer_shows_no_secret() -> None:
    error = TransportError(TransportKind.TIMEOUT, "too slow")
    assert teams.classify(error, recipient(), NOW).result is Result.TIMEOUT
    answer = HttpResponse(status=404, body=URL.encode())
    assert "canary" not in teams.classify(answer, recipient(), NOW).answer
