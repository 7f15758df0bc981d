"""`Store`: every verb, each of them one transaction."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Self

from sqlalchemy import Connection

from jobwatch.core.model import JobKey, Snapshot
from jobwatch.core.outbox import Delivery, Settlement
from jobwatch.core.overview import Identity, SourceState
from jobwatch.core.recording import Batch
from jobwatch.store import (
    claiming,
    detail,
    leasing,
    pruning,
    recording,
    settling,
    watching,
)
from jobwatch.store.claiming import Claimant
from jobwatch.store.leasing import Term
from jobwatch.store.lookup import Reading
from jobwatch.store.opening import Opened, open_postgres, open_sqlite
from jobwatch.store.settings import PostgresSettings, SqliteSettings
from jobwatch.store.values import (
    AwaitingDetail,
    IndexRow,
    Lease,
    Pruned,
    Recorded,
    Release,
    Retention,
    SweepFailure,
    SweepReport,
)


class Store(Reading):
    """An open store.

    `fingerprint_seed` seeds the hashes of members' bytes, `created_at` and `store_id` tell one store from another.
    Every verb raises `StoreError` when the database fails; those that take a lease and write also `FenceLost`.
    """

    def __init__(self, opened: Opened, owner: str) -> None:
        super().__init__(opened.database, opened.birth.created_at)
        self._lock = opened.lock
        self.owner = owner
        self.store_id = opened.birth.store_id
        self.fingerprint_seed = opened.birth.fingerprint_seed

    @classmethod
    async def open(
        cls,
        settings: SqliteSettings | PostgresSettings,
        *,
        owner: str,
        clock: Callable[[], datetime] | None,
        exclusive: bool,
    ) -> Self:
        """Open the store, migrating it if it is `exclusive`.

        `owner` names this process among all that ever open the store. `clock` None measures leases and due times
        with the database's own clock, which only PostgreSQL has. An exclusive SQLite file is locked, and everything
        that an earlier holder had leased or claimed is taken over. Without `exclusive`, the verbs work beside a
        running daemon. Raises `StoreUnusable`, `StoreLocked`.
        """
        if isinstance(settings, PostgresSettings):
            return cls(await open_postgres(settings, clock, exclusive=exclusive), owner)
        return cls(await open_sqlite(settings, clock, owner, exclusive=exclusive), owner)

    async def close(self) -> None:
        """Let verbs that run end, fold SQLite's log into its file, and free the lock. Leases are not handed back."""
        await self._database.close()
        if self._lock:
            self._lock.free()
            self._lock = None

    # Sources and their leases.

    async def register(self, identities: Iterable[Identity]) -> dict[str, SourceState]:
        """Bind source names to identities, once and for all.

        Raises `ConfigError`, one message per name that is bound to another identity; nothing is registered then.
        """
        wanted = tuple(identities)
        return await self._database.write(lambda connection: leasing.register(connection, wanted))

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

    async def begin_sweep(self, lease: Lease, at: datetime) -> None:
        """Remember that a sweep was tried; the first one ever is where the baseline begins."""
        await self._database.write(lambda connection: leasing.begin_sweep(connection, lease, at))

    async def finish_sweep(self, lease: Lease, report: SweepReport) -> None:
        """A complete sweep: renew the age of what it covers, end the row of failures."""
        await self._database.write(
            lambda connection: leasing.finish_sweep(connection, lease, report)
        )

    async def break_sweep(self, lease: Lease, failure: SweepFailure) -> None:
        """A sweep that broke: count it and keep its error. The data's age stays as it was."""
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

    async def record(self, lease: Lease, batch: Batch) -> Recorded:
        """Write snapshots, changes, events, deliveries and counters, all or nothing.

        Raises `StaleWrite` where a snapshot has another version than the one that was read.
        """
        if not batch.entries:
            return Recorded()
        return await self._database.write(
            lambda connection: recording.record(
                connection, lease, batch, self._database.now(connection)
            )
        )

    async def mark_left(self, lease: Lease, rows: Sequence[int], at: datetime) -> int:
        """Note that ended jobs are not listed any more. Returns how many were not noted yet."""
        if not rows:
            return 0
        return await self._database.write(
            lambda connection: watching.mark_left(connection, lease, rows, at)
        )

    # Detail.

    async def awaiting_detail(self, lease: Lease, *, limit: int) -> list[AwaitingDetail]:
        """The source's events that wait for DescribeJob, the most urgent first."""
        return await self._database.read(
            lambda connection: detail.awaiting(connection, lease, limit)
        )

    async def next_detail_deadline(self, lease: Lease) -> datetime | None:
        """When the first of them must be told, None if none waits."""
        return await self._database.read(lambda connection: detail.next_deadline(connection, lease))

    async def release(self, lease: Lease, releases: Sequence[Release]) -> int:
        """Let events be delivered, with detail or without. Returns how many waited until now."""
        if not releases:
            return 0
        return await self._database.write(
            lambda connection: detail.release(
                connection, lease, releases, self._database.now(connection)
            )
        )

    # The outbox.

    async def claim_due(
        self, receiver: str, *, limit: int, lease: timedelta, held: Collection[int] = ()
    ) -> list[Delivery]:
        """Claim deliveries that may be sent now, earliest first, for the length of the lease.

        `held` are deliveries that the caller claimed before and is still sending, whatever the clock says.
        """
        claimant = Claimant(self.owner, receiver, lease, held)
        return await self._database.write(
            lambda connection: claiming.claim_due(
                connection, claimant, limit, self._database.now(connection)
            )
        )

    async def settle(self, settlements: Sequence[Settlement]) -> int:
        """Write down what became of claims. Returns how many took effect; a stale claim changes nothing."""
        if not settlements:
            return 0
        return await self._database.write(
            lambda connection: settling.settle(
                connection, settlements, self._database.now(connection)
            )
        )

    async def next_due(self, receiver: str) -> datetime | None:
        """When `claim_due` may find something again, None while nothing is open."""
        return await self._database.read(
            lambda connection: claiming.next_due(
                connection, receiver, self._database.now(connection)
            )
        )

    async def give_back(self, owner: str) -> int:
        """Return all claims of an owner that will not be sent; their attempts do not count. Returns how many."""
        return await self._database.write(
            lambda connection: claiming.give_back(connection, owner, self._database.now(connection))
        )

    async def prune(self, retention: Retention, now: datetime) -> Pruned:
        """Forget a few thousand of what is too old; call again while something was removed."""
        return await self._database.write(
            lambda connection: pruning.prune(connection, retention, now)
        )
