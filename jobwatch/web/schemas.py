"""The events' JSON Schemas under `/schemas/`: the same for everybody, whatever state the store is in."""

from collections.abc import Mapping
from functools import cache

import orjson
from aiohttp import web

from jobwatch.core.schemas import schemas

PATH = "/schemas/"
MAX_AGE_SECONDS = 3600
"""A schema changes with the version of jobwatch alone."""


def schema_routes() -> list[web.RouteDef]:
    """The index, and one page for each schema. Each answers GET and HEAD."""
    return [web.get(PATH, _index), web.get(PATH + "{name}", _schema)]


@cache
def _pages() -> Mapping[str, bytes]:
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return {name: orjson.dumps(schema, option=option) for name, schema in schemas().items()}


async def _index(_request: web.Request) -> web.Response:
    index = {name: PATH + name for name in _pages()}
    return _kept(orjson.dumps(index, option=orjson.OPT_APPEND_NEWLINE), "application/json")


async def _schema(request: web.Request) -> web.Response:
    page = _pages().get(request.match_info["name"].removesuffix(".json"))
    if page is None:
        known = ", ".join(_pages())
        raise web.HTTPNotFound(text=f"no schema of that name; there are: {known}\n")
    return _kept(page, "application/schema+json")


def _kept(body: bytes, content_type: str) -> web.Response:
    headers = {"Cache-Control": f"max-age={MAX_AGE_SECONDS}"}
    return web.Response(body=body, content_type=content_type, headers=headers)
