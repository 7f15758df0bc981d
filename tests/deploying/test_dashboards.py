"""The dashboards of `deploy/grafana` ask for what there is, look alike, and agree with the rules for alerts."""

import re
from collections.abc import Iterator
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

import pytest

from jobwatch.metrics.table import BY_NAME, Kept
from tests.deploying.dashboards.__main__ import BOARDS, text
from tests.deploying.dashboards.asks import merging, row
from tests.deploying.dashboards.colours import OF_WORDS
from tests.deploying.deployed import (
    DASHBOARDS,
    DEPLOY,
    Query,
    dashboard,
    notes,
    panels,
    queries,
    read,
    variables,
)
from tests.documents import metrics_page

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24
NAME = r"jobwatch_[a-z_]+"
BY_REPLICA = {
    "Leases by replica A",
    "Event loop lag, 95 % A",
    "Event loop lag A",
    "Replicas A",
    "Replicas B",
    "Replicas C",
    "Replicas D",
    "Series of each scrape A",
    "Duration of scrapes A",
    "Started, reloaded or in sight again",
    "Another version",
}
"""Questions that are about single replicas or versions: their process series are not put together."""
AS_ALERTED = (
    ("Oldest data, in intervals", "JobwatchDataOld"),
    ("Age of data, in intervals", "JobwatchDataOld"),
    ("Oldest news not told", "JobwatchNewsWaits"),
    ("Age of the oldest news not told", "JobwatchNewsWaits"),
    ("Event loop lag, 95 %", "JobwatchLoopLags"),
    ("Event loop lag", "JobwatchLoopLags"),
    ("Clock offset", "JobwatchClockOff"),
    ("Clock offset by source", "JobwatchClockOff"),
    ("Keys expire in", "JobwatchCredentialsExpiring"),
    ("Keys expire in, by source", "JobwatchCredentialsExpiring"),
    ("Share of calls that were throttled", "JobwatchThrottled"),
    ("Waiting for our own rate limit", "JobwatchRateLimitWaits"),
)
"""Panels whose red begins where an alert does."""

each_board = pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.stem)
each_query = pytest.mark.parametrize(
    "query",
    [
        pytest.param(query, id=f"{query.board}: {query.panel}")
        for board in DASHBOARDS
        for query in queries(board)
    ],
)


def drawn(board: Path) -> list[dict[str, Any]]:
    """The panels of a dashboard without the headings of its rows."""
    return [panel for panel in panels(board) if panel["type"] != "row"]


