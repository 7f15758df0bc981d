"""An event on one line, as `jobwatch events` prints it."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeGuard

from rich.text import Text

from jobwatch.cli.documents import body_of
from jobwatch.cli.job_page import failure_reasons
from jobwatch.cli.reading import written
from jobwatch.cli.text import count, instant, plain
from jobwatch.cli.words import CONDITIONS, said
from jobwatch.core.conditions import ConditionState
from jobwatch.core.events import EventType, Severity
from jobwatch.store.values import EventRow

TYPE_CELLS = 27
WORDS_CELLS = 160
STYLES = {Severity.CRITICAL.value: "bold red", Severity.WARNING.value: "yellow"}


def event_line(row: EventRow) -> Text:
    """When, what, which job, and what is worth knowing of it."""
    style = STYLES.get(row.severity, "green" if row.type == "job.succeeded" else "")
    return Text.assemble(
        (instant(row.recorded_at), "dim"),
        "  ",
        (plain(row.type).ljust(TYPE_CELLS), style),
        "  ",
        plain(written(row.source, row.scope, row.job_id) or _receiver(row)),
        "  ",
        plain("; ".join(_notes(row)), WORDS_CELLS),
    )


def _receiver(row: EventRow) -> str:
    """Whom an event is about that belongs to no source and no job."""
    return str(part(body_of(row), "data").get("receiver") or row.source)


def _notes(row: EventRow) -> list[str]:
    """What the document says beyond the type, in a few words each."""
    data = part(body_of(row), "data")
    job, condition = part(data, "job"), part(data, "condition")
    notes = [str(job.get("description") or "")]
    if condition:
        notes.append(condition_words(condition))
    elif row.type == EventType.OUTPUT_EXPIRING:
        notes.append(f"output expires {_moment(job.get('output_expires_at'))}")
    elif job:
        notes.append(f"{data.get('previous_status') or 'new'} → {job.get('status')}")
    notes.append(task_words(part(job, "progress")))
    notes += failure_reasons(part(data, "detail"))
    notes += [] if job else source_words(data)
    notes += ["late"] if data.get("late") else []
    notes += [] if row.released else ["waits for detail"]
    return [note for note in notes if note]


def condition_words(condition: Mapping[str, object]) -> str:
    """What an event says of its condition: `stalled: opened, it holds since …`, `stalled: closed`."""
    name, state = condition.get("name"), str(condition.get("state"))
    words = f"{name}: {said(CONDITIONS, state)}"
    if state == ConditionState.OPENED:
        return f"{words}, it holds since {_moment(condition.get('since'))}"
    times = number(condition, "reminder")
    return f"{words}, {count(times, 'time')} so far" if state == ConditionState.REMINDED else words


def _moment(written: object) -> str:
    """A time of a document as people read it."""
    try:
        return instant(datetime.fromisoformat(str(written)))
    except ValueError:
        return str(written)


def source_words(data: Mapping[str, object]) -> list[str]:
    """What an event about a source or a receiver says: what went wrong, and what was counted."""
    error = part(data, "error")
    words = [str(data[name]) for name in ("reason", "error") if isinstance(data.get(name), str)]
    if error:
        request = f" (request {error['request_id']})" if error.get("request_id") else ""
        words.append(f"{error.get('code') or error.get('class')}: {error.get('message')}{request}")
    counts = [f"{value:,} {name}" for name, value in data.items() if _is_number(value)]
    return [*words, ", ".join(counts)]


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def part(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    """A mapping within a document, empty where there is none."""
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def task_words(progress: Mapping[str, object]) -> str:
    """Counts of tasks in an event's words: `6 of 10 tasks failed`, or `10 tasks`."""
    total, failed = number(progress, "total"), number(progress, "failed")
    if not total:
        return ""
    return f"{failed:,} of {total:,} tasks failed" if failed else f"{total:,} tasks"


def number(document: Mapping[str, object], key: str) -> int:
    """A whole number within a document, 0 where there is none."""
    found = document.get(key)
    return found if isinstance(found, int) else 0
