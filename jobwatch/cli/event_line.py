"""An event on one line, as `jobwatch events` prints it."""

from rich.text import Text

from jobwatch.cli.reading import written
from jobwatch.cli.text import instant, plain
from jobwatch.core.events import EventType, Severity
from jobwatch.store.documents import body_of
from jobwatch.store.values import EventRow
from jobwatch.story.event_words import (
    condition_words,
    failure_reasons,
    part,
    source_words,
    task_words,
    written_moment,
)

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
        notes.append(f"output expires {written_moment(job.get('output_expires_at'))}")
    elif job:
        notes.append(f"{data.get('previous_status') or 'new'} → {job.get('status')}")
    notes.append(task_words(part(job, "progress")))
    notes += failure_reasons(part(data, "detail"))
    notes += [] if job else source_words(data)
    notes += ["late"] if data.get("late") else []
    notes += [] if row.released else ["waits for detail"]
    return [note for note in notes if note]
