"""The same trouble over and over: some lines of a kind are written, the rest is counted, and nothing is left out in silence."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from jobwatch import logs
from jobwatch.logs.repeating import ALLOWED, KINDS, REPEATED, WINDOW
from tests.log_stream import Stream, kept_logging

log = structlog.get_logger()
MANY = ALLOWED + 37


class Clock:
    """Seconds, moved by the test alone."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def written(clock: Clock) -> Iterator[Stream]:
    with kept_logging():
        stream = Stream()
        logs.configure("debug", "json", stream, monotonic=clock)
        yield stream


def test_lines_of_a_kind_beyond_a_few_are_counted_until_the_window_is_over(
    written: Stream, clock: Clock
) -> None:
    for number in range(MANY):
        log.warning("sweep.failed", source="prod", failures=number)
    assert [each["failures"] for each in written.lines("sweep.failed")] == [*range(ALLOWED)]
    clock.now += WINDOW
    log.info("sweep.finished", source="other")
    (said,) = written.lines(REPEATED)
    assert said.pop("at").endswith("Z")
    assert said == {
        "event": REPEATED,
        "level": "warning",
        "of": "sweep.failed",
        "source": "prod",
        "repeated": 37,
    }
    assert [each["event"] for each in written.records[-2:]] == [REPEATED, "sweep.finished"]


def test_each_window_lets_as_many_through_and_says_what_it_left_out_once(
    written: Stream, clock: Clock
) -> None:
    for _ in range(3):
        for _ in range(MANY):
            log.warning("sweep.failed", source="prod")
        clock.now += WINDOW
    log.info("sweep.finished")
    log.info("sweep.finished")
    assert len(written.lines("sweep.failed")) == 3 * ALLOWED
    assert [each["repeated"] for each in written.lines(REPEATED)] == [37, 37, 37]


def test_before_the_window_is_over_nothing_is_said(written: Stream, clock: Clock) -> None:
    for _ in range(MANY):
        log.warning("sweep.failed", source="prod")
    clock.now += WINDOW - 0.1
    log.info("sweep.finished")
    assert written.lines(REPEATED) == []


def test_nothing_is_said_where_nothing_was_left_out(written: Stream, clock: Clock) -> None:
    for _ in range(ALLOWED):
        log.warning("sweep.failed", source="prod")
    clock.now += WINDOW
    log.warning("sweep.failed", source="prod")
    assert len(written.lines("sweep.failed")) == ALLOWED + 1
    assert written.lines(REPEATED) == []


@pytest.mark.parametrize(
    "differs",
    [
        {"source": "second"},
        {"receiver": "ops"},
        {"loop": "poller:prod"},
        {"call": "ListJobs"},
        {"setting": "heartbeat.url_file"},
        {"exc_info": KeyError("x")},
        {"event": "other.failed"},
    ],
    ids=lambda each: next(iter(each)),
)
def test_kinds_are_told_apart_by_what_they_are_about(
    written: Stream, differs: dict[str, Any]
) -> None:
    usual = {"event": "some.failed", "source": "prod"}
    for _ in range(MANY):
        log.warning(**usual)
    log.warning(**(usual | differs))
    assert len(written.records) == ALLOWED + 1


@pytest.mark.parametrize("key", ["job", "event_id", "request_id", "error", "failures", "code"])
def test_ids_texts_and_counters_make_no_kinds_of_their_own(written: Stream, key: str) -> None:
    for number in range(MANY):
        log.warning("call.failed", **{key: str(number)})
    assert len(written.records) == ALLOWED


def test_whoever_chooses_paths_chooses_no_kinds(written: Stream) -> None:
    for number in range(MANY):
        log.warning("request.failed", path=f"/jobs/prod/{number}")
        log.warning("request.denied", path=f"/{number}", peer=f"10.0.0.{number}")
    for path in ("/", "/metrics"):
        log.warning("request.failed", path=path)
    assert len(written.records) == 2 * ALLOWED + 2


def test_the_context_tells_kinds_apart_as_well(written: Stream) -> None:
    for name in ("prod", "other"):
        with structlog.contextvars.bound_contextvars(source=name):
            for _ in range(MANY):
                log.warning("call.failed")
    assert len(written.records) == 2 * ALLOWED


@pytest.mark.parametrize("name", ["delivery.settled", "event.recorded", "sweep.finished"])
def test_what_correlates_is_never_left_out(written: Stream, name: str) -> None:
    level = log.warning if name == "delivery.settled" else log.info
    for _ in range(MANY):
        level(name, receiver="ops")
    assert len(written.records) == MANY


def test_a_clock_that_flickers_fills_no_disk_with_good_news_either(written: Stream) -> None:
    for _ in range(MANY):
        log.warning("clock.offset_changed", source="prod")
        log.info("clock.offset_changed", source="prod")
    assert len(written.records) == 2 * ALLOWED


def from_one_place(number: int) -> None:
    logging.getLogger("aiohttp.server").error("bad request %d from %s", number, f"10.0.0.{number}")


def test_records_of_libraries_are_alike_by_the_place_that_they_come_from(
    written: Stream, clock: Clock
) -> None:
    for number in range(MANY):
        from_one_place(number)
    logging.getLogger("aiohttp.server").error("something else")
    assert len(written.records) == ALLOWED + 1
    clock.now += WINDOW
    from_one_place(0)
    (said,) = written.lines(REPEATED)
    assert (said["logger"], said["repeated"], said["level"]) == ("aiohttp.server", 37, "error")


def test_what_is_remembered_is_bounded_and_what_goes_beyond_is_still_written(
    written: Stream, clock: Clock
) -> None:
    for number in range(KINDS + MANY):
        log.warning("sweep.failed", source=f"s{number}")
    assert len(written.records) == KINDS + ALLOWED
    clock.now += WINDOW
    log.warning("sweep.failed", source="late")
    (said,) = written.lines(REPEATED)
    assert (said["of"], said["repeated"]) == ("others", 37)
    assert written.records[-1]["source"] == "late"


def test_threads_lose_no_line_that_is_not_counted(written: Stream, clock: Clock) -> None:
    def complain() -> None:
        for number in range(200):
            from_one_place(number)
            log.warning("sweep.failed", source="prod")

    threads = [threading.Thread(target=complain) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    clock.now += WINDOW
    log.info("sweep.finished")
    said = {each.get("logger"): each["repeated"] for each in written.lines(REPEATED)}
    assert said == {None: 1600 - ALLOWED, "aiohttp.server": 1600 - ALLOWED}
    assert len(written.records) == 2 * ALLOWED + 2 + 1


def test_people_are_told_too(clock: Clock) -> None:
    with kept_logging():
        stream = Stream(terminal=False)
        logs.configure("info", "console", stream, monotonic=clock)
        for _ in range(MANY):
            log.warning("sweep.failed", source="prod")
        clock.now += WINDOW
        log.info("sweep.finished")
        assert "repeated=37" in stream.text
