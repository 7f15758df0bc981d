"""The pages on receivers say what the formats do: sections, messages, limits and errors, in both languages."""

import json
import re
from datetime import timedelta

import pytest

from jobwatch.core.durations import format_duration
from jobwatch.core.events import EventType, Severity
from jobwatch.core.rate_gate import Rate
from jobwatch.formats import FORMATS, FormatName, dingtalk, feishu, limits, slack, wecom
from jobwatch.settings import Receiver
from tests.documents.receiver_errors import FIELDS, rows, told, verdicts
from tests.documents.receiver_pages import FOLDER, page, part, sections, sent
from tests.documents.receiver_pages_written import TESTING, messages
from tests.documents.shown import fenced
from tests.robots import ROBOTS, Robot

LANGUAGES = ("en", "zh")
SECTIONS = {
    "Set it up": "设置",
    "Configure": "配置",
    "Test it": "测试",
    "What arrives": "收到的消息",
    "Limits": "限制",
    "Calling people": "@ 成员",
    "Errors": "错误码",
    "Rotate the secret": "更换密钥",
    "Traps": "注意事项",
}
"""What a page has in English, and in Chinese."""

SIZES: dict[FormatName, tuple[int, ...]] = {
    "wecom": (wecom.MARKDOWN_BYTES, wecom.TEXT_BYTES),
    "dingtalk": (dingtalk.TEXT_BYTES,),
}
"""Where something else bounds a message than the bytes of its request."""

CODES: dict[FormatName, set[str]] = {
    "wecom": set(map(str, wecom.CODES)),
    "dingtalk": set(map(str, dingtalk.CODES)),
    "feishu": set(map(str, feishu.CODES)),
    "slack": {word.decode() for word in vars(slack)["_WORDS"]},
}
EXAMPLES = ("Discord", "ntfy", "Mattermost", "Prometheus Alertmanager")


def pace(rates: tuple[Rate, ...]) -> str:
    """A pace as the pages write it."""
    spans = {"1m": "a minute", "1s": "a second"}
    return " and ".join(f"{each.messages} {spans[format_duration(each.per)]}" for each in rates)


def pace_in_chinese(rates: tuple[Rate, ...]) -> str:
    spans = {"1m": "每分钟", "1s": "每秒"}
    return "、".join(f"{spans[format_duration(each.per)]} {each.messages} 条" for each in rates)


def cells(text: str, first: str) -> list[str]:
    """The cells of the row that begins so."""
    (found,) = re.findall(rf"^\| {re.escape(first)} \| (.+) \|$", text, flags=re.MULTILINE)
    return [each.strip() for each in str(found).split(" | ")]


def numbers(text: str) -> set[int]:
    return {int(each.replace(",", "")) for each in re.findall(r"[0-9][0-9,]*", text)}


def test_there_is_a_page_for_every_format_and_the_index_leads_to_it() -> None:
    assert {each.stem for each in FOLDER.glob("*.md")} == {"index", *FORMATS}
    for name in FORMATS:
        assert f"| [`{name}`]({name}.md) |" in page("index")


@pytest.mark.parametrize("name", FORMATS)
def test_every_page_has_all_sections_in_both_languages(name: FormatName) -> None:
    english, chinese = (list(sections(name, language)) for language in LANGUAGES)
    assert [each for each in english if each in SECTIONS] == list(SECTIONS)
    shared = [each for each in chinese if each in SECTIONS.values()]
    assert shared == list(SECTIONS.values())
    signed = name in ("standard", "dingtalk", "feishu")
    assert ("Signature" in english) is ("签名" in chinese) is signed
    for title, translated in SECTIONS.items():
        ours, theirs = sections(name, "en")[title], sections(name, "zh")[translated]
        assert len(theirs.strip()) > 20, translated
        if title in ("Set it up", "Traps"):
            item = re.compile(r"^(?:[0-9]\.|-) ", re.MULTILINE)
            assert len(item.findall(ours)) == len(item.findall(theirs)) > 2, title


def test_the_index_explains_every_key_of_a_receiver() -> None:
    for key in Receiver.model_fields:
        assert f"`{key}`" in page("index"), key


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FORMATS)
def test_every_message_shown_is_what_its_configuration_makes(
    name: FormatName, language: str
) -> None:
    shown = messages(name, language)
    assert shown
    for title, kind, text in shown:
        assert fenced(sections(name, language)[title], kind)[0] == text, (title, kind)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FORMATS)
def test_every_table_of_errors_says_what_the_format_makes_of_them(
    name: FormatName, language: str
) -> None:
    found = rows(name, language)
    assert len(found) >= 8
    for row in found:
        for verdict in verdicts(name, row):
            assert (verdict.result.value, told(verdict, language)) == (row.result, row.told), row
    table = sections(name, language)[SECTIONS["Errors"] if language == "zh" else "Errors"]
    assert len(found) == table.count("\n| `")


