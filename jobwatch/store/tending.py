"""The verbs for receivers: looked at, paused, resumed, retired, and told about."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from jobwatch.core.conditions import Condition
from jobwatch.core.rate_gate import Rate
from jobwatch.core.recording import Notice
from jobwatch.store import receiving, renaming
from jobwatch.store.attending import Attending
from jobwatch.store.noticing import Moment
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.recounting import recount, tellings

SOME = 5_000
"""Deliveries that one transaction brings over or gives up: many more would hold up everybody else."""


class Tending(Attending):
    """The part of `Store` that knows receivers. Times are those of the store's own clock."""

    async def receivers(self, names: Collection[str]) -> list[ReceiverRow]:
        """These receivers as people look at them, by name; one that nothing is known of is active."""
        return await self._database.read(
            lambda connection: receiving.rows(connection, names, self._database.now(connection))
        )

    async def pause_receiver(self, name: str) -> bool:
        """Send a receiver nothing until it is resumed. False if it was paused already."""
        return await self._database.write(
            lambda connection: receiving.pause(connection, name, self._database.now(connection))
        )

    async def resume_receiver(self, name: str, *, give_up_after: timedelta | None) -> bool:
        """Try a receiver again. False if it was neither paused nor left alone."""
        return await self._database.write(
            lambda connection: receiving.resume(
                connection, name, give_up_after, self._database.now(connection)
            )
        )

    async def retire_receivers(self, configured: Collection[str]) -> dict[str, int]:
        """Give up some of what waits for receivers that are not configured any more; call again until there is none.

        Returns how many deliveries of each.
        """
        return await self._database.write(
            lambda connection: receiving.retire(
                connection, configured, SOME, self._database.now(connection)
            )
        )

    async def rename_receivers(
        self, configured: Collection[str], fingerprints: Mapping[str, str]
    ) -> dict[str, str]:
        """Let configured receivers go on that are reached as one of the past was: its state, its counters.

        `fingerprints` tell how each is reached (`Manner.fingerprint`). Returns old names by new ones. Its queue comes
        after it with `follow_receivers`.
        """
        return await self._database.write(
            lambda connection: renaming.rename_receivers(connection, configured, fingerprints)
        )

    async def follow_receivers(self, configured: Collection[str]) -> int:
        """Bring over some of what is told to renamed receivers under their old names; call again until it is 0."""
        return await self._database.write(
            lambda connection: renaming.follow(connection, configured, SOME)
        )

    async def paused_receivers(self) -> dict[str, datetime | None]:
        """Receivers that are paused, configured or not, and since when."""
        return await self._database.read(receiving.paused)

    async def receiver_conditions(self) -> list[Condition]:
        """What is open of receivers, the oldest first."""
        return await self._database.read(receiving.open_conditions)

    async def tell_own(self, notices: Sequence[Notice], at: datetime) -> int:
        """Write what jobwatch says of itself; `at` by the caller's clock. Returns how many deliveries.

        Raises `StaleWrite` where a condition is not as it was read.
        """
        if not notices:
            return 0
        written = await self._database.write(
            lambda connection: receiving.tell(
                connection, self.owner, notices, Moment(at, self._database.now(connection))
            )
        )
        recount(tellings(written.told, None))
        return written.deliveries

    async def take_place(
        self, key: str, rates: Sequence[Rate], number: int, *, flight: timedelta
    ) -> datetime | None:
        """Take a place in the rate of a URL for a message that is under way for so long at most.

        Returns None once it is taken, else when there may be room.
        """
        return await self._database.write(
            lambda connection: receiving.take_place(
                connection, key, rates, (number, flight), self._database.now(connection)
            )
        )

    async def free_place(self, key: str, number: int) -> None:
        """Note that the message arrived: its place lasts a window from now."""
        await self._database.write(
            lambda connection: receiving.free_place(
                connection, key, number, self._database.now(connection)
            )
        )
