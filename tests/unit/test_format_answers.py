"""What the answer to a message means, and what of it may be shown."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.formats import Recipient, Verdict, classify

NOW = datetime(2026, 11, 21, 20, 0, 0, 999_999, tzinfo=UTC)
URL = "https://hooks.example.com/services/T0canary/B0canary%2Fx?key=canary-key&a=%41canary%20v"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
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


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_a_result(status: int) -> None:
    verdict = judged(HttpResponse(status=status))
    assert verdict == Verdict(result=expected_result(status), status=status)


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
    verdict = judged(TransportError(kind, "what went wrong"))
    assert verdict == Verdict(result=result, answer="what went wrong")


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
    ],
)
def test_an_echo_of_something_secret_is_masked(echo: str) -> None:
    to = recipient(
        secrets=(SECRET, OLD_SECRET),
        headers=(("Authorization", "Bearer token-canary"), ("Content-Type", "application/json")),
    )
    text = shown(f"before {echo} after", to)
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert "***" in text
    assert not re.search("canary|MfKQ9r8G|AAECAwQF", text)


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
