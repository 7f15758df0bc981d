"""A reader of the quick start, who types what it shows into a folder that looks like a clone.

Ports are replaced by free ones, in commands and in the configuration. Nothing else is.
"""

import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.daemon import get
from tests.documents.shown import fenced

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "quick-start.md").read_text(encoding="utf-8")
PATIENCE = 60.0
PORTS = ("19870", "19871", "8080")

ELSEWHERE = {
    "make demo": "test_make_demo_tells_a_failure_with_its_reasons_and_ends_by_itself",
    "export TENCENTCLOUD_SECRET_ID=… TENCENTCLOUD_SECRET_KEY=…": "the same with keys of nobody, below it",
}
LASTING = {"jobwatch simulate": "listens at", "receiver.py": "listens on port", "jobwatch run": ""}
"""What goes on in a terminal of its own, and what it says once it does."""


def blocks(language: str) -> list[str]:
    """The blocks of a language in the page."""
    return fenced(PAGE, language)


def lines() -> list[str]:
    """Every command of the page, in order."""
    return [line for block in blocks("sh") for line in block.splitlines() if line not in ELSEWHERE]


@dataclass(slots=True)
class Terminal:
    """A folder that looks like a clone, an environment, and what runs in the background."""

    folder: Path
    ports: Mapping[str, str]
    environment: dict[str, str]
    lasting: list[subprocess.Popen[bytes]] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)

    def rewritten(self, text: str) -> str:
        """The text with other ports."""
        return re.sub("|".join(PORTS), lambda found: self.ports[found[0]], text)

    def type(self, line: str) -> None:
        """Do what a reader does with a line."""
        if line.startswith("export "):
            words = shlex.split(self.rewritten(line))[1:]
            self.environment |= dict(word.split("=", 1) for word in words)
            return
        lasts = next((says for name, says in LASTING.items() if name in line), None)
        if lasts is None:
            self.said[line] = self._done(line)
        else:
            self._started(line, lasts)

    def _done(self, line: str) -> str:
        done = subprocess.run(
            ["bash", "-c", self.rewritten(line)],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _started(self, line: str, says: str) -> None:
        log = self.log(line)
        with log.open("wb") as output:
            started = subprocess.Popen(
                ["bash", "-c", f"exec env {self.rewritten(line)}"],
                cwd=self.folder, env=self.environment, stdout=output, stderr=output,
            )  # fmt: skip
        self.lasting.append(started)
        if says:
            wait_for(lambda: says in log.read_text(encoding="utf-8"), log)
        else:
            ready = f"http://127.0.0.1:{self.ports['19870']}/readyz"
            wait_for(lambda: get(ready)[0] == 200, log)

    def log(self, line: str) -> Path:
        """Where a line that goes on prints to."""
        name = next(name for name in LASTING if name in line)
        return self.folder / f"{name.replace(' ', '-')}.log"

    def close(self) -> None:
        """End what goes on, the latest first; what does not end fails the test, and nothing stays behind."""
        with ExitStack() as ending:
            for process in self.lasting:
                ending.callback(_end, process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE)
    finally:
        process.kill()


def wait_for(holds: Callable[[], object], log: Path) -> None:
    """Ask until it holds; fail with what the log says."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-4000:])
