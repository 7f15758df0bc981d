"""The rules of a source: those of the whole, key by key under what the source writes down itself."""

from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.rules import FailingRule, Rules
from jobwatch.settings import rules_for
from tests.unit.settings_cases import SOURCE, read

HALF_HOUR, TWO_HOURS = timedelta(minutes=30), timedelta(hours=2)

CAS = "\n  vault_jobs:\n    provider: {kind: cas, region: ap-chengdu}\n"


def rules(folder: Path, own: str, whole: str = "{}", every: str = "30s") -> Rules:
    text = f"{SOURCE}    rules: {own}\n    every: {every}\nrules: {whole}\n"
    return rules_for(read(folder, text).settings, "prod")


def test_without_a_word_the_rules_are_those_of_the_contract(tmp_path: Path) -> None:
    assert rules(tmp_path, "{}") == Rules(
        stalled_after=HALF_HOUR,
        stuck_after=TWO_HOURS,
        waiting_after=timedelta(minutes=15),
        overdue_after=None,
        failing=FailingRule(ratio=0.05, min_finished=100),
        unreachable_after=timedelta(minutes=5),
        remind_every=timedelta(hours=12),
    )


def test_a_source_overrides_what_it_writes_down_and_nothing_else(tmp_path: Path) -> None:
    found = rules(tmp_path, "{stalled_after: 1h}", "{stalled_after: 2h, stuck_after: 3h}")
    assert (found.stalled_after, found.stuck_after) == (timedelta(hours=1), timedelta(hours=3))


def test_a_source_that_writes_the_default_down_overrides_the_whole_with_it(tmp_path: Path) -> None:
    assert rules(tmp_path, "{stalled_after: 30m}", "{stalled_after: 2h}").stalled_after == HALF_HOUR


def test_null_switches_a_rule_off_for_one_source_or_for_all(tmp_path: Path) -> None:
    assert rules(tmp_path, "{waiting_after: null}").waiting_after is None
    assert rules(tmp_path, "{}", "{waiting_after: null}").waiting_after is None
    assert rules(tmp_path, "{waiting_after: 1h}", "{waiting_after: null}").waiting_after == (
        timedelta(hours=1)
    )


@pytest.mark.parametrize(
    ("own", "whole", "rule"),
    [
        ("{failing: null}", "{}", None),
        ("{}", "{failing: null}", None),
        (
            "{failing: {ratio: 0.5}}",
            "{failing: {min_finished: 7}}",
            FailingRule(ratio=0.5, min_finished=7),
        ),
        ("{failing: {ratio: 0.5}}", "{failing: null}", FailingRule(ratio=0.5, min_finished=100)),
        ("{}", "{failing: {ratio: 0.2}}", FailingRule(ratio=0.2, min_finished=100)),
    ],
)
def test_the_failing_rule_is_overridden_key_by_key_too(
    tmp_path: Path, own: str, whole: str, rule: FailingRule | None
) -> None:
    assert rules(tmp_path, own, whole).failing == rule


@pytest.mark.parametrize(("every", "after"), [("30s", 5), ("100s", 5), ("2m", 6), ("1h", 180)])
def test_unreachable_by_itself_is_five_minutes_or_three_intervals(
    tmp_path: Path, every: str, after: int
) -> None:
    assert rules(tmp_path, "{}", every=every).unreachable_after == timedelta(minutes=after)


def test_unreachable_may_be_set_or_switched_off(tmp_path: Path) -> None:
    assert rules(tmp_path, "{unreachable_after: 20m}").unreachable_after == timedelta(minutes=20)
    assert rules(tmp_path, "{}", "{unreachable_after: null}").unreachable_after is None


@pytest.mark.parametrize(
    ("text", "doubted"),
    [
        (SOURCE + "rules: {expiring_before: 6h}", ["rules.expiring_before"]),
        (
            SOURCE + "    rules: {expiring_before: 6h}" + CAS,
            ["sources.prod.rules.expiring_before"],
        ),
        (SOURCE + CAS.lstrip("\n") + "rules: {expiring_before: 6h}", []),
    ],
)
def test_a_rule_on_output_is_doubted_where_no_output_expires(
    tmp_path: Path, text: str, doubted: list[str]
) -> None:
    warnings = read(tmp_path, text).warnings
    assert [each.split(" ")[0] for each in warnings] == doubted
    assert all("never speaks" in each for each in warnings)


def test_a_reminder_that_a_sweep_may_come_too_late_for_is_doubted(tmp_path: Path) -> None:
    text = SOURCE + CAS + "    rules: {expiring_before: 1h}\n"
    (warning,) = read(tmp_path, text + "    every: 6h\n").warnings
    assert warning.startswith("sources.vault_jobs.rules.expiring_before")
    assert "`every` (6h)" in warning
    assert not read(tmp_path, text + "    every: 1h\n").warnings
