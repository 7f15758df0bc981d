"""What the answer to a message means, and what of it may be shown."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.formats import FORMATS, FormatName, Recipient, Verdict, classify

NOW = datetime(2026, 11, 21, 20, 0, 0, 999_999, tzinfo=UTC)
URL = "https://hooks.example.com/services/T0canary/B0canary%2Fx?key=canary-key&a=%41canary%20v"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ROUTING_KEY = "c4n4rycanary0123456789abcdefABCD"
OLD_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"


def recipient(
    *,
    url: str = URL,
    secrets: tuple[str, ...] = (SECRET,),
    headers: tuple[tuple[str, str], ...] = (),
) -> Recipient:
    return Recipient(name="ops", url=url, secrets=secrets, headers=headers)


def judged(answer: HttpResponse | TransportError, to: Recipient | None = None) -> Verdict:
    return classify("standard", answer, to or recipient(), NOW)


def expected_result(status: int) -> Result:
    special = {
        401: Result.AUTH,
        403: Result.AUTH,
        404: Result.NOT_FOUND,
        410: Result.GONE,
        413: Result.TOO_LARGE,
        429: Result.RATE_LIMITED,
    }
    if status in special:
        return special[status]
    classes = [
        (range(200, 300), Result.OK),
        (range(300, 400), Result.REDIRECT),
        (range(400, 500), Result.HTTP_4XX),
        (range(500, 600), Result.HTTP_5XX),
    ]
    return next((result for statuses, result in classes if status in statuses), Result.BODY_ERROR)


BODIES = {
    "nothing": b"",
    "a page": b"<html>Sign in to this network</html>",
    "slack": b"ok",
    "robot": b'{"errcode":0,"errmsg":"ok"}',
    "feishu": b'{"code":0,"msg":"success","data":{}}',
    "old feishu": b'{"StatusCode":0,"StatusMessage":"success"}',
    "pagerduty": b'{"status":"success","message":"Event processed","dedup_key":"k"}',
    "refused": b'{"errcode":310000,"code":19021,"status":"invalid event","error":{"code":"Bad"}}',
}
"""What may stand in an answer: the success of one format is none of another."""

REFUSALS = {"dingtalk": Result.AUTH, "feishu": Result.AUTH}
"""What the codes of the body "refused" mean to a format, whatever the status."""


def is_told(format_name: FormatName, status: int, body: str) -> bool:
    """Whether this is how a format's receivers say that they took a message (their own documentation)."""
    any_2xx = 200 <= status < 300
    match format_name:
        case "standard" | "template":
            return any_2xx
        case "slack":
            return status == 200 and body == "slack"
        case "wecom" | "dingtalk":
            return any_2xx and body == "robot"
        case "feishu":
            return any_2xx and body in {"feishu", "old feishu"}
        case "teams":
            return any_2xx and body != "refused"
        case "pagerduty":
            return status == 202 or (any_2xx and body == "pagerduty")


def expected_of(format_name: FormatName, status: int, body: str) -> Result:
    if is_told(format_name, status, body):
        return Result.OK
    if body == "refused" and format_name in REFUSALS:
        return REFUSALS[format_name]
    if status == 400 and format_name in {"teams", "pagerduty"}:
        return Result.REJECTED
    result = expected_result(status)
    return Result.BODY_ERROR if result is Result.OK else result


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("format_name", FORMATS)
def test_every_answer_has_a_result_and_only_a_formats_own_success_is_success(
    format_name: FormatName, body: str
) -> None:
    to = recipient()
    for status in range(100, 600):
        answer = HttpResponse(status=status, body=BODIES[body])
        verdict = classify(format_name, answer, to, NOW)
        expected = expected_of(format_name, status, body)
        assert (status, verdict.status, verdict.result) == (status, status, expected)


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_body_nested_beyond_reading_is_no_success_of_who_reads_it(
    format_name: FormatName,
) -> None:
    answer = HttpResponse(status=200, body=b"[" * 10_000)
    found = classify(format_name, answer, recipient(), NOW).result
    assert found is (
        Result.OK if format_name in {"standard", "template", "teams"} else Result.BODY_ERROR
    )


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (TransportKind.TIMEOUT, Result.TIMEOUT),
        (TransportKind.DNS, Result.DNS),
        (TransportKind.CONNECT, Result.CONNECT),
        (TransportKind.TLS, Result.TLS),
        (TransportKind.RESET, Result.RESET),
        (TransportKind.BLOCKED, Result.BLOCKED),
        (TransportKind.TOO_LARGE, Result.BODY_ERROR),
        (TransportKind.PROTOCOL, Result.BODY_ERROR),
    ],
)
def test_every_failure_of_the_transport_has_a_result(kind: TransportKind, result: Result) -> None:
    for format_name in FORMATS:
        verdict = classify(format_name, TransportError(kind, "went wrong"), recipient(), NOW)
        assert verdict == Verdict(result=result, answer="went wrong")


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(seconds=120)),
        (" 7 ", timedelta(seconds=7)),
        ("1.5", timedelta(seconds=1.5)),
        ("3601", HOUR),
        ("9" * 5000, HOUR),
        ("Sat, 21 Nov 2026 20:02:00 GMT", timedelta(seconds=119, microseconds=1)),
        ("Saturday, 21-Nov-26 20:02:00 GMT", timedelta(seconds=119, microseconds=1)),
        ("Sat Nov 21 20:02:00 2026", timedelta(seconds=119, microseconds=1)),
        ("Sat, 21 Nov 2026 20:02:00 -0000", timedelta(seconds=119, microseconds=1)),
        ("Sat, 21 Nov 2026 19:00:00 GMT", timedelta(0)),
        ("Sun, 22 Nov 2099 00:00:00 GMT", HOUR),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("1e3", None),
        ("٣", None),
        ("Sat, 99 Nov 2026 20:02:00 GMT", None),
        ("Sat, 21 Nov 2026 20:02:00 +9999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", HOUR),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(text: str, pause: timedelta | None) -> None:
    for status in (429, 503):
        answer = HttpResponse(status=status, headers={"retry-after": text})
        assert judged(answer).retry_after == pause


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("status", [429, 503])
def test_every_format_hears_a_receiver_that_asks_for_rest(
    format_name: FormatName, status: int
) -> None:
    for text, pause in (
        ("120", timedelta(minutes=2)),
        ("7200", HOUR),
        ("Sat, 21 Nov 2026 20:02:00 GMT", timedelta(seconds=119, microseconds=1)),
        ("Sat, 21 Nov 2026 23:00:00 GMT", HOUR),
    ):
        answer = HttpResponse(status=status, headers={"retry-after": text})
        assert classify(format_name, answer, recipient(), NOW).retry_after == pause


