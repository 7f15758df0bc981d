"""Jobs of a vault in messages: what they do in words, about what, and how long what they gave can still be fetched."""

import json
import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobwatch.core.model import JobDetail
from jobwatch.formats import CHATS, FORMATS, FormatName
from jobwatch.formats.message import Message
from jobwatch.formats.telling import message_of
from jobwatch.formats.values import PLAIN, Mention, Style
from jobwatch.formats.voice import voice
from tests.factories import HOUR, MINUTE, NOW, SECOND, origin
from tests.unit.robot_cases import HOSTILE, markup
from tests.unit.telling_cases import ANYTHING, PAYLOADS
from tests.unit.vault_cases import VAULTS, ended, expiring, sent, vault_job

CHINESE = Style(language="zh", timezone=ZoneInfo("Asia/Shanghai"), timezone_name="Asia/Shanghai")
DAY = timedelta(hours=24)


def shown(name: str) -> dict[str, Any]:
    found = json.loads(VAULTS[name].body)
    assert isinstance(found, dict)
    return found


def facts(message: Message) -> dict[str, str]:
    return {each.label: each.value for each in message.facts}


def words(message: Message) -> str:
    return " ".join([message.title, message.summary, *facts(message).values()])


OPERATIONS = [
    ("archive_retrieval", "Archive retrieval, vault backup_1.", "检索档案，文件库 backup_1。"),  # noqa: RUF001
    ("inventory_retrieval", "Inventory retrieval, vault", "检索档案列表，文件库"),  # noqa: RUF001
    ("push_to_cos", "Import to COS, vault", "导入档案到对象存储，文件库"),  # noqa: RUF001
    ("pull_from_cos", "Pull from COS, vault", "从对象存储导入对象，文件库"),  # noqa: RUF001
]


@pytest.mark.parametrize(("name", "english", "chinese"), OPERATIONS)
@pytest.mark.parametrize("end", ["succeeded", "failed"])
def test_the_operation_and_the_vault_are_said_in_words(
    end: str, name: str, english: str, chinese: str
) -> None:
    told = shown(f"job.{end}.{name}")
    assert message_of(told, PLAIN).summary.startswith(english)
    assert message_of(told, CHINESE).summary.startswith(chinese)


def test_a_failed_import_says_why_first_then_where_what_and_how_large() -> None:
    message = message_of(shown("job.failed.push_to_cos"), PLAIN)
    assert message.title == "Vault job failed: list of 2026 for the auditors (vault_jobs/backup_1)"
    assert message.summary == "Import to COS, vault backup_1. It took 3 h 59 m."
    assert list(facts(message).items())[:8] == [
        ("Reason", "Access to the target bucket is denied"),
        ("Ended", "2026-11-21 19:59:20 UTC"),
        ("Source", "vault_jobs · ap-chengdu"),
        ("Job", "-bF9_oCXakLHy2Q7nZ0rVtW4mKpS6dG1hJ3xC5vB8eT_uRiYlOqAzNfMwDgP0013"),
        ("Vault", "backup_1"),
        ("Archive", "-8Zt4eJ0vS6bLwXkq1nRyU3mPcD7hG9sA2fEoTiKxVjQWlBzN5"),
        (
            "COS object",
            "examplebucket-1250000000.cos.ap-chengdu.myqcloud.com/archive/2026/list.tar",
        ),
        ("Size", "1.5 GiB (1,610,612,736 B)"),
    ]


def test_the_same_in_chinese_calls_it_a_job_of_a_vault() -> None:
    message = message_of(shown("job.failed.push_to_cos"), CHINESE)
    assert message.title == "文件库任务失败：list of 2026 for the auditors（vault_jobs/backup_1）"  # noqa: RUF001
    assert facts(message)["原因"] == "Access to the target bucket is denied"
    assert facts(message)["文件库"] == "backup_1"
    assert "批量处理" not in words(message)


