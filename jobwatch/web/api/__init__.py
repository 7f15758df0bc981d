"""The JSON API under `/api/v1`, and what changes state over HTTP.

Law of this package: it says what the command line says, by the same documents, and orders what the command line orders, by
the same decisions. Who may ask is decided before a call comes here.
"""

from aiohttp import hdrs, web

from jobwatch.web.api import changes, lists, standings
from jobwatch.web.api.calling import Call, Desk, Endpoint, Write
from jobwatch.web.api.refused import not_found
from jobwatch.web.view import WebView

BASE = "/api/v1"
RELOAD = "/-/reload"
_GET, _POST, _DELETE = hdrs.METH_GET, hdrs.METH_POST, hdrs.METH_DELETE

ENDPOINTS = (
    Endpoint(path=f"{BASE}/sources", handlers={_GET: standings.list_sources}),
    Endpoint(path=f"{BASE}/jobs", handlers={_GET: lists.list_jobs}),
    Endpoint(path=BASE + "/jobs/{source}/{id:[^/]+}", handlers={_GET: standings.one_job}),
    Endpoint(
        path=BASE + "/jobs/{source}/{scope:[^/]+}/{id:[^/]+}", handlers={_GET: standings.one_job}
    ),
    Endpoint(path=f"{BASE}/events", handlers={_GET: lists.list_events}),
    Endpoint(path=BASE + "/events/{id}", handlers={_GET: lists.one_event}),
    Endpoint(path=f"{BASE}/receivers", handlers={_GET: standings.list_receivers}),
    Endpoint(path=BASE + "/receivers/{name}/pause", handlers={_POST: changes.turn(on=False)}),
    Endpoint(path=BASE + "/receivers/{name}/resume", handlers={_POST: changes.turn(on=True)}),
    Endpoint(path=f"{BASE}/deliveries", handlers={_GET: lists.list_deliveries}),
    Endpoint(path=BASE + "/deliveries/{id}", handlers={_GET: lists.one_delivery}),
    Endpoint(path=BASE + "/deliveries/{id}/redeliver", handlers={_POST: changes.redeliver}),
    Endpoint(
        path=f"{BASE}/mutes", handlers={_GET: standings.list_mutes, _POST: changes.begin_mute}
    ),
    Endpoint(path=BASE + "/mutes/{id}", handlers={_DELETE: changes.end_mute}),
    Endpoint(path=RELOAD, handlers={_POST: changes.reload}),
)
"""Everything that there is. A part of a path is percent-encoded, so that it may hold any character, slashes included."""


async def _nothing(_call: Call) -> Write:
    paths = sorted({each.path.replace(":[^/]+", "") for each in ENDPOINTS})
    raise not_found("there is no such path", paths)


_ANY_METHOD = (_GET, _POST, hdrs.METH_PUT, hdrs.METH_PATCH, _DELETE)
_ELSEWHERE = tuple(
    Endpoint(path=path, handlers=dict.fromkeys(_ANY_METHOD, _nothing))
    for path in ("/api", "/api/{rest:.*}")
)


def api_routes(view: WebView) -> list[web.RouteDef]:
    """Every route of the API; what is under `/api` and is none of them is answered in JSON as well."""
    desk = Desk(view=view)
    return [each.route(desk) for each in (*ENDPOINTS, *_ELSEWHERE)]
