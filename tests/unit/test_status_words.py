"""How the pages write text from anywhere, ages and links."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from jobwatch.core.links import path_of
from jobwatch.core.model import JobKey
from jobwatch.story.phrases import length, percent
from jobwatch.web.pages.status_words import Bar, age, bar, legible, when
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND, progress


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(), "0 s"),
        (-HOUR, "0 s"),
        (12 * SECOND, "12 s"),
        (MINUTE, "1 min"),
        (MINUTE + 5 * SECOND, "1 min 5 s"),
        (2 * HOUR + 5 * MINUTE + 9 * SECOND, "2 h 5 min"),
        (3 * DAY, "3 d"),
        (3 * DAY + 4 * HOUR, "3 d 4 h"),
    ],
)
def test_ages_are_told_in_two_units_at_most(ago: timedelta, words: str) -> None:
    assert age(NOW - ago, NOW) == words
    assert length(ago) == words


def test_no_moment_at_all_is_never() -> None:
    missing: datetime | None = None
    assert age(missing, NOW) == "never"


def test_a_moment_is_told_as_an_age_and_carries_itself() -> None:
    assert when(NOW - MINUTE, NOW) == (
        '<time datetime="2026-11-21T19:59:00Z" title="2026-11-21 19:59:00 UTC">1 min ago</time>'
    )
    assert ">in 1 min<" in when(NOW + MINUTE, NOW)


def test_a_bar_never_grows_over_its_end() -> None:
    assert bar(progress(succeeded=15, failed=5, total=10)) == Bar(75, 25)
    assert bar(progress(total=0)) == Bar(0, 0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (progress(), "0 %"),
        (progress(succeeded=999, total=1000), "99 %"),
        (progress(succeeded=9_999_999, total=10_000_000), "99 %"),
        (progress(succeeded=10), "100 %"),
    ],
)
def test_nothing_unfinished_is_called_complete(given: Any, words: str) -> None:
    assert percent(given) == words


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("two\nlines\x1b[31m", "two␊lines␛[31m"),
        ("\u202egpj.exe", "\N{REPLACEMENT CHARACTER}gpj.exe"),
        ("half \ud83d", "half \N{REPLACEMENT CHARACTER}"),
        ("迁移 مرحبا", "迁移 مرحبا"),
        ("ab\u200ccd 👩\u200d💻", "ab\u200ccd 👩\u200d💻"),
        ("z" + "\u0301" * 50, "z" + "\u0301" * 3),
    ],
)
def test_what_steers_or_hides_is_shown_as_a_sign(text: str, seen: str) -> None:
    assert legible(text) == seen


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (JobKey("", "job-1"), "prod/job-1"),
        (JobKey("backup", "a/b?c#d%"), "prod/backup/a%2Fb%3Fc%23d%25"),
        (JobKey("a/b", "\ud800 x"), "prod/a%2Fb/%3F%20x"),
    ],
)
def test_names_with_slashes_are_one_part_of_a_path(key: JobKey, path: str) -> None:
    assert path_of("prod", key) == path
