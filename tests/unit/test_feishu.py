"""The bot of Feishu and Lark: what it is sent, how it is signed, and what its answers mean."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from jobwatch.core.errors import ConfigError
from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.core.rate_gate import Rate
from jobwatch.formats import feishu
from jobwatch.formats.feishu import check_secret, signature
from jobwatch.formats.values import Mention, Style, Told
from tests.factories import HOUR, MINUTE, NOW, SECOND
from tests.unit.robot_cases import (
    CHINESE,
    HOSTILE,
    TEAM,
    TEXTS,
    body_of,
    completed,
    digest,
    failed,
    golden,
    hostile,
    recipient,
)

URL = "https://open.feishu.cn/open-apis/bot/v2/hook/canary-token"
SECRET = "fixture"
THEN = datetime(2023, 11, 14, 22, 13, 20, 999_999, tzinfo=UTC)
SIGN = "qT3W992ndd1owN4JTL06fR3subaTXfs9Wdun1fU46tw="
EVERYBODY = Style(mention=Mention(types=TEAM.types, mobiles=TEAM.mobiles, everybody=True))
CALL = {"tag": "lark_md", "content": "<at id=all></at>"}


def sent(told: Told, style: Style | None = None, *secrets: str) -> dict[str, Any]:
    return body_of(feishu.build(told, recipient(URL, style=style, secrets=secrets), NOW))


def texts(part: object) -> Iterator[dict[str, str]]:
    """Every text of a card, with its tag."""
    if isinstance(part, dict) and "content" in part:
        yield part
    elif isinstance(part, dict):
        for each in part.values():
            yield from texts(each)
    elif isinstance(part, list):
        for each in part:
            yield from texts(each)


def shape(part: object) -> object:
    """A card without its texts."""
    if isinstance(part, dict):
        kept = {key: shape(each) for key, each in part.items() if key != "is_short"}
        return kept | ({"content": ""} if "content" in part else {})
    return [shape(each) for each in part] if isinstance(part, list) else part


@pytest.mark.parametrize(
    ("told", "style", "name"),
    [
        (completed(), Style(), "job.completed_with_failures.en.json"),
        (failed(), CHINESE, "job.failed.zh.json"),
        (digest(), Style(), "digest.en.json"),
    ],
)
def test_a_card_is_sent_as_it_was_looked_at(told: Told, style: Style, name: str) -> None:
    assert sent(told, style, SECRET) == golden(f"feishu/{name}")


def test_the_signature_is_that_of_the_page() -> None:
    assert signature(SECRET, THEN) == {"timestamp": "1700000000", "sign": SIGN}


def test_the_newest_secret_signs_each_try_and_the_card_stays_the_same() -> None:
    to = recipient(URL, style=CHINESE, secrets=(SECRET, "old"))
    first, second = (body_of(feishu.build(digest(), to, now)) for now in (THEN, THEN + HOUR))
    assert (first["timestamp"], first["sign"]) == ("1700000000", SIGN)
    assert second["timestamp"] == "1700003600"
    assert second["sign"] != SIGN
    assert first["card"] == second["card"]


def test_without_secrets_nothing_is_signed() -> None:
    assert sent(failed()).keys() == {"msg_type", "card"}


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("nIMtb7r3N9pkXyXdtAbx6e", None),
        ("", "is empty"),
        ("two words", "holds a blank"),
        ("密钥", "holds a blank"),
        ("line\n", "holds a blank"),
    ],
)
def test_a_secret_is_checked_without_showing_it(secret: str, problem: str | None) -> None:
    found = check_secret(secret)
    assert (found is None) == (problem is None)
    assert problem is None or (found is not None and problem in found)
    if problem:
        with pytest.raises(ConfigError, match="receiver ops: secret 1 ") as raised:
            sent(failed(), None, secret)
        assert not secret or secret not in str(raised.value)


def test_everybody_is_called_by_our_own_markup_alone() -> None:
    calls = [each for each in texts(sent(failed(), EVERYBODY)) if each["tag"] != "plain_text"]
    assert calls == [CALL]
    assert CALL not in texts(sent(completed(), EVERYBODY))
    assert CALL not in texts(sent(failed(), Style(mention=TEAM)))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_strangers_write_is_shown_as_it_is_and_adds_nothing_to_the_card(text: str) -> None:
    ours, theirs = sent(hostile("harmless"), EVERYBODY), sent(hostile(text), EVERYBODY)
    assert shape(theirs) == shape(ours)
    assert [each for each in texts(theirs) if each["tag"] != "plain_text"] == [CALL]
    assert not any(set(each["content"]) & set("\n\x00\u202e\u200b") for each in texts(theirs))


def test_a_description_can_be_read_as_it_was_written() -> None:
    title = sent(hostile("<b> *x* _y_ [z](https://e.example)"))["card"]["header"]["title"]
    assert "<b> *x* _y_ [z](https://e.example)" in title["content"]


@given(TEXTS)
def test_any_text_makes_a_card_within_the_bytes(text: str) -> None:
    style = Style(title_prefix="[jobwatch]")
    to = recipient(URL, style=style, secrets=(SECRET,))
    request = feishu.build(hostile(text), to, NOW)
    assert len(request.body) <= 20_000
    card = json.loads(request.body)["card"]
    assert card["header"]["title"]["content"].startswith("[jobwatch]")
    assert all(each["content"] for each in texts(card))


def test_the_rates_stay_below_both_of_the_page() -> None:
    minute, second = timedelta(minutes=1), timedelta(seconds=1)
    assert feishu.LIMITS.rates == (Rate(90, minute), Rate(4, second))


@pytest.mark.parametrize(
    ("status", "body", "result", "rest"),
    [
        (200, '{"code":0,"msg":"success","data":{},"StatusCode":0}', Result.OK, None),
        (200, '{"StatusCode":0,"StatusMessage":"success"}', Result.OK, None),
        (200, '{"Extra":null,"StatusCode":19024}', Result.AUTH, None),
        (200, '{"code":19021,"StatusCode":0}', Result.AUTH, None),
        (200, '{"code":19022,"msg":"Ip Not Allowed"}', Result.AUTH, None),
        (200, '{"code":19024,"msg":"Key Words Not Found"}', Result.AUTH, None),
        (200, '{"code":19001,"msg":"param invalid"}', Result.NOT_FOUND, None),
        (400, '{"code":9499,"msg":"Bad Request","data":{}}', Result.REJECTED, None),
        (200, '{"code":19036}', Result.REJECTED, None),
        (200, '{"code":11232}', Result.RATE_LIMITED, MINUTE),
        (400, '{"code":99991400}', Result.RATE_LIMITED, MINUTE),
        (429, "", Result.RATE_LIMITED, None),
        (500, '{"code":2200}', Result.BODY_ERROR, None),
        (200, '{"code":123456}', Result.BODY_ERROR, None),
        (200, '{"msg":"success"}', Result.BODY_ERROR, None),
        (200, "ok", Result.BODY_ERROR, None),
        (502, "<html></html>", Result.HTTP_5XX, None),
    ],
)
def test_an_answer_has_its_meaning(
    status: int, body: str, result: Result, rest: timedelta | None
) -> None:
    answer = HttpResponse(status=status, body=body.encode())
    verdict = feishu.classify(answer, recipient(URL), NOW)
    assert (verdict.result, verdict.retry_after, verdict.status) == (result, rest, status)


@pytest.mark.parametrize(
    ("reset", "rest"),
    [
        ("52", 52 * SECOND),
        (" 0.5 ", SECOND / 2),
        ("999999999", HOUR),
        ("soon", None),
        ("-3", None),
        ("1e9", None),
        ("", None),
    ],
)
def test_the_bot_says_when_its_limit_ends(reset: str, rest: timedelta | None) -> None:
    answer = HttpResponse(status=429, headers={"x-ogw-ratelimit-reset": reset})
    assert feishu.classify(answer, recipient(URL), NOW).retry_after == rest


def test_a_limit_that_was_not_met_asks_for_no_rest() -> None:
    headers = {"x-ogw-ratelimit-reset": "52"}
    answer = HttpResponse(status=200, headers=headers, body=b'{"code":0}')
    assert feishu.classify(answer, recipient(URL), NOW).retry_after is None
