"""The two doors to the network: to the cloud, and out to receivers, which alone is guarded."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from jobwatch.app.rereading import reread
from jobwatch.settings import Settings, egress_guard, egress_proxy
from jobwatch.transport import Transport, tls_context


class Doors(NamedTuple):
    """`cloud` is for the sources and their keys, which may come from a metadata address; `out` is for all others."""

    cloud: Transport
    out: Transport


@asynccontextmanager
async def open_doors(settings: Settings) -> AsyncIterator[Doors]:
    """Open both. Raises `ConfigError` where the file of certificates cannot be read."""
    cloud, out = cloud_door(settings), out_door(settings)
    async with AsyncExitStack() as stack:
        yield Doors(
            cloud=await stack.enter_async_context(cloud), out=await stack.enter_async_context(out)
        )


def cloud_door(settings: Settings) -> Transport:
    """To the cloud: through the proxy, if there is one, and with the configured certificates."""
    return Transport(tls=_tls(settings), proxy=_proxy(settings))


def out_door(settings: Settings) -> Transport:
    """To receivers and the heartbeat: the same, and nowhere that `egress.guard` forbids."""
    return Transport(tls=_tls(settings), proxy=_proxy(settings), guard=egress_guard(settings))


def _tls(settings: Settings) -> ssl.SSLContext | None:
    file = settings.egress.ca_file
    return tls_context(file) if file is not None else None


def _proxy(settings: Settings) -> Callable[[], str] | None:
    proxy = egress_proxy(settings)
    return reread(proxy, "egress.proxy_file") if proxy is not None else None
