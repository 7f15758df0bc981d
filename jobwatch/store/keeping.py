"""The verbs of a source's one task: its lease, its sweeps, its jobs and their conditions."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from jobwatch.core.documents import Document
from jobwatch.core.model import JobKey, Snapshot
from jobwatch.core.overview import Identity, SourceState
from jobwatch.core.recording import Batch
from jobwatch.core.rules import Horizon
from jobwatch.store import judging, leasing, order, recording, watching
from jobwatch.store.leasing import Registered, Term
from jobwatch.store.lookup import Reading
from jobwatch.store.recounting import recount
from jobwatch.store.transactions import Database
from jobwatch.store.values import (
    IndexRow,
    Lease,
    OpenCondition,
    Recorded,
    SweepFailure,
    SweepReport,
)


class Keeping(Reading):
    """The part of `Store` that keeps what sweeps find. Verbs that take a lease and write raise `FenceLost`."""

    def __init__(self, database: Database, created_at: datetime, owner: str) -> None:
        super().__init__(database, created_at)
        self.owner = owner

    # Sources and their leases.

    async def register(self, identities: Iterable[Identity]) -> Registered:
        """Bind source names to identities, once and for all.

        An account that was watched under a name that is not among these is renamed: its jobs stay known.
        Raises `ConfigError`, one message per name that is bound to another identity; nothing is registered then.
        """
        wanted = tuple(identities)
        return await self._database.write(lambda connection: leasing.register(connection, wanted))

    async def misnamed(self, identities: Iterable[Identity]) -> list[str]:
        """What `register` would say against these, a sentence for each name."""
        wanted = tuple(identities)
        return await self._database.read(lambda connection: leasing.misnamed(connection, wanted))

    async def acquire(self, name: str, *, lease: timedelta) -> Lease | None:
        """Take the lease of a source, with a new fence; None while another process holds it."""

        def work(connection: Connection) -> Lease | None:
            now = self._database.now(connection)
            return leasing.acquire(connection, name, Term(self.owner, now, now + lease))

        return await self._database.write(work)

    async def renew(self, lease: Lease, *, lease_for: timedelta) -> None:
        """Hold a lease for so long from now."""
        await self._database.write(
            lambda connection: leasing.renew(
                connection, lease, self._database.now(connection) + lease_for
            )
        )

    async def hand_back(self, lease: Lease) -> None:
        """Let others have the source at once; a lease that is lost already is no error."""
        await self._database.write(lambda connection: leasing.hand_back(connection, lease))

    async def source(self, lease: Lease) -> SourceState:
        """What is remembered of the source."""
        return await self._database.read(lambda connection: leasing.source(connection, lease))

    async def begin_sweep(self, lease: Lease, at: datetime) -> SourceState:
        """Remember that a sweep is tried; the first one ever is where the baseline begins.

        Gives what is remembered of the source, this try included.
        """
        return await self._database.write(
            lambda connection: leasing.begin_sweep(connection, lease, at)
        )

    async def finish_sweep(self, lease: Lease, report: SweepReport) -> None:
        """A complete sweep: renew the age of what it covers, end the row of failures, tell what it brought.

        Raises `StaleWrite` where a notice tells a step of a condition that is not as it was read.
        """
        told = await self._database.write(
            lambda connection: leasing.finish_sweep(
                connection, lease, report, self._database.now(connection)
            )
        )
        recount(told)

    async def ask_sweep(self, name: str, at: datetime) -> bool:
        """Ask the owner of a source for a full sweep; False if there is no such source. Takes no lease."""
        return await self._database.write(
            lambda connection: leasing.ask_sweep(connection, name, at)
        )

    async def break_sweep(self, lease: Lease, failure: SweepFailure) -> None:
        """A sweep that broke: keep its error and the row of failures. The data's age stays as it was."""
        await self._database.write(
            lambda connection: leasing.break_sweep(connection, lease, failure)
        )

    # Jobs.

    async def index(self, lease: Lease) -> AsyncIterator[Sequence[IndexRow]]:
        """Every job of the source, rows ascending, in parts of some thousands."""
        row = 0
        while True:
            read = partial(watching.index_after, source_id=lease.source_id, row=row)
            part = await self._database.read(read)
            if not part:
                return
            yield part
            row = part[-1].row

    async def known(self, lease: Lease, keys: Sequence[JobKey]) -> dict[JobKey, Snapshot]:
        """The snapshots of those of these jobs that were ever recorded."""
        if not keys:
            return {}
        return await self._database.read(
            lambda connection: watching.known(connection, lease.source_id, keys)
        )

    async def known_rows(self, lease: Lease, rows: Sequence[int]) -> list[Snapshot]:
        """The snapshots in these rows, ascending."""
        return await self._database.read(
            lambda connection: watching.known_rows(connection, lease.source_id, rows)
        )

    async def absent(self, lease: Lease, rows: Sequence[int]) -> list[Snapshot]:
        """Those of the jobs in these rows that have not ended, rows ascending."""
        if not rows:
            return []
        return await self._database.read(
            lambda connection: watching.absent(connection, lease.source_id, rows)
        )

    async def count_unfinished(self, lease: Lease) -> int:
        """How many of the source's jobs have not ended."""
        return await self._database.read(
            lambda connection: watching.count_unfinished(connection, lease.source_id)
        )

    async def count_waiting(self, lease: Lease) -> int:
        """How many of them wait for a person."""
        return await self._database.read(
            lambda connection: watching.count_waiting(connection, lease.source_id)
        )

    async def count_gone(self, lease: Lease) -> int:
        """How many of them are proved gone, and held back."""
        return await self._database.read(
            lambda connection: watching.count_gone(connection, lease.source_id)
        )

    async def unfinished_rows(self, lease: Lease) -> list[int]:
        """The rows of the source's jobs that have not ended, ascending."""
        return await self._database.read(
            lambda connection: watching.unfinished_rows(connection, lease.source_id)
        )

    async def possibly(self, lease: Lease, horizon: Horizon) -> list[Snapshot]:
        """The unfinished jobs that any rule may hold for, rows ascending. An empty horizon reads nothing."""
        if horizon == Horizon():
            return []
        return await self._database.read(
            lambda connection: judging.possibly(connection, lease.source_id, horizon)
        )

    async def details(self, lease: Lease, rows: Sequence[int]) -> dict[int, Document]:
        """What DescribeJob last said of the jobs in these rows, where it was asked."""
        if not rows:
            return {}
        return await self._database.read(
            lambda connection: judging.details(connection, lease.source_id, rows[: order.CHUNK])
        )

    async def open_conditions(self, lease: Lease) -> list[OpenCondition]:
        """What is open of the source and of its jobs, the oldest first."""
        return await self._database.read(
            lambda connection: judging.open_conditions(connection, lease.source_id)
        )

    async def record(self, lease: Lease, batch: Batch) -> Recorded:
        """Write snapshots, changes, samples, conditions, events, deliveries and counters, all or nothing.

        Raises `StaleWrite` where a snapshot has another version than the one that was read, where a condition opens
        that is open already, and where one is reminded of or closes that is not open any more.
        """
        if batch.empty:
            return Recorded()
        written = await self._database.write(
            lambda connection: recording.record(
                connection, lease, batch, self._database.now(connection)
            )
        )
        recount(written.tellings)
        return written

    async def mark_left(self, lease: Lease, rows: Sequence[int], at: datetime) -> int:
        """Note that ended jobs are not listed any more. Returns how many were not noted yet."""
        if not rows:
            return 0
        return await self._database.write(
            lambda connection: watching.mark_left(connection, lease, rows, at)
        )
