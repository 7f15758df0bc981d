"""The robot of WeCom: what it is sent, and what its answers mean."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.core.rate_gate import Rate
from jobwatch.formats import wecom
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
    markup,
    recipient,
)

URL = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=canary-key"
CALLING = Style(mention=TEAM)


def sent(told: Told, style: Style | None = None) -> dict[str, Any]:
    return body_of(wecom.build(told, recipient(URL, style=style), NOW))


def content(body: dict[str, Any]) -> str:
    text = body[body["msgtype"]]["content"]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(
    ("told", "style", "name"),
    [
        (completed(), Style(), "job.completed_with_failures.en.json"),
        (failed(), CHINESE, "job.failed.zh.json"),
        (digest(), Style(), "digest.en.json"),
    ],
)
def test_a_message_is_sent_as_it_was_looked_at(told: Told, style: Style, name: str) -> None:
    assert sent(told, style) == golden(f"wecom/{name}")


def test_the_request_goes_to_the_url_as_it_is() -> None:
    request = wecom.build(failed(), recipient(URL, headers=(("X-Via", "proxy"),)), NOW)
    assert (request.method, request.url) == ("POST", URL)
    assert request.headers["content-type"].startswith("application/json")
    assert request.headers["x-via"] == "proxy"


def test_every_try_has_the_same_bytes() -> None:
    first, second = (
        wecom.build(digest(), recipient(URL, style=CHINESE), now) for now in (NOW, NOW + 5 * HOUR)
    )
    assert (first.url, first.body, first.headers) == (second.url, second.body, second.headers)


def test_people_are_called_for_their_types_alone_and_in_text() -> None:
    called = sent(failed(), CALLING)
    assert called["msgtype"] == "text"
    assert called["text"]["mentioned_mobile_list"] == list(TEAM.mobiles)
    assert "mentioned_list" not in called["text"]
    assert sent(completed(), CALLING)["msgtype"] == "markdown"


def test_everybody_is_called_by_the_list_of_ids() -> None:
    everybody = Mention(types=TEAM.types, everybody=True)
    text = sent(failed(), Style(mention=everybody))["text"]
    assert text["mentioned_list"] == ["@all"]
    assert "mentioned_mobile_list" not in text


def test_a_type_that_calls_nobody_in_particular_is_markdown() -> None:
    assert sent(failed(), Style(mention=Mention(types=TEAM.types)))["msgtype"] == "markdown"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("style", [Style(), CALLING], ids=["markdown", "text"])
def test_what_strangers_write_adds_no_markup(text: str, style: Style) -> None:
    ours = markup(content(sent(hostile("harmless"), style)))
    theirs = markup(content(sent(hostile(text), style)))
    # In plain text these mean nothing and stay.
    if style is CALLING:
        theirs = {each: count for each, count in theirs.items() if each not in "*`[]~"}
    assert theirs == ours


def test_the_bytes_hold_no_escape_that_the_robot_refuses() -> None:
    for text in HOSTILE:
        assert b"\\u" not in wecom.build(hostile(text), recipient(URL), NOW).body


@given(TEXTS)
def test_any_text_makes_a_message_within_the_bytes(text: str) -> None:
    style = Style(title_prefix="[jobwatch]")
    for told, mention, limit in (
        (hostile(text), TEAM, 2048),
        (hostile(text), Mention(), 4096),
    ):
        request = wecom.build(told, recipient(URL, style=replace(style, mention=mention)), NOW)
        written = content(json.loads(request.body))
        assert len(written.encode()) <= limit
        assert len(request.body) <= wecom.LIMITS.max_bytes
        assert "[jobwatch]" in written.splitlines()[0]


def test_the_rate_stays_below_twenty_a_minute() -> None:
    assert wecom.LIMITS.rates == (Rate(18, timedelta(minutes=1)),)


@pytest.mark.parametrize(
    ("code", "result", "rest"),
    [
        (0, Result.OK, None),
        (-1, Result.BODY_ERROR, None),
        (6000, Result.BODY_ERROR, None),
        (45009, Result.RATE_LIMITED, MINUTE),
        (45033, Result.RATE_LIMITED, None),
        (40008, Result.REJECTED, None),
        (40033, Result.REJECTED, None),
        (40058, Result.REJECTED, None),
        (93000, Result.GONE, None),
        (93001, Result.GONE, None),
        (99999, Result.BODY_ERROR, None),
    ],
)
def test_a_code_has_its_meaning(code: int, result: Result, rest: timedelta | None) -> None:
    body = json.dumps({"errcode": code, "errmsg": "hint: [1755605200056773468916791]"}).encode()
    verdict = wecom.classify(HttpResponse(status=200, body=body), recipient(URL), NOW)
    assert (verdict.result, verdict.retry_after, verdict.status) == (result, rest, 200)


def test_the_robots_own_wish_comes_before_ours() -> None:
    answer = HttpResponse(status=429, headers={"retry-after": "7"}, body=b'{"errcode":45009}')
    assert wecom.classify(answer, recipient(URL), NOW).retry_after == 7 * SECOND
