"""When a walk goes on, when it is complete, when it proves nothing."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.errors import BrokenReason
from jobwatch.core.model import JobPage
from jobwatch.core.paging import (
    EMPTY_PAGES_ALLOWED,
    REPEATED_PAGES_ALLOWED,
    Broken,
    Cursor,
    Done,
    Next,
    Step,
)


def page(listed: int, token: str | None) -> JobPage:
    return JobPage(jobs=(), unchanged=tuple(range(listed)), next_token=token)


def walk(cursor: Cursor, pages: Sequence[JobPage]) -> Step:
    step: Step = Next(None)
    for number, each in enumerate(pages):
        assert isinstance(step, Next), f"ended before page {number}"
        step = cursor.advance(each)
    return step


COMPLETE = {
    "one page without a token": [page(3, None)],
    "one page with an empty token": [page(3, "")],
    "no jobs at all": [page(0, None)],
    "several pages": [page(2, "a"), page(2, "b"), page(1, None)],
    "an empty page without a token at the end": [page(2, "a"), page(0, None)],
    "an empty page that echoes the token asked": [page(2, "a"), page(0, "a")],
    "empty pages on the way": [page(2, "a"), page(0, "b"), page(0, "c"), page(1, None)],
    "three empty pages, then the echo": [page(0, "a"), page(0, "b"), page(0, "c"), page(0, "c")],
}


@pytest.mark.parametrize("pages", COMPLETE.values(), ids=COMPLETE.keys())
def test_a_walk_is_complete(pages: list[JobPage]) -> None:
    assert walk(Cursor(), pages) == Done()


BROKEN = {
    "a page with jobs that echoes the token asked": (
        [page(2, "a"), page(2, "a")],
        BrokenReason.TOKEN_REPEATED,
    ),
    "a circle": (
        [page(2, "a"), page(2, "b"), page(2, "a")],
        BrokenReason.TOKEN_REPEATED,
    ),
    "an empty page that points back, and not to itself": (
        [page(2, "a"), page(2, "b"), page(0, "a")],
        BrokenReason.TOKEN_REPEATED,
    ),
    "a fourth empty page": (
        [page(0, "a"), page(0, "b"), page(0, "c"), page(0, "d")],
        BrokenReason.EMPTY_PAGES,
    ),
    "as many pages as the cap, and a token still": (
        [page(1, str(number)) for number in range(20)],
        BrokenReason.PAGE_CAP,
    ),
}


def test_fresh_tokens_that_show_the_same_jobs_again_and_again_are_a_circle() -> None:
    first = JobPage(jobs=(), unchanged=(7, 8), next_token="first")
    again = [
        JobPage(jobs=(), unchanged=(7, 8), next_token=f"again-{number}")
        for number in range(REPEATED_PAGES_ALLOWED + 1)
    ]
    assert walk(Cursor(), [first, *again[:-1]]) == Next(again[-2].next_token)
    step = walk(Cursor(), [first, *again])
    assert isinstance(step, Broken)
    assert step.reason is BrokenReason.TOKEN_REPEATED


def test_a_listing_sorted_anew_may_show_some_pages_twice() -> None:
    pages = [
        JobPage(jobs=(), unchanged=(number % 20,), next_token=f"t{number}") for number in range(30)
    ]
    new = JobPage(jobs=(), unchanged=(99,), next_token=None)
    assert walk(Cursor(), [*pages, new]) == Done()


@pytest.mark.parametrize(("pages", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_walk_proves_nothing(pages: list[JobPage], reason: BrokenReason) -> None:
    step = walk(Cursor(page_cap=20), pages)
    assert isinstance(step, Broken)
    assert step.reason is reason


def test_a_page_with_jobs_makes_empty_pages_count_from_the_start() -> None:
    pages = [page(0, "a"), page(0, "b"), page(0, "c"), page(1, "d"), page(0, "e")]
    assert walk(Cursor(), pages) == Next("e")


def test_a_walk_may_end_on_the_last_page_that_the_cap_allows() -> None:
    pages = [*(page(1, str(number)) for number in range(19)), page(1, None)]
    assert walk(Cursor(page_cap=20), pages) == Done()


def test_a_refused_token_restarts_the_walk_once_from_the_start() -> None:
    cursor = Cursor()
    walk(cursor, [page(2, "a"), page(2, "b")])
    assert cursor.rejected() == Next(None)
    assert walk(cursor, [page(2, "a"), page(2, "b")]) == Next("b")
    step = cursor.rejected()
    assert isinstance(step, Broken)
    assert step.reason is BrokenReason.TOKEN_REJECTED


def test_a_restarted_walk_can_be_complete() -> None:
    cursor = Cursor()
    walk(cursor, [page(2, "a")])
    cursor.rejected()
    assert walk(cursor, [page(2, "a"), page(1, None)]) == Done()


def test_refusing_the_first_page_breaks_at_once_because_there_was_no_token() -> None:
    step = Cursor().rejected()
    assert isinstance(step, Broken)
    assert step.reason is BrokenReason.TOKEN_REJECTED


def test_a_cursor_shows_where_it_stands() -> None:
    cursor = Cursor()
    assert (cursor.asked, cursor.pages, cursor.restarted) == (None, 0, False)
    walk(cursor, [page(2, "a"), page(2, "b")])
    assert (cursor.asked, cursor.pages, cursor.restarted) == ("b", 2, False)


def test_a_walk_that_was_put_down_goes_on_from_its_token() -> None:
    cursor = Cursor.resumed("b", pages=2)
    assert (cursor.asked, cursor.pages, cursor.restarted) == ("b", 2, False)
    assert walk(cursor, [page(2, "c"), page(1, None)]) == Done()
    assert cursor.pages == 4


@pytest.mark.parametrize("token", [None, ""])
def test_a_walk_put_down_before_its_first_page_begins_at_the_start(token: str | None) -> None:
    cursor = Cursor.resumed(token, pages=7)
    assert (cursor.asked, cursor.pages) == (None, 0)


def test_a_resumed_walk_whose_token_is_refused_begins_again_once_and_says_so() -> None:
    cursor = Cursor.resumed("b", pages=2)
    assert cursor.rejected() == Next(None)
    assert (cursor.asked, cursor.pages, cursor.restarted) == (None, 0, True)
    walk(cursor, [page(2, "a")])
    step = cursor.rejected()
    assert isinstance(step, Broken)
    assert step.reason is BrokenReason.TOKEN_REJECTED


def test_a_resumed_walk_finds_a_circle_through_the_token_it_began_with() -> None:
    step = walk(Cursor.resumed("b", pages=2), [page(2, "c"), page(2, "a"), page(2, "b")])
    assert isinstance(step, Broken)
    assert step.reason is BrokenReason.TOKEN_REPEATED


def test_resuming_does_not_renew_the_page_cap() -> None:
    step = walk(Cursor.resumed("x", pages=19, page_cap=20), [page(1, "y")])
    assert isinstance(step, Broken)
    assert step.reason is BrokenReason.PAGE_CAP


TOKENS = st.none() | st.sampled_from(["", "a", "b", "c", "d", "e", "f", "g"])
PAGES = st.lists(st.tuples(st.integers(0, 2), TOKENS), min_size=60, max_size=60)


@given(PAGES)
def test_every_listing_ends_and_never_asks_for_a_token_twice(
    answers: list[tuple[int, str | None]],
) -> None:
    cursor = Cursor(page_cap=50)
    asked: list[str] = []
    empty_in_a_row = 0
    for listed, token in answers:
        step = cursor.advance(page(listed, token))
        empty_in_a_row = 0 if listed else empty_in_a_row + 1
        if not isinstance(step, Next):
            break
        assert step.token == token
        assert token
        assert empty_in_a_row <= EMPTY_PAGES_ALLOWED
        asked.append(token)
    else:
        pytest.fail("still going after every page")
    assert len(asked) == len(set(asked)) < 50
    if isinstance(step, Done):
        assert not token or (listed == 0 and asked[-1:] == [token])


@given(st.lists(st.integers(1, 3), max_size=30))
def test_fresh_tokens_on_pages_with_jobs_are_followed_to_the_end(sizes: list[int]) -> None:
    pages = [page(size, f"t{number}") for number, size in enumerate(sizes)]
    assert walk(Cursor(), [*pages, page(0, None)]) == Done()
