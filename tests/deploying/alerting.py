"""The alert rules, their cases and their pages, as tests read them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.deploying.deployed import DEPLOY, ROOT, read

PROMETHEUS = DEPLOY / "prometheus"
RULES = PROMETHEUS / "rules.yaml"
CASES = tuple(sorted((PROMETHEUS / "tests").glob("*.yaml")))
RUNBOOKS = ROOT / "docs" / "runbooks"
PAGE = ROOT / "docs" / "alerts.md"

MERGED = re.compile(
    r"(max|min|sum) without \(([a-z_, ]+)\)\s*\((?:[a-z_]+\()?\s*(jobwatch_[a-z_]+)(?:\{([^}]*)\})?"
)
"""How replicas are put together, which labels go with them, of which metric, and which of its series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One alert, as it stands in the file."""

    group: str
    alert: str
    body: dict[str, Any]

    @property
    def expression(self) -> str:
        return " ".join(self.body["expr"].split())

    @property
    def metrics(self) -> list[str]:
        return re.findall(r"jobwatch_[a-z_]+", self.expression)


def rules() -> list[Rule]:
    return [
        Rule(group=group["name"], alert=body["alert"], body=body)
        for group in read(RULES)["groups"]
        for body in group["rules"]
    ]


def expectations() -> Iterator[tuple[str, bool]]:
    """Each alert that a case asks for, and whether it is to fire there."""
    for file in CASES:
        for case in read(file)["tests"]:
            for asked in case["alert_rule_test"]:
                yield asked["alertname"], bool(asked["exp_alerts"])


def restarts() -> Iterator[str]:
    """Each alert that is asked for in a case in which one address ends and another begins."""
    for file in CASES:
        for case in read(file)["tests"]:
            ends = any("stale" in each["values"] for each in case["input_series"])
            begins = any(each["values"].startswith("_x") for each in case["input_series"])
            if ends and begins:
                yield from (asked["alertname"] for asked in case["alert_rule_test"])
