"""Answers that were once misread: news was given up that could still be told, or an attempt broke."""

import pytest

from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.formats import FORMATS, FormatName, classify
from jobwatch.formats.answers import shown
from jobwatch.formats.values import Recipient, Verdict
from tests.factories import MINUTE, NOW, SECOND

URL = "https://robot.example.com/hook/canary-0123456789"
HUGE = "9" * 25


def said(name: FormatName, status: int, body: str = "", **headers: str) -> Verdict:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    answer = HttpResponse(status=status, headers=named, body=body.encode())
    return classify(name, answer, Recipient(name="ops", url=URL), NOW)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "date",
    [
        f"Mon, {HUGE} Nov 2026 00:00:00 GMT",
        f"Mon, 21 Nov {HUGE} 00:00:00 GMT",
        f"Mon, 21 Nov 2026 {HUGE}:00:00 GMT",
        f"Mon, 21 Nov 2026 00:00:00 +{HUGE}",
    ],
)
def test_a_date_beyond_all_numbers_asks_for_no_rest_of_its_own(name: FormatName, date: str) -> None:
    verdict = said(name, 429, retry_after=date)
    assert verdict.result is Result.RATE_LIMITED
    assert verdict.retry_after in (None, MINUTE)


@pytest.mark.parametrize("words", ["too many request", "Too Many Requests", "frequency limited"])
@pytest.mark.parametrize("status", [200, 400])
def test_a_feishu_bot_that_has_too_much_of_us_is_asked_again(status: int, words: str) -> None:
    body = f'{{"code":9499,"msg":"{words}","data":{{}}}}'
    verdict = said("feishu", status, body)
    assert (verdict.result, verdict.retry_after) == (Result.RATE_LIMITED, MINUTE)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("feishu", '{"code":9499,"msg":"Bad Request"}'),
        ("wecom", '{"errcode":40058}'),
        ("wecom", '{"errcode":93000}'),
        ("dingtalk", '{"errcode":34016}'),
    ],
)
@pytest.mark.parametrize(("status", "result"), [(429, Result.RATE_LIMITED), (502, Result.HTTP_5XX)])
def test_no_code_gives_news_up_beside_a_status_that_is_about_the_moment(
    name: FormatName, body: str, status: int, result: Result
) -> None:
    assert said(name, status, body).result is result


def test_a_code_that_asks_for_rest_is_heard_beside_429() -> None:
    assert said("dingtalk", 429, '{"errcode":130101}').retry_after == 10 * MINUTE
    assert said("wecom", 429, '{"errcode":45009}', retry_after="7").retry_after == 7 * SECOND


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (400013, Result.GONE),
        (400101, Result.NOT_FOUND),
        (400102, Result.AUTH),
        (400105, Result.REJECTED),
        (400106, Result.NOT_FOUND),
        (430101, Result.REJECTED),
        (430102, Result.REJECTED),
        (430103, Result.REJECTED),
        (430104, Result.REJECTED),
    ],
)
def test_words_that_dingtalk_censors_do_not_stop_the_news_behind_them(
    code: int, result: Result
) -> None:
    assert said("dingtalk", 200, f'{{"errcode":{code}}}').result is result


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (44004, Result.REJECTED),
        (45002, Result.REJECTED),
        (93004, Result.AUTH),
        (93008, Result.NOT_FOUND),
    ],
)
def test_wecom_says_what_is_wrong_with_a_text_and_what_with_the_robot(
    code: int, result: Result
) -> None:
    assert said("wecom", 200, f'{{"errcode":{code}}}').result is result


@pytest.mark.parametrize("state", ["Disabled", "Suspended", "Deleted"])
def test_a_workflow_that_is_switched_off_loses_no_news(state: str) -> None:
    body = (
        '{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"Could not execute workflow'
        f" trigger 'manual' with state '{state}': trigger is not enabled.\"}}}}"
    )
    assert said("teams", 400, body).result is Result.NOT_FOUND


def test_a_card_that_a_workflow_cannot_take_is_still_given_up() -> None:
    body = '{"error":{"code":"TriggerInputSchemaMismatch","message":"The input body is wrong."}}'
    assert said("teams", 400, body).result is Result.REJECTED


@pytest.mark.parametrize(
    "echo",
    [
        "canary+key/with=signs",
        "canary%2Bkey%2Fwith%3Dsigns",
        r"canary\u002bkey\/with\u003dsigns",
        r"canary\u002Bkey\u002Fwith\u003Dsigns",
        "canary&#43;key&#x2F;with&#61;signs",
        "canary%252Bkey%252Fwith%253Dsigns",
        "CANARY+KEY/WITH=SIGNS",
    ],
)
def test_a_key_that_is_echoed_is_masked_however_its_signs_are_written(echo: str) -> None:
    to = Recipient(name="ops", url="https://a.example.com/x?sig=canary%2Bkey%2Fwith%3Dsigns")
    assert shown(f"the key {echo} is unknown", to) == "the key *** is unknown"


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (b'{"errcode":0,"errmsg":"\xb3\xc9\xb9\xa6"}', Result.OK),
        (b'{"errcode":40058,"errmsg":"invalid content: \xe6\x89"}', Result.REJECTED),
        (b'\xef\xbb\xbf{"errcode":0}', Result.OK),
    ],
)
def test_a_code_is_read_beside_words_in_any_charset(body: bytes, result: Result) -> None:
    to = Recipient(name="ops", url=URL)
    assert classify("wecom", HttpResponse(status=200, body=body), to, NOW).result is result
