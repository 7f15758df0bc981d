"""What other programs and people see of a running jobwatch: metrics, health, the status page.

Law of this package: it shows and never decides. A request costs bounded work, whoever sends it and
however often; text that came from a cloud is escaped wherever it is shown.
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
