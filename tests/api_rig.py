"""The JSON API of a store that a test fills, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from jobwatch.core.outbox import DeliveryState, Result, Settlement
from jobwatch.metrics import SourceShape
from jobwatch.store import SqliteSettings, Store
from jobwatch.web import Configured, Reloaded, build_app, serve
from tests.contract.watcher import OTHER, Clock, Watcher, claim, outcome
from tests.factories import MINUTE, NOW, OPERATIONS, TABLE, job, progress
from tests.new_store import new_store
from tests.web_rig import bare_view

HOSTILE_ID = "logs/2026?#%[ä] \N{GREEK SMALL LETTER PI}"
JSON = {"Content-Type": "application/json"}


def shape(name: str, provider: str) -> SourceShape:
    return SourceShape(
        name=name,
        provider=provider,
        region="ap-chengdu",
        operations=OPERATIONS,
        statuses=TABLE.statuses,
        every=MINUTE,
        full_every=MINUTE,
    )


RECEIVERS = {"ops": "standard", "chat": "slack"}


def configured(receivers: Mapping[str, str]) -> Configured:
    return Configured(
        instance="jobwatch",
        sources=(shape("prod", "cos-batch"), shape("vault_jobs", "cas")),
        receivers=receivers,
        give_up_after={"ops": timedelta(days=3), "chat": timedelta(hours=6)},
    )


@dataclass(slots=True, kw_only=True)
class Answer:
    """What was answered, its body read as JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])


@dataclass(slots=True, kw_only=True)
class Api:
    """A caller, and what stands behind the server."""

    url: str
    session: aiohttp.ClientSession
    store: Store
    clock: Clock
    prod: Watcher
    vaults: Watcher
    woken: list[None]
    reloads: list[Reloaded]
    receivers: dict[str, str]

    async def ask(self, path: str, method: str = "GET", **how: Any) -> Answer:

        target = URL(self.url + path, encoded=True)
        async with self.session.request(method, target, **how) as answer:
            content = await answer.read()
            body = json.loads(content) if content else None
            return Answer(status=answer.status, headers=answer.headers, body=body)

    async def get(self, path: str) -> Any:
        answer = await self.ask(path)
        assert answer.status == 200, answer.body
        return answer.body

    async def order(self, path: str, body: Any = None, method: str = "POST") -> Answer:
        data = b"" if body is None else json.dumps(body).encode()
        return await self.ask(path, method, data=data, headers=JSON)


@asynccontextmanager
async def api(folder: Path) -> AsyncIterator[Api]:
    """Five jobs in two sources: three run, one failed, one ended well. Nothing was sent yet."""
    clock = Clock()
    settings = SqliteSettings(path=await asyncio.to_thread(new_store, folder / "jobwatch.db", NOW))
    store = await Store.open(settings, owner="test", clock=clock, exclusive=True)
    try:
        prod = await Watcher.start(store, clock)
        await prod.sees(job(id="a", progress=progress(2)), job("New", id=HOSTILE_ID))
        clock.advance(MINUTE)
        await prod.sees(job("Failed", id="c"), job("Done", id="e", progress=progress(10)))
        clock.advance(MINUTE)
        vaults = await Watcher.start(store, clock, OTHER)
        await vaults.sees(job(id="d/1", scope="v/1"))
        async with _served(store, clock, prod, vaults) as served:
            yield served
    finally:
        await store.close()


@asynccontextmanager
async def _served(store: Store, clock: Clock, prod: Watcher, vaults: Watcher) -> AsyncIterator[Api]:
    woken: list[None] = []
    reloads: list[Reloaded] = []
    receivers = dict(RECEIVERS)

    async def reload() -> Reloaded:
        return reloads.pop()

    view = bare_view(
        configured=lambda: configured(receivers),
        store=lambda: store,
        missing=tuple,
        wake=lambda: woken.append(None),
        reload=reload,
        clock=clock,
    )
    async with (
        serve(build_app(view), "127.0.0.1", 0) as url,
        aiohttp.ClientSession() as session,
    ):
        yield Api(
            url=url,
            session=session,
            store=store,
            clock=clock,
            prod=prod,
            vaults=vaults,
            woken=woken,
            reloads=reloads,
            receivers=receivers,
        )


async def give_up(api: Api) -> list[int]:
    """Release what waits for its detail, try all that is for `ops`, and give it up."""
    for watcher in (api.prod, api.vaults):
        await watcher.releases_all()
    claimed = await claim(api.store)
    for each in claimed:
        attempt = outcome(each, api.clock(), Result.HTTP_5XX).attempt
        await api.store.settle(
            [Settlement(delivery=each, attempt=attempt, state=DeliveryState.DEAD)]
        )
    return sorted(each.id for each in claimed)