@pytest.mark.parametrize("name", VAULTS)
@pytest.mark.parametrize("style", [PLAIN, CHINESE], ids=["en", "zh"])
def test_nothing_is_counted_and_nothing_thaws(name: str, style: Style) -> None:
    said = words(message_of(shown(name), style))
    assert not re.search("task|%|0 of 0|thaw|解冻|子任务|None|null", said)  # codespell:ignore


def test_an_operation_that_sounds_like_a_restore_of_cos_is_none() -> None:
    told = ended(vault_job(operation="RestoreArchive"))
    summary = message_of(told, PLAIN).summary
    assert summary.startswith("RestoreArchive, vault backup_1.")
    assert "thaw" not in summary


def test_a_job_without_description_and_operation_is_told_by_its_id_and_vault() -> None:
    message = message_of(ended(vault_job("Failed", operation="")), PLAIN)
    assert message.title == "Vault job failed: -J_1 (vault_jobs/backup_1)"
    assert message.summary.startswith("Vault backup_1. It took")
    assert facts(message)["Reason"].startswith("could not be had: the cloud did not answer")


@pytest.mark.parametrize("said", ["Succeeded", "succeeded", " SUCCEEDED "])
def test_a_status_said_again_is_no_reason(said: str) -> None:
    job = vault_job()
    assert "Reason" not in facts(
        message_of(ended(job, JobDetail(job=job, status_reason=said)), PLAIN)
    )


@pytest.mark.parametrize(
    ("left", "english", "chinese"),
    [
        (DAY, "2026-11-22 20:00:00 UTC (24 h)", "2026-11-23 04:00:00 Asia/Shanghai（24 小时）"),  # noqa: RUF001
        (DAY - 40 * SECOND, "2026-11-22 19:59:20 UTC (24 h)", "Asia/Shanghai（24 小时）"),  # noqa: RUF001
        (DAY - 6 * MINUTE, "2026-11-22 19:54:00 UTC (23 h 55 m)", "（23 小时 55 分钟）"),  # noqa: RUF001
        (50 * MINUTE + SECOND, "2026-11-21 20:50:01 UTC (50 m)", "（50 分钟）"),  # noqa: RUF001
    ],
)
def test_a_retrieval_that_succeeded_says_until_when_its_output_can_be_fetched(
    left: timedelta, english: str, chinese: str
) -> None:
    told = ended(vault_job(output_expires_at=NOW + left))
    assert f"Output can be fetched until {english}." in message_of(told, PLAIN).summary
    assert chinese in message_of(told, CHINESE).summary


def test_what_is_told_too_late_says_that_the_output_is_gone() -> None:
    told = ended(vault_job(output_expires_at=NOW - HOUR), late=True)
    assert (
        "Output could be fetched until 2026-11-21 19:00:00 UTC." in message_of(told, PLAIN).summary
    )
    assert "已过期" in message_of(told, CHINESE).summary


@pytest.mark.parametrize("name", ["job.succeeded.push_to_cos", "job.failed.archive_retrieval"])
def test_what_leaves_nothing_to_fetch_does_not_speak_of_output(name: str) -> None:
    assert "Output" not in message_of(shown(name), PLAIN).summary


def test_the_reminder_says_how_long_is_left_and_where() -> None:
    message = message_of(shown("job.output_expiring"), PLAIN)
    assert message.title == (
        "Output of a job expires soon: list of 2026 for the auditors (vault_jobs/backup_1)"
    )
    assert message.summary == (
        "Output can be fetched for another 2 h, until 2026-11-21 22:00:00 UTC."
        " Archive retrieval, vault backup_1."
    )
    assert message.tone == "warning"
    assert facts(message)["Vault"] == "backup_1"
    assert facts(message)["Job"].startswith("-bF9_oCX")
    chinese = message_of(shown("job.output_expiring"), CHINESE)
    assert chinese.title.startswith("文件库任务的输出即将过期：")  # noqa: RUF001
    assert chinese.summary.startswith(
        "输出还可下载 2 小时，截止 2026-11-22 06:00:00 Asia/Shanghai。"  # noqa: RUF001
    )


