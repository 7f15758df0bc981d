"""The parts of a daemon whose loops do not turn, and what reloads their configuration: a test takes each look itself."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from sqlite3 import connect
from typing import Any

import yaml

from jobwatch.app.aside import Aside
from jobwatch.app.assembling import open_parts
from jobwatch.app.clock import utc_now
from jobwatch.app.parts import Parts
from jobwatch.app.reloading import Origin, Reloader, Trigger
from jobwatch.app.shapes import shapes
from jobwatch.loop import Pulse
from jobwatch.metrics import Metrics
from jobwatch.settings import Loaded, load_settings
from jobwatch.store import Store
from jobwatch.store.settings import SqliteSettings
from jobwatch.web.view import Reloaded
from tests.new_store import new_store

BORN = utc_now()
KEYS = {"secret_id": "AKIDexample", "secret_key": "example"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def source(account: str = "100000000001") -> dict[str, Any]:
    """A source that nobody sweeps."""
    provider = {"kind": "cos-batch", "region": "ap-chengdu", "uin": account}
    return {"provider": provider | {"appid": "1250000000", "credentials": KEYS}}


@dataclass(slots=True, kw_only=True)
class Bench:
    """A configuration that a test writes, and the parts that follow it. `environ` is the process's."""

    folder: Path
    tree: dict[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    file: Path | None = None
    blocked: threading.Event | None = None
    parts: Parts = field(init=False)
    reloader: Reloader = field(init=False)

    def load(self) -> Loaded:
        if self.blocked is not None:
            self.blocked.wait(10)
        return load_settings(self.file, self.environ)

    def write(self, text: str | None = None) -> None:
        assert self.file is not None
        self.file.write_text(text or yaml.safe_dump(self.tree), encoding="utf-8")

    async def ask(self, trigger: Trigger = Trigger.REQUEST) -> Reloaded:
        return await self.reloader.reload(trigger)

    async def look(self, times: int = 1) -> None:
        """So many looks, of which there is one in five seconds elsewhere."""
        for _ in range(times):
            await self.reloader.turn()

    @property
    def successful(self) -> bool:
        """What /metrics says of the last reload."""
        name = "jobwatch_config_last_reload_successful"
        return self.parts.metrics.registry.get_sample_value(name) == 1

    def execute(self, statement: str) -> None:
        """Change the database from outside."""
        with closing(connect(self.folder / "jobwatch.db", timeout=5)) as connection, connection:
            connection.execute(statement)


@asynccontextmanager
async def bench(folder: Path, **changed: Any) -> AsyncIterator[Bench]:
    """A bench with one source and one receiver, unless the test says otherwise."""
    made = Bench(folder=folder, **changed)
    if not made.environ:
        made.file = made.file or folder / "jobwatch.yaml"
        made.tree = {
            "sources": {"prod": source()},
            "receivers": {"ops": {"url": "http://127.0.0.1:9/ops", "secrets": [SECRET]}},
            **made.tree,
        }
        made.write()
    settings = made.load().settings
    path = await asyncio.to_thread(new_store, folder / "jobwatch.db", BORN)
    store = await Store.open(
        SqliteSettings(path=path), owner="daemon", clock=utc_now, exclusive=True
    )
    try:
        metrics = Metrics(shapes(settings), list(settings.receivers))
        metrics.configured(utc_now())
        async with (
            open_parts(settings, store, metrics, Pulse()) as made.parts,
            asyncio.TaskGroup() as group,
        ):
            made.parts.spawn_in(group)
            origin = Origin(load=made.load, path=made.load().path)
            aside = Aside(patience=timedelta(seconds=0.2 if made.blocked else 20))
            made.reloader = Reloader(origin=origin, parts=made.parts, aside=aside)
            await made.reloader.begin()
            yield made
    finally:
        await store.close()
