"""Writes the dashboards of `deploy/grafana`.

.venv/bin/python -m tests.deploying.dashboards
"""

import json
from pathlib import Path

from tests.deploying.dashboards.board import Board
from tests.deploying.dashboards.internals import INTERNALS
from tests.deploying.dashboards.overview import OVERVIEW

FOLDER = Path(__file__).parents[3] / "deploy" / "grafana"
BOARDS = {"overview": OVERVIEW, "internals": INTERNALS}


def text(board: Board) -> str:
    """The file of a dashboard."""
    return json.dumps(board.drawn(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, board in BOARDS.items():
        (FOLDER / f"{name}.json").write_text(text(board), encoding="utf-8")