@pytest.mark.parametrize("name", FORMATS)
def test_both_languages_list_the_same_errors_and_none_that_the_format_knows_is_missing(
    name: FormatName,
) -> None:
    english, chinese = ([each.codes for each in rows(name, each)] for each in LANGUAGES)
    assert english == chinese
    known = {code for row in english for code in row if not code.startswith("HTTP")}
    assert CODES.get(name, set()) <= known
    if name in FIELDS:
        assert {code for code in known if re.fullmatch("-?[0-9]+", code)} == CODES[name]


@pytest.mark.parametrize("name", FORMATS)
def test_the_tables_of_limits_agree_with_the_format(name: FormatName) -> None:
    sizes = set(SIZES.get(name, (limits(name).max_bytes,)))
    ours = pace(limits(name).rates) or "none"
    row = cells(page("index"), f"[`{name}`]({name}.md)")
    assert row[3] == ours
    assert numbers(row[4]) == sizes
    chinese = pace_in_chinese(limits(name).rates) or "不限"
    for language, title, first, second, said in (
        ("en", "Limits", "pace", "size", ours),
        ("zh", "限制", "频率", "大小", chinese),
    ):
        table = sections(name, language)[title]
        assert cells(table, first)[1] == said
        assert numbers(cells(table, second)[1]) == sizes


@pytest.mark.parametrize("robot", ROBOTS, ids=lambda robot: robot.format)
def test_the_pace_that_a_service_takes_is_the_one_that_its_robot_holds_us_to(
    robot: type[Robot],
) -> None:
    english, chinese = (sections(robot.format, language) for language in LANGUAGES)
    assert cells(english["Limits"], "pace")[0] == pace(robot.rates)
    assert cells(chinese["限制"], "频率")[0] == pace_in_chinese(robot.rates)
    assert limits(robot.format).rates
    for theirs, ours in zip(robot.rates, limits(robot.format).rates, strict=True):
        assert ours.messages <= theirs.messages
        assert ours.per == theirs.per


@pytest.mark.parametrize("name", FORMATS)
def test_a_page_tests_the_receiver_that_it_configures(name: FormatName) -> None:
    for language in LANGUAGES:
        receiver = re.findall(
            r"^  ([a-z_]+):$", fenced(part(name, language), "yaml")[0], re.MULTILINE
        )[0]
        title = TESTING if language == "en" else SECTIONS[TESTING]
        command = f"jobwatch receivers test {receiver}\n"
        assert fenced(sections(name, language)[title], "sh") == [command]


@pytest.mark.parametrize("service", EXAMPLES)
def test_every_example_of_a_template_shows_the_body_that_it_makes(service: str) -> None:
    text = sections("template", "en")[service]
    assert f"[{service}](#{service.lower().replace(' ', '-')})" in page("template")
    ((yaml,), (shown,)) = fenced(text, "yaml"), fenced(text, "json")
    assert any(each.title == service and each.text == shown for each in messages("template", "en"))
    assert sent(yaml).headers["content-type"].startswith("application/json")


def test_an_alert_that_closes_has_the_labels_of_the_one_that_opened_and_an_end() -> None:
    (yaml,) = fenced(sections("template", "en")["Prometheus Alertmanager"], "yaml")
    states = ("opened", "reminded", "closed")
    ((opened,), (reminded,), (closed,)) = (
        json.loads(sent(yaml, f"job.stalled.{state}").body) for state in states
    )
    assert opened["labels"] == reminded["labels"] == closed["labels"]
    assert opened["endsAt"] == reminded["endsAt"] > closed["endsAt"] >= closed["startsAt"]
    (failed,) = json.loads(sent(yaml).body)
    assert "endsAt" not in failed


def test_no_example_lets_a_description_call_the_whole_channel() -> None:
    for service, holds in (("Discord", '"parse": []'), ("Mattermost", 'replace("@", "\uff20")')):
        assert holds in fenced(sections("template", "en")[service], "yaml")[0]


def test_the_page_on_pagerduty_has_every_severity_and_says_when_it_rests() -> None:
    for language in LANGUAGES:
        for severity in Severity:
            assert f"| `{severity.value}` | `{severity.value}` |" in part("pagerduty", language)
        told_types = set(re.findall(r"`((?:job|source|receiver)\.[a-z_]+)`", page("pagerduty")))
        resolving = {EventType.SUCCEEDED.value, EventType.CANCELLED.value}
        assert not told_types & resolving
    (row,) = [each for each in rows("pagerduty", "en") if each.codes == ("HTTP 429",)]
    (verdict,) = verdicts("pagerduty", row)
    assert verdict.retry_after == timedelta(minutes=1)
