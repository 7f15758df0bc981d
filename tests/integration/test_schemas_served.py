"""The events' schemas over real sockets: found, kept, and there before anything else is."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from jobwatch.core.events import EventType
from jobwatch.core.schemas import schemas
from jobwatch.web import build_app, serve
from tests.web_rig import bare_view


@asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A receiver's author who looks at a jobwatch whose store is not open."""
    async with (
        serve(build_app(bare_view()), "127.0.0.1", 0) as url,
        aiohttp.ClientSession(url) as session,
    ):
        yield session


async def test_the_index_leads_to_every_schema_while_the_store_is_not_open() -> None:
    async with client() as session:
        async with session.get("/schemas/") as answer:
            assert (answer.status, answer.content_type) == (200, "application/json")
            index = await answer.json()
        assert set(index) == set(schemas()) >= {each.value for each in EventType}
        for name, path in index.items():
            async with session.get(path) as answer:
                assert (answer.status, answer.content_type) == (200, "application/schema+json")
                assert json.loads(await answer.read()) == schemas()[name]


async def test_a_schema_has_one_more_name_that_ends_as_files_do() -> None:
    async with (
        client() as session,
        session.get("/schemas/job.failed") as bare,
        session.get("/schemas/job.failed.json") as ended,
    ):
        assert await bare.read() == await ended.read()


@pytest.mark.parametrize("path", ["/schemas/", "/schemas/event"])
async def test_schemas_may_be_kept_for_an_hour_and_all_else_may_not(path: str) -> None:
    async with client() as session:
        async with session.get(path) as answer:
            assert answer.headers["Cache-Control"] == "max-age=3600"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        async with session.get("/readyz") as answer:
            assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["job.exploded", "JOB.FAILED", ".json", "%2e%2e%2fetc", "<b>"])
async def test_an_unknown_name_is_answered_with_the_known_ones_and_not_repeated(name: str) -> None:
    async with client() as session, session.get(f"/schemas/{name}") as answer:
        assert (answer.status, answer.content_type) == (404, "text/plain")
        assert answer.headers["Cache-Control"] == "no-store"
        text = await answer.text()
    assert all(each.value in text for each in EventType)
    assert name not in text


async def test_a_schema_is_looked_at_and_never_changed() -> None:
    async with client() as session:
        async with session.head("/schemas/event") as answer:
            assert (answer.status, await answer.read()) == (200, b"")
        async with session.post("/schemas/event") as answer:
            assert answer.status == 405
