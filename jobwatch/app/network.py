"""The two doors to the network: to the cloud, and out to receivers, which alone is guarded."""

import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import NamedTuple

from jobwatch.app.rereading import reread
from jobwatch.settings import Settings, egress_guard, egress_proxy
from jobwatch.transport import Door, Transport, tls_context


class Doors(NamedTuple):
    """`cloud` is for the sources and their keys, which may come from a metadata address; `out` is for all others."""

    cloud: Door
    out: Door

    async def replace(self, ways: "Ways") -> list[Coroutine[None, None, None]]:
        """Send through these from now on. Returns what closes those before, after their last requests."""
        return [await self.cloud.replace(ways.cloud), await self.out.replace(ways.out)]


class Ways(NamedTuple):
    """The transports behind the doors, as the settings want them."""

    cloud: Transport
    out: Transport


def ways(settings: Settings) -> Ways:
    """Make both. Raises `ConfigError` where the file of certificates cannot be read."""
    return Ways(cloud_door(settings), out_door(settings))


@asynccontextmanager
async def open_doors(settings: Settings) -> AsyncIterator[Doors]:
    """Open both. Raises `ConfigError` where the file of certificates cannot be read."""
    cloud, out = ways(settings)
    async with Door(cloud) as to_cloud, Door(out) as to_out:
        yield Doors(to_cloud, to_out)


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
