"""The verbs of a person who attends to deliveries: mutes, and sending again. They take no lease."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from jobwatch.core.muting import Mute, Silence
from jobwatch.store import muting, redelivering
from jobwatch.store.keeping import Keeping
from jobwatch.store.muting import Silenced
from jobwatch.store.outbox_values import Redelivered, Redelivery
from jobwatch.store.values import DeliveryRow


class Attending(Keeping):
    """The part of `Store` that does what a person orders, beside a running daemon or without one."""

    # Mutes.

    async def mute(self, silence: Silence, *, until: datetime) -> Mute:
        """Silence what fits until then, and what waits and fits already."""
        return await self._database.write(
            lambda connection: muting.begin(
                connection, silence, until, self._database.now(connection)
            )
        )

    async def mutes(self, *, ended: bool = False) -> list[Mute]:
        """What silences something now, the oldest first; with `ended` those that are over too, the newest first."""
        if ended:
            return await self._database.read(muting.every)
        return await self._database.read(
            lambda connection: list(muting.active(connection, self._database.now(connection)))
        )

    async def unmute(self, id_: int) -> bool:
        """End a mute now; False if none of this number holds. What it muted stays muted."""
        return await self._database.write(
            lambda connection: muting.end(connection, id_, self._database.now(connection))
        )

    async def silenced(self, silence: Silence) -> Silenced:
        """How much a silence fits now."""
        return await self._database.read(lambda connection: muting.silenced(connection, silence))

    # Sending again.

    async def delivery(self, id_: int) -> DeliveryRow | None:
        """One delivery by its number."""
        return await self._database.read(lambda connection: redelivering.find(connection, id_))

    async def redeliver(
        self,
        what: Redelivery,
        *,
        give_up_after: Mapping[str, timedelta | None],
    ) -> Redelivered:
        """Let settled deliveries be sent again with a new budget.

        `give_up_after` has every receiver that is configured: what is for another one is left as it is.
        """
        return await self._database.write(
            lambda connection: redelivering.redeliver(
                connection, what, give_up_after, self._database.now(connection)
            )
        )

    async def redeliverable(self, what: Redelivery) -> Redelivered:
        """What `redeliver` would send again if every receiver is configured."""
        return await self._database.read(
            lambda connection: redelivering.redeliverable(connection, what)
        )