@pytest.mark.parametrize("status", [200, 301, 400, 413, 500])
def test_other_statuses_cannot_ask_for_rest(status: int) -> None:
    assert judged(HttpResponse(status=status, headers={"retry-after": "60"})).retry_after is None


@given(st.text())
def test_no_retry_after_can_raise(text: str) -> None:
    pause = judged(HttpResponse(status=429, headers={"retry-after": text})).retry_after
    assert pause is None or timedelta(0) <= pause <= HOUR


def shown(body: str | bytes, to: Recipient | None = None) -> str:
    data = body.encode() if isinstance(body, str) else body
    return judged(HttpResponse(status=500, body=data), to).answer


def test_the_answer_is_shown_on_one_line_without_controls() -> None:
    assert shown("out of\r\n\tdisk\x00\x1b[31m\x9b \u202eevil\u200b\n") == "out of disk[31m evil"


def test_four_kib_of_the_answer_are_shown() -> None:
    assert shown("x" * 10_000) == "x" * 4096
    assert shown("é" * 10_000) == "é" * 2048
    assert shown(b"\xff\xfe") == "\ufffd\ufffd"


@pytest.mark.parametrize(
    "echo",
    [
        URL,
        "/services/T0canary/B0canary%2Fx",
        "no such hook: T0canary",
        "B0canary%2Fx or B0canary/x",
        "key=canary-key&a=%41canary%20v",
        "bad key canary-key",
        "Acanary v, %41canary%20v",
        SECRET,
        SECRET.removeprefix("whsec_"),
        OLD_SECRET,
        "Bearer token-canary",
        "token-canary is expired",
        "can\x00ary-key",
        "CANARY-KEY",
        r"https:\/\/hooks.example.com\/services\/T0canary\/B0canary%2Fx",
        "sec%2Fcanary",
        ROUTING_KEY,
        f'{{"routing_key":"{ROUTING_KEY}"}}',
    ],
)
@pytest.mark.parametrize("format_name", FORMATS)
def test_an_echo_of_something_secret_is_masked(format_name: FormatName, echo: str) -> None:
    to = Recipient(
        name="ops",
        url=URL,
        secrets=(SECRET, OLD_SECRET, "sec/canary"),
        headers=(("Authorization", "Bearer token-canary"), ("Content-Type", "application/json")),
        routing_key=ROUTING_KEY,
    )
    for status in (200, 400, 500):
        answer = HttpResponse(status=status, body=f"before {echo} after".encode())
        text = classify(format_name, answer, to, NOW).answer
        assert text.startswith("before ")
        assert text.endswith(" after")
        assert "***" in text
        assert not re.search("canary|MfKQ9r8G|AAECAwQF", text, re.IGNORECASE)


@pytest.mark.parametrize(
    "echo",
    [
        "POST /robot/send?timestamp=1700000000000&sign=PXeQMdsQv69fjTRmtaZZNpMkkfB%2BsQie7Dr6UeMZnWE%3D",
        '{"sign": "PXeQMdsQv69fjTRmtaZZNpMkkfB+sQie7Dr6UeMZnWE="}',
        "webhook-signature: v1,PXeQMdsQv69fjTRmtaZZNpMkkfB+sQie7Dr6UeMZnWE=",
    ],
)
def test_an_echo_of_a_signature_is_masked(echo: str) -> None:
    text = shown(echo, recipient(url="https://oapi.dingtalk.com/robot/send?access_token=t0ken"))
    assert "PXeQMdsQv69" not in text
    assert "***" in text


def test_words_of_everybodys_robot_are_shown() -> None:
    to = recipient(url="https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=canary-key")
    text = shown("93000 invalid webhook url canary-key, sign not match, v1, signed", to)
    assert text == "93000 invalid webhook url ***, sign not match, v1, signed"


def test_a_secret_across_the_cut_is_not_half_shown() -> None:
    text = shown("x" * 4090 + SECRET)
    assert "MfK" not in text
    assert len(text) <= 4096


def test_what_is_no_secret_is_shown() -> None:
    to = recipient(url="https://h.example/v1?a=1", headers=(("content-type", "application/json"),))
    assert shown("v1 takes application/json, a=1", to) == "v1 takes application/json, a=1"


def test_words_of_the_transport_are_masked_too() -> None:
    verdict = judged(TransportError(TransportKind.CONNECT, "canary-key: refused"))
    assert verdict.answer == "***: refused"


@given(st.binary(max_size=200))
def test_no_body_can_raise(body: bytes) -> None:
    assert len(shown(body)) <= 4096
