"""Messages for Slack's incoming webhooks, and what its answers mean."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.formats import slack
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


def payload(shown: dict[str, Any], style: Style = PLAIN) -> dict[str, Any]:
    body = slack.build(told(shown), recipient(style), NOW).body
    assert len(body) <= slack.LIMITS.max_bytes
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


def texts(of: dict[str, Any], kind: str) -> list[str]:
    """The texts of one kind in the blocks."""
    found = [each["text"] for each in of["blocks"]]
    return [each["text"] for each in found if each["type"] == kind]


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("name", GOLDEN)
def test_the_payload_is_the_one_that_was_looked_at(name: str) -> None:
    shown, style = GOLDEN[name]
    golden = json.loads((PAYLOADS / "slack" / f"{name}.json").read_text())
    assert payload(shown, style) == golden


def test_the_request_is_a_post_of_json_with_the_headers_of_the_recipient() -> None:
    headers = (("X-Proxy", "a"), ("Content-Length", "1"), ("Content-Type", "application/json"))
    request = slack.build(told(failed()), recipient(headers=headers), NOW)
    assert (request.method, request.url) == ("POST", URL)
    assert request.headers == {"content-type": "application/json", "x-proxy": "a"}
    plain = slack.build(told(failed()), recipient(), NOW)
    assert plain.headers["content-type"] == "application/json; charset=utf-8"
    assert plain.body == slack.build(told(failed()), recipient(), NOW + timedelta(hours=9)).body


@pytest.mark.parametrize("text", MARKUP)
def test_what_strangers_wrote_stays_text(text: str) -> None:
    found = payload(failed(description=text))
    escaped = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    header = found["blocks"][0]
    assert header["type"] == "header"
    assert header["text"]["type"] == "plain_text"
    assert header["text"]["emoji"] is False
    assert escaped in header["text"]["text"]
    assert escaped in found["text"]
    assert found["mrkdwn"] is False
    link = "https://jobwatch.example.com/jobs/prod/021140d8-67ca-4e89-8089-0de9a1e40943"
    assert texts(found, "mrkdwn") == [f"<{link}|Show in jobwatch>"]
    assert "<" not in found["text"]
    assert not any("<" in each for each in texts(found, "plain_text"))


def test_everybody_is_called_where_the_style_says_so() -> None:
    found = payload(failed(), CHINESE)
    assert found["text"].startswith("<!channel> ")
    assert texts(found, "mrkdwn")[0] == "<!channel>"
    assert "<!channel>" not in json.dumps(payload(failed()))


def test_long_texts_are_cut_to_what_slack_takes() -> None:
    shown = digest(samples=40)
    for each in shown["data"]["samples"]:
        each["data"]["job"]["description"] = "\U0001f600&" * 5000
    found = payload(shown)
    assert len(found["blocks"]) <= 50
    assert all(units(each) <= 3000 for each in texts(found, "plain_text"))
    assert "more" in json.dumps(found["blocks"])
    of_one = payload(failed(description="&\U0001f600" * 2500))
    assert units(of_one["blocks"][0]["text"]["text"]) <= 150


@pytest.mark.parametrize(
    ("text", "length", "shown"),
    [
        ("a&b", 7, "a&amp;b"),
        ("a&b", 6, "a…"),
        ("\U0001f600\U0001f600", 4, "\U0001f600\U0001f600"),
        ("\U0001f600\U0001f600", 3, "\U0001f600…"),
        ("<!channel>", 100, "&lt;!channel&gt;"),
        ("abc", 3, "abc"),
    ],
)
def test_a_cut_tears_neither_escape_nor_character(text: str, length: int, shown: str) -> None:
    assert slack.escaped(text, length) == shown


@given(shown=odd_documents(), style=st.sampled_from([PLAIN, CHINESE]))
def test_any_document_is_a_payload_within_the_budget(shown: dict[str, Any], style: Style) -> None:
    found = payload(shown, style)
    assert all(units(each) <= 3000 for each in texts(found, "plain_text"))
    assert all(each for each in texts(found, "plain_text"))
    assert 0 < units(found["text"]) <= 4000


@given(text=TEXTS)
def test_any_description_and_reason_is_a_payload_within_the_budget(text: str) -> None:
    shown = failed(description=text, operation=text, status=text)
    shown["data"]["detail"]["status_reason"] = text * 3
    payload(shown)


def verdict(status: int, body: bytes = b"", **headers: str) -> Result:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = HttpResponse(status=status, headers=names, body=body)
    return slack.classify(answer, recipient(), NOW).result


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        (200, b"ok", Result.OK),
        (200, b"ok\n", Result.BODY_ERROR),
        (200, b"", Result.BODY_ERROR),
        (200, b"<html>Sign in</html>", Result.BODY_ERROR),
        (200, b'{"ok":true}', Result.BODY_ERROR),
        (204, b"", Result.BODY_ERROR),
        (302, b"ok", Result.REDIRECT),
        (400, b"invalid_payload", Result.REJECTED),
        (400, b"invalid_blocks", Result.REJECTED),
        (400, b"no_text", Result.REJECTED),
        (400, b'{"ok":false,"error":"invalid_blocks"}', Result.REJECTED),
        (400, b"something else", Result.HTTP_4XX),
        (403, b"action_prohibited", Result.AUTH),
        (403, b"invalid_token", Result.AUTH),
        (403, b"", Result.AUTH),
        (404, b"channel_not_found", Result.NOT_FOUND),
        (404, b"no_service", Result.NOT_FOUND),
        (404, b"", Result.NOT_FOUND),
        (400, b"user_not_found", Result.NOT_FOUND),
        (404, b"channel_is_archived", Result.GONE),
        (410, b"channel_is_archived", Result.GONE),
        (410, b"", Result.GONE),
        (413, b"", Result.TOO_LARGE),
        (429, b"rate_limited", Result.RATE_LIMITED),
        (500, b"rollup_error", Result.HTTP_5XX),
        (503, b"invalid_payload", Result.HTTP_5XX),
    ],
)
def test_what_slack_says_means(status: int, body: bytes, result: Result) -> None:
    assert verdict(status, body) is result


@pytest.mark.parametrize("body", [b"", b"ok", b"invalid_payload", b"\xff\xfe", b"{" * 500])
def test_every_status_has_a_result_and_only_ok_is_success(body: bytes) -> None:
    told_by = [status for status in range(100, 600) if verdict(status, body) is Result.OK]
    assert told_by == ([200] if body == b"ok" else [])


def test_slack_may_ask_for_rest() -> None:
    answer = HttpResponse(status=429, headers={"retry-after": "30"})
    assert slack.classify(answer, recipient(), NOW).retry_after == timedelta(seconds=30)


def test_an_error_on_the_way_is_what_it_is_and_an_answer_shows_no_secret() -> None:
    error = TransportError(TransportKind.DNS, "no such host")
    assert slack.classify(error, recipient(), NOW).result is Result.DNS
    answer = HttpResponse(status=404, body=URL.encode())
    assert "canary" not in slack.classify(answer, recipient(), NOW).answer
