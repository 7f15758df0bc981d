"""An event's document as a message for people."""

import json
from datetime import timedelta
from string import Formatter
from typing import Any

import pytest

from jobwatch.core.conditions import ConditionState
from jobwatch.core.detail import DetailError
from jobwatch.core.events import CONDITIONS, EventType
from jobwatch.formats import words_en, words_zh
from jobwatch.formats.message import Message
from jobwatch.formats.telling import message_of
from jobwatch.formats.values import PLAIN, Mention, Style
from jobwatch.formats.voice import voice
from tests.factories import HOUR, MINUTE, SECOND, progress
from tests.unit.telling_cases import (
    CHINESE,
    TYPES,
    digest,
    failed,
    partly_failed,
    stalled,
    unreachable,
)

BOTH = pytest.mark.parametrize("style", [PLAIN, CHINESE], ids=["en", "zh"])


def changed(shown: dict[str, Any], *path: str, to: Any) -> dict[str, Any]:
    """The document with another value at a path."""
    copy = json.loads(json.dumps(shown))
    part = copy
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = to
    return dict(copy)


def facts(message: Message) -> dict[str, str]:
    return {each.label: each.value for each in message.facts}


def test_a_failed_job_says_what_how_much_why_when_and_where() -> None:
    message = message_of(failed(), PLAIN)
    assert message.title == "Job failed: example-job (prod)"
    assert message.summary == "6 of 10 tasks failed (60 %). It took 16 s."
    assert message.tone == "critical"
    assert list(facts(message).items())[:6] == [
        ("Reason", "manifest cannot be read"),
        ("Failure", "AccessDenied: the role may not read the manifest"),
        ("Ended", "2026-11-21 19:59:46 UTC"),
        ("Source", "prod · ap-chengdu"),
        ("Job", "021140d8-67ca-4e89-8089-0de9a1e40943"),
        ("Report", "reports-1250000000/nightly/"),
    ]
    assert message.link == (
        "https://jobwatch.example.com/jobs/prod/021140d8-67ca-4e89-8089-0de9a1e40943"
    )


def test_the_same_in_chinese_with_prefix_and_zone() -> None:
    message = message_of(failed(), CHINESE)
    assert message.title == "[jobwatch] 批量处理任务失败：example-job（prod）"  # noqa: RUF001
    assert message.summary == "10 个子任务中 6 个失败（60%）。耗时 16 秒。"  # noqa: RUF001
    assert facts(message)["结束时间"] == "2026-11-22 03:59:46 Asia/Shanghai"
    assert message.calls


def test_a_job_without_description_is_called_by_its_id() -> None:
    assert message_of(failed(description=""), PLAIN).title == (
        "Job failed: 021140d8-67ca-4e89-8089-0de9a1e40943 (prod)"
    )


@pytest.mark.parametrize("operation", ["COSInitiateRestoreObject", "RestoreObject"])
@pytest.mark.parametrize("outcome", ["succeeded", "completed_with_failures"])
def test_a_restore_says_that_objects_thaw_later(operation: str, outcome: str) -> None:
    shown = changed(partly_failed(operation=operation), "data", "job", "outcome", to=outcome)
    assert "Restore requests were sent; the objects thaw later." in message_of(shown, PLAIN).summary
    assert "解冻" in message_of(shown, CHINESE).summary


@pytest.mark.parametrize(
    "shown",
    [
        failed(operation="COSInitiateRestoreObject"),
        partly_failed(operation="COSInitiateRestoreObject", progress=progress(failed=10)),
        partly_failed(),
    ],
)
def test_what_restored_nothing_does_not_speak_of_thawing(shown: dict[str, Any]) -> None:
    assert "thaw" not in message_of(shown, PLAIN).summary


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (progress(10, 0), "All 10 tasks succeeded."),
        (progress(1, 0, total=1), "Its only task succeeded."),
        (progress(50, 150, total=1000), "150 of 1,000 tasks failed (15 %). 800 were not done."),
        (progress(1_199_999, 1, total=1_200_000), "1 of 1,200,000 tasks failed (< 0.1 %)."),
        (progress(1, 999, total=1000), "999 of 1,000 tasks failed (> 99 %)."),
        (progress(0, 3, total=0), "3 tasks failed."),
        (progress(0, 0, total=0), ""),
        (progress(975, 25, total=1000), "25 of 1,000 tasks failed (2.5 %)."),
    ],
)
def test_how_much_is_said_with_numbers_a_person_can_read(counts: Any, words: str) -> None:
    message = message_of(partly_failed(progress=counts), PLAIN)
    assert message.summary == f"{words} It took 16 s.".strip()


