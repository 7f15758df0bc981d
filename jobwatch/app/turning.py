"""The loops that turn at present: the only place that starts and ends them."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from jobwatch.loop import Loop, Pulse, repeat


@dataclass(slots=True, kw_only=True)
class Turners:
    """The daemon's loops, each a task in its one task group. `on_failure` is told what makes a step fail.

    `closed` is set at the end of the daemon: a reload under way then starts nothing more.
    """

    group: asyncio.TaskGroup
    stop: asyncio.Event
    pulse: Pulse
    on_failure: Callable[[Exception], None]
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    closed: bool = False

    def start(self, loops: Iterable[Loop]) -> None:
        """Turn these loops from now on; those that turn already go on as they do."""
        for loop in loops:
            if self.closed or loop.name in self.tasks:
                continue
            turning = repeat(loop, stop=self.stop, pulse=self.pulse, on_failure=self.on_failure)
            self.tasks[loop.name] = self.group.create_task(turning, name=loop.name)

    async def end(self, names: Iterable[str]) -> None:
        """End these loops between two awaits of theirs: every verb of the store runs to its end all the same."""
        ended = [task for name in names if (task := self.tasks.pop(name, None)) is not None]
        for task in ended:
            task.cancel()
        if ended:
            await asyncio.wait(ended)

    async def end_all(self) -> None:
        """End every loop, for good."""
        self.closed = True
        await self.end(tuple(self.tasks))
