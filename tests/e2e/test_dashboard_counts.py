"""The dashboards count right where it is hard to: over a restart under another address, and beside a second replica."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploying.deployed import DASHBOARDS, queries
from tests.programs import program, said_by

AS_GRAFANA = {
    **dict.fromkeys(("job", "instance", "source", "receiver"), ".*"),
    "__rate_interval": "4m",
    "__interval": "1m",
    "__range": "7m",
}
RESTARTED = ("0 0 1 1 2 stale", "_ _ _ _ _ 2 2 3")
"""A daemon that had told of two jobs, and its successor that tells of a third, minute by minute."""
BESIDE = ("0 0 1 1 2 2 2 3", "0 0 1 1 2 2 2 3")
"""Two replicas, which say the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What each of two replicas says of a metric."""

    metric: str
    labels: str
    values: Sequence[str]

    def written(self) -> list[dict[str, str]]:
        return [
            {
                "series": f'{self.metric}{{job="jobwatch",instance="{who}",pod="{who}",{self.labels}}}',
                "values": values,
            }
            for who, values in zip("ab", self.values, strict=True)
        ]


def asked(board: str, panel: str) -> str:
    """The question of a panel, as Grafana sends it."""
    [found] = [
        query
        for path in DASHBOARDS
        for query in queries(path)
        if (query.board, query.panel) == (board, panel)
    ]
    return found.filled(**AS_GRAFANA)


def expected(expression: str, minute: int, labels: str, value: float) -> dict[str, Any]:
    """One number at a minute, under these labels."""
    samples = [{"labels": labels, "value": value}]
    return {"expr": expression, "eval_time": f"{minute}m", "exp_samples": samples}


def played(folder: Path, series: Sequence[Series], tests: Sequence[dict[str, Any]]) -> None:
    """Let promtool play the series and compare."""
    document = {
        "rule_files": [],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [each for one in series for each in one.written()],
                "promql_expr_test": list(tests),
            }
        ],
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    assert "SUCCESS" in said_by(program("promtool"), "test", "rules", str(file))


def finished(values: Sequence[str]) -> Series:
    labels = 'source="prod",operation="other",outcome="failed"'
    return Series(metric="jobwatch_jobs_finished_total", labels=labels, values=values)


@pytest.mark.parametrize("values", [RESTARTED, BESIDE], ids=["restarted", "two replicas"])
def test_the_bars_of_endings_show_each_job_once(values: Sequence[str], tmp_path: Path) -> None:
    bars = asked("overview", "Endings A")
    each_minute = [
        expected(bars, minute, '{outcome="failed"}', count)
        for minute, count in enumerate((0, 1, 0, 1, 0, 0, 1), 1)
    ]
    played(tmp_path, [finished(values)], each_minute)


@pytest.mark.parametrize("values", [RESTARTED, BESIDE], ids=["restarted", "two replicas"])
def test_the_count_of_the_time_range_holds_over_a_restart(
    values: Sequence[str], tmp_path: Path
) -> None:
    whole = expected(f"round({asked('overview', 'Ended badly A')})", 7, "{}", 3)
    played(tmp_path, [finished(values)], [whole])


def test_a_quantile_of_the_time_range_has_the_very_first_observation_in_it(tmp_path: Path) -> None:
    """The series of a histogram appear with it: an increase would never see it."""
    name, of = "jobwatch_job_wait_seconds_bucket", 'source="prod"'
    series = [
        Series(metric=name, labels=f'{of},le="{bound}"', values=("_ _ _ _ _ 1 1 1", "_x7"))
        for bound in ("60", "300", "+Inf")
    ]
    series.append(Series(metric=name, labels=f'{of},le="30"', values=("_ _ _ _ _ 0 0 0", "_x7")))
    half = expected(asked("overview", "How long jobs wait A"), 7, '{source="prod"}', 45)
    played(tmp_path, series, [half])


def test_the_state_of_a_receiver_is_that_of_one_series_out_of_four(tmp_path: Path) -> None:
    state = asked("internals", "States of receivers A")
    series = [
        Series(
            metric="jobwatch_receiver_state",
            labels=f'receiver="ops",state="{name}"',
            values=(values, values),
        )
        for name, values in {
            "active": "1 0 0 0",
            "half_open": "0 1 0 0",
            "failing": "0 0 1 0",
            "paused": "0 0 0 1",
        }.items()
    ]
    each_minute = [expected(state, minute, '{receiver="ops"}', minute) for minute in range(4)]
    played(tmp_path, series, each_minute)
