"""An event's id: the same whoever computes it, another for another event."""

import re
from dataclasses import replace

import pytest

from jobwatch.core.documents import document, event_id
from jobwatch.core.events import EventType, JobEvent, Severity
from tests.factories import (
    MINUTE,
    NOW,
    example_event,
    origin,
    with_job,
)


def test_an_id_is_the_same_whoever_computes_it() -> None:
    assert event_id(example_event(), 42) == "evt_5z2ckqhnts4ypq4f7zzdjp5vye"
    assert event_id(example_event(), 42) == document(example_event(), 42)["id"]
    assert event_id(with_job(ended_at=None), 42) == "evt_yblcmb2qznulsgvnwg65ntnhto"


@pytest.mark.parametrize(
    ("other", "sequence"),
    [
        (example_event(), 43),
        (replace(example_event(), origin=origin(instance="second")), 42),
        (replace(example_event(), origin=origin(source="test")), 42),
        (replace(example_event(), type=EventType.SUCCEEDED), 42),
        (with_job(scope="vault"), 42),
        (with_job(id="other"), 42),
        (with_job(status="Failing"), 42),
        (with_job(ended_at=NOW), 42),
        (with_job(ended_at=None), 42),
    ],
)
def test_another_event_has_another_id(other: JobEvent, sequence: int) -> None:
    assert event_id(other, sequence) != event_id(example_event(), 42)


@pytest.mark.parametrize(
    "same",
    [
        with_job(description="renamed", priority=1, progress=None, operation="other"),
        replace(example_event(), severity=Severity.INFO, late=True, observed_at=NOW + MINUTE),
        replace(example_event(), origin=origin(labels={"team": "data"}, public_url=None)),
    ],
)
def test_an_id_depends_on_nothing_that_configuration_or_chance_may_change(same: JobEvent) -> None:
    assert event_id(same, 42) == event_id(example_event(), 42)


def test_the_parts_of_an_id_cannot_run_into_each_other() -> None:
    assert event_id(with_job(scope="a", id="bc"), 1) != event_id(with_job(scope="ab", id="c"), 1)


@pytest.mark.parametrize("field", ["id", "scope", "status"])
def test_an_id_can_be_computed_of_any_text_the_cloud_may_send(field: str) -> None:
    first, second = with_job(**{field: "a\ud800\U0001f4a5\x00"}), with_job(**{field: "a\udfff"})
    assert re.fullmatch(r"evt_[a-z2-7]{26}", event_id(first, 42))
    assert event_id(first, 42) != event_id(second, 42)
