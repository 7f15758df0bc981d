"""The page on logs lists every line that the program writes, and the program writes them as the page says."""

import re

import pytest

from jobwatch import detailer
from jobwatch.core.events import EventType
from jobwatch.logs.hiding import ITEMS_LIMIT, TEXT_LIMIT
from jobwatch.logs.repeating import ALLOWED, ALWAYS, FLICKERS, KINDS, REPEATED, SUBJECTS, WINDOW
from jobwatch.store import recounting
from tests.documents.configuration_page import all_keys
from tests.documents.log_calls import Lines, logged
from tests.documents.shown import PAGES, read

PAGE = read("docs/logs.md")
ROW = re.compile(r"^\| `([a-z_.]+)` \| ([a-z, ]+) \| ([^|]*)\| (.+) \|$", re.MULTILINE)
IRREGULAR = {"held", "withheld", "sent", "unread", "broken", "begun"}
OLD_KEYS = {"problem", "job_id", "status_code", "took", "duration", "elapsed", "id", "status"}


def table() -> dict[str, Lines]:
    rows = ROW.findall(PAGE.split("## Every line", 1)[1])
    return {
        name: Lines(set(levels.strip().split(", ")), set(re.findall(r"`([a-z_]+)`", keys)))
        for name, levels, keys, _ in rows
    }


def test_the_page_on_logs_has_a_row_for_every_line_with_its_levels_and_keys() -> None:
    rows = table()
    rows.pop(REPEATED)
    assert rows == logged()


def test_no_line_has_two_rows() -> None:
    rows = [row[0] for row in ROW.findall(PAGE.split("## Every line", 1)[1])]
    assert len(rows) == len(set(rows))


def test_the_rows_are_in_order() -> None:
    assert list(table()) == sorted(table())


@pytest.mark.parametrize("name", sorted(logged()))
def test_a_line_is_named_after_what_became_of_something(name: str) -> None:
    noun, _, participle = name.partition(".")
    assert re.fullmatch("[a-z]+", noun)
    last = participle.split("_")[-1] if participle != "timed_out" else "timed"
    assert last.endswith("ed") or last in IRREGULAR, name


@pytest.mark.parametrize("name", sorted(logged()))
def test_keys_have_one_name_for_one_thing(name: str) -> None:
    allowed = (
        {"status"} if name == "status.refused" else set()
    )  # the cloud's word of a job, not of HTTP
    assert not logged()[name].keys & (OLD_KEYS - allowed)


def test_pages_name_no_line_and_no_event_that_there_is_not() -> None:
    known = {*logged(), REPEATED, *EventType, *(key.path for key in all_keys())}
    nouns = {name.partition(".")[0] for name in logged()}
    named = {
        (page, word)
        for page in PAGES
        for word in re.findall(r"`([a-z]+\.[a-z_]+)`", read(page))
        if re.match(r"docs/(runbooks/)?[\w-]+\.md", page) and word.partition(".")[0] in nouns
    }
    assert len(named) > 60
    assert not {(page, word) for page, word in named if word not in known}


def test_the_page_says_the_numbers_that_hold() -> None:
    assert (ALLOWED, WINDOW, KINDS) == (5, 60.0, 1000)
    assert "five times a minute" in PAGE
    assert "A thousand kinds" in PAGE
    assert f"{TEXT_LIMIT:,} characters, lists at {ITEMS_LIMIT} items" in PAGE
    assert recounting.LINES == detailer.LINES
    assert f"More than {recounting.LINES} events of one transaction" in PAGE
    for each in (*ALWAYS, *FLICKERS, *(set(SUBJECTS) - {"logger"})):
        assert f"`{each}`" in PAGE.split("## Repetition", 1)[1].split("\n## ", 1)[0]
