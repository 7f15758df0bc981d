"""The status page: what it tells, and that nothing it tells becomes markup."""

from dataclasses import replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from jobwatch.core.model import Outcome
from jobwatch.core.overview import OutboxDepth, SourceKeys, SourceState
from jobwatch.store.values import JobRow
from jobwatch.web.status_page import Bar, Status, bar, percent, render, style_hash
from jobwatch.web.status_source import SourceView
from jobwatch.web.status_words import age, span
from tests.factories import (
    DAY,
    ENDED_JOBS,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    job,
    progress,
    snapshot,
)
from tests.overviews import last_error, last_sweep, source_view, spending
from tests.overviews import state as source_state

HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}\u202e"


class Page(HTMLParser):
    """The page as a browser reads it: tags with their attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"]:
            self._words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self._words).split())


def state(**fields: Any) -> SourceState:
    return source_state(**({"listed": 1200, "unfinished": 3} | fields))


def source(known: SourceState | None, **fields: Any) -> SourceView:
    return source_view(state=known, **fields)


def status(**fields: Any) -> Status:
    defaults: dict[str, Any] = {
        "instance": "jobwatch",
        "version": "0.1.0",
        "now": NOW,
        "sources": [source(state())],
        "unfinished": [],
        "unfinished_total": 0,
        "endings": [],
        "receivers": [OutboxDepth("ops", 0, 0, None)],
    }
    return Status(**(defaults | fields))


def row(status_word: str = "Active", **fields: Any) -> JobRow:
    return JobRow(source="prod", snapshot=snapshot(of=job(status_word, **fields)))


def page(**fields: Any) -> Page:
    return Page(render(status(**fields)))


def test_the_age_of_a_sources_data_is_told() -> None:
    text = page().text
    assert "data 12 s old, read every 30 s" in text
    assert "all jobs listed 5 min ago, every 10 min · 1200 listed, 3 unfinished" in text
    assert "as of 2026-11-21 20:00:00 UTC" in text


def test_a_source_that_was_never_read_says_never() -> None:
    assert "data: never" in page(sources=[source(None, up=False)]).text


def test_a_failing_source_tells_since_when_and_why() -> None:
    known = state(failures=4, failing_since=NOW - 2 * MINUTE, last_error=last_error())
    text = page(sources=[source(known, up=False)]).text
    assert "cannot be read" in text
    assert "failing for 2 min, 4 sweeps in a row" in text
    assert "AccessDenied: no right to list (1 min ago, request req-1)" in text


def test_a_scope_that_is_overdue_is_marked_as_such() -> None:
    late = source(state(), up=False, overdue=("all",))
    shown = page(sources=[late])
    assert "all jobs listed 5 min ago, every 10 min: overdue" in shown.text
    assert "read every 30 s: overdue" not in shown.text
    assert shown.attributes.count(("class", "error")) == 1
    both = page(sources=[replace(late, overdue=("unfinished", "all"))])
    assert "data 12 s old, read every 30 s: overdue" in both.text


def test_an_unfinished_job_is_shown_with_its_progress() -> None:
    shown = page(
        unfinished=[row(progress=progress(succeeded=3, failed=1), created_at=NOW - 2 * HOUR)],
        unfinished_total=1,
    )
    assert "nightly copy" in shown.text
    assert "40 % · 4 of 10 tasks finished, 1 failed" in shown.text
    assert "prod/job-1 · Copy · in this status for 10 min · created 2 h ago" in shown.text
    assert ("aria-label", "40 % finished") in shown.attributes
    assert ("width", "30.00") in shown.attributes


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (progress(total=0), "tasks not counted yet"),
        (progress(succeeded=0), "0 % · 0 of 10 tasks finished"),
    ],
)
def test_a_job_that_has_not_begun_says_so(given: Any, words: str) -> None:
    assert words in page(unfinished=[row(progress=given)], unfinished_total=1).text


def test_a_job_without_counters_has_no_bar() -> None:
    shown = page(unfinished=[row(progress=None)], unfinished_total=1)
    assert "svg" not in shown.tags
    assert "tasks" not in shown.text


def test_a_list_that_is_cut_says_of_how_many() -> None:
    text = page(unfinished=[row(), row(id="job-2")], unfinished_total=1234).text
    assert "Unfinished jobs 1234, the 2 seen last" in text


@pytest.mark.parametrize("outcome", list(ENDED_JOBS))
def test_an_ending_is_told_with_its_outcome(outcome: Outcome) -> None:
    ended = JobRow(source="prod", snapshot=snapshot(of=ENDED_JOBS[outcome]))
    text = page(endings=[ended]).text
    assert outcome.value.replace("_", " ") in text
    assert "ended 1 min ago" in text


def test_an_ending_without_a_time_of_its_own_tells_when_it_was_seen() -> None:
    gone = JobRow(source="prod", snapshot=snapshot(of=job(), outcome=Outcome.VANISHED))
    text = page(endings=[gone]).text
    assert "vanished" in text
    assert "seen ended 10 min ago" in text


@pytest.mark.parametrize(
    ("depth", "words"),
    [
        (OutboxDepth("ops", 0, 0, None), "all told"),
        (OutboxDepth("ops", 5, 0, NOW - MINUTE), "5 waiting, the oldest for 1 min · 0 dead"),
        (OutboxDepth("ops", 5, 2, NOW - MINUTE), "2 dead"),
    ],
)
def test_a_receiver_tells_its_queue(depth: OutboxDepth, words: str) -> None:
    assert words in page(receivers=[depth]).text


def test_an_empty_installation_says_what_is_missing() -> None:
    text = page(sources=[], receivers=[]).text
    assert "No source is configured." in text
    assert "nobody is told" in text


def test_text_from_outside_never_becomes_markup() -> None:
    told = JobRow(
        source="prod",
        snapshot=snapshot(
            of=replace(
                job(description=HOSTILE, id=HOSTILE, operation=HOSTILE, scope=HOSTILE),
                status=HOSTILE,
            )
        ),
    )
    known = state(
        failures=1,
        failing_since=NOW,
        last_error=last_error(code=HOSTILE, message=HOSTILE, request_id=HOSTILE),
        last_sweep=last_sweep(kind=HOSTILE, reason=HOSTILE, refused=(HOSTILE,)),
        keys=SourceKeys(kind=HOSTILE, expires_at=NOW),
        spending=spending(withheld_until=NOW + HOUR, withheld_reason=HOSTILE),
    )
    shown = page(
        sources=[source(known, conditions=((HOSTILE, 1),))],
        unfinished=[told],
        unfinished_total=1,
        endings=[told],
        receivers=[OutboxDepth(HOSTILE, 1, 0, NOW)],
    )
    assert "script" not in shown.tags
    assert HOSTILE in shown.text
    assert not [name for name, _ in shown.attributes if name.startswith("on")]


def test_every_hostile_text_is_isolated_so_that_it_cannot_turn_its_surroundings() -> None:
    html = render(
        status(unfinished=[row(description="\u202eevil", id="\u202eid")], unfinished_total=1)
    )
    assert html.count("\u202e") == html.count("<bdi>\u202e") == 2
    swept = state(last_sweep=last_sweep(refused=("\u202e",)))
    html = render(status(sources=[source(swept)]))
    assert "refused as filters: \u202e</bdi></p>" in html


def test_the_page_loads_nothing_and_refreshes_itself() -> None:
    shown = page(unfinished=[row()], unfinished_total=1)
    assert not {"script", "img", "link", "iframe", "form"} & set(shown.tags)
    assert not {"src", "href", "style", "action"} & {name for name, _ in shown.attributes}
    assert ("http-equiv", "refresh") in shown.attributes
    assert ("content", "15") in shown.attributes
    assert ("content", "width=device-width, initial-scale=1") in shown.attributes


def test_the_style_sheet_knows_light_and_dark_and_is_named_by_its_hash() -> None:
    html = render(status())
    assert "prefers-color-scheme: dark" in html
    assert style_hash().startswith("'sha256-")


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
    assert span(ago) == words


def test_no_moment_at_all_is_never() -> None:
    missing: datetime | None = None
    assert age(missing, NOW) == "never"


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