@pytest.mark.parametrize(
    ("span", "en", "zh"),
    [
        (timedelta(), "0 s", "0 秒"),
        (-HOUR, "0 s", "0 秒"),
        (760 * SECOND, "12 m 40 s", "12 分钟 40 秒"),
        (HOUR, "1 h", "1 小时"),
        (HOUR + 5 * SECOND, "1 h", "1 小时"),
        (26 * HOUR + MINUTE, "1 d 2 h", "1 天 2 小时"),
    ],
)
def test_durations_have_at_most_two_units(span: timedelta, en: str, zh: str) -> None:
    assert voice(PLAIN).span(span) == en
    assert voice(CHINESE).span(span) == zh


def test_that_nobody_watched_the_end_is_said() -> None:
    shown = changed(failed(), "data", "late", to=True)
    shown["data"]["job"]["outcome"] = "failed"
    summary = message_of(shown, PLAIN).summary
    assert summary.endswith("It ended at 2026-11-21 19:59:46 UTC while nobody watched.")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (DetailError.TIMEOUT.value, "could not be had: the cloud did not answer in time"),
        ("AccessDenied", "could not be had: AccessDenied"),
    ],
)
def test_a_reason_that_could_not_be_had_says_why(error: str, why: str) -> None:
    shown = changed(failed(), "data", "detail", to=None)
    shown["data"]["detail_error"] = error
    assert facts(message_of(shown, PLAIN))["Reason"] == why


def test_an_opening_a_reminder_and_a_closing_say_which_they_are_and_for_how_long() -> None:
    opened = message_of(stalled(ConditionState.OPENED), PLAIN)
    reminded = message_of(stalled(ConditionState.REMINDED, reminder=2), PLAIN)
    closed = message_of(stalled(ConditionState.CLOSED), PLAIN)
    assert opened.title == "Job stalled: nightly copy (prod)"
    assert opened.summary.startswith("No task has finished for 45 m. 1,203,412 of 2,000,000 tasks")
    assert reminded.title == "Job still stalled: nightly copy (prod)"
    assert reminded.summary.startswith("Reminder 2: it has lasted for 45 m.")
    assert closed.title == "Job no longer stalled: nightly copy (prod)"
    assert closed.summary.startswith("It lasted for 45 m. It is Active now.")
    assert (opened.tone, reminded.tone, closed.tone) == ("warning", "warning", "good")


def test_an_unreachable_source_says_the_error_and_since_when() -> None:
    message = message_of(unreachable(), PLAIN)
    assert message.title == "Source unreachable: prod"
    assert message.summary == "It could not be read for 45 m; its jobs are not watched."
    assert facts(message)["Error"] == "Denied: AccessDenied: you may not"
    assert facts(message)["Since"] == "2026-11-21 19:15:00 UTC (45 m)"
    assert facts(message)["Labels"] == "team=data"


