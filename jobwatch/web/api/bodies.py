"""The bodies of calls that change something: one small JSON object, read strictly.

Law of this module: `Content-Type: application/json` is demanded, which no page of another site can send without asking
first; a key that is unknown or given twice is refused.
"""

import json
from collections.abc import Collection
from http import HTTPStatus
from typing import NoReturn, TypeAlias

from aiohttp import web

from jobwatch.web.api.asking import shown
from jobwatch.web.api.refused import Code, Refused

LIMIT = 64 * 1024
JSON = "application/json"

Body: TypeAlias = dict[str, object]


async def read_body(request: web.Request, keys: Collection[str]) -> Body:
    """The object that was sent, empty where nothing was. Raises `Refused`."""
    if request.content_type.lower() != JSON:
        message = "send the header Content-Type: application/json"
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Code.NOT_JSON, message, [JSON])
    body = _parsed(await _bytes(request))
    for key in body:
        if key not in keys:
            raise _bad(f"there is no key {shown(key)} here", sorted(keys))
    return body


async def _bytes(request: web.Request) -> bytes:
    try:
        content = await request.read()
    except web.HTTPRequestEntityTooLarge:
        content = b" " * (LIMIT + 1)
    if len(content) > LIMIT:
        message = f"the body is larger than {LIMIT} bytes"
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Code.TOO_LARGE, message)
    return content


def _parsed(content: bytes) -> Body:
    if not content.strip():
        return {}
    try:
        body = json.loads(content.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise _bad("the body is no JSON") from None
    if not isinstance(body, dict):
        raise _bad("the body is no JSON object")
    return body


def _once(pairs: list[tuple[str, object]]) -> Body:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _bad("the body has a key twice")
    return found


def _no_number(_text: str) -> NoReturn:
    raise _bad("the body holds what is no number in JSON")


def _bad(message: str, allowed: Collection[str] | None = None) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, Code.BAD_BODY, message, allowed)


def text_of(body: Body, key: str) -> str | None:
    """A text within the body; null is as good as left out. Raises `Refused`."""
    value = body.get(key)
    if value is None or isinstance(value, str):
        return value
    raise _bad(f"{key} is no text")


def needed(body: Body, key: str) -> str:
    """A text that must be there. Raises `Refused`."""
    value = text_of(body, key)
    if value is None:
        raise _bad(f"{key} is missing")
    return value
