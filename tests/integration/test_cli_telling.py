"""Events for a person's eyes, on one line and in the demo: those of conditions and of sources, too."""

from collections.abc import Mapping
from typing import Any

import pytest

from jobwatch.cli.demo.telling import event_block
from jobwatch.cli.event_line import event_line
from jobwatch.core.conditions import ConditionName, ConditionNote, ConditionState
from jobwatch.core.documents import document
from jobwatch.core.encoding import encode
from jobwatch.core.events import CONDITIONS, OF_JOBWATCH, Event, EventType, Severity, SourceEvent
from jobwatch.core.news import condition_event
from jobwatch.core.overview import LastError
from jobwatch.core.samples import Sample, samples
from jobwatch.simulator.receiver import Received
from jobwatch.store.values import EventRow
from tests.factories import HOUR, NOW, event, origin, snapshot

ERROR = LastError(
    at=NOW, error_class="denied", code="AccessDenied", message="No.\x1b[2J", request_id="NjEx"
)


def note(name: ConditionName, state: ConditionState, reminder: int = 0) -> ConditionNote:
    return ConditionNote(name=name, state=state, id="cnd_1", since=NOW - HOUR, reminder=reminder)


def of_a_job(state: ConditionState, reminder: int = 0) -> Event:
    told = note(ConditionName.STALLED, state, reminder)
    return condition_event(told, snapshot("Active"), origin(), observed_at=NOW)


def of_a_source(name: ConditionName = ConditionName.UNREACHABLE, **fields: Any) -> Event:
    return SourceEvent(
        **{
            "type": CONDITIONS[name],
            "severity": Severity.CRITICAL,
            "origin": origin(),
            "observed_at": NOW,
            "condition": note(name, ConditionState.OPENED),
            **fields,
        }
    )


BASELINED = of_a_source(
    type=EventType.BASELINED,
    severity=Severity.INFO,
    condition=None,
    counts={"listed": 1200, "unfinished": 3, "waiting": 1},
)


def line(told: Event) -> str:
    row = EventRow(
        id="evt_1",
        position=1,
        source="prod",
        sequence=1,
        type=told.type,
        severity=told.severity,
        job_id=told.job_id,
        scope=told.scope,
        recorded_at=NOW,
        released=True,
        body=encode(document(told, 1)),
    )
    return event_line(row).plain


def block(told: Event) -> str:
    received = Received(
        number=1,
        path="/hook",
        id="evt_1",
        headers={},
        body=encode(document(told, 1)),
        at=NOW,
        valid=True,
        status=204,
        accepted=True,
    )
    return event_block(received).plain


SEEN: Mapping[str, tuple[Event, tuple[str, ...], tuple[str, ...]]] = {
    "a condition opens": (
        of_a_job(ConditionState.OPENED),
        ("prod/job-1", "stalled: opened, it holds since 2026-11-21 19:00:00 UTC"),
        ("“nightly copy” makes no progress", "stalled: opened"),
    ),
    "a condition is reminded of": (
        of_a_job(ConditionState.REMINDED, 3),
        ("stalled: reminded of, 3 times so far",),
        ("“nightly copy” makes no progress", "3 times so far"),
    ),
    "a condition closes": (
        of_a_job(ConditionState.CLOSED),
        ("stalled: closed",),
        ("makes no progress: no longer", "stalled: closed"),
    ),
    "a source cannot be read": (
        of_a_source(error=ERROR),
        ("  prod  ", "unreachable: opened", "AccessDenied: No.␛[2J (request NjEx)"),
        ("source prod cannot be read", "AccessDenied: No.␛[2J (request NjEx)"),
    ),
    "a source is suspect": (
        of_a_source(ConditionName.SUSPECT, counts={"missing": 40, "unfinished": 50}),
        ("40 missing, 50 unfinished",),
        ("source prod suddenly lacks most of its unfinished jobs", "40 missing, 50 unfinished"),
    ),
    "a source was read for the first time": (
        BASELINED,
        ("1,200 listed, 3 unfinished, 1 waiting",),
        ("source prod was read for the first time", "1,200 listed"),
    ),
}


@pytest.mark.parametrize(("told", "on_the_line", "_in_the_block"), SEEN.values(), ids=SEEN.keys())
def test_an_event_on_one_line_says_what_it_is_about(
    told: Event, on_the_line: tuple[str, ...], _in_the_block: object
) -> None:
    shown = line(told)
    assert shown.isprintable()
    assert "None" not in shown
    assert "→" not in shown
    for words in on_the_line:
        assert words in shown


@pytest.mark.parametrize(("told", "_on_the_line", "in_the_block"), SEEN.values(), ids=SEEN.keys())
def test_an_event_in_the_demo_says_what_it_is_about(
    told: Event, _on_the_line: object, in_the_block: tuple[str, ...]
) -> None:
    shown = block(told)
    assert "None" not in shown
    assert "signature verified" in shown
    for words in in_the_block:
        assert words in shown


@pytest.mark.parametrize("kind", sorted(set(EventType) - OF_JOBWATCH))
def test_the_demo_has_words_for_every_type(kind: EventType) -> None:
    about_a_job = kind.value.startswith("job.")
    told = event(type=kind) if about_a_job else of_a_source(type=kind, condition=None)
    headline = block(told).splitlines()[1]
    name = "“nightly copy” " if about_a_job else "source prod "
    assert headline.partition(name)[2]


@pytest.mark.parametrize("sample", [each for each in samples() if each.event.type in OF_JOBWATCH])
def test_the_demo_has_words_for_what_jobwatch_says_of_itself(sample: Sample) -> None:
    assert block(sample.event).splitlines()[1].partition(" receiver ")[2]
