"""The alert rules ask for metrics that there are, as they are kept; each has cases, a runbook and a row."""

import re
from pathlib import Path

import pytest
import yaml

from jobwatch.metrics.table import (
    BUILD_INFO,
    BY_NAME,
    CLOCK_OFFSET,
    KEYS_EXPIRY,
    STORE_CREATED,
)
from tests.deploying.alerting import (
    CASES,
    MERGED,
    PAGE,
    PROMETHEUS,
    RULES,
    RUNBOOKS,
    Rule,
    expectations,
    restarts,
    rules,
)
from tests.deploying.deployed import read
from tests.documents.shown import fenced
from tests.programs import program, said_by

ALL = rules()
NAMES = [rule.alert for rule in ALL]
each_rule = pytest.mark.parametrize("rule", ALL, ids=NAMES)

# The worst replica counts, or (the store's age) all are the same; build_info is 1 whoever says it.
OTHERWISE = {CLOCK_OFFSET: "max", KEYS_EXPIRY: "min", STORE_CREATED: "min", BUILD_INFO: "max"}

SECTIONS = [
    "What it costs if you do nothing",
    "How to look",
    "What to do",
    "When it was wrong",
    "Related",
]


def metric_of(name: str) -> str:
    """The row of a series: that of a bucket is its histogram's."""
    return name.removesuffix("_bucket")


def test_the_rules_are_five_groups_of_alerts_with_names_of_their_own() -> None:
    assert len({*NAMES}) == len(NAMES) >= 26
    assert all(name.startswith("Jobwatch") for name in NAMES)
    groups = [rule.group for rule in ALL]
    assert [*dict.fromkeys(groups)] == [
        f"jobwatch-{part}" for part in ("jobs", "days", "sources", "delivery", "daemon")
    ]


@each_rule
def test_every_metric_that_is_asked_for_exists_and_forgets_its_replica_as_it_is_kept(
    rule: Rule,
) -> None:
    bare = re.sub(
        r"absent\(jobwatch_build_info\) unless on \(\) last_over_time\(jobwatch_build_info\[3d\]\)",
        "",
        rule.expression,
    )
    merged = MERGED.findall(bare)
    assert [name for _, _, name, _ in merged] == re.findall(r"jobwatch_[a-z_]+", bare)
    for how, without, name, _ in merged:
        row = BY_NAME[metric_of(name)]
        assert how == OTHERWISE.get(row.name, row.aggregation), name
        assert without.split(", ")[:2] == ["instance", "pod"]
        assert {*without.split(", ")[2:]} <= {*row.labels}


@each_rule
def test_every_label_that_is_asked_for_or_told_exists(rule: Rule) -> None:
    for _, _, name, selected in MERGED.findall(rule.expression):
        asked = set(re.findall(r"([a-z_]+)(?:=|!)", selected))
        assert asked <= {*BY_NAME[metric_of(name)].labels}
    known = {label for name in rule.metrics for label in BY_NAME[metric_of(name)].labels}
    texts = " ".join(rule.body["annotations"].values())
    told = {*re.findall(r"\$labels\.([a-z_]+)", texts)}
    assert told <= known | {"job"}
    gone = {
        label
        for _, without, _, _ in MERGED.findall(rule.expression)
        for label in without.split(", ")
    }
    assert not told & gone


