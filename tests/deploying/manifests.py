"""The plain manifests of deploy/kubernetes, made from the chart: `make manifests`.

Law of this module: the manifests say what the chart says, less what only Helm reads.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.deploying.deployed import DEPLOY, read
from tests.deploying.helm import overlaid, render

FOLDER = DEPLOY / "kubernetes"
HEAD = "# Rendered by `make manifests` from deploy/helm/jobwatch and values.yaml.\n"
NOISE = re.compile(
    r"^(?: +(?:helm\.sh/chart|app\.kubernetes\.io/managed-by): .*|# Source: .*)\n", re.MULTILINE
)


def manifests(more: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Each file's name with its text; `more` are values over those of the folder."""
    rendered = render(overlaid(read(FOLDER / "values.yaml"), more or {}))
    parts = re.split(r"^---\n", rendered.text, flags=re.MULTILINE)
    texts = [HEAD + NOISE.sub("", part).strip("\n") + "\n" for part in parts if part.strip()]
    return {f"{yaml.safe_load(text)['kind'].lower()}.yaml": text for text in texts}


def main() -> None:
    for name, text in manifests().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
