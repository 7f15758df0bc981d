"""promtool plays the life of an installation to the alert rules: what fires, and what does not."""

from pathlib import Path

import pytest

from tests.deploying.alerting import CASES
from tests.programs import program, said_by


@pytest.mark.parametrize("cases", CASES, ids=lambda file: file.stem)
def test_the_rules_do_what_their_cases_say(cases: Path) -> None:
    said = said_by(program("promtool"), "test", "rules", cases.name, cwd=cases.parent)
    assert "SUCCESS" in said
