"""What the chat robots share: harmless text, and a code within an answer."""

from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.formats import dingtalk, feishu, wecom
from jobwatch.formats.answers import result_of_status
from jobwatch.formats.message import Message
from jobwatch.formats.robots import (
    Meaning,
    in_markdown,
    in_text,
    judged,
    link_target,
    titled,
    unslanted,
)
from jobwatch.formats.values import Recipient, Style, Told
from tests.factories import NOW
from tests.unit.robot_cases import HOSTILE, MARKUP, TEXTS, digest, recipient

Build = Callable[[Told, Recipient, datetime], HttpRequest]
CODES = {7: Meaning(Result.AUTH), -1: Meaning(Result.BODY_ERROR)}
TO = recipient("https://robot.example/send?key=canary-key")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<@all>", "\uff1c\uff20all\uff1e"),
        ("[x](https://e.example)", "\uff3bx\uff3d(https\uff1a//e.example)"),
        ("**b** `c` ~~d~~", "\uff0a\uff0ab\uff0a\uff0a \uff40c\uff40 \uff5e\uff5ed\uff5e\uff5e"),
        ("# h", "\uff03 h"),
        ("### h", "\uff03\uff03\uff03 h"),
        ("- i", "\uff0d i"),
        ("---", "\uff0d\uff0d\uff0d"),
        ("===", "\uff1d\uff1d\uff1d"),
        ("1. i", "1\uff0e i"),
        ("12) i", "12\uff09 i"),
        ("&lt;", "\uff06lt;"),
        ("\\<", "\uff3c\uff1c"),
        ("a\n\n# b", "a # b"),
        ("\u202ea\u200bb\x00c", "abc"),
        ("\u200b # hidden", "\uff03 hidden"),
        (" \x00\n> \u202e- x", "\uff1e - x"),
        ("lone \ud800", "lone"),
    ],
)
def test_what_could_be_markup_is_replaced_by_its_fullwidth_twin(written: str, shown: str) -> None:
    assert in_markdown(written) == shown


@pytest.mark.parametrize(
    "text",
    [
        "021140d8-67ca-4e89-8089-0de9a1e40943",
        "-starts-with-a-dash",
        "reports-1250000000/batch/2026-11/part_00_01.csv",
        "qcs::cam::uin/100000000001:roleName/cos_batch",
        "job #12 of 1,000 (60 %)",
        "3.5 h, 1.2.3",
        "批量处理任务失败：原因",  # noqa: RUF001  as Chinese is written
        "😀 fine",
    ],
)
def test_what_people_read_and_copy_stays_as_it_is(text: str) -> None:
    assert unslanted(in_markdown(text)) == text
    assert in_text(text) == text


def test_an_underscore_stays_within_a_word_alone() -> None:
    assert unslanted("a_b __c__ /_d") == "a_b \uff3f\uff3fc\uff3f\uff3f /\uff3fd"


@given(TEXTS)
def test_no_markup_survives_whatever_is_written(text: str) -> None:
    shown = in_markdown(text)
    assert not set(shown) & set("<>@*`[]&\\~\n\r\x00\u202e")
    assert "://" not in shown
    assert not shown.startswith("#")
    assert not set(in_text(text)) & set("<>@&\\\n\r\x00\u202e")
    shown.encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_title_keeps_its_prefix_and_nothing_else_of_its_markup(text: str) -> None:
    message = Message(title=f"[ops] {text}", summary="", tone="info")
    title = titled(message, Style(title_prefix=" [ops] "), in_markdown)
    assert title.startswith("[ops] ")
    assert not set(title.removeprefix("[ops] ")) & set(MARKUP)


@pytest.mark.parametrize(
    ("link", "target"),
    [
        (None, None),
        ("javascript:alert(1)", None),
        ("https://w.example/jobs/a%2Fb", "https://w.example/jobs/a%2Fb"),
        ("https://w.example/a)b [c]", "https://w.example/a%29b%20%5Bc%5D"),
    ],
)
def test_a_link_cannot_end_its_markup(link: str | None, target: str | None) -> None:
    assert link_target(Message(title="", summary="", tone="info", link=link)) == target


@pytest.mark.parametrize(
    ("build", "limit"),
    [(wecom.build, 4096), (dingtalk.build, 5000), (feishu.build, 20_000)],
    ids=["wecom", "dingtalk", "feishu"],
)
@pytest.mark.parametrize("shown", [0, 1, 70])
def test_a_digest_drops_samples_and_counts_them(build: Build, limit: int, shown: int) -> None:
    told = digest(1000, shown, "\U0001f600" * 200)
    text = build(told, TO, NOW).body.decode()
    listed = text.count("Job failed: ")
    assert f"{1000 - listed:,} more" in text
    assert (0 < listed < 70) if shown == 70 else (listed == shown)
    assert shown < 70 or limit * 0.8 < len(text.encode()) < limit + 300


def judge(status: int, body: bytes) -> Result:
    return judged(HttpResponse(status=status, body=body), TO, NOW, CODES).result


@pytest.mark.parametrize("hundred", range(1, 6))
def test_a_status_decides_where_the_body_says_nothing(hundred: int) -> None:
    for status in range(hundred * 100, hundred * 100 + 100):
        said = result_of_status(status)
        expected = Result.BODY_ERROR if said is Result.OK else said
        assert judge(status, b"<html>hello</html>") is expected
        assert judge(status, b'{"errcode":424242}') is expected
        assert judge(status, b'{"errcode":0}') is said


@pytest.mark.parametrize("status", [200, 202, 400, 403, 429, 500])
def test_a_listed_code_decides_whatever_the_status(status: int) -> None:
    assert judge(status, b'{"errcode":7}') is Result.AUTH


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"null",
        b"0",
        b"[]",
        b"{}",
        b'{"errcode":null}',
        b'{"errcode":false}',
        b'{"errcode":0.0}',
        b'{"errcode":""}',
        b'{"errcode":"ok"}',
        b'{"errcode":{}}',
        b'{"errcode":0',
        b'{"errmsg":"ok"}',
        b'{"errcode":' + b"9" * 5000 + b"}",
        b'{"errcode":"' + b"9" * 5000 + b'"}',
        b"[" * 16_000,
        b"\xff\xfe\x00",
        b'{"errcode":"\xd9\xa3"}',
    ],
)
def test_a_2xx_without_a_code_is_no_success(body: bytes) -> None:
    assert judge(200, body) is Result.BODY_ERROR


@pytest.mark.parametrize(
    "body", [b'{"errcode":0}', b'{"errcode":"0"}', b'\xef\xbb\xbf{"errcode":0}']
)
def test_code_0_with_a_2xx_is_told(body: bytes) -> None:
    assert judge(200, body) is Result.OK


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_answer_makes_it_fail(body: bytes) -> None:
    assert judge(200, body) is not Result.OK or b"errcode" in body


def test_what_is_shown_of_an_answer_has_no_secret() -> None:
    answer = HttpResponse(status=200, body=b'{"errcode":7,"errmsg":"bad key canary-key"}')
    assert judged(answer, TO, NOW, CODES).answer == '{"errcode":7,"errmsg":"bad key ***"}'


def test_a_failed_transport_keeps_its_own_word() -> None:
    verdict = judged(TransportError(TransportKind.TLS, "expired"), TO, NOW, CODES)
    assert (verdict.result, verdict.status, verdict.answer) == (Result.TLS, None, "expired")
