"""`Store`: every verb, each of them one transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Self

from jobwatch.core.model import JobKey, Snapshot
from jobwatch.core.outbox import Settlement
from jobwatch.core.rules import Window
from jobwatch.store import (
    claiming,
    detail,
    judging,
    letting_go,
    pruning,
    reading,
    settling,
)
from jobwatch.store.opening import Opened, open_postgres, open_sqlite
from jobwatch.store.outbox_values import Claim, Claimed
from jobwatch.store.settings import PostgresSettings, SqliteSettings
from jobwatch.store.tending import Tending
from jobwatch.store.values import (
    AwaitingDetail,
    Lease,
    Pruned,
    Release,
    Retention,
)


class Store(Tending):
    """An open store.

    `fingerprint_seed` seeds the hashes of members' bytes, `created_at` and `store_id` tell one store from another.
    Every verb raises `StoreError` when the database fails; those that take a lease and write also `FenceLost`.
    """

    def __init__(self, opened: Opened, owner: str) -> None:
        super().__init__(opened.database, opened.birth.created_at, owner)
        self._lock = opened.lock
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

    # Jobs.

    async def expiring(self, lease: Lease, window: Window, *, limit: int) -> list[Snapshot]:
        """The jobs of the source whose output expires within the window and was not told, the soonest first."""
        return await self._database.read(
            lambda connection: judging.expiring(connection, lease.source_id, window, limit)
        )

    async def named(self, source: str, job_id: str, *, limit: int) -> list[JobKey]:
        """The jobs of a source that have this id, by scope, which alone tells them apart."""
        return await self._database.read(
            lambda connection: reading.list_named(connection, source, job_id, limit)
        )

    # The outbox.

    async def claim_due(self, claim: Claim) -> Claimed:
        """Claim deliveries that may be sent now, earliest first, for the length of the lease."""
        return await self._database.write(
            lambda connection: claiming.claim_due(
                connection, self.owner, claim, self._database.now(connection)
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

    async def give_back(self, owner: str, *, receiver: str | None = None) -> int:
        """Return claims of an owner that will not be sent, all or those for one receiver. Returns how many.

        Their attempts do not count.
        """
        return await self._database.write(
            lambda connection: letting_go.give_back(
                connection, owner, self._database.now(connection), receiver
            )
        )

    async def prune(self, retention: Retention, now: datetime) -> Pruned:
        """Forget a few thousand of what is too old; call again while something was removed."""
        return await self._database.write(
            lambda connection: pruning.prune(connection, retention, now)
        )
