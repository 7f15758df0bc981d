"""The sample events: one of every kind, always the same, made as real ones are."""

import json

import pytest
from cloudevents.core.formats.json import JSONFormat

from jobwatch.core.conditions import ConditionState
from jobwatch.core.encoding import BODY_LIMIT, encode
from jobwatch.core.events import CONDITIONS, EventType
from jobwatch.core.samples import Sample, samples

SAMPLES = {each.name: each for each in samples()}


def told(name: str) -> dict[str, object]:
    found = json.loads(SAMPLES[name].body)["data"]
    assert isinstance(found, dict)
    return found


def test_there_is_a_sample_of_every_type_and_of_every_state_of_a_condition() -> None:
    assert {each.event.type for each in SAMPLES.values()} == set(EventType)
    for kind in CONDITIONS.values():
        assert {f"{kind.value}.{state.value}" for state in ConditionState} <= set(SAMPLES)


def test_names_and_ids_are_all_different_and_a_name_begins_with_its_type() -> None:
    every = samples()
    assert len({each.name for each in every}) == len({each.id for each in every}) == len(every)
    assert all(f"{each.name}.".startswith(f"{each.event.type.value}.") for each in every)


def test_every_call_makes_the_same() -> None:
    assert samples() == samples()


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_sample_is_a_cloudevent_of_bounded_size(sample: Sample) -> None:
    event = JSONFormat().read(None, sample.body)
    assert event.get_id() == sample.id
    assert event.get_type() == sample.event.type.value
    assert sample.body == encode(sample.document)
    assert len(sample.body) < BODY_LIMIT


def test_a_condition_keeps_its_id_and_closes_as_information() -> None:
    for kind in CONDITIONS.values():
        states = [told(f"{kind.value}.{state.value}") for state in ConditionState]
        notes = [each["condition"] for each in states]
        assert all(isinstance(note, dict) for note in notes)
        assert len({note["id"] for note in notes if isinstance(note, dict)}) == 1
        assert states[0]["severity"] in {"warning", "critical"}
        assert states[2]["severity"] == "info"


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("job.failed", "critical"),
        ("job.vanished", "critical"),
        ("job.completed_with_failures", "warning"),
        ("job.completed_with_failures.nothing_worked", "critical"),
        ("job.succeeded", "info"),
        ("job.cancelled", "info"),
        ("source.baselined", "info"),
        ("receiver.test", "info"),
        ("digest", "critical"),
    ],
)
def test_severities_are_those_of_the_contract(name: str, severity: str) -> None:
    assert told(name)["severity"] == severity


def test_the_special_ones_show_what_is_special_about_them() -> None:
    assert told("job.failed.late")["late"] is True
    without = told("job.failed.without_detail")
    assert (without["detail"], without["detail_error"]) == (None, "timeout")
    restore = told("job.succeeded.restore")["job"]
    assert isinstance(restore, dict)
    assert restore["operation"] == "COSInitiateRestoreObject"
    digest = told("digest")
    assert isinstance(digest["samples"], list)
    assert [each["type"] for each in digest["samples"]] == [
        "job.failed",
        "job.completed_with_failures",
    ]
    assert digest["omitted"] == 35


def test_an_installation_without_a_public_url_has_no_links() -> None:
    for sample in samples(instance="other", public_url=None):
        document = json.loads(sample.body)
        assert document["data"]["links"] == {}
        assert document["source"].startswith("/jobwatch/other")
