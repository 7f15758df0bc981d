"""What a log line looks like, and what never stands in one."""

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from jobwatch import logs
from jobwatch.core.model import Outcome
from tests.log_stream import Stream, kept_logging

log = structlog.get_logger()


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    with kept_logging():
        yield


@pytest.fixture
def written() -> Stream:
    """Configured as a container has it."""
    stream = Stream()
    logs.configure("info", "auto", stream)
    return stream


def test_a_line_is_one_json_object_with_event_level_and_time(written: Stream) -> None:
    log.info("sweep.finished", source="prod", listed=3)
    (record,) = written.records
    at = datetime.fromisoformat(record.pop("at"))
    assert at.tzinfo == UTC
    assert record == {"event": "sweep.finished", "level": "info", "source": "prod", "listed": 3}


def test_a_line_begins_with_when_how_grave_and_what(written: Stream) -> None:
    log.warning("sweep.failed", source="prod", error="no route")
    assert list(written.records[0]) == ["at", "level", "event", "source", "error"]


def test_the_time_is_rfc_3339_in_utc(written: Stream) -> None:
    log.info("sweep.finished")
    assert written.records[0]["at"].endswith("Z")


def test_lines_below_the_level_are_left_out(written: Stream) -> None:
    log.debug("page.read")
    log.warning("lease.lost")
    assert [record["event"] for record in written.records] == ["lease.lost"]


def test_secrets_are_shown_as_stars_however_deep(written: Stream) -> None:
    secret = SecretStr("whsec_topsecret")
    log.info(
        "receiver.opened", key=secret, keys=[secret], headers={"auth": (secret, {"x": secret})}
    )
    assert "topsecret" not in written.text
    assert written.records[0]["key"] == "***"
    assert written.records[0]["headers"] == {"auth": ["***", {"x": "***"}]}


def test_exceptions_are_two_keys_in_one_line(written: Stream) -> None:
    try:
        raise ValueError("first\nsecond")  # noqa: TRY301
    except ValueError:
        log.exception("step.failed", loop="poller")
    (record,) = written.records
    assert (record["error"], record["exception_class"]) == ("first second", "ValueError")
    assert "traceback" not in record


def test_an_exception_may_be_given_as_a_value(written: Stream) -> None:
    log.error("step.failed", exc_info=KeyError("id"))
    assert written.records[0]["error"] == "'id'"


def test_a_group_of_exceptions_says_what_is_in_it(written: Stream) -> None:
    group = ExceptionGroup("several", [ValueError("one"), ExceptionGroup("x", [KeyError()])])
    log.error("step.failed", exc_info=group)
    assert written.records[0]["error"] == "one; KeyError"


def test_the_traceback_is_there_for_debugging() -> None:
    stream = Stream()
    logs.configure("debug", "json", stream)
    try:
        raise ValueError("no")  # noqa: TRY301
    except ValueError:
        log.exception("step.failed")
    assert "test_logs.py" in stream.records[0]["traceback"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (timedelta(seconds=1.5), 1.5),
        (datetime(2026, 11, 21, tzinfo=UTC), "2026-11-21T00:00:00Z"),
        (Outcome.FAILED, "failed"),
        (PurePosixPath("/etc/x"), "/etc/x"),
        (b"x", "b'x'"),
        ({1}, [1]),
        (1 << 70, 1 << 70),
        ("half \ud800 pair", "half \ud800 pair"),
        ({1: "number as key"}, {"1": "number as key"}),
    ],
)
def test_any_value_can_be_logged(written: Stream, value: object, shown: object) -> None:
    log.info("value.seen", value=value)
    assert written.records[0]["value"] == shown


def test_records_of_libraries_look_the_same_from_warning_on(written: Stream) -> None:
    library = logging.getLogger("aiohttp.client")
    library.info("chatter")
    library.warning("Unclosed %s", "session")
    (record,) = written.records
    assert (record["event"], record["level"]) == ("Unclosed session", "warning")
    assert record["logger"] == "aiohttp.client"


def test_errors_of_libraries_are_keys_too(written: Stream) -> None:
    logging.getLogger("asyncio").error("Task failed", exc_info=ValueError("no"))
    assert written.records[0]["exception_class"] == "ValueError"


def test_warnings_of_python_are_logged(written: Stream) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
    assert "soon gone" in written.records[0]["event"]


def test_configuring_again_replaces_what_was(written: Stream) -> None:
    second = Stream()
    logs.configure("info", "json", second)
    log.info("sweep.finished")
    logging.getLogger("x").warning("y")
    assert len(second.records) == 2
    assert written.text == ""


def test_a_terminal_gets_lines_for_people() -> None:
    stream = Stream(terminal=True)
    logs.configure("info", "auto", stream)
    log.info("sweep.finished", source="prod")
    assert not stream.text.startswith("{")
    assert "sweep.finished" in stream.text
    assert "prod" in stream.text


def test_console_can_be_asked_for_without_a_terminal_and_then_has_no_colours() -> None:
    stream = Stream()
    logs.configure("info", "console", stream)
    log.info("sweep.finished", source="prod")
    assert "\x1b" not in stream.text
    assert "source=prod" in stream.text


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "a\n2026-11-21 [info] forged", "\u202eback"])
def test_odd_text_can_neither_steer_the_terminal_nor_fake_a_line(text: str) -> None:
    stream = Stream()
    logs.configure("info", "console", stream)
    log.info("job.discovered", description=text)
    logging.getLogger("x").warning(text)
    assert stream.text.count("\n") == 2
    assert "\x1b" not in stream.text
    assert "\u202e" not in stream.text


def test_a_traceback_on_the_console_keeps_its_lines() -> None:
    stream = Stream()
    logs.configure("debug", "console", stream)
    try:
        raise ValueError("no")  # noqa: TRY301
    except ValueError:
        log.exception("step.failed")
    assert stream.text.rstrip().endswith("ValueError: no")


def _closed() -> Stream:
    stream = Stream()
    stream.close()
    return stream


def _full() -> io.TextIOWrapper:
    """A stream whose disk is full."""

    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    return io.TextIOWrapper(Full())


@pytest.mark.parametrize("broken", [_closed, _full], ids=["closed", "full"])
def test_a_log_that_cannot_be_written_fails_nobody(broken: Callable[[], Any]) -> None:
    logs.configure("info", "json", broken())
    log.info("sweep.finished")
    logging.getLogger("x").warning("y")