SUSPECT = {"type": "source.suspect", "subject": "prod", "data": {"source": "prod"}}
BASELINE = {"source": "prod", "listed": 1, "unfinished": 1, "waiting": 0}
PAUSED = {"receiver": "ops", "reason": "gone", "error": "410", "pending": 7}


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("source.suspect", {"missing": 11, "unfinished": 20}, "11 of 20 unfinished jobs are"),
        ("source.suspect", {"missing": 30, "unfinished": 20}, "Most of its unfinished jobs"),
        ("source.suspect", {"condition": {"state": "closed"}}, "is believed again"),
        ("source.baselined", BASELINE, "1 job listed, 1 unfinished, 0 waiting"),
        ("receiver.paused", PAUSED, "told nothing until it is resumed; 7 wait for it"),
        ("receiver.paused", {"condition": {"state": "closed"}}, "told news again"),
        ("receiver.test", {"receiver": "ops"}, "This is a test"),
        ("job.vanished", {"job": {"status": "Active"}}, "last seen as Active"),
        ("job.status_changed", {"job": {"status": "Paused"}}, "It is Paused now."),
    ],
)
def test_every_other_type_has_its_own_sentence(kind: str, data: dict[str, Any], words: str) -> None:
    assert words in message_of({"type": kind, "data": data}, PLAIN).summary


def test_a_paused_receiver_says_why() -> None:
    shown = facts(message_of({"type": "receiver.paused", "data": PAUSED}, PLAIN))
    assert (shown["Reason"], shown["Error"]) == ("it said that it is gone for good", "410")


def test_a_digest_counts_kinds_over_all_sources_and_tasks_of_each() -> None:
    message = message_of(digest(), PLAIN)
    assert message.title == "37 events in 58 s: 36 jobs failed, 1 job no longer stalled"
    assert message.summary == (
        "prod: 35 jobs failed (210 of 350 tasks failed), 1 job no longer stalled; "
        "test: 1 job failed (6 of 10 tasks failed)"
    )
    assert message.samples[0].headline == "Job failed: example-job (prod)"
    assert message.samples[0].note.endswith("It took 16 s. manifest cannot be read")
    assert (len(message.samples), message.omitted, message.omitted_words) == (
        4,
        33,
        "… and 33 more",
    )


def test_people_are_called_for_the_types_they_asked_for_unless_it_is_good_news() -> None:
    style = Style(mention=Mention(types=frozenset({"job.failed", "job.stalled"}), everybody=True))
    assert message_of(failed(), style).calls
    assert message_of(stalled(ConditionState.OPENED), style).calls
    assert message_of(digest(), style).calls
    assert not message_of(stalled(ConditionState.CLOSED), style).calls
    assert not message_of(partly_failed(), style).calls
    closings = Style(mention=Mention(types=frozenset({"job.stalled"})))
    assert not message_of(digest(), closings).calls


@BOTH
@pytest.mark.parametrize("kind", TYPES)
def test_every_type_has_words_in_every_language(kind: str, style: Style) -> None:
    message = message_of({"type": kind, "subject": "x", "data": {"severity": "warning"}}, style)
    assert message.title.removeprefix(style.title_prefix).strip()
    assert kind == "digest" or kind not in message.title


@pytest.mark.parametrize("words", [words_en.PHRASES, words_zh.PHRASES], ids=["en", "zh"])
def test_every_type_and_condition_can_be_titled_and_counted(words: dict[str, str]) -> None:
    of_conditions = {each.value for each in CONDITIONS.values()}
    told_in_digests = {each.value for each in EventType} - {"digest", "receiver.test"}
    assert {f"title:{each.value}" for each in EventType} - {"title:digest"} <= set(words)
    assert {f"count:{each}" for each in told_in_digests} <= set(words)
    assert {
        f"title:{kind}:{state}" for kind in of_conditions for state in ("reminded", "closed")
    } <= set(words)
    assert {f"count:{kind}:closed" for kind in of_conditions} <= set(words)
    assert {f"why:{each.value}" for each in DetailError} <= set(words)


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    def names(phrase: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(phrase) if name}

    # Chinese nouns have one form, which its sentences hold; English has one word for jobs of all kinds within a sentence.
    plurals = {"jobs", "tasks", "job"}
    assert words_en.PHRASES.keys() == words_zh.PHRASES.keys()
    assert words_en.NOUNS.keys() == words_zh.NOUNS.keys()
    for key, phrase in words_en.PHRASES.items():
        assert names(phrase) - plurals == names(words_zh.PHRASES[key]) - plurals, key
