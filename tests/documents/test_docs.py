"""The documents say what the code does, and nothing that belongs to a machine or a registry."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from jobwatch.cli.commands import app
from jobwatch.core.breaker import PauseReason, ReceiverState
from jobwatch.core.detail import DetailError
from jobwatch.core.errors import TransportKind, WithheldReason
from jobwatch.core.events import GROUPS, UNASKED, EventType
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.outbox import (
    CHAT_WAITS,
    PAGING_WAITS,
    STANDARD_WAITS,
    DeliveryState,
    Result,
)
from jobwatch.core.plan import PlanReason
from jobwatch.core.routing import RouteReason
from jobwatch.core.schemas import schemas
from jobwatch.providers import cas, cos_batch
from tests.documents import metrics_page
from tests.documents.shown import PAGES, ROOT, anchors, blocks, commands, prose, unfenced
from tests.documents.shown_commands import stood_in
from tests.unit.settings_cases import SECRET, SOURCE, read

README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

EVENTS = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
RECEIVING = (ROOT / "docs" / "receiving.md").read_text(encoding="utf-8")


def words(page: str) -> set[str]:
    """Everything that a page sets in code, outside of its blocks."""
    return set(re.findall(r"`([^`\n]+)`", unfenced(page)))


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_the_readme_names_every_command_and_no_other() -> None:
    table = README.split("## Commands", 1)[1].split("\n\n", 2)[1]
    assert set(re.findall(r"jobwatch ([a-z]+)", table)) == set(vars(get_command(app))["commands"])


def test_the_readme_names_every_event_type() -> None:
    table = README.split("## What you are told", 1)[1].split("## Commands", 1)[0]
    assert {each.value for each in EventType} <= set(
        re.findall(r"`((?:job|source|receiver)\.[a-z_]+|digest)`", table)
    )


def test_the_page_on_events_has_a_row_for_every_type_with_its_groups() -> None:
    table = EVENTS.split("## Types", 1)[1].split("Groups are", 1)[0]
    rows = re.findall(r"^\| `([a-z_.]+)` \|[^|]*\| ([^|]*)\|", table, flags=re.MULTILINE)
    found = {name: set(groups.replace(",", " ").split()) for name, groups in rows}
    assert found == {
        each.value: {name for name, types in GROUPS.items() if each in types} for each in EventType
    }
    assert {each.value for each in UNASKED} <= words(EVENTS)


def properties(schema: object) -> Iterator[str]:
    """The names of all properties in a schema."""
    parts = schema.values() if isinstance(schema, dict) else schema
    if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
        yield from schema["properties"]
    for part in parts if isinstance(parts, list | type({}.values())) else ():
        yield from properties(part)


def test_the_page_on_events_names_every_field_and_every_word_of_the_schemas() -> None:
    fields = {name for schema in schemas().values() for name in properties(schema)}
    assert len(fields) > 60
    missing = fields - words(EVENTS)
    assert not missing
    reasons = {*DetailError, *WithheldReason, *TransportKind, *PauseReason}
    assert not {each.value for each in reasons} - words(EVENTS)


def test_the_page_on_receiving_names_every_result_of_an_attempt() -> None:
    table = RECEIVING.split("## What an answer means", 1)[1].split("`Retry-After` is read", 1)[0]
    named = re.findall(r"^\| (`[^|]+) \|", table, flags=re.MULTILINE)
    assert sorted(words(" ".join(named))) == sorted(each.value for each in Result)


def spoken(wait: timedelta) -> str:
    """A pause as the page writes it."""
    units = ((3600, "h"), (60, "min"), (1, "s"))
    size, unit = next(each for each in units if wait.total_seconds() % each[0] == 0)
    return f"{int(wait.total_seconds()) // size} {unit}"


def test_the_page_on_receiving_tells_the_pauses_between_attempts() -> None:
    told = " ".join(RECEIVING.split("## When it is tried again", 1)[1].split())
    assert told.startswith(f"At once, then after {', '.join(map(spoken, STANDARD_WAITS))},")


def test_the_page_on_delivery_names_every_state_and_every_reason() -> None:
    named = words((ROOT / "docs" / "delivery.md").read_text(encoding="utf-8"))
    for kind in (DeliveryState, ReceiverState, PauseReason, RouteReason):
        assert {each.value for each in kind} - {"claimed"} <= named, kind


@pytest.mark.parametrize(("who", "pauses"), [("Chats", CHAT_WAITS), ("PagerDuty", PAGING_WAITS)])
def test_the_page_on_delivery_tells_the_pauses_of_people(
    who: str, pauses: tuple[timedelta, ...]
) -> None:
    page = " ".join((ROOT / "docs" / "delivery.md").read_text(encoding="utf-8").split())
    assert f"{who}: after {', '.join(map(spoken, pauses))}, for" in page


def test_the_page_on_detection_names_every_reason_of_a_plan() -> None:
    page = (ROOT / "docs" / "detection.md").read_text(encoding="utf-8")
    assert {each.value for each in PlanReason} <= set(re.findall(r"`([a-z_]+)`", page))


def test_the_page_on_metrics_is_what_the_table_of_metrics_gives() -> None:
    written = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert written == metrics_page.page(), "run .venv/bin/python -m tests.documents.metrics_page"


@pytest.mark.parametrize(
    ("page", "table"),
    [(ROOT / "ARCHITECTURE.md", cos_batch.LIFECYCLE), (ROOT / "docs/detection.md", cas.LIFECYCLE)],
)
def test_the_life_of_a_job_is_drawn_from_the_table(page: Path, table: Lifecycle) -> None:
    text = page.read_text(encoding="utf-8")
    drawn = re.split(r"<!-- /?lifecycle[a-z ]*-->", text)[1]
    assert drawn.strip() == f"```mermaid\n{table.mermaid()}\n```"


def test_the_architecture_names_every_room() -> None:
    rooms = {
        path.relative_to(ROOT / "jobwatch").with_suffix("").as_posix()
        for path in (ROOT / "jobwatch" / "core").glob("*.py")
        if path.stem != "__init__"
    }
    rooms |= {
        path.stem
        for path in (ROOT / "jobwatch").iterdir()
        if path.name not in ("__init__.py", "__main__.py", "__pycache__", "py.typed")
    }
    missing = {room for room in rooms if room not in ARCHITECTURE}
    assert not missing


def test_the_architecture_fits_two_pages() -> None:
    assert len(ARCHITECTURE.splitlines()) <= 170


@pytest.mark.parametrize("page", PAGES)
def test_links_between_documents_lead_to_a_place_that_there_is(page: str) -> None:
    for target, _, anchor in (
        link.partition("#") for link in re.findall(r"\]\(([^):]+)\)", prose(page))
    ):
        path = ((ROOT / page).parent / target).resolve() if target else ROOT / page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.relative_to(ROOT).as_posix()), f"{target}#{anchor}"


def completed(snippet: str) -> dict[str, Any]:
    """A configuration of which a page shows a part."""
    tree: dict[str, Any] = yaml.safe_load(snippet.replace("whsec_…", SECRET))
    if "template" in tree:
        receiver = {"format": "template", "url": "https://hooks.example.com", **tree}
        tree = {"receivers": {"ops": receiver}}
    return {**yaml.safe_load(SOURCE), **tree}


SNIPPETS = [(block.page, block.text) for block in blocks("yaml")]


def test_the_pages_show_configurations() -> None:
    assert len(SNIPPETS) >= 5
    assert {"README.md", "docs/receivers/index.md", "docs/receiving.md", "docs/delivery.md"} <= {
        page for page, _ in SNIPPETS
    }


@pytest.mark.parametrize(("page", "block"), SNIPPETS)
def test_every_configuration_in_the_pages_is_accepted(
    page: str, block: str, tmp_path: Path
) -> None:
    loaded = read(tmp_path, yaml.safe_dump(completed(block), allow_unicode=True))
    assert not loaded.warnings, page


def calls() -> Iterator[tuple[str, list[str]]]:
    """Every call of jobwatch that a page shows, by its words; what a shell makes of its answer is left out."""
    for each in commands():
        call = re.match(r"jobwatch (.*)", stood_in(each.text))
        if call:
            yield each.place, shlex.split(re.split(r" [|>]|>", call[1])[0])


def test_every_command_in_the_pages_is_one_with_these_options() -> None:
    known = vars(get_command(app))["commands"]
    seen = set()
    for page, (name, *rest) in calls():
        assert name in known, f"{page}: jobwatch {name}"
        options = {
            "--help",
            *(
                option
                for each in known[name].params
                for option in (*each.opts, *each.secondary_opts)
            ),
        }
        for word in rest:
            assert not word.startswith("--") or word in options, f"{page}: {name} {word}"
        seen.add(name)
    assert {"check", "run", "mute", "redeliver", "receivers", "explain"} <= seen


def test_every_make_target_of_the_documents_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, flags=re.MULTILINE))
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert set(re.findall(r"`make ([a-z0-9-]+)", text)) <= targets, page


def test_locks_carry_hashes_and_no_address() -> None:
    locks = [*ROOT.glob("*.lock")]
    assert len(locks) >= 3
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9][a-z0-9._-]*==", text, flags=re.MULTILINE)
        assert len(pins) > 5
        assert text.count("--hash=sha256:") >= len(pins)


def test_nothing_tracked_names_a_folder_of_the_machine_it_was_written_on() -> None:
    home = re.compile(r"(?<![\w.])/(work|farm|root)/")
    for path in tracked():
        if path.suffix not in (".lock", ".png"):
            assert not home.search(path.read_text(encoding="utf-8", errors="replace")), path
