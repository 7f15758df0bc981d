"""How a refusal is told: in plain text to people, to programs in the one shape of the API."""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from aiohttp import web

FOR_PROGRAMS = ("/api/", "/-/")
"""Below these, what is wrong is told in JSON."""

_CODES = {
    HTTPStatus.BAD_REQUEST: "bad_body",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_TIMEOUT: "too_slow",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal",
}


def refusal(
    request: web.Request,
    status: int,
    words: str,
    *,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """An answer that says no. `code` is a word that programs may rely on, by the status where it is left out."""
    if not request.path.startswith(FOR_PROGRAMS):
        return web.Response(status=status, text=f"{words}\n", headers=headers)
    code = code or _CODES.get(HTTPStatus(status), "refused")
    error = {"error": {"code": code, "message": words, "allowed": None}}
    body = orjson.dumps(error, option=orjson.OPT_APPEND_NEWLINE)
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
