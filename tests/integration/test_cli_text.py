"""Hostile text made harmless; times and counts as people say them."""

from datetime import timedelta

import pytest
from rich.cells import cell_len

from jobwatch.cli.job_page import detail_grid, fields_grid
from jobwatch.cli.screen import Screen, cell, fitted
from jobwatch.cli.text import ago, count, length, percent, plain, tasks
from jobwatch.core.model import Progress
from jobwatch.story.event_words import failure_reasons
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND, job, snapshot

HOSTILE = [
    ("", ""),
    ("plain words", "plain words"),
    ("迁移历史账单", "迁移历史账单"),
    ("[bold red]x[/] :boom:", "[bold red]x[/] :boom:"),
    ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
    ("\x1b]0;title\x07", "␛]0;title␇"),
    ("\x9b2J", "\ufffd2J"),
    ("two\nlines\r\n\ttab", "two␊lines␍␊␉tab"),
    ("nul\x00del\x7f", "nul␀del␡"),
    ("\u202egpj.exe", "\ufffdgpj.exe"),
    ("\u2066isolate\u2069", "\ufffdisolate\ufffd"),
    ("zero\u200bwidth\ufeff", "zero\ufffdwidth\ufffd"),
    ("line\u2028separator", "line\ufffdseparator"),
    ("half \ud800 pair", "half \ufffd pair"),
    ("wide\u3000space", "wide space"),
    ("z" + "\u0301" * 500, "z" + "\u0301" * 3),
]


@pytest.mark.parametrize(("hostile", "shown"), HOSTILE)
def test_whatever_steers_hides_or_reorders_is_made_visible(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown


@pytest.mark.parametrize("text", ["x" * 500, "迁" * 500, "a迁" * 500, "\u0301" * 500, "x" * 10])
def test_a_text_is_no_wider_than_it_may_be(text: str) -> None:
    assert cell_len(plain(text, 10)) <= 10


def test_a_cut_text_says_so() -> None:
    assert plain("123456789", 8) == "1234567…"
    assert plain("12345678", 8) == "12345678"


@pytest.mark.parametrize("hostile", [hostile for hostile, _ in HOSTILE if hostile])
def test_a_page_of_a_hostile_job_holds_no_control_character_and_no_markup(hostile: str) -> None:
    told = job("Failed", description=hostile, operation=hostile, id=hostile)
    detail = {
        "status_reason": hostile,
        "failures": [{"code": hostile, "message": hostile}],
        "manifest": {hostile: hostile},
    }
    screen = Screen()
    with screen.capture() as captured:
        screen.print(fields_grid(snapshot(of=told), NOW))
        screen.print(detail_grid(detail))
        screen.print(fitted(screen, ["job"], [[cell(hostile)]]))
    lines = captured.get().splitlines()
    assert all(line.isprintable() for line in lines)
    assert sum(plain(hostile) in line for line in lines) >= 5


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(), "0 s"),
        (timedelta(milliseconds=900), "0 s"),
        (12 * SECOND, "12 s"),
        (MINUTE, "1 min"),
        (90 * SECOND, "1 min 30 s"),
        (2 * HOUR + 5 * MINUTE + 7 * SECOND, "2 h 5 min"),
        (3 * DAY, "3 d"),
        (400 * DAY + HOUR, "400 d 1 h"),
    ],
)
def test_a_length_of_time_is_told_in_the_units_that_matter(duration: timedelta, words: str) -> None:
    assert length(duration) == words
    assert ago(NOW - duration, NOW) == f"{words} ago"


def test_a_moment_may_be_to_come_or_never_have_been() -> None:
    assert ago(NOW + 5 * MINUTE, NOW) == "in 5 min"
    assert ago(None, NOW) == "never"


@pytest.mark.parametrize(
    ("progress", "words", "share"),
    [
        (Progress(total=10, succeeded=4, failed=6), "10 of 10, 6 failed", "100 %"),
        (Progress(total=1000, succeeded=999, failed=0), "999 of 1,000", "99 %"),
        (Progress(total=0, succeeded=0, failed=0), "–", "0 %"),  # noqa: RUF001  a dash
        (Progress(total=5, succeeded=7, failed=0), "7 of 5", "100 %"),
    ],
)
def test_tasks_are_counted_in_words(progress: Progress, words: str, share: str) -> None:
    assert tasks(progress) == words
    assert percent(progress) == share


def test_a_number_agrees_with_its_noun() -> None:
    assert [count(number, "job") for number in (0, 1, 2000)] == ["0 jobs", "1 job", "2,000 jobs"]
    assert count(2, "delivery", "deliveries") == "2 deliveries"


@pytest.mark.parametrize(
    ("failures", "reasons"),
    [
        ([{"code": "A", "message": "b"}], ["A: b"]),
        ([{"code": "", "message": "b"}, {"code": "A", "message": None}], ["b", "A"]),
        ([{}, "nonsense", None], []),
        ("nonsense", []),
        (None, []),
    ],
)
def test_reasons_of_a_failure_are_read_whatever_stands_there(
    failures: object, reasons: list[str]
) -> None:
    assert failure_reasons({"failures": failures}) == reasons