def defaults(panel: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = panel["fieldConfig"]["defaults"]
    return found


@pytest.mark.parametrize("name", BOARDS)
def test_the_files_are_what_the_tables_of_panels_give(name: str) -> None:
    written = (DEPLOY / "grafana" / f"{name}.json").read_text("utf-8")
    assert written == text(BOARDS[name]), "run .venv/bin/python -m tests.deploying.dashboards"


def test_there_is_a_file_for_each_dashboard_and_no_other() -> None:
    assert {path.stem for path in DASHBOARDS} == set(BOARDS)


# ── what is asked ───────────────────────────────────────────────────────────────────


@each_query
def test_a_question_names_metrics_there_are_and_labels_they_have(query: Query) -> None:
    selected = re.findall(rf"({NAME}){{([^}}]*)}}", query.expression)
    assert selected
    assert len(selected) == len(re.findall(NAME, query.expression)), "a metric is not narrowed down"
    for name, matchers in selected:
        known = {"job", *row(name).labels} | (
            {"instance"} if row(name).kept is Kept.PROCESS else set()
        )
        labels = re.findall(r"(\w+)(?:=~|!=|=)\"", matchers)
        assert {*labels} <= known
        if query.panel == "Sources nobody holds A":
            known -= {"instance"}  # it is about all replicas together
        chosen = {"job", "instance", "source", "receiver"} & known
        unheeded = [each for each in chosen if f'{each}=~"${each}"' not in matchers]
        assert not unheeded, "a variable of the dashboard is not heeded"


@each_query
def test_a_question_puts_replicas_together_as_the_metric_is_kept(query: Query) -> None:
    names = re.findall(NAME, query.expression)
    merged = re.findall(
        rf"(max|sum|min) without \(instance, pod\) \((?:(?:rate|increase|abs)\()?({NAME}){{",
        query.expression,
    )
    single = [name for name in names if name not in {found for _, found in merged}]
    assert all(how == merging(name) for how, name in merged)
    assert len(merged) + len(single) == len(names)
    if single:
        assert query.panel in BY_REPLICA
        assert {row(name).kept for name in single} == {Kept.PROCESS}


def test_what_is_asked_by_replica_is_listed_as_such() -> None:
    asked = {query.panel for board in DASHBOARDS for query in queries(board)}
    assert asked >= BY_REPLICA


def test_every_metric_is_on_a_dashboard() -> None:
    asked = " ".join(query.expression for board in DASHBOARDS for query in queries(board))
    assert {row(name).name for name in re.findall(NAME, asked)} == set(BY_NAME)


@each_board
def test_variables_ask_for_labels_that_metrics_have(board: Path) -> None:
    asked = variables(board)
    assert list(asked) == ["job", "source", "receiver", "instance"]
    for selector, label in asked.values():
        of = row(re.match(NAME, selector)[0])  # type: ignore[index]
        assert label in (*of.labels, "job", "instance")
        assert of.kept is (Kept.STORE if label in of.labels else Kept.PROCESS)


# ── what it looks like ──────────────────────────────────────────────────────────────


@each_board
def test_a_dashboard_has_its_identity_and_no_trace_of_the_grafana_it_came_from(board: Path) -> None:
    tree = dashboard(board)
    assert tree["uid"] == f"jobwatch-{board.stem}"
    assert tree["title"] == f"jobwatch: {board.stem}"
    assert tree["schemaVersion"] == 41
    assert (tree["tags"], tree["timezone"], tree["refresh"]) == (["jobwatch"], "browser", "30s")
    assert not {"id", "version", "iteration", "__inputs", "__requires"} & set(tree)


def test_the_dashboards_take_over_each_others_choices_and_notes() -> None:
    one, other = map(dashboard, DASHBOARDS)
    for part in ("templating", "annotations", "links"):
        assert one[part] == other[part]
    [to_other, *to_page] = one["links"]
    assert (to_other["tags"], to_other["includeVars"], to_other["keepTime"]) == (
        ["jobwatch"],
        True,
        True,
    )
    assert all(link["url"].startswith("${jobwatch_url:raw}/") for link in to_page)
    assert len(notes(DASHBOARDS[0])) == 3


@each_board
def test_everything_asks_the_data_source_that_was_chosen(board: Path) -> None:
    asked = [*drawn(board), *notes(board)]
    asked += [target for panel in drawn(board) for target in panel["targets"]]
    assert all(each["datasource"] == PROMETHEUS for each in asked if "datasource" in each)
    [source] = [
        each for each in dashboard(board)["templating"]["list"] if each["type"] == "datasource"
    ]
    assert (source["name"], source["query"]) == ("datasource", "prometheus")


@each_board
def test_a_panel_says_what_it_shows_in_which_unit_and_what_it_means_to_be_empty(
    board: Path,
) -> None:
    found = panels(board)
    assert len({panel["id"] for panel in found}) == len(found)
    assert len({panel["title"] for panel in drawn(board)}) == len(drawn(board))
    for panel in drawn(board):
        name, config = panel["title"], defaults(panel)
        assert len(panel["description"]) > 20, name
        assert panel["description"].endswith("."), name
        assert config["unit"], name
        assert config["noValue"] not in ("", "No data"), name
        assert config["thresholds"]["steps"][0]["value"] is None, name
        instant = panel["type"] in ("stat", "table", "bargauge")
        for target in panel["targets"]:
            assert (target["instant"], target["range"]) == (instant, not instant), name
            named = panel["type"] in ("stat", "table") or target["legendFormat"].startswith("{{")
            assert named, name


@each_board
def test_panels_fill_their_lines_and_lie_under_each_other(board: Path) -> None:
    found = [panel["gridPos"] for panel in panels(board)]
    for one, other in combinations(found, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        under = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or under
    for y, line in groupby(found, key=lambda place: place["y"]):
        places = list(line)
        assert sum(place["w"] for place in places) == COLUMNS, y
        assert len({place["h"] for place in places}) == 1, y


@each_board
def test_one_look_at_the_first_row_says_whether_all_is_well(board: Path) -> None:
    heading, *rest = panels(board)
    assert heading["type"] == "row"
    first = [panel for panel in rest if panel["gridPos"]["y"] == 1]
    assert {panel["type"] for panel in first} == {"stat"}
    for panel in first:
        assert panel["options"]["colorMode"] == "background_solid", panel["title"]
        assert len(defaults(panel)["thresholds"]["steps"]) > 1, panel["title"]
        [nothing] = defaults(panel)["mappings"]
        assert nothing["options"]["match"] == "null+nan"
        well = nothing["options"]["result"]["color"] == "green"
        assert well is (panel["title"] == "Keys expire in"), "nothing known is shown as well"


def colours(panel: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The words of a panel, and the colour of each."""
    for each in panel["fieldConfig"]["overrides"]:
        for found in each["properties"]:
            if found["id"] == "color" and each["matcher"]["options"] in OF_WORDS:
                yield each["matcher"]["options"], found["value"]["fixedColor"]
            if found["id"] == "mappings":
                yield from mapped(found["value"])
    yield from mapped(defaults(panel)["mappings"])


def mapped(mappings: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """The words that values stand for, and the colour of each."""
    for each in mappings:
        if each["type"] == "value":
            yield from ((one["text"], one["color"]) for one in each["options"].values())


@each_board
def test_a_word_has_the_same_colour_on_every_panel(board: Path) -> None:
    found = {pair for panel in drawn(board) for pair in colours(panel)}
    assert len(found) > 20
    assert found <= set(OF_WORDS.items())


@each_board
def test_lines_that_are_called_by_a_word_have_its_colour(board: Path) -> None:
    seen = 0
    for panel in drawn(board):
        coloured = {word for word, _ in colours(panel)}
        legends = [re.fullmatch(r"{{(\w+)}}", each["legendFormat"]) for each in panel["targets"]]
        for legend in filter(None, legends):
            metric = re.search(NAME, panel["targets"][0]["expr"])
            assert metric
            of = row(metric[0])
            if legend[1] in of.labels and legend[1] not in ("source", "receiver", "call", "reason"):
                words = {*re.findall(r"`([\w.]+)`", metrics_page.label(of, legend[1]).values)}
                excluded = re.findall(rf'{legend[1]}!="(\w+)"', panel["targets"][0]["expr"])
                assert words
                assert coloured >= words - {*excluded}, panel["title"]
                seen += 1
    assert seen


# ── what is bad ─────────────────────────────────────────────────────────────────────


def alarming(panel: dict[str, Any]) -> float:
    """Where a panel's red begins, or ends where little is bad."""
    steps = defaults(panel)["thresholds"]["steps"]
    *_, red = (step["value"] for step in steps if step["color"] == "red")
    return float(steps[1]["value"] if red is None else red)


@pytest.mark.parametrize(("title", "alert"), AS_ALERTED)
def test_red_begins_where_the_alert_does(title: str, alert: str) -> None:
    groups = read(DEPLOY / "prometheus" / "rules.yaml")["groups"]
    [rule] = [rule for group in groups for rule in group["rules"] if rule.get("alert") == alert]
    limits = {float(each) for each in re.findall(r"[<>] ([\d.]+)", rule["expr"])} - {0.0}
    found = [panel for board in DASHBOARDS for panel in drawn(board) if panel["title"] == title]
    assert found
    assert {alarming(panel) for panel in found} == limits
