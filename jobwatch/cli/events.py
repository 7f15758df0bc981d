"""`jobwatch events`: what was told, like a log, and on request as it comes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jobwatch.cli.event_line import event_line
from jobwatch.cli.reading import View, job_name, look
from jobwatch.cli.screen import OutputFormat, Screen, complain
from jobwatch.core.events import EventType
from jobwatch.store.documents import event_row
from jobwatch.store.values import EventFilter, EventRow

POLL_SECONDS = 1.0
BATCH = 500
ASKED_AGAIN = 100
"""Events without their detail that are looked at again in one round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events are asked for. `job` is SOURCE/ID, SOURCE/SCOPE/ID or an id alone."""

    source: str | None
    type: EventType | None
    job: str | None
    limit: int

    def filter(self) -> EventFilter:
        """What the store is asked for. Raises `Failed` where `job` names none."""
        if self.job is None or "/" not in self.job:
            return EventFilter(source=self.source, type=self.type, job_id=self.job)
        named = job_name(self.job)
        return EventFilter(source=named.source, type=self.type, job_id=named.key.id)

    def fits(self, row: EventRow) -> bool:
        """Whether the scope and the source, where the job was named with them, are the event's own."""
        if self.job is None or "/" not in self.job:
            return True
        scope = job_name(self.job).key.scope
        return scope in ("", row.scope) and self.source in (None, row.source)


def show_events(config: Path | None, wanted: Wanted, *, follow: bool, output: OutputFormat) -> None:
    """Show the last events, and go on with new ones if asked to."""
    asked = wanted.filter()

    async def show(view: View) -> None:
        await view.check_source(asked.source)
        page = await view.store.events(asked, limit=wanted.limit)
        rows = [row for row in reversed(page.rows) if wanted.fits(row)]
        screen = Screen()
        if follow:
            await _follow(view, screen, wanted, rows, output)
        elif output is OutputFormat.JSON:
            screen.document({"events": [event_row(row) for row in rows]})
        elif rows:
            for row in rows:
                screen.print(event_line(row), soft_wrap=True)
        else:
            complain(["no event fits"])

    try:
        look(config, show)
    except KeyboardInterrupt:
        if not follow:
            raise


async def _follow(
    view: View, screen: Screen, wanted: Wanted, rows: Sequence[EventRow], output: OutputFormat
) -> None:
    """Print events as they are released; Ctrl-C ends it."""
    follower = Follower(view=view, wanted=wanted)
    while True:
        for row in [*follower.take(rows), *await follower.released()]:
            if output is OutputFormat.JSON:
                screen.one_line(event_row(row))
            else:
                screen.print(event_line(row), soft_wrap=True)
        rows = await follower.later()
        if not rows:
            await asyncio.sleep(POLL_SECONDS)


@dataclass(slots=True, kw_only=True)
class Follower:
    """Gives each event once, when its document is final; those that wait for detail come when they have it."""

    view: View
    wanted: Wanted
    position: int = 0
    waiting: list[str] = field(default_factory=list)

    def take(self, rows: Sequence[EventRow]) -> list[EventRow]:
        """Those of these events that may be shown now."""
        self.position = max((row.position for row in rows), default=self.position)
        fitting = [row for row in rows if self.wanted.fits(row)]
        self.waiting += [row.id for row in fitting if not row.released]
        return [row for row in fitting if row.released]

    async def later(self) -> Sequence[EventRow]:
        """Events recorded since."""
        page = await self.view.store.events(self.wanted.filter(), limit=BATCH, after=self.position)
        return page.rows

    async def released(self) -> list[EventRow]:
        """Those among the waiting that are final by now."""
        found = []
        for event_id in self.waiting[:ASKED_AGAIN]:
            row = await self.view.store.event(event_id)
            if row is None or row.released:
                self.waiting.remove(event_id)
                found += [] if row is None else [row]
        return found
