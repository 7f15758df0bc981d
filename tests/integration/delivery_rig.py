"""A store, the real notifier and the real transport, and what stands at the other end of the wire."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from jobwatch.attendant import Attendant, attend
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.recording import Desk
from jobwatch.core.routing import Selection, Subscription
from jobwatch.core.rules import Rules
from jobwatch.formats.values import Recipient
from jobwatch.notifier import Notifier
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET
from jobwatch.store import SqliteSettings, Store
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.values import AttemptRow, DeliveryFilter, DeliveryRow
from jobwatch.transport import Transport
from tests import factories
from tests.contract.watcher import Clock, Watcher
from tests.rig import OWN_ORIGIN, Channel


def webhook(name: str, url: str, **more: object) -> Recipient:
    return Recipient(name=name, url=url, secrets=(DEMO_WEBHOOK_SECRET,), **more)  # type: ignore[arg-type]


@dataclass(slots=True, kw_only=True)
class Office:
    """Where deliveries of one source are written and sent. `taken` is how long each attempt took."""

    store: Store
    clock: Clock
    prod: Watcher
    transport: Transport
    group: asyncio.TaskGroup
    notifiers: dict[str, Notifier] = field(default_factory=dict)
    taken: list[float] = field(default_factory=list)

    def open(self, name: str, channel: Channel, wants: Selection | None = None) -> Notifier:
        """Configure a receiver."""
        told = Subscription(
            receiver=name, wants=wants or Selection(), give_up_after=channel.give_up_after
        )
        self.prod.subscriptions = (*self.prod.subscriptions, told)
        self.notifiers[name] = Notifier(
            post=channel.post(name),
            store=self.store,
            send=self.transport.send,
            attempted=lambda _, seconds: self.taken.append(seconds),
            clock=self.clock,
            chance=lambda: 0.5,
            spawn=self.group.create_task,
        )
        return self.notifiers[name]

    async def fail(self, *names: str) -> None:
        """These jobs are first seen failed; DescribeJob says nothing more of them."""
        now = self.clock()
        await self.prod.sees(
            *(factories.job("Failed", id=name, created_at=now, ended_at=now) for name in names)
        )
        await self.prod.releases_all()

    async def discover(self, *names: str) -> None:
        """These jobs are first seen running: news that waits for no detail. Their descriptions are what their names begin with."""
        now = self.clock()
        await self.prod.sees(
            *(
                factories.job(id=name, created_at=now, description=name.split("-")[0])
                for name in names
            )
        )

    async def deliver(self, *names: str) -> None:
        """Everything that is due for these receivers, or for all, once."""
        for name in names or self.notifiers:
            pause = timedelta()
            while self.notifiers[name].running or pause <= timedelta():
                pause = await self.notifiers[name].deliver_due()

    async def rows(self, name: str = "ops") -> list[DeliveryRow]:
        """The receiver's deliveries, oldest first."""
        page = await self.store.deliveries(DeliveryFilter(receiver=name), limit=100_000)
        return list(reversed(page.rows))

    async def attempts(self, row: DeliveryRow) -> Sequence[AttemptRow]:
        return await self.store.attempts(row.id)

    async def standing(self, name: str = "ops") -> ReceiverRow:
        (row,) = await self.store.receivers([name])
        return row

    async def attend(self) -> None:
        """Tell the others who is paused, and who is no more."""
        attendant = Attendant(
            receivers=tuple(self.notifiers),
            desk=Desk(
                origin=OWN_ORIGIN,
                lifecycle=Lifecycle(rows=()),
                operations=(),
                subscriptions=self.prod.subscriptions,
                rules=Rules(remind_every=timedelta(hours=12)),
            ),
            store=self.store,
            clock=self.clock,
            told=lambda: None,
        )
        await attend(attendant)


@asynccontextmanager
async def office(path: Path, clock: Clock) -> AsyncIterator[Office]:
    """Open it on a store at `path`."""
    async with AsyncExitStack() as stack:
        settings = SqliteSettings(path=path)
        store = await Store.open(settings, owner="test", clock=clock, exclusive=True)
        stack.push_async_callback(store.close)
        prod = await Watcher.start(store, clock)
        prod.subscriptions = ()
        transport = await stack.enter_async_context(Transport())
        group = await stack.enter_async_context(asyncio.TaskGroup())
        yield Office(store=store, clock=clock, prod=prod, transport=transport, group=group)