def test_the_reminder_calls_whom_it_is_to_call() -> None:
    style = Style(mention=Mention(types=frozenset({"job.output_expiring"}), everybody=True))
    assert message_of(expiring(HOUR), style).calls
    assert not message_of(ended(vault_job()), style).calls


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (SECOND, "1 m"),
        (89 * SECOND, "1 m"),
        (59 * MINUTE, "59 m"),
        (61 * MINUTE, "1 h"),
        (DAY + HOUR, "25 h"),
        (timedelta(hours=47, minutes=59), "2 d"),
        (timedelta(days=3, hours=2), "3 d 2 h"),
    ],
)
def test_what_is_left_is_said_in_hours_and_never_as_nothing(duration: timedelta, said: str) -> None:
    assert voice(PLAIN).hours(duration) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1 KiB (1,024 B)"),
        (1536, "1.5 KiB (1,536 B)"),
        (2**20 - 1, "1024 KiB (1,048,575 B)"),
        (2**40, "1 TiB (1,099,511,627,776 B)"),
        (10**15, "909.5 TiB (1,000,000,000,000,000 B)"),
    ],
)
def test_sizes_are_said_as_people_read_them(size: int, said: str) -> None:
    assert voice(PLAIN).size(size) == said


@pytest.mark.parametrize(
    ("fields", "label", "said"),
    [
        ({"archive_size_bytes": "about 5 GB"}, "Size", "about 5 GB"),
        ({"archive_size_bytes": -1}, "Size", "-1"),
        ({"archive_size_bytes": True, "inventory_size_bytes": 1}, "Size", "1 B"),
        ({"bucket": "b/", "object": "/o"}, "COS object", "b/o"),
        ({"object": "/o"}, "COS object", "o"),
        ({"bucket": "b"}, "COS object", "b"),
        ({"range": "0-9"}, "Bytes", "0-9"),
        ({"retrieval_byte_range": "1-2", "range": "0-9"}, "Bytes", "1-2"),
        ({"inventory": {"format": "CSV", "start_date": "a"}}, "Inventory", "CSV, a"),
        ({"archive_description": "of May"}, "Archive description", "of May"),
    ],
)
def test_what_it_is_about_is_said_as_far_as_the_cloud_says_it(
    fields: dict[str, object], label: str, said: str
) -> None:
    told = ended(vault_job("Failed"), JobDetail(job=vault_job("Failed")))
    told["data"]["detail"]["fields"] = fields
    assert facts(message_of(told, PLAIN))[label] == said


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("style", [PLAIN, CHINESE], ids=["en", "zh"])
def test_every_format_says_vault_job_and_time_in_the_language_and_zone_of_its_receiver(
    format_name: FormatName, style: Style
) -> None:
    body = json.dumps(sent(format_name, expiring(2 * HOUR), style), ensure_ascii=False)
    chinese = "2026-11-22 06:00:00 Asia/Shanghai" if style is CHINESE else "2026-11-21 22:00:00 UTC"
    assert "backup_1" in body.replace("\\", "")
    assert "-J_1" in body.replace("\\", "")
    assert ("2026-11-21T22:00:00Z" if format_name == "standard" else chinese) in body


GOLDEN = [("job.output_expiring", PLAIN), ("job.failed.push_to_cos", CHINESE)]


@pytest.mark.parametrize(("name", "style"), GOLDEN)
@pytest.mark.parametrize("format_name", FORMATS)
def test_the_payload_is_the_one_that_was_looked_at(
    format_name: FormatName, name: str, style: Style
) -> None:
    golden = PAYLOADS / format_name / f"{name}.{style.language}.json"
    assert sent(format_name, shown(name), style) == json.loads(golden.read_text("utf-8"))


TEXTS = ("text", "content", "title")


def texts(part: Any, name: str = "") -> list[str]:
    """What people read of a payload."""
    if isinstance(part, dict):
        return [text for key, each in part.items() for text in texts(each, key)]
    if isinstance(part, list):
        return [text for each in part for text in texts(each, name)]
    return [part] if isinstance(part, str) and name in TEXTS else []


