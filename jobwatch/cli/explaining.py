"""`jobwatch explain`: the whole story of one job, what the rules say of it now, and what comes next."""

from collections.abc import Sequence
from pathlib import Path

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from jobwatch.cli.deliveries import read_digests
from jobwatch.cli.job import read_job
from jobwatch.cli.reading import View, job_name, look, named, written
from jobwatch.cli.screen import OutputFormat, Screen, cell, grid
from jobwatch.cli.text import NOTHING, ago, instant, plain
from jobwatch.cli.waiting import due_in
from jobwatch.core.breaker import ReceiverState
from jobwatch.core.documents import Document
from jobwatch.core.documents import instant as rfc3339
from jobwatch.settings.terms import gathering, terms_of
from jobwatch.store.documents import condition_row, event_row, job_row
from jobwatch.story.deliveries import rests_until
from jobwatch.story.explaining import Explained, explain, summary
from jobwatch.story.lines import Known, Line
from jobwatch.story.ruling import Verdict

TEXT_CELLS = 400
NOTE_CELLS = 2000
"""Why each receiver is told or not stands in one note: that of the twentieth must not be cut off."""

INDENT = (0, 0, 0, 2)


def show_story(config: Path | None, name: str, output: OutputFormat) -> None:
    """Tell the story of one job."""
    asked = job_name(name)

    async def show(view: View) -> None:
        await view.check_source(asked.source)
        wanted = await named(view, asked)
        page = await read_job(view, wanted)
        states = {state.identity.name: state for state in await view.store.sources()}
        told = [row for row, _ in page.deliveries]
        stands = await view.store.receivers({row.receiver for row in told})
        known = Known(
            row=page.row,
            changes=page.changes,
            told=await view.store.job_events(wanted.source, wanted.key),
            conditions=page.conditions,
            deliveries=page.deliveries,
            kept_since=view.now - view.settings.retention.events,
            state=states.get(wanted.source),
            digests=await read_digests(view, told),
            paused=frozenset(each.name for each in stands if each.state is ReceiverState.PAUSED),
            rests={each.name: at for each in stands if (at := rests_until(each)) and at > view.now},
            gather=gathering(view.settings),
        )
        explained = explain(known, terms_of(view.settings, wanted.source), view.now)
        screen = Screen()
        if output is OutputFormat.JSON:
            screen.document(_document(explained))
        else:
            _show(screen, explained)

    look(config, show)


def _document(explained: Explained) -> Document:
    known = explained.known
    return {
        "job": job_row(known.row),
        "story": [_line(each) for each in explained.lines],
        "rules": {
            each.rule.value: {
                "holds": each.since is not None,
                "since": rfc3339(each.since),
                "open": each.opened,
                "words": each.words,
            }
            for each in explained.rules
        },
        "data_at": rfc3339(explained.data_at),
        "data_fresh": explained.fresh,
        "next": [{"at": rfc3339(each.at), "words": each.words} for each in explained.due],
        "conditions": [condition_row(row) for row in known.conditions],
        "events": [{**event_row(each.event), "routes": each.routes} for each in known.told],
    }


def _line(line: Line) -> Document:
    return {
        "at": rfc3339(line.at),
        "kind": line.kind.value,
        "words": line.words,
        "notes": list(line.notes),
        "event_id": line.event_id,
    }


def _show(screen: Screen, explained: Explained) -> None:
    job = explained.known.row.snapshot.job
    screen.words(plain(written(explained.known.row.source, job.scope, job.id)), "bold")
    screen.words(f"  {plain(job.description or 'no description', TEXT_CELLS)}")
    screen.words(f"  {plain(summary(explained.known), TEXT_CELLS)}")
    screen.words("\nWhat happened", "bold")
    screen.print(lines_table(explained.lines))
    screen.words("\nWhat the rules say", "bold")
    _show_rules(screen, explained)
    screen.words("\nWhat comes next", "bold")
    if explained.due:
        screen.print(grid(_dues(explained)))
    else:
        screen.words("  nothing: all is told")


def lines_table(lines: Sequence[Line]) -> Table:
    """What happened, a line each, with its notes below."""
    made = Table.grid(padding=(0, 2), pad_edge=True)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for line in lines:
        made.add_row(Text(instant(line.at), style="dim"), cell(line.words, TEXT_CELLS))
        for note in line.notes:
            made.add_row(Text(), Padding(cell(note, NOTE_CELLS, "dim"), INDENT))
    return made


def _show_rules(screen: Screen, explained: Explained) -> None:
    if not explained.known.row.snapshot.unfinished:
        screen.words("  nothing: the job has ended")
        return
    if not explained.rules:
        screen.words("  nothing: no complete sweep of a configured source shows this job")
        return
    if not explained.fresh:
        words = f"  too old to act on: the data is from {ago(explained.data_at, explained.now)}"
        screen.words(words, "yellow")
    screen.print(grid((each.rule.value, _verdict(each)) for each in explained.rules))


def _verdict(verdict: Verdict) -> Text:
    if verdict.since is None:
        closing = "; open, and closes with the next sweep" if verdict.opened else ""
        return cell(f"no: {verdict.words}{closing}", TEXT_CELLS)
    opening = "" if verdict.opened else "; opens with the next sweep"
    return cell(f"yes: {verdict.words}{opening}", TEXT_CELLS, "bold yellow")


def _dues(explained: Explained) -> list[tuple[str, Text]]:
    now = explained.now
    return [
        (
            NOTHING if each.at is None else due_in(each.at, now),
            cell(each.words, TEXT_CELLS),
        )
        for each in explained.due
    ]
