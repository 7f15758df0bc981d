"""The quick start, from top to bottom as it is written: its commands, its configuration, and what it says they print."""

import os
import re
from collections.abc import Iterator

import pytest

from tests.daemon import free_port, get
from tests.e2e.reader import PORTS, ROOT, Terminal, blocks, lines, wait_for

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A reader who has typed all of it."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "docs").symlink_to(ROOT / "docs")
    own = {key: value for key, value in os.environ.items() if "JOBWATCH" not in key}
    here = Terminal(folder, {port: str(free_port()) for port in PORTS}, own)
    (configuration,) = blocks("yaml")
    (folder / "jobwatch.yaml").write_text(here.rewritten(configuration), encoding="utf-8")
    try:
        for line in lines():
            here.type(line)
        yield here
    finally:
        here.close()


def shape(text: str) -> list[str]:
    """The lines without what differs from run to run: numbers."""
    return [re.sub(r"[0-9][0-9,.]*", "0", line.strip()) for line in text.splitlines() if line]


def test_the_cloud_is_said_to_be_sound_in_the_words_of_the_page(terminal: Terminal) -> None:
    shown = next(block for block in blocks("text") if block.startswith("Online"))
    said = shape(terminal.said[".venv/bin/jobwatch check --online"])
    assert shape(shown) == said[said.index("Online") :]


def test_the_daemon_is_ready_and_the_first_message_is_accepted(terminal: Terminal) -> None:
    assert terminal.said[".venv/bin/jobwatch health --ready"] == "ready\n"
    shown = next(block for block in blocks("text") if block.startswith("The request"))
    assert set(shape(shown)) - {"…"} <= set(
        shape(terminal.said[".venv/bin/jobwatch receivers test ops"])
    )


def test_the_receiver_prints_what_the_page_says(terminal: Terminal) -> None:
    printed = terminal.log("receiver.py")
    told = re.compile(r"^\d{20} job\.[a-z_]+ [0-9a-f-]{36}$", re.MULTILINE)
    wait_for(lambda: told.search(printed.read_text(encoding="utf-8")), printed)
    assert "receiver.test ops" in printed.read_text(encoding="utf-8")
    shown = next(block for block in blocks("text") if re.match(r"\d{20} ", block))
    assert told.match(shown)


def test_jobs_sources_events_and_deliveries_are_listed(terminal: Terminal) -> None:
    for name in ("jobs", "sources", "events", "deliveries"):
        assert "prod" in terminal.said[f".venv/bin/jobwatch {name}"]
    page = get(f"http://127.0.0.1:{terminal.ports['19870']}/")
    assert page[0] == 200
    assert "Recent endings" in page[1]
