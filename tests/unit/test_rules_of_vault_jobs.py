"""Rules where the cloud counts no tasks, and output that expires: by the table of CAS."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobwatch.core.conditions import ConditionName
from jobwatch.core.model import Job, Phase, Snapshot
from jobwatch.core.rules import (
    JOB_CONDITIONS,
    NO_RULES,
    FailingRule,
    Rules,
    Window,
    expiring,
    holds,
    horizon,
    judge_jobs,
)
from jobwatch.providers.cas import LIFECYCLE as CAS
from jobwatch.settings import rules_for
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND, job, snapshot
from tests.unit.rules_cases import LONG, RULES, sight
from tests.unit.settings_cases import SOURCE, read

WORST = Rules(
    stalled_after=SECOND,
    stuck_after=SECOND,
    waiting_after=SECOND,
    overdue_after=SECOND,
    failing=FailingRule(ratio=0, min_finished=1),
)
SIGHT = sight(lifecycle=CAS)


def vault_job(status: str, **fields: Any) -> Snapshot:
    """A job that is in its status for ages, and of which nobody counted anything."""
    word, phase = CAS.read(status)
    of: Job = replace(job("Active", progress=None, priority=None), status=word, phase=phase)
    times: dict[str, Any] = {"status_since": NOW - LONG, "progressed_at": NOW - LONG}
    return snapshot(of=replace(of, scope="photos", **fields), **times)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("InProgress", {ConditionName.OVERDUE}),
        ("inprogress", {ConditionName.OVERDUE}),
        ("Succeeded", set()),
        ("Failed", set()),
        ("Frozen", {ConditionName.OVERDUE}),
    ],
)
def test_without_counters_a_job_is_overdue_and_nothing_else(
    status: str, expected: set[ConditionName]
) -> None:
    still = vault_job(status, created_at=NOW - LONG)
    assert {name for name in JOB_CONDITIONS if holds(name, still, WORST, SIGHT)} == expected
    judgement = judge_jobs([still], WORST, SIGHT)
    assert {subject.name for subject in judgement.holding} == expected


def test_a_vault_job_without_a_time_of_creation_is_nothing_at_all() -> None:
    still = vault_job("InProgress", created_at=None)
    assert judge_jobs([still], WORST, SIGHT).holding == {}


def test_a_vault_job_passes_through_no_status_and_works_in_one() -> None:
    assert CAS.passing == ()
    assert [status for status in CAS.statuses if CAS.works(status)] == ["InProgress"]
    assert CAS.read("INPROGRESS") == ("InProgress", Phase.RUNNING)
    assert horizon(WORST, SIGHT).passing == ()


@pytest.mark.parametrize("rules", [NO_RULES, replace(RULES, expiring_before=None)])
def test_a_rule_that_is_off_reminds_of_no_output(rules: Rules) -> None:
    assert expiring(rules, NOW) is None


@pytest.mark.parametrize("before", [MINUTE, HOUR, DAY, 2 * DAY])
def test_people_are_reminded_of_what_expires_from_now_on_until_then(before: Any) -> None:
    rules = Rules(expiring_before=before)
    assert expiring(rules, NOW) == Window(after=NOW, until=NOW + before)


def test_output_that_expires_is_no_condition() -> None:
    there = vault_job("Succeeded", output_expires_at=NOW + MINUTE)
    rules = replace(WORST, expiring_before=DAY)
    assert judge_jobs([there], rules, SIGHT).holding == {}


@pytest.mark.parametrize(
    ("own", "whole", "expected"),
    [
        ("{}", "{}", None),
        ("{}", "{expiring_before: 2h}", 2 * HOUR),
        ("{expiring_before: 3h}", "{expiring_before: 2h}", 3 * HOUR),
        ("{expiring_before: null}", "{expiring_before: 2h}", None),
    ],
)
def test_a_source_has_its_own_word_on_output(
    tmp_path: Path, own: str, whole: str, expected: Any
) -> None:
    settings = read(tmp_path, f"{SOURCE}    rules: {own}\nrules: {whole}\n").settings
    assert rules_for(settings, "prod").expiring_before == expected
