"""The robot of DingTalk: what it is sent, how it is signed, and what its answers mean."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given

from jobwatch.core.errors import ConfigError
from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.core.rate_gate import Rate
from jobwatch.formats import dingtalk
from jobwatch.formats.dingtalk import check_secret, signed_url
from jobwatch.formats.values import Mention, Style, Told
from tests.factories import HOUR, MINUTE, NOW
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
    markup,
    recipient,
)

HOOK = "https://oapi.dingtalk.com/robot/send"
URL = f"{HOOK}?access_token=canary-token"
SECRET = "SECfixture"
THEN = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
SIGN = "PXeQMdsQv69fjTRmtaZZNpMkkfB+sQie7Dr6UeMZnWE="
SIGNED = "timestamp=1700000000000&sign=PXeQMdsQv69fjTRmtaZZNpMkkfB%2BsQie7Dr6UeMZnWE%3D"


def sent(told: Told, style: Style | None = None) -> dict[str, Any]:
    return body_of(dingtalk.build(told, recipient(URL, style=style), NOW))


@pytest.mark.parametrize(
    ("told", "style", "name"),
    [
        (completed(), Style(), "job.completed_with_failures.en.json"),
        (failed(), CHINESE, "job.failed.zh.json"),
        (digest(), Style(), "digest.en.json"),
    ],
)
def test_a_message_is_sent_as_it_was_looked_at(told: Told, style: Style, name: str) -> None:
    assert sent(told, style) == golden(f"dingtalk/{name}")


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        (URL, f"{URL}&{SIGNED}"),
        (f"{URL}&", f"{URL}&{SIGNED}"),
        (HOOK, f"{HOOK}?{SIGNED}"),
        (f"{HOOK}?", f"{HOOK}?{SIGNED}"),
        (f"{URL}#x", f"{URL}&{SIGNED}"),
        (f"{URL}&timestamp=1&sign=old", f"{URL}&{SIGNED}"),
        (f"{HOOK}?sign=old&a=b%2Bc", f"{HOOK}?a=b%2Bc&{SIGNED}"),
    ],
)
def test_the_signature_joins_the_query(url: str, signed: str) -> None:
    assert signed_url(url, SECRET, THEN) == signed


def test_the_newest_secret_signs_each_try_with_its_own_time() -> None:
    to = recipient(URL, secrets=(SECRET, "SECold"))
    first, second = (dingtalk.build(failed(), to, now) for now in (THEN, THEN + HOUR))
    assert dict(parse_qsl(urlsplit(first.url).query))["sign"] == SIGN
    assert dict(parse_qsl(urlsplit(second.url).query))["timestamp"] == "1700003600000"
    assert (first.body, first.headers) == (second.body, second.headers)
    assert first.url != second.url


def test_the_zone_of_the_clock_does_not_change_the_signature() -> None:
    there = THEN.astimezone(CHINESE.timezone)
    assert signed_url(URL, SECRET, there) == signed_url(URL, SECRET, THEN)


def test_without_secrets_the_url_stays_as_it_is() -> None:
    assert dingtalk.build(failed(), recipient(f"{URL}&x=%2f"), NOW).url == f"{URL}&x=%2f"


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("SECfixture", None),
        ("SEC" + "0af9" * 16, None),
        ("", "does not begin with SEC"),
        ("0af9" * 16, "does not begin with SEC"),
        ("SEC", "nothing after SEC"),
        ("SECab cd", "something else than letters"),
        ("SECabcd\n", "something else than letters"),
        ("SEC密钥", "something else than letters"),
    ],
)
def test_a_secret_is_checked_without_showing_it(secret: str, problem: str | None) -> None:
    found = check_secret(secret)
    assert (found is None) == (problem is None)
    assert problem is None or (found is not None and problem in found)
    if problem:
        with pytest.raises(ConfigError, match="receiver ops: secret 2 ") as raised:
            dingtalk.build(failed(), recipient(URL, secrets=(SECRET, secret)), NOW)
        assert len(secret) < 4 or secret not in str(raised.value)


def test_people_are_called_by_number_in_the_text_too() -> None:
    body = sent(failed(), Style(mention=TEAM))
    assert body["at"] == {"atMobiles": list(TEAM.mobiles), "isAtAll": False}
    assert body["markdown"]["text"].endswith("@13800000001 @13800000002")
    assert "at" not in sent(completed(), Style(mention=TEAM))


def test_everybody_is_called_by_a_flag() -> None:
    style = Style(mention=Mention(types=TEAM.types, everybody=True))
    assert sent(failed(), style)["at"] == {"atMobiles": [], "isAtAll": True}


def test_a_keyword_stands_verbatim_in_title_and_text() -> None:
    markdown = sent(failed(), Style(title_prefix="[jobs] *"))["markdown"]
    assert markdown["title"].startswith("[jobs] * Job failed")
    assert "### [jobs] * Job failed" in markdown["text"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_strangers_write_adds_no_markup(text: str) -> None:
    ours = sent(hostile("harmless"), Style(mention=TEAM))
    theirs = sent(hostile(text), Style(mention=TEAM))
    assert markup(theirs["markdown"]["text"]) == markup(ours["markdown"]["text"])
    assert theirs["at"] == ours["at"]
    assert not set(theirs["markdown"]["title"]) & set("<>@\n")


@given(TEXTS)
def test_any_text_makes_a_message_within_the_bytes(text: str) -> None:
    style = Style(title_prefix="[jobwatch]", mention=TEAM)
    request = dingtalk.build(hostile(text), recipient(URL, style=style), NOW)
    markdown = json.loads(request.body)["markdown"]
    assert len(markdown["text"].encode()) <= 5000
    assert len(markdown["title"]) <= 64
    assert len(request.body) <= dingtalk.LIMITS.max_bytes
    assert markdown["title"].startswith("[jobwatch]")
    assert markdown["text"].endswith(TEAM.mobiles[-1])


def test_a_crowd_of_numbers_leaves_room_for_the_news() -> None:
    crowd = tuple(f"1380000{number:04}" for number in range(2000))
    body = sent(failed(), Style(mention=Mention(types=TEAM.types, mobiles=crowd)))
    assert body["at"]["atMobiles"] == list(crowd[:100])
    assert "Job failed" in body["markdown"]["text"]
    assert len(body["markdown"]["text"].encode()) <= 5000


def test_the_rate_stays_below_twenty_a_minute() -> None:
    assert dingtalk.LIMITS.rates == (Rate(18, timedelta(minutes=1)),)


@pytest.mark.parametrize(
    ("body", "result", "rest"),
    [
        ('{"errcode":0,"errmsg":"ok"}', Result.OK, None),
        ('{"errcode":-1,"errmsg":"busy"}', Result.BODY_ERROR, None),
        ('{"errcode":310000,"errmsg":"sign not match"}', Result.AUTH, None),
        ('{"errcode":310000,"errmsg":"invalid timestamp"}', Result.AUTH, None),
        ('{"errcode":310000,"errmsg":"keywords not in content"}', Result.AUTH, None),
        (
            '{"status":1111,"wait":5,"source":"x5","punish":"deny","errcode":130101}',
            Result.RATE_LIMITED,
            10 * MINUTE,
        ),
        ('{"errcode":410100}', Result.RATE_LIMITED, 10 * MINUTE),
        ('{"errmsg":"token is not exist","errcode":300001}', Result.NOT_FOUND, None),
        ('{"errmsg":"token is not exist","errcode":300005}', Result.NOT_FOUND, None),
        ('{"errcode":34016}', Result.REJECTED, None),
        ('{"errcode":40035,"errmsg":"missing json"}', Result.BODY_ERROR, None),
        ('{"status":1111,"wait":5,"punish":"deny"}', Result.BODY_ERROR, None),
        ("<html>sign in</html>", Result.BODY_ERROR, None),
    ],
)
def test_an_answer_has_its_meaning(body: str, result: Result, rest: timedelta | None) -> None:
    answer = HttpResponse(status=200, body=body.encode())
    verdict = dingtalk.classify(answer, recipient(URL), NOW)
    assert (verdict.result, verdict.retry_after, verdict.status) == (result, rest, 200)


def test_neither_token_nor_secret_nor_signature_is_shown() -> None:
    to = recipient(URL, secrets=(SECRET,))
    url = dingtalk.build(failed(), to, THEN).url
    verdict = dingtalk.classify(HttpResponse(status=404, body=url.encode()), to, NOW)
    assert verdict.result is Result.NOT_FOUND
    assert "canary" not in verdict.answer
    assert "PXeQ" not in verdict.answer
