"""What the HTTP server is given: everything it shows, and the few things it may do.

Law of this module: the configuration may change while the server runs, so nothing of it is kept. Whoever needs a name
or a limit asks for it anew.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobwatch.metrics import Rendered
from jobwatch.store import Store
from jobwatch.web.configured import Configured


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What became of a reload. `problems` say why it was refused; then nothing changed."""

    changed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the configuration before it still holds."""
        return bool(self.problems)


def _all_well() -> Mapping[str, str]:
    """No loop fails."""
    return {}


def _nobody() -> str | None:
    """No token is configured."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens that hold now, None where none is configured; they may live in files. Each may raise `ConfigError`.

    `public_url` is where people reach the server, None where the configuration does not say.
    """

    read: Callable[[], str | None] = _nobody
    operate: Callable[[], str | None] = _nobody
    public_url: Callable[[], str | None] = _nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class WebView:
    """What the pages are made of, and whom they ask.

    `render_metrics` is called in a thread, with the request's Accept and Accept-Encoding. `stalled` names the loops that
    hang, `ailing` those that fail and why, `missing` what readiness waits for, `refused`
    whether the last change of the configuration was; all are quick and ask nobody. `store` raises `StoreError` until it is
    open. `wake` has every loop look into the store at once; `reload` reads the configuration anew.
    """

    configured: Callable[[], Configured]
    store: Callable[[], Store]
    render_metrics: Callable[[str, str], Rendered]
    stalled: Callable[[], Sequence[str]]
    missing: Callable[[], Sequence[str]]
    wake: Callable[[], None]
    reload: Callable[[], Awaitable[Reloaded]]
    clock: Callable[[], datetime]
    tokens: Tokens = Tokens()
    ailing: Callable[[], Mapping[str, str]] = _all_well
    refused: Callable[[], bool] = bool
    monotonic: Callable[[], float] = time.monotonic
