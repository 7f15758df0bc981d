"""The JSON API under `/api/v1`, and what changes state over HTTP."""

from aiohttp import web

from jobwatch.web.view import WebView


def api_routes(view: WebView) -> list[web.RouteDef]:
    """Every route of the API."""
    del view
    return []
