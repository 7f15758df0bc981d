"""What other programs and people see of a running jobwatch: metrics, health, the pages, the JSON API.

Law of this package: it shows what the store says and passes on what people order, by the decisions of others; `access`
alone decides who may. A request costs bounded work, whoever sends it and however often; text that came from a cloud is
escaped wherever it is shown.

A request goes through `protocol` (how long), `guarding` (who may), `server` (where to): to `scraping`, `schemas`, `pages`
or `api`. A page is read by one module (`status`, `pages`) and written by pure ones (`status_page`, `job_page`,
`jobs_page`, `absent_page`) within `frame`. `view` and `configured` are all that it knows of the daemon.
"""

from jobwatch.web.configured import Configured
from jobwatch.web.server import build_app, serve
from jobwatch.web.view import Reloaded, Tokens, WebView

__all__ = [
    "Configured",
    "Reloaded",
    "Tokens",
    "WebView",
    "build_app",
    "serve",
]
