"""The verbs that only look: for people, API, command line and metrics."""

from datetime import datetime

from sqlalchemy import Connection, select

from jobwatch.core.forecast import Sample
from jobwatch.core.model import JobKey
from jobwatch.core.overview import NO_SINGLE_JOBS, Overview, SingleJobs, SourceState
from jobwatch.store import browsing, glancing, overviewing, reading, story
from jobwatch.store.browsing import ANY_TIME, Part, Span
from jobwatch.store.glance_values import Glance, Wanted, WholeStory
from jobwatch.store.overviewing import Facts
from jobwatch.store.tables import meta
from jobwatch.store.transactions import Database
from jobwatch.store.values import (
    AttemptRow,
    ChangeRow,
    ConditionRow,
    DeliveryFilter,
    DeliveryRow,
    EventFilter,
    EventRow,
    JobFilter,
    JobRow,
    Page,
    ToldRow,
)


class Reading:
    """The part of `Store` that changes nothing."""

    def __init__(self, database: Database, created_at: datetime) -> None:
        self._database = database
        self.created_at = created_at

    async def ping(self) -> None:
        """Read one row."""
        await self._database.read(
            lambda connection: connection.execute(select(meta.c.key).limit(1)).all()
        )

    async def overview(self, single: SingleJobs = NO_SINGLE_JOBS) -> Overview:
        """Everything that metrics show, at one moment; `single` are the jobs to show one by one."""

        def work(connection: Connection) -> Overview:
            size, now = self._database.size(connection), self._database.now(connection)
            return overviewing.overview(connection, Facts(self.created_at, size, now, single))

        return await self._database.read(work)

    async def sources(self) -> list[SourceState]:
        """Every source ever registered, by name."""
        return await self._database.read(reading.states)

    async def jobs(
        self, wanted: JobFilter, *, limit: int, cursor: str | None = None
    ) -> Page[JobRow]:
        """Jobs, the latest observation first. A cursor that no page gave raises `ValueError`."""
        return await self._database.read(
            lambda connection: reading.list_jobs(connection, wanted, limit, cursor)
        )

    async def job(self, source: str, key: JobKey) -> JobRow | None:
        """One job, None if it is not known."""
        return await self._database.read(
            lambda connection: reading.find_job(connection, source, key)
        )

    async def changes(self, source: str, key: JobKey) -> list[ChangeRow]:
        """What was recorded of a job and told or not, oldest first."""
        return await self._database.read(
            lambda connection: reading.list_changes(connection, source, key)
        )

    async def conditions(self, source: str, key: JobKey) -> list[ConditionRow]:
        """Open and closed conditions of a job, or of the source itself, oldest first."""
        return await self._database.read(
            lambda connection: story.list_conditions(connection, source, key)
        )

    async def job_events(self, source: str, key: JobKey) -> list[ToldRow]:
        """The events of a job with the reasons of their routes, oldest first."""
        return await self._database.read(
            lambda connection: story.list_told(connection, source, key)
        )

    async def samples(self, source: str, key: JobKey) -> list[Sample]:
        """How far an unfinished job was at some times, ascending."""
        return await self._database.read(
            lambda connection: story.list_samples(connection, source, key)
        )

    async def events(
        self,
        wanted: EventFilter,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> Page[EventRow]:
        """Events before a position, newest first; with `after`, those after a position, oldest first."""
        return await self._database.read(
            lambda connection: reading.list_events(connection, wanted, limit, before, after)
        )

    async def event(self, event_id: str) -> EventRow | None:
        """One event, None if it is not known."""
        return await self._database.read(
            lambda connection: reading.find_event(connection, event_id)
        )

    async def deliveries(
        self, wanted: DeliveryFilter, *, limit: int, cursor: str | None = None
    ) -> Page[DeliveryRow]:
        """Deliveries, newest first. A cursor that no page gave raises `ValueError`."""
        return await self._database.read(
            lambda connection: reading.list_deliveries(connection, wanted, limit, cursor)
        )

    async def attempts(self, delivery_id: int) -> list[AttemptRow]:
        """What was tried to send a delivery, oldest first."""
        return await self._database.read(
            lambda connection: reading.list_attempts(connection, delivery_id)
        )

    async def glance(self, wanted: Wanted) -> Glance:
        """What a person sees first, at one moment."""
        return await self._database.read(
            lambda connection: glancing.glance(connection, wanted, self._database.now(connection))
        )

    async def whole_story(self, source: str, key: JobKey, *, limit: int) -> WholeStory | None:
        """All of one job, of each kind of thing the latest so many; None if it is not known."""
        return await self._database.read(
            lambda connection: glancing.whole_story(
                connection, source, key, limit, self._database.now(connection)
            )
        )

    # For readers whom nobody knows: every page costs a bounded reading.

    async def browse_jobs(
        self, wanted: JobFilter, part: Part, *, span: Span = ANY_TIME
    ) -> Page[JobRow]:
        """Jobs, the latest observation first; `span` is of observations. `ValueError` for a place that no page gave."""
        return await self._database.read(
            lambda connection: browsing.browse_jobs(connection, wanted, span, part)
        )

    async def browse_events(
        self, wanted: EventFilter, part: Part, *, span: Span = ANY_TIME
    ) -> Page[EventRow]:
        """Events, the latest recorded first. `ValueError` for a place that no page gave."""
        return await self._database.read(
            lambda connection: browsing.browse_events(connection, wanted, span, part)
        )

    async def follow_events(self, wanted: EventFilter, part: Part) -> Page[EventRow]:
        """Events after a position, oldest first; the cursor is the position to go on after, None where no more are kept."""
        return await self._database.read(
            lambda connection: browsing.follow_events(connection, wanted, part)
        )

    async def browse_deliveries(self, wanted: DeliveryFilter, part: Part) -> Page[DeliveryRow]:
        """Deliveries, the latest recorded first. `ValueError` for a place that no page gave."""
        return await self._database.read(
            lambda connection: browsing.browse_deliveries(connection, wanted, part)
        )
