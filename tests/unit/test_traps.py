"""Traps of the pure core that programs of this kind fell into, and the table that says where each one is tested."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobwatch.core.lifecycle import UNKNOWN
from jobwatch.core.model import Outcome, Phase
from jobwatch.providers.cos_batch import LIFECYCLE as COS
from tests.scrapes import TEXT, shown

TESTS = Path(__file__).parents[1]
TABLE = (TESTS / "traps.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \|$", TABLE, flags=re.MULTILINE)
LATER = "later"


def test_the_table_has_every_trap_once() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 19))


@pytest.mark.parametrize(("number", "where"), [(number, where) for number, _, where in ROWS])
def test_every_test_that_the_table_names_exists(number: str, where: str) -> None:
    named = re.findall(r"`(\S+?\.py)`: ((?:`\w+`(?:, )?)+)", where)
    assert named or LATER in where, number
    for file, tests in named:
        text = (TESTS / file).read_text(encoding="utf-8")
        for test in re.findall(r"`(\w+)`", tests):
            assert f"def {test}(" in text, f"{file} has no {test}"


@pytest.mark.parametrize("word", ["Cancelled", "cancelled", "CANCELLED", "Canceled", "canceled"])
def test_a_status_in_two_spellings_is_one_status(word: str) -> None:
    """The GitLab exporter counts `canceled` and `cancelled` apart."""
    assert COS.read(word) == ("Cancelled", Phase.CANCELLED)
    assert COS.label(word) == "Cancelled"


def test_an_outcome_is_spelled_in_one_way() -> None:
    words = {each.value for each in Outcome}
    assert "cancelled" in words
    assert not words & {"canceled", "success", "failure", "error"}


def test_a_status_that_nobody_knows_is_kept_and_counted_apart() -> None:
    assert COS.read("Hibernating") == ("Hibernating", Phase.UNKNOWN)
    assert COS.label("Hibernating") == UNKNOWN
    assert UNKNOWN not in COS.statuses


def test_all_samples_of_a_metric_have_the_same_labels() -> None:
    """Label sets of differing length under one name break whoever aggregates by a label."""
    labels: dict[str, set[frozenset[str]]] = defaultdict(set)
    text = shown().render(TEXT, "").body.decode()
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            labels[each.name].add(frozenset(each.labels))
    assert len(labels) > 20
    assert {name: found for name, found in labels.items() if len(found) != 1} == {}


def test_nothing_of_a_job_names_a_series() -> None:
    """One label set for each job, never removed, filled the memory of an exporter until it was killed."""
    text = shown().render(TEXT, "").body.decode()
    names = {
        name
        for family in text_string_to_metric_families(text)
        for each in family.samples
        for name in each.labels
    }
    assert not names & {"job_id", "id", "job", "description", "subject", "event_id"}
