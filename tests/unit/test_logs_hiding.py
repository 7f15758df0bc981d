"""What no line shows, whoever put it there: secrets in words that are not ours, and texts without end."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from jobwatch import logs
from jobwatch.logs.hiding import DEPTH_LIMIT, ITEMS_LIMIT, TEXT_LIMIT, scrubbed
from tests.log_stream import Stream, kept_logging

log = structlog.get_logger()

WORDS = [
    ("Invalid URL: https://hooks.example.com/T/canary", "Invalid URL: https://***"),
    ("postgresql+asyncpg://me:canary@db/x refused", "postgresql+asyncpg://*** refused"),
    ("<a href='http://canary:1@proxy:3128'>", "<a href='http://***'>"),
    ("Cannot connect to host canary.example.com:443 ssl:default", "Cannot connect to host *** ssl:default"),
    ("q-sign-algorithm=sha1&q-ak=canary&q-signature=canary", "q-sign-algorithm=sha1&q-ak=***&q-signature=***"),
    ("x-cos-security-token=canary; a=b", "x-cos-security-token=***; a=b"),
    ("Secret_Key=canary, password=canary", "Secret_Key=***, password=***"),
    ("Authorization: Bearer canary.canary", "Authorization: Bearer ***"),
    ("signed with whsec_canary+/=", "signed with whsec_***"),
    ("the id AKIDcanary is unknown", "the id AKID*** is unknown"),
    ("[SQL: SELECT 1]\n[parameters: (1, 'canary')]\n(Background", "[SQL: SELECT 1]\n[parameters: ***]\n(Background"),
    ("a token was refused: 403", "a token was refused: 403"),
]  # fmt: skip


@pytest.fixture
def written() -> Iterator[Stream]:
    with kept_logging():
        stream = Stream()
        logs.configure("debug", "json", stream)
        yield stream


@pytest.mark.parametrize(("words", "shown"), WORDS)
def test_words_that_are_not_ours_lose_what_looks_like_a_secret(words: str, shown: str) -> None:
    assert scrubbed(words) == shown


@pytest.mark.parametrize("words", [words for words, _ in WORDS if "canary" in words])
def test_no_door_lets_a_secret_through(written: Stream, words: str) -> None:
    try:
        raise ValueError(words)  # noqa: TRY301
    except ValueError:
        log.exception("step.failed", loop="poller")
        logging.getLogger("aiohttp.client").exception("it says %s", words)
        logging.getLogger("asyncio").warning(words)
    log.warning("sweep.failed", error=words)
    assert len(written.records) == 4
    assert all("Traceback" in each["traceback"] for each in written.records[:2])
    assert "canary" not in written.text


def test_a_url_is_hidden_under_every_key_but_that_of_our_own_address(written: Stream) -> None:
    log.info(
        "daemon.started",
        url="http://0.0.0.0:19870",
        receiver="https://x/canary",
        several=["https://x/canary"],
    )
    (line,) = written.records
    assert (line["url"], line["receiver"]) == ("http://0.0.0.0:19870", "https://***")
    assert "canary" not in written.text


@pytest.mark.parametrize(
    "text", ["a" * 10**6, "a-" * 10**5, "=" * 10**5, "http" * 10**5, "://" * 10**5]
)
@pytest.mark.timeout(20)
def test_hostile_text_is_scrubbed_in_no_time(text: str) -> None:
    assert len(scrubbed(text[:16384])) <= 16384  # a pattern that backtracks would take hours


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels else "bottom"


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**6,
        {"x": "y" * 10**6},
        ["z"] * 10**6,
        deep(500),
        10**5000,
        {"n": 10**5000},
        "half \ud800",
        {1: {2: 3}},
        float("nan"),
    ],
    ids=[
        "text",
        "text in a mapping",
        "list",
        "depth",
        "number",
        "number within",
        "surrogate",
        "keys",
        "nan",
    ],
)
def test_whatever_is_logged_there_is_one_line_of_bounded_length(
    written: Stream, value: object
) -> None:
    log.info("value.seen", value=value, other=1)
    (line,) = written.records
    assert (line["event"], line["level"]) == ("value.seen", "info")
    assert len(written.text) < ITEMS_LIMIT * 10 + TEXT_LIMIT + 2000


def test_what_is_cut_says_so(written: Stream) -> None:
    log.info("value.seen", text="x" * (TEXT_LIMIT + 1), deep=deep(DEPTH_LIMIT + 1))
    (line,) = written.records
    assert line["text"] == "x" * (TEXT_LIMIT - 1) + "…"
    assert "…" in str(line["deep"])
    assert "bottom" not in str(line["deep"])


class Unspeakable:
    """What breaks whoever wants to show it."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Worse(Exception):
    """An error that breaks whoever wants to tell it."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_value_that_cannot_be_shown_fails_nobody(log_format: logs.LogFormat) -> None:
    with kept_logging():
        stream = Stream()
        logs.configure("info", log_format, stream)
        log.info("value.seen", value=Unspeakable(), number=10**5000)
        log.error("step.failed", exc_info=ExceptionGroup("x", [Worse()]))
        logging.getLogger("x").warning("%s", Unspeakable())
        logging.getLogger("x").warning("%d words", "no")
        assert "value.seen" in stream.text
        assert "words" in stream.text