def shape(part: Any, name: str = "") -> Any:
    """A payload without what people read, and whether that is short."""
    if isinstance(part, dict):
        return {key: shape(each, key) for key, each in part.items()}
    if isinstance(part, list):
        return [shape(each, name) for each in part]
    return ... if name in {*TEXTS, "is_short"} else part


def written(format_name: FormatName, text: str) -> dict[str, Any]:
    """A failed job with this text wherever a stranger may write one."""
    told = shown("job.failed.pull_from_cos")
    fields = told["data"]["detail"]["fields"]
    fields |= dict.fromkeys(set(fields) - {"condition", "object"} | {"archive_size_bytes"}, text)
    fields["inventory"] = dict.fromkeys(("format", "start_date"), text)
    told["data"]["job"] |= {"scope": text, "operation": text}
    return sent(format_name, told)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("format_name", sorted(CHATS))
def test_what_strangers_write_into_the_fields_is_text_in_every_chat(
    format_name: FormatName, text: str
) -> None:
    ours, theirs = written(format_name, "harmless"), written(format_name, text)
    assert shape(theirs) == shape(ours)
    if format_name in ("wecom", "dingtalk"):
        assert markup(texts(theirs)[-1]) == markup(texts(ours)[-1])
    if format_name == "slack":
        plain = texts([each for each in theirs["blocks"] if each["text"]["type"] == "plain_text"])
        assert not any("<" in each for each in (*plain, theirs["text"]))
    if format_name == "teams":
        assert not any("{{" in each for each in texts(theirs))


@settings(max_examples=50)
@given(
    fields=st.dictionaries(
        st.sampled_from(
            ["archive_id", "archive_size_bytes", "bucket", "object", "inventory", "range", "tier"]
        ),
        ANYTHING | st.dictionaries(st.sampled_from(["format", "start_date"]), ANYTHING),
    ),
    job=st.dictionaries(
        st.sampled_from(["scope", "operation", "output_expires_at", "status", "outcome"]), ANYTHING
    ),
    kind=st.sampled_from(["job.succeeded", "job.output_expiring", "job.failed"]),
    style=st.sampled_from([PLAIN, CHINESE]),
)
def test_no_field_makes_a_message_fail_or_shows_what_hides(
    fields: dict[str, Any], job: dict[str, Any], kind: str, style: Style
) -> None:
    told = shown("job.succeeded.archive_retrieval") | {"type": kind}
    told["data"]["job"] |= job
    told["data"]["detail"]["fields"] = fields
    message = message_of(told, style)
    said = [message.title, message.summary, *(each.value for each in message.facts)]
    assert not any(re.search("[\x00-\x1f\u200b\u202e\ud800-\udfff]", each) for each in said)
    assert all(each.value and len(each.value) < 700 for each in message.facts)


def test_an_alert_for_output_that_expires_is_one_for_each_job_and_nothing_resolves_it() -> None:
    first = sent("pagerduty", expiring(HOUR))
    again = sent("pagerduty", expiring(30 * MINUTE))
    other = sent("pagerduty", expiring(HOUR, id="-J_2"))
    vault = sent("pagerduty", expiring(HOUR, scope="backup_2"))
    elsewhere = sent("pagerduty", expiring(HOUR, origin(source="more", provider="cas")))
    assert first["event_action"] == "trigger"
    assert first["payload"]["severity"] == "warning"
    assert first["dedup_key"] == again["dedup_key"]
    keys = {each["dedup_key"] for each in (first, other, vault, elsewhere)}
    assert len(keys) == 4
    resolving = [sent("pagerduty", shown(name)) for name in VAULTS if "succeeded" in name]
    ending = sent("pagerduty", ended(vault_job()))
    assert {each["event_action"] for each in (*resolving, ending)} == {"resolve"}
    assert not keys & {each["dedup_key"] for each in (*resolving, ending)}


def test_a_job_that_is_called_like_a_reminder_shares_no_alert_with_one() -> None:
    key = sent("pagerduty", expiring(HOUR))["dedup_key"]
    odd = ended(vault_job(id=key))
    assert sent("pagerduty", odd)["dedup_key"] != key
