"""Messages that once said what was not so, to somebody who had just been woken."""
# ruff: noqa: RUF001  full-width punctuation is how Chinese is written

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jobwatch.core.conditions import ConditionName, ConditionState
from jobwatch.core.documents import document, released
from jobwatch.core.events import EventType, Severity
from jobwatch.core.model import Outcome
from jobwatch.core.news import condition_event
from jobwatch.formats.message import Message
from jobwatch.formats.telling import message_of
from jobwatch.formats.values import PLAIN, Style
from tests.factories import HOUR, MINUTE, NOW, event, job, origin, progress, snapshot
from tests.unit.telling_cases import NOTE, digest, read, unreachable

ZH = Style(language="zh", timezone=ZoneInfo("Asia/Shanghai"), timezone_name="Asia/Shanghai")
BERLIN = Style(timezone=ZoneInfo("Europe/Berlin"), timezone_name="Europe/Berlin")


def closing(name: ConditionName, status: str, outcome: Outcome | None, style: Style) -> Message:
    of = job(status, id="j1", description="nightly", progress=progress(4, 600, total=1000))
    seen = replace(snapshot(of=of), outcome=outcome)
    note = replace(NOTE, name=name, state=ConditionState.CLOSED)
    return message_of(
        read(document(condition_event(note, seen, origin(), observed_at=NOW), 5)), style
    )


def ended(**fields: Any) -> dict[str, Any]:
    return read(released(document(event(snapshot(of=job("Failed", **fields))), 5), None, None))


@pytest.mark.parametrize(
    ("style", "title"),
    [
        (PLAIN, "Job with failing tasks ended: nightly (prod)"),
        (ZH, "子任务失败过多的批量处理任务已结束：nightly（prod）"),
    ],
)
def test_tasks_did_not_recover_because_their_job_failed(style: Style, title: str) -> None:
    assert closing(ConditionName.FAILING, "Failed", Outcome.FAILED, style).title == title


def test_a_condition_that_closed_with_a_failed_job_does_not_look_like_good_news() -> None:
    for name in (ConditionName.FAILING, ConditionName.STALLED, ConditionName.OVERDUE):
        assert closing(name, "Failed", Outcome.FAILED, PLAIN).tone == "info"
        assert closing(name, "Complete", Outcome.COMPLETED_WITH_FAILURES, PLAIN).tone == "info"
        assert closing(name, "Complete", Outcome.SUCCEEDED, PLAIN).tone == "good"
        assert closing(name, "Active", None, PLAIN).tone == "good"


@pytest.mark.parametrize(
    ("style", "title", "words"),
    [
        (PLAIN, "Source alarm closed: prod", "could not be read when it was last tried"),
        (ZH, "任务源告警已关闭：prod", "最后一次尝试时仍无法读取"),
    ],
)
def test_a_source_that_is_watched_no_more_is_not_called_reachable(
    style: Style, title: str, words: str
) -> None:
    note = replace(NOTE, name=ConditionName.UNREACHABLE, state=ConditionState.CLOSED)
    message = message_of(unreachable(condition=note, severity=Severity.INFO), style)
    assert (message.title, message.tone) == (title, "info")
    assert words in message.summary
    recovered = message_of(unreachable(condition=note, severity=Severity.INFO, error=None), PLAIN)
    assert (recovered.title, recovered.tone) == ("Source reachable again: prod", "good")


def test_news_of_one_moment_is_not_told_as_so_many_in_no_time() -> None:
    shown = digest()
    shown["data"]["ended_at"] = shown["data"]["began_at"]
    assert message_of(shown, PLAIN).title.startswith("37 events: 36 jobs failed")
    assert message_of(shown, ZH).title.startswith("37 条消息：36 个任务失败")


def test_a_closing_in_a_digest_does_not_count_failed_tasks() -> None:
    shown = digest()
    counts = {"tasks": 1000, "tasks_failed": 600}
    shown["data"]["counts"] = [
        {"source": "prod", "type": "job.stalled", "severity": "info", "count": 2, **counts}
    ]
    assert message_of(shown, PLAIN).summary == "prod: 2 jobs no longer stalled"


def test_tasks_are_not_counted_once_for_every_change_of_their_job() -> None:
    shown = digest()
    counts = {"tasks": 3000, "tasks_failed": 0}
    kind = EventType.STATUS_CHANGED.value
    shown["data"]["counts"] = [
        {"source": "prod", "type": kind, "severity": "info", "count": 3, **counts}
    ]
    assert message_of(shown, PLAIN).summary == "prod: 3 changes of status"


@pytest.mark.parametrize(
    ("utc", "words"),
    [
        ("2026-10-25T00:30:00+00:00", "2026-10-25 02:30:00+02:00 Europe/Berlin"),
        ("2026-10-25T01:30:00+00:00", "2026-10-25 02:30:00+01:00 Europe/Berlin"),
        ("2026-10-25T02:30:00+00:00", "2026-10-25 03:30:00 Europe/Berlin"),
        ("2026-03-29T01:30:00+00:00", "2026-03-29 03:30:00 Europe/Berlin"),
    ],
)
def test_a_time_in_the_hour_that_comes_twice_says_which_of_the_two(utc: str, words: str) -> None:
    message = message_of(ended(ended_at=datetime.fromisoformat(utc)), BERLIN)
    assert words in [each.value for each in message.facts]


def test_a_job_that_ended_before_it_began_is_not_said_to_have_taken_no_time() -> None:
    assert "It took" not in message_of(ended(created_at=NOW, ended_at=NOW - HOUR), PLAIN).summary
    took = message_of(ended(created_at=NOW - MINUTE, ended_at=NOW), PLAIN).summary
    assert took.endswith("It took 1 m.")


def test_a_job_of_one_task_is_spoken_of_in_the_singular() -> None:
    done = replace(snapshot(of=job("Complete", progress=progress(1, 0, total=1))))
    told = document(replace(event(done), type=EventType.SUCCEEDED), 5)
    told["data"]["job"]["outcome"] = "succeeded"  # type: ignore[index]
    assert "Its only task succeeded." in message_of(read(told), PLAIN).summary
    assert "唯一的子任务成功。" in message_of(read(told), ZH).summary