@each_rule
def test_every_alert_says_how_bad_it_is_what_is_so_and_where_to_read_on(rule: Rule) -> None:
    assert {*rule.body} <= {"alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
    assert rule.body["labels"]["severity"] in ("critical", "warning", "info")
    assert [*rule.body["annotations"]] == ["summary", "description", "runbook"]
    assert rule.body["annotations"]["runbook"] == f"docs/runbooks/{rule.alert}.md"
    # Either it spans a restart, or it asks for what is not there.
    spans = rule.body.get("keep_firing_for") == "5m"
    assert spans or rule.alert in ("JobwatchAbsent", "JobwatchSourceNeverRead")


def test_a_reason_stands_above_every_rule_that_waits() -> None:
    text = RULES.read_text(encoding="utf-8")
    for rule in ALL:
        before = text.split(f"- alert: {rule.alert}\n", 1)[0]
        comment = before.rsplit("\n\n", 1)[-1].rsplit("rules:", 1)[-1]
        if "for" in rule.body:
            assert "`for`" in comment, rule.alert
        if rule.alert.startswith("JobwatchJobs") and rule.alert != "JobwatchJobsStalled":
            continue  # the comment above the five is above the first
        assert re.search(r"# .*\b[SP][.,;]", comment), rule.alert


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    asked = set(expectations())
    assert asked == {(name, fires) for name in NAMES for fires in (True, False)}


def test_every_alert_on_what_outlives_a_restart_is_tried_through_one() -> None:
    # Of a process nothing is left after a restart: the keys, the clock, the loop and the counters of calls begin anew.
    of_a_process = {
        *("JobwatchThrottled", "JobwatchRateLimitWaits", "JobwatchCredentialsExpiring"),
        *("JobwatchClockOff", "JobwatchStoreErrors", "JobwatchConfigRefused"),
        *("JobwatchLoopLags", "JobwatchSeriesDropped"),
    }
    tried = {*restarts()}
    lacking = {*NAMES} - of_a_process - tried
    assert lacking == {"JobwatchTasksFailed"}  # it asks for the metric of JobwatchJobFailed


def test_the_cases_stand_beside_the_rules() -> None:
    assert len(CASES) >= 5
    for file in CASES:
        assert read(file)["rule_files"] == ["../rules.yaml"]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_says_what_it_means_costs_and_asks_for(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {name}\n\n")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == SECTIONS
    look = text.split("## How to look", 1)[1].split("\n## ", 1)[0]
    assert "```promql\n" in look or name == "JobwatchConfigRefused"
    assert "```sh\n" in look
    parts = re.split(r"^## .+$", text, flags=re.MULTILINE)
    assert all(len(part.strip()) > 40 for part in parts)


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_asks_for_metrics_and_labels_that_there_are(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    for query in fenced(text, "promql"):
        for metric, selected in re.findall(r"(jobwatch_[a-z_]+)(?:\{([^}]*)\})?", query):
            row = BY_NAME[metric_of(metric)]
            assert set(re.findall(r"([a-z_]+)(?:=|!)", selected)) <= {*row.labels}


def test_the_page_has_a_row_for_every_alert_with_its_severity_and_its_patience() -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(
        r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| (\w+) \|[^|]+\| ([\w ]+) \|$",
        text,
        flags=re.MULTILINE,
    )
    assert found == [
        (rule.alert, rule.alert, rule.body["labels"]["severity"], rule.body.get("for", "at once"))
        for rule in ALL
    ]


def test_the_example_of_the_page_is_the_one_in_the_rules() -> None:
    part = PAGE.read_text("utf-8").split("## A timetable of your own", 1)[1]
    [shown] = yaml.safe_load(fenced(part, "yml")[0])["groups"][0]["rules"]
    commented = re.findall(
        r"^      # ((?:- alert|  ).*)$", RULES.read_text("utf-8"), flags=re.MULTILINE
    )
    [kept] = yaml.safe_load("\n".join(commented))
    assert kept["expr"] == shown["expr"]
    assert kept["alert"] == shown["alert"]


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    said = said_by(program("promtool"), "check", "rules", "--lint-fatal", str(RULES))
    assert f"SUCCESS: {len(ALL)} rules found" in said


ROUTES = (
    ("on-call", "alertname=JobwatchDataOld severity=critical source=prod"),
    ("on-call", "alertname=JobwatchAbsent severity=critical"),
    ("owners", "alertname=JobwatchJobsWaiting severity=warning source=prod condition=waiting"),
    ("by-day", "alertname=JobwatchSeriesDropped severity=info"),
    ("people", "alertname=JobwatchNewsWaits severity=warning receiver=ops"),
    ("people", "alertname=NodeDown severity=critical"),
)


@pytest.mark.parametrize(("receiver", "labels"), ROUTES)
def test_alertmanager_routes_each_to_whom_it_concerns(receiver: str, labels: str) -> None:
    config = f"--config.file={PROMETHEUS / 'alertmanager.yml'}"
    said = said_by(program("amtool"), "config", "routes", "test", config, *labels.split())
    assert said.splitlines()[0] == receiver


def test_inhibitions_name_alerts_that_there_are_and_spare_what_is_a_fact() -> None:
    inhibitions = read(PROMETHEUS / "alertmanager.yml")["inhibit_rules"]
    silenced = set()
    for each in inhibitions:
        for source in alerts_that(each["source_matchers"]):
            assert source in NAMES
        silenced |= alerts_that(each["target_matchers"]) if "source" in each["equal"] else set()
    assert {"JobwatchJobsStalled", "JobwatchNoSuccess", "JobwatchSourceDown"} <= silenced
    assert not {"JobwatchJobFailed", "JobwatchTasksFailed", "JobwatchDataOld"} & silenced


def alerts_that(matchers: list[str]) -> set[str]:
    """The alerts whose names fit."""
    found = {*NAMES}
    for matcher in matchers:
        how, pattern = re.fullmatch(r'alertname(=~|!=|=)"(.+)"', matcher).groups()  # type: ignore[union-attr]
        found = {name for name in found if bool(re.fullmatch(pattern, name)) != (how == "!=")}
    return found


def test_prometheus_reads_the_example_with_the_rules_beside_it(tmp_path: Path) -> None:
    for name in ("prometheus.yml", "rules.yaml"):
        (tmp_path / name).write_text((PROMETHEUS / name).read_text("utf-8"), encoding="utf-8")
    (tmp_path / "jobwatch-read-token").write_text("only for reading", encoding="utf-8")
    said = said_by(program("promtool"), "check", "config", "prometheus.yml", cwd=tmp_path)
    assert f"SUCCESS: {len(ALL)} rules found" in said
